/* SPDX-License-Identifier: MIT */
/*
 * inspection.h - what is never inspected, compiled: part of struct policy.
 *
 *   zeroed (inspection is off) -> policy_set_inspection (policy_build.h) -> inspection_fini
 *
 * Owns its arrays and texts; set numbers are those of the policy. Threads: read-only
 * and shared once built.
 */
#ifndef POLICY_INSPECTION_H
#define POLICY_INSPECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* One set that exempts: of destinations in never, of sources in never_from. */
struct exemption {
    char *reason; /* "never: SET", "never_from: SET" */
    uint16_t set;
    bool is_always; /* it holds though the configuration does not name it */
};

struct inspection {
    bool is_on;
    enum policy_tls fallback; /* TUNNEL or INSPECT; NONE while it is off */
    struct exemption *never;  /* each set once, in the order given */
    size_t never_count;
    struct exemption *never_from;
    size_t never_from_count;
};

void inspection_fini(struct inspection *i);
size_t inspection_bytes(const struct inspection *i);

/* The exemption by the set of that number; NULL: it exempts nothing. */
const struct exemption *inspection_find(const struct exemption *list, size_t count, uint16_t set);

#endif
