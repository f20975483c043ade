/* SPDX-License-Identifier: MIT */
/*
 * identity.h - who a client has proved to be: a user, how, and the groups.
 *
 * Counted, because a connection that authenticated as a whole (NTLM, Negotiate) and
 * its requests share one. All texts are in its own block, so it outlives the
 * configuration that it was checked against.
 *
 *   identity_new -> identity_ref / identity_unref (the last one frees)
 *
 * Threads: one worker's; the count is plain.
 */
#ifndef AUTH_IDENTITY_H
#define AUTH_IDENTITY_H

#include "auth/scheme.h"
#include "util/str.h"

struct identity {
    unsigned refs;
    enum auth_scheme scheme;
    struct str user;
    struct str *groups;
    size_t group_count;
};

/* Copies everything. NULL without memory. */
MUST_CHECK struct identity *identity_new(enum auth_scheme scheme, struct str user,
                                         const struct str *groups, size_t count);

struct identity *identity_ref(struct identity *i);
void identity_unref(struct identity *i); /* NULL is fine */

#endif
