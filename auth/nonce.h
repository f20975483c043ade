/* SPDX-License-Identifier: MIT */
/*
 * nonce.h - Digest's nonces: made, recognised, and counted (RFC 7616 sections 3.3, 3.4).
 *
 * A nonce says when it was made and carries a code over that, made with a secret: so
 * whoever has the secret recognises it, after a reload, after a restart, or as a second
 * instance. What is kept of one, its window of request counts (nc), is kept only from
 * its first use on, in a table of fixed size.
 *
 *   nonces_new -> nonce_make, nonce_check, nonce_use ... -> nonces_free
 *
 * Invariants: each nc of a nonce is accepted once; counts may come in any order within
 * NONCE_WINDOW of the highest; memory is bounded (16,384 windows, under 1 MiB) whatever
 * clients send: when a part of the table is full, the oldest of its nonces goes.
 *
 * A nonce that has no window gets one with the count it comes with, so that after a
 * restart, at a second instance, or after its window went, a client goes on. The price:
 * who listened in between client and proxy can repeat a request once at each of these,
 * while the nonce is good, and there with each count of up to NONCE_WINDOW below. The
 * request is the same one, method and target included; a short lifetime bounds it.
 *
 * Threads: any, at once: the table has a lock for each of its parts.
 */
#ifndef AUTH_NONCE_H
#define AUTH_NONCE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/str.h"

#define NONCE_TEXT_MAX 80  /* a nonce's text, without NUL */
#define NONCE_WINDOW 256   /* counts behind the highest that are still told apart */
#define NONCE_SECRET_MIN 16

struct nonces;

enum nonce_state {
    NONCE_GOOD,
    NONCE_STALE,  /* ours, but too old */
    NONCE_ALIEN,  /* not made with this secret */
};

/* With a random secret of the process's own. NULL without memory or randomness. */
MUST_CHECK struct nonces *nonces_new(void);
void nonces_free(struct nonces *n); /* NULL is fine */

/* secret.len 0: the process's own. now_s: seconds of the real-time clock, so that
 * instances agree. Returns the length written to out. */
size_t nonce_make(struct nonces *n, struct str secret, uint64_t now_s, char out[NONCE_TEXT_MAX]);

MUST_CHECK enum nonce_state nonce_check(const struct nonces *n, struct str secret, struct str nonce,
                                        uint64_t now_s, uint64_t lifetime_s);

/* Notes that count nc was used, with a nonce that is good. False where it was before,
 * or is too far behind to tell. */
MUST_CHECK bool nonce_use(struct nonces *n, struct str nonce, uint32_t nc, uint64_t now_s);

#endif
