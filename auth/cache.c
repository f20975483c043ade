/* SPDX-License-Identifier: MIT */
/* cache.c - credentials that were verified a short while ago; see cache.h. */
#include "auth/cache.h"

#include <nettle/hmac.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "util/list.h"
#include "util/mem.h"

#define SHARDS_MAX 16
#define SHARD_ENTRIES_MIN 64 /* fewer make no shard of their own */

struct entry {
    struct list_node by_age;
    struct entry *next; /* in its chain */
    unsigned char key[AUTH_CACHE_KEY_SIZE];
    uint64_t until_ms;
    size_t len;
    char value[];
};

struct shard {
    pthread_mutex_t lock;
    struct list by_age; /* the oldest first */
    struct entry **chains;
    size_t count;
};

struct auth_cache {
    struct hmac_sha256_ctx keyed; /* read-only: each use works on a copy */
    size_t shard_count;           /* a power of two */
    size_t chain_count;           /* of each shard; a power of two */
    size_t entries_max;           /* of each shard */
    struct shard shards[SHARDS_MAX];
};

static int set_key(struct auth_cache *c)
{
    unsigned char key[SHA256_DIGEST_SIZE];
    if (RAND_priv_bytes(key, sizeof(key)) != 1)
        return -1;
    hmac_sha256_set_key(&c->keyed, sizeof(key), key);
    OPENSSL_cleanse(key, sizeof(key));
    return 0;
}

struct auth_cache *auth_cache_new(size_t entries)
{
    struct auth_cache *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    size_t shards = 1;
    while (shards < SHARDS_MAX && entries / (2 * shards) >= SHARD_ENTRIES_MIN)
        shards *= 2;
    c->entries_max = (entries + shards - 1) / shards;
    c->chain_count = 16;
    while (c->chain_count < c->entries_max)
        c->chain_count *= 2;
    for (size_t i = 0; i < shards; i++) {
        struct shard *s = &c->shards[i];
        s->chains = mem_zalloc(c->chain_count * sizeof(struct entry *));
        if (s->chains == NULL)
            goto failed;
        list_init(&s->by_age);
        pthread_mutex_init(&s->lock, NULL);
        c->shard_count = i + 1;
    }
    if (set_key(c) == 0)
        return c;
failed:
    auth_cache_free(c);
    return NULL;
}

static void free_entry(struct entry *e)
{
    OPENSSL_cleanse(e, sizeof(*e) + e->len);
    mem_free(e);
}

void auth_cache_free(struct auth_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->shard_count; i++) {
        struct shard *s = &c->shards[i];
        struct list_node *node;
        while ((node = list_first(&s->by_age)) != NULL) {
            list_remove(node);
            free_entry(LIST_ITEM(node, struct entry, by_age));
        }
        mem_free(s->chains);
        pthread_mutex_destroy(&s->lock);
    }
    OPENSSL_cleanse(c, sizeof(*c));
    mem_free(c);
}

void auth_cache_key(const struct auth_cache *c, const struct str *parts, size_t count,
                    unsigned char key[AUTH_CACHE_KEY_SIZE])
{
    struct hmac_sha256_ctx context = c->keyed;
    for (size_t i = 0; i < count; i++) {
        uint8_t len[8];
        for (size_t b = 0; b < sizeof(len); b++)
            len[b] = (uint8_t)((uint64_t)parts[i].len >> (8 * b));
        hmac_sha256_update(&context, sizeof(len), len);
        hmac_sha256_update(&context, parts[i].len, (const uint8_t *)parts[i].ptr);
    }
    hmac_sha256_digest(&context, AUTH_CACHE_KEY_SIZE, key);
    OPENSSL_cleanse(&context, sizeof(context));
}

/* A key's bytes are as good as random: some choose the shard, others the chain. */
static struct shard *find_shard(struct auth_cache *c, const unsigned char *key)
{
    return &c->shards[key[0] & (c->shard_count - 1)];
}

/* The link that leads to the entry, or to the end of its chain. */
static struct entry **find_link(const struct auth_cache *c, struct shard *s,
                                const unsigned char *key)
{
    size_t chain = (size_t)key[1] | (size_t)key[2] << 8 | (size_t)key[3] << 16;
    struct entry **link = &s->chains[chain & (c->chain_count - 1)];
    while (*link != NULL && CRYPTO_memcmp((*link)->key, key, AUTH_CACHE_KEY_SIZE) != 0)
        link = &(*link)->next;
    return link;
}

static void drop(struct shard *s, struct entry **link)
{
    struct entry *e = *link;
    *link = e->next;
    list_remove(&e->by_age);
    s->count--;
    free_entry(e);
}

int auth_cache_find(struct auth_cache *c, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                    uint64_t now_ms, char value[AUTH_CACHE_VALUE_MAX])
{
    struct shard *s = find_shard(c, key);
    int len = -1;
    pthread_mutex_lock(&s->lock);
    struct entry **link = find_link(c, s, key), *e = *link;
    if (e != NULL && e->until_ms <= now_ms) {
        drop(s, link);
    } else if (e != NULL) {
        memcpy(value, e->value, e->len);
        len = (int)e->len;
    }
    pthread_mutex_unlock(&s->lock);
    return len;
}

/* The oldest entries that are over their time; one at least where the shard is full. */
static void make_room(const struct auth_cache *c, struct shard *s, uint64_t now_ms)
{
    struct list_node *node;
    while ((node = list_first(&s->by_age)) != NULL) {
        struct entry *oldest = LIST_ITEM(node, struct entry, by_age);
        if (s->count < c->entries_max && oldest->until_ms > now_ms)
            return;
        drop(s, find_link(c, s, oldest->key));
    }
}

void auth_cache_put(struct auth_cache *c, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                    struct str value, uint64_t now_ms, uint64_t until_ms)
{
    if (value.len > AUTH_CACHE_VALUE_MAX || until_ms <= now_ms)
        return;
    struct entry *e = mem_alloc(sizeof(*e) + value.len);
    if (e == NULL)
        return;
    *e = (struct entry){.until_ms = until_ms, .len = value.len};
    memcpy(e->key, key, AUTH_CACHE_KEY_SIZE);
    if (value.len > 0)
        memcpy(e->value, value.ptr, value.len);
    struct shard *s = find_shard(c, key);
    pthread_mutex_lock(&s->lock);
    struct entry **link = find_link(c, s, key);
    if (*link != NULL)
        drop(s, link);
    make_room(c, s, now_ms);
    link = find_link(c, s, key); /* what was dropped may have held the old one */
    e->next = NULL;
    *link = e;
    list_append(&s->by_age, &e->by_age);
    s->count++;
    pthread_mutex_unlock(&s->lock);
}
