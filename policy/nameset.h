/* SPDX-License-Identifier: MIT */
/*
 * nameset.h - the users, or the groups, of a source set: names without ASCII case.
 *
 *   struct nameset n = {0} -> nameset_add ... -> nameset_finish -> nameset_has ... -> nameset_fini
 *
 * Owns its names. Setup ends the process without memory; asking allocates nothing.
 * Threads: read-only and shared once finished.
 */
#ifndef POLICY_NAMESET_H
#define POLICY_NAMESET_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

struct nameset {
    struct str *names; /* in lower case; sorted once finished */
    size_t count;
};

void nameset_add(struct nameset *n, struct str name);

/* No name comes any more; of equal ones one is kept. */
void nameset_finish(struct nameset *n);
void nameset_fini(struct nameset *n);

/* After nameset_finish only, as are those below. */
bool nameset_has(const struct nameset *n, struct str name);

/* Whether every name of inner is in outer. */
bool nameset_covers(const struct nameset *outer, const struct nameset *inner);

size_t nameset_bytes(const struct nameset *n);

#endif
