/* SPDX-License-Identifier: MIT */
/*
 * throttle.h - how often somebody may be wrong: token buckets.
 *
 * Each user at each address has a bucket, each address has a larger one, and, where a
 * directory outside checks passwords and could lock an account, each user has one over
 * all addresses. A try takes one from each before anything is verified; a success gives
 * them back. So tries that run at the same time count as well.
 *
 *   throttle_new -> throttle_take, throttle_give_back ... -> throttle_free
 *
 * Invariants: memory is bounded, whatever names and addresses come; a bucket that is
 * full is forgotten first, an empty one last. User names are folded in case, where a
 * directory checks them also freed of a domain, and kept only as a keyed hash. An IPv6
 * client counts by its /64.
 * Threads: any, at once.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/str.h"

struct throttle;

struct throttle_limits {
    unsigned burst;         /* failures in a row of one user at one address; 0: no limit */
    unsigned address_burst; /* of one address, whatever the user */
    uint64_t refill_ms;     /* until one token comes back; those of an address come
                             * back address_burst / burst times as fast */
    bool is_per_user;       /* also each user over all addresses, with burst */
};

/* NULL without memory or randomness. */
MUST_CHECK struct throttle *throttle_new(void);
void throttle_free(struct throttle *t); /* NULL is fine */

/* One try. False where a bucket is empty; then none lost a token, and *retry_s is the
 * time in seconds until there is one again, at least 1. */
MUST_CHECK bool throttle_take(struct throttle *t, const struct throttle_limits *limits,
                              const struct addr *client, struct str user, uint64_t now_ms,
                              unsigned *retry_s);

/* Whether a try could be made, without making one: for what is verified at once, where
 * only a failure needs to take a token. */
MUST_CHECK bool throttle_has(struct throttle *t, const struct throttle_limits *limits,
                             const struct addr *client, struct str user, uint64_t now_ms,
                             unsigned *retry_s);

/* The try was no failure after all. */
void throttle_give_back(struct throttle *t, const struct throttle_limits *limits,
                        const struct addr *client, struct str user, uint64_t now_ms);

#endif
