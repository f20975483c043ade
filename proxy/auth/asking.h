/* SPDX-License-Identifier: MIT */
/*
 * asking.h - an errand to a helper process: one line to it, its answer into an exchange.
 *
 * Threads: the worker's own only; the helpers' thread has the ask in between.
 */
#ifndef PROXY_AUTH_ASKING_H
#define PROXY_AUTH_ASKING_H

#include "proxy/auth/exchange.h"

struct asking;

/* With room for a line of that size. NULL without memory. */
MUST_CHECK struct asking *asking_new(struct exchange *x, size_t line_size);

/* Where the caller writes the line. */
char *asking_line(struct asking *a);

/* Its answer is kept under that key. False where the same is being asked already. */
MUST_CHECK bool asking_keep(struct asking *a, const unsigned char key[AUTH_CACHE_KEY_SIZE]);

/* Sends it, and lets the exchange wait. user: who is claimed, for whom a try was taken
 * from the throttle; empty: none was. */
void asking_send(struct asking *a, const struct helper_config *config, struct str user,
                 size_t line_len);

/* For a line that could not be written. */
void asking_free(struct asking *a);

/* Keeps what came of a check: right for cache_ms, wrong for a short while. */
void asking_remember(struct authority *a, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                     bool is_right, struct str user, const char *groups, uint64_t cache_ms);

/* The value that was kept: sets user and groups of the exchange; false: it was wrong. */
MUST_CHECK bool asking_recall(struct exchange *x, struct str value);

#endif
