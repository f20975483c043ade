/* SPDX-License-Identifier: MIT */
/*
 * catalog.h - the patterns of a policy, set by set: what those who judge whole sets walk.
 *
 *   catalog_init -> the arrays -> catalog_fini
 *
 * Owns its arrays; what they number belongs to the policy. Threads: one. Setup only:
 * running out of memory ends the process.
 */
#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H

#include "policy/compiled.h"

/* Those of set s are items[first[s]] up to items[first[s + 1]]. */
struct catalog_kind {
    size_t *first;
    uint32_t *items;
};

struct catalog {
    struct catalog_kind domains; /* domain_ref */
    struct catalog_kind globs;   /* 1 + the index */
    struct catalog_kind nets;    /* 1 + the index */
};

void catalog_init(struct catalog *c, const struct policy *p);
void catalog_fini(struct catalog *c);

#endif
