/* SPDX-License-Identifier: MIT */
/*
 * leaf_table.h - what leaves.c looks up: leaves that are kept, and those being made with the
 * asks that wait for them, by key.
 *
 *   leaf_table_init -> leaf_table_add, leaf_table_find ... leaf_table_remove
 *     -> leaf_table_fini (when it is empty)
 *
 * Owns the entries and a reference of each kept leaf; asks are only listed. Which chain an
 * entry is in depends on a random seed: keys are digests of what an origin chose.
 * Threads: one at a time.
 */
#ifndef PROXY_LEAF_TABLE_H
#define PROXY_LEAF_TABLE_H

#include "proxy/leaves.h"
#include "util/list.h"

struct leaf_entry {
    struct list_node node;     /* of kept or of making */
    struct leaf_entry *next;   /* in its chain */
    uint64_t hash;
    unsigned char key[LEAVES_KEY_SIZE];
    struct leaf *leaf;         /* NULL: is being made */
    struct leaf_ask *first, *last; /* they wait; by next */
};

struct leaf_table {
    uint64_t seed;
    struct leaf_entry **chains;
    size_t chain_count;        /* a power of two */
    size_t count;
    unsigned kept_count;
    struct list kept, making;  /* kept: the one that was not used for the longest time first */
};

/* 0, or -1 without memory or randomness. */
MUST_CHECK int leaf_table_init(struct leaf_table *t);
void leaf_table_fini(struct leaf_table *t);

/* NULL: there is none. */
MUST_CHECK struct leaf_entry *leaf_table_find(const struct leaf_table *t,
                                              const unsigned char key[LEAVES_KEY_SIZE]);

/* One that is being made; there is none of that key. NULL without memory. */
MUST_CHECK struct leaf_entry *leaf_table_add(struct leaf_table *t,
                                             const unsigned char key[LEAVES_KEY_SIZE]);

/* It is made: takes a reference of its own. */
void leaf_table_keep(struct leaf_table *t, struct leaf_entry *entry, struct leaf *leaf);

/* It was used. */
void leaf_table_touch(struct leaf_table *t, struct leaf_entry *entry);

/* Without its asks. */
void leaf_table_remove(struct leaf_table *t, struct leaf_entry *entry);

/* The first that is kept, or is being made; NULL: none. */
MUST_CHECK struct leaf_entry *leaf_table_oldest(const struct leaf_table *t);
MUST_CHECK struct leaf_entry *leaf_table_first_making(const struct leaf_table *t);

#endif
