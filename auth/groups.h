/* SPDX-License-Identifier: MIT */
/*
 * groups.h - who is in which group: lines of "group: user user ..." as Apache's
 * AuthGroupFile has them; a group may have several lines.
 *
 *   groups_new -> groups_of ... -> groups_free
 *
 * Names are compared without regard to ASCII case. Threads: read-only and shared once
 * built; setup ends the process without memory.
 */
#ifndef AUTH_GROUPS_H
#define AUTH_GROUPS_H

#include "auth/accounts.h"
#include "util/err.h"

#define GROUPS_MAX 64 /* of one user; more are an error */

struct groups;

/* Every fault goes to faults; NULL where there was an error. */
MUST_CHECK struct groups *groups_new(struct str text, const char *file, struct errlist *faults);
void groups_free(struct groups *g); /* NULL is fine */

/* The user's groups, at most size of them, into out; they belong to g. g may be NULL:
 * none. Returns how many. */
size_t groups_of(const struct groups *g, struct str user, struct str *out, size_t size);

/* Whether there is such a group, so that a misspelt one can be pointed out. g may
 * be NULL. */
bool groups_has(const struct groups *g, struct str group);

#endif
