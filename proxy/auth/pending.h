/* SPDX-License-Identifier: MIT */
/*
 * pending.h - credentials that are being checked at this moment, by the key they would
 * be kept under.
 *
 * A browser opens several connections at once and brings the same password on each. One
 * of them has it checked, the others wait for what comes of it: it is one try, for the
 * directory that checks it and for the count of failures.
 *
 *   pending_new -> pending_enter, pending_leave ... -> pending_free
 *
 * Threads: any, at once; one lock.
 */
#ifndef PROXY_AUTH_PENDING_H
#define PROXY_AUTH_PENDING_H

#include <stdbool.h>

#include "auth/cache.h"

struct pending;

/* What stands for one check; embedded in who makes it. */
struct pending_node {
    struct pending_node *next;
    unsigned char key[AUTH_CACHE_KEY_SIZE];
};

/* NULL without memory. */
MUST_CHECK struct pending *pending_new(void);
void pending_free(struct pending *p); /* NULL is fine */

/* False where somebody checks the same already; else node, with its key set, is in until
 * pending_leave. */
MUST_CHECK bool pending_enter(struct pending *p, struct pending_node *node);
void pending_leave(struct pending *p, struct pending_node *node);

#endif
