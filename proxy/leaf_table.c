/* SPDX-License-Identifier: MIT */
/* leaf_table.c - leaves and what waits for them, by key; see leaf_table.h. */
#include "proxy/leaf_table.h"

#include <openssl/rand.h>
#include <string.h>
#include <xxhash.h>

#include "util/mem.h"

#define CHAINS_FIRST 256

int leaf_table_init(struct leaf_table *t)
{
    *t = (struct leaf_table){.chain_count = CHAINS_FIRST};
    list_init(&t->kept);
    list_init(&t->making);
    if (RAND_bytes((unsigned char *)&t->seed, sizeof(t->seed)) != 1)
        return -1;
    t->chains = mem_zalloc(t->chain_count * sizeof(struct leaf_entry *));
    return t->chains != NULL ? 0 : -1;
}

void leaf_table_fini(struct leaf_table *t)
{
    mem_free(t->chains);
}

static struct leaf_entry **chain_of(const struct leaf_table *t, uint64_t hash)
{
    return &t->chains[hash & (t->chain_count - 1)];
}

struct leaf_entry *leaf_table_find(const struct leaf_table *t,
                                   const unsigned char key[LEAVES_KEY_SIZE])
{
    uint64_t hash = XXH3_64bits_withSeed(key, LEAVES_KEY_SIZE, t->seed);
    struct leaf_entry *entry = *chain_of(t, hash);
    while (entry != NULL &&
           (entry->hash != hash || memcmp(entry->key, key, LEAVES_KEY_SIZE) != 0))
        entry = entry->next;
    return entry;
}

static void link_entry(struct leaf_table *t, struct leaf_entry *entry)
{
    struct leaf_entry **chain = chain_of(t, entry->hash);
    entry->next = *chain;
    *chain = entry;
}

/* Without memory the chains just get longer. */
static void grow(struct leaf_table *t)
{
    size_t old_count = t->chain_count;
    struct leaf_entry **old = t->chains;
    struct leaf_entry **chains = mem_zalloc(2 * old_count * sizeof(struct leaf_entry *));
    if (chains == NULL)
        return;
    t->chains = chains;
    t->chain_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct leaf_entry *entry = old[i];
            old[i] = entry->next;
            link_entry(t, entry);
        }
    }
    mem_free(old);
}

struct leaf_entry *leaf_table_add(struct leaf_table *t,
                                  const unsigned char key[LEAVES_KEY_SIZE])
{
    struct leaf_entry *entry = mem_zalloc(sizeof(*entry));
    if (entry == NULL)
        return NULL;
    if (t->count >= t->chain_count)
        grow(t);
    memcpy(entry->key, key, LEAVES_KEY_SIZE);
    entry->hash = XXH3_64bits_withSeed(key, LEAVES_KEY_SIZE, t->seed);
    link_entry(t, entry);
    list_append(&t->making, &entry->node);
    t->count++;
    return entry;
}

void leaf_table_keep(struct leaf_table *t, struct leaf_entry *entry, struct leaf *leaf)
{
    leaf_ref(leaf);
    entry->leaf = leaf;
    list_remove(&entry->node);
    list_append(&t->kept, &entry->node);
    t->kept_count++;
}

void leaf_table_touch(struct leaf_table *t, struct leaf_entry *entry)
{
    list_remove(&entry->node);
    list_append(&t->kept, &entry->node);
}

void leaf_table_remove(struct leaf_table *t, struct leaf_entry *entry)
{
    struct leaf_entry **link = chain_of(t, entry->hash);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    list_remove(&entry->node);
    t->count--;
    if (entry->leaf != NULL)
        t->kept_count--;
    leaf_unref(entry->leaf);
    mem_free(entry);
}

static struct leaf_entry *first_of(const struct list *list)
{
    struct list_node *node = list_first(list);
    return node == NULL ? NULL : LIST_ITEM(node, struct leaf_entry, node);
}

struct leaf_entry *leaf_table_oldest(const struct leaf_table *t)
{
    return first_of(&t->kept);
}

struct leaf_entry *leaf_table_first_making(const struct leaf_table *t)
{
    return first_of(&t->making);
}
