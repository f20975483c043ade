/* SPDX-License-Identifier: MIT */
/*
 * domain.h - exact names and "*.suffix" patterns of every set in one hash table.
 *
 * A slot has 8 bytes: a fingerprint and where the record is. A record has variable
 * length with its text inline. One pass over a name, from its last label to its
 * first, gives the hashes of all its parents; their slots are prefetched together,
 * so that a lookup waits for memory about twice, however many domains there are.
 *
 *   struct domain_table t = {0} -> domain_add ... -> domain_finish -> domain_find ... ->
 * domain_fini
 *
 * Invariants: patterns of one key form a chain, the plain ones in front of those
 * that belong to a URL; of equal plain patterns of a set only the first is kept.
 * Threads: read-only and shared once finished.
 */
#ifndef POLICY_DOMAIN_H
#define POLICY_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/bulk.h"
#include "util/str.h"

/* A name of 253 characters has at most 127 labels. */
#define DOMAIN_MAX_LABELS 127

/* A reference to a record; 0 is none. */
typedef uint32_t domain_ref;

struct domain_table {
    struct bulk records;
    struct domain_slot *slots;
    size_t slot_mask;
    unsigned slot_shift;
    size_t count;             /* records */
    uint64_t suffix_depth[2]; /* bit n: some suffix has n labels */
    uint64_t exact_depth[2];
};

struct domain_entry {
    struct str key; /* lower-case A-labels, 1 to 253 bytes */
    bool is_suffix;
    uint16_t set;
    uint16_t file;
    uint32_t line;
    uint32_t url;       /* NOTE_NO_URL, or the index of a URL */
    struct str written; /* empty: the key itself, with "*." in front of a suffix */
};

struct domain_hit {
    domain_ref ref; /* first of a chain */
    bool is_whole;  /* the key is the whole name: exact patterns count too */
};

void domain_add(struct domain_table *t, const struct domain_entry *entry);
void domain_finish(struct domain_table *t);
void domain_fini(struct domain_table *t);
size_t domain_bytes(const struct domain_table *t);

/* The chains whose key is name or a parent of it, shortest key first. Returns how
 * many. */
size_t domain_find(const struct domain_table *t, struct str name,
                   struct domain_hit hits[DOMAIN_MAX_LABELS]);

/* The next of a chain, or 0. */
domain_ref domain_next(const struct domain_table *t, domain_ref ref);

/* The record in full; its texts belong to the table. */
void domain_read(const struct domain_table *t, domain_ref ref, struct domain_entry *entry);

/* What a decision needs of it. */
struct domain_brief {
    uint32_t url;
    uint16_t set;
    uint8_t key_len;
    bool is_suffix;
};
struct domain_brief domain_brief(const struct domain_table *t, domain_ref ref);

/* Every record in the order of adding, those of no chain included: 0 begins, 0 ends. */
domain_ref domain_walk(const struct domain_table *t, domain_ref after);

#endif
