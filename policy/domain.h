/* SPDX-License-Identifier: MIT */
/*
 * domain.h - exact names and "*.suffix" patterns of every set in one hash table.
 *
 * Records stand in the table itself: lines of 128 bytes hold a few records each,
 * text and all, and what does not fit hangs behind its line. One pass over a name
 * hashes it and all its parents; a small filter tells which of these are worth a look,
 * and their lines are prefetched together. So a lookup waits for memory once or not at
 * all, however many domains there are.
 *
 *   struct domain_table t = {0} -> domain_add ... -> domain_finish -> domain_find ... ->
 * domain_fini
 *
 * Invariant: of equal patterns of a set, other than those of URLs, the first is kept.
 * Threads: read-only and shared once finished.
 */
#ifndef POLICY_DOMAIN_H
#define POLICY_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/bulk.h"
#include "policy/namehash.h"
#include "util/str.h"

/* Records of more bytes than this in all are too much for their references. */
#define DOMAIN_MAX_BYTES ((size_t)3 << 30)

/* A reference to a record of a finished table; 0 is none. */
typedef uint32_t domain_ref;

struct domain_table {
    struct bulk records; /* while adding: all; then those that hang behind lines */
    void *block;         /* lines, at lines */
    struct domain_line *lines;
    size_t lines_count;
    uint64_t *filter; /* two bits for each key: most names are in no list */
    size_t filter_count;
    size_t count;             /* records */
    uint64_t suffix_depth[2]; /* bit n: some suffix has n labels */
    uint64_t exact_depth[2];
    struct namehash hash;
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

void domain_add(struct domain_table *t, const struct domain_entry *entry);
void domain_finish(struct domain_table *t);
void domain_fini(struct domain_table *t);
size_t domain_bytes(const struct domain_table *t);

/* A pattern that matches a name. */
struct domain_match {
    domain_ref ref;
    uint32_t url; /* NOTE_NO_URL, or what must match too */
    uint16_t set;
    uint8_t key_len;
    bool is_suffix;
    bool is_whole; /* the key is the whole name; always so for an exact pattern */
};
typedef void (*domain_match_fn)(void *context, const struct domain_match *match);

/* A lookup under way: the lines that the name and its parents may be in. */
struct domain_probe {
    const struct domain_line *line;
    struct str key;
    bool is_whole;
};
struct domain_search {
    size_t count;
    struct domain_probe probes[NAMEHASH_MAX_LABELS];
};

/* Starts a lookup: the lines are asked from memory, and what the caller does before
 * domain_find costs no time. name stays valid until then. */
void domain_prepare(const struct domain_table *t, struct str name, struct domain_search *search);

/* Calls on_match for every pattern that the name matches, shortest key first. */
void domain_find(const struct domain_table *t, const struct domain_search *search,
                 domain_match_fn on_match, void *context);

/* The record in full; its texts belong to the table. */
void domain_read(const struct domain_table *t, domain_ref ref, struct domain_entry *entry);

/* Every record of a finished table, in no order: 0 begins, 0 ends. */
domain_ref domain_walk(const struct domain_table *t, domain_ref after);

#endif
