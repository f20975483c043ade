/* SPDX-License-Identifier: MIT */
/*
 * namehash.h - the hashes of a host name and of all its parents in one pass.
 *
 * The hash depends on the characters and on their distance from the end, so that a
 * parent has the same hash by itself and within a longer name. Multilinear, with
 * fixed weights.
 *
 *   namehash_init -> namehash_parents ...
 *
 * Owns nothing. Threads: read-only and shared once initialised.
 */
#ifndef POLICY_NAMEHASH_H
#define POLICY_NAMEHASH_H

#include <stddef.h>
#include <stdint.h>

#include "policy/host.h"
#include "util/str.h"

/* A name of 253 characters has at most 127 labels. */
#define NAMEHASH_MAX_LABELS 127
#define NAMEHASH_WORDS ((HOST_MAX + 7) / 8)

struct namehash {
    uint64_t weights[NAMEHASH_WORDS];
};

/* Shortest first: "com", "example.com", "www.example.com". */
struct namehash_parents {
    size_t count;
    uint64_t hashes[NAMEHASH_MAX_LABELS];
    uint8_t lengths[NAMEHASH_MAX_LABELS];
};

void namehash_init(struct namehash *n);

/* name: at most HOST_MAX bytes. The last entry is the name itself; a text with more
 * labels than a name can have is cut to the shortest parents and itself. */
void namehash_parents(const struct namehash *n, struct str name, struct namehash_parents *out);

#endif
