/* SPDX-License-Identifier: MIT */
/* dns_cache.c - what is known of names; see dns_cache.h. */
#include "proxy/net/dns_cache.h"

#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "util/mem.h"

_Static_assert(DNS_CACHE_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "XXH3 needs more random bytes");

static uint64_t hash_name(const struct dns_cache *cache, struct str name)
{
    return XXH3_64bits_withSecret(name.ptr, name.len, cache->secret, sizeof(cache->secret));
}

static struct dns_entry **bucket_of(const struct dns_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->mask];
}

static void free_entry(struct dns_entry *entry)
{
    ASSERT(list_is_empty(&entry->askers));
    mem_free(entry->v6.addrs);
    mem_free(entry->v4.addrs);
    mem_free(entry);
}

static void evict(struct dns_cache *cache, struct dns_entry *entry)
{
    struct dns_entry **link = bucket_of(cache, entry->hash);

    dns_cache_wake(cache, entry);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    free_entry(entry);
}

static void init_family(struct dns_family *family, struct dns_entry *entry, enum dns_type type)
{
    family->entry = entry;
    family->type = type;
    family->status = DNS_FAILED; /* and expired at 0: to be asked for */
}

int dns_cache_init(struct dns_cache *cache, size_t limit)
{
    size_t buckets = 16;

    memset(cache, 0, sizeof(*cache));
    list_init(&cache->idle);
    cache->idle_limit = limit;
    while (buckets < limit)
        buckets *= 2;
    cache->mask = buckets - 1;
    if (getrandom(cache->secret, sizeof(cache->secret), 0) != (ssize_t)sizeof(cache->secret))
        return -1;
    cache->buckets = mem_array(buckets, sizeof(struct dns_entry *));
    if (cache->buckets == NULL)
        return -1;
    for (size_t i = 0; i < buckets; i++)
        cache->buckets[i] = NULL;
    return 0;
}

void dns_cache_fini(struct dns_cache *cache)
{
    if (cache->buckets == NULL)
        return;
    for (size_t i = 0; i <= cache->mask; i++) {
        struct dns_entry *entry = cache->buckets[i];
        while (entry != NULL) {
            struct dns_entry *next = entry->next_in_bucket;
            free_entry(entry);
            entry = next;
        }
    }
    mem_free(cache->buckets);
    cache->buckets = NULL;
}

struct dns_entry *dns_cache_find(const struct dns_cache *cache, struct str name)
{
    uint64_t hash = hash_name(cache, name);

    for (struct dns_entry *e = *bucket_of(cache, hash); e != NULL; e = e->next_in_bucket)
        if (e->hash == hash && str_eq((struct str){e->name, e->name_len}, name))
            return e;
    return NULL;
}

struct dns_entry *dns_cache_add(struct dns_cache *cache, struct str name)
{
    struct dns_entry *entry = mem_zalloc(sizeof(*entry) + name.len + 1);

    if (entry == NULL)
        return NULL;
    memcpy(entry->name, name.ptr, name.len);
    entry->name_len = name.len;
    entry->hash = hash_name(cache, name);
    list_init(&entry->askers);
    init_family(&entry->v6, entry, DNS_TYPE_AAAA);
    init_family(&entry->v4, entry, DNS_TYPE_A);
    struct dns_entry **link = bucket_of(cache, entry->hash);
    entry->next_in_bucket = *link;
    *link = entry;
    return entry;
}

void dns_cache_rest(struct dns_cache *cache, struct dns_entry *entry)
{
    if (list_has_node(&entry->place))
        dns_cache_wake(cache, entry);
    list_append(&cache->idle, &entry->place);
    cache->idle_count++;
    while (cache->idle_count > cache->idle_limit)
        evict(cache, LIST_ITEM(list_first(&cache->idle), struct dns_entry, place));
}

void dns_cache_wake(struct dns_cache *cache, struct dns_entry *entry)
{
    list_remove(&entry->place);
    cache->idle_count--;
}
