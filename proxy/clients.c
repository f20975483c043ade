/* SPDX-License-Identifier: MIT */
/* clients.c - how many tunnels each client address has; see clients.h. */
#include "proxy/clients.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <xxhash.h>

#include "util/mem.h"

#define SHARDS 64
#define BUCKETS 256 /* of a shard */

struct client {
    struct client *next;
    struct addr addr;
    unsigned tunnels;
};

struct shard {
    pthread_mutex_t lock;
    struct client *buckets[BUCKETS];
};

struct clients {
    uint64_t seed; /* random, so that nobody can choose addresses that collide */
    struct shard shards[SHARDS];
};

struct clients *clients_new(void)
{
    struct clients *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    if (RAND_bytes((unsigned char *)&c->seed, sizeof(c->seed)) != 1) {
        mem_free(c);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&c->shards[i].lock, NULL);
    return c;
}

/* Locks the shard of the address and finds the link that points, or would point,
 * to its entry. */
static struct client **find(struct clients *c, const struct addr *addr, struct shard **shard)
{
    uint64_t hash = XXH3_64bits_withSeed(addr->bytes, sizeof(addr->bytes), c->seed);
    *shard = &c->shards[hash % SHARDS];
    pthread_mutex_lock(&(*shard)->lock);
    struct client **link = &(*shard)->buckets[hash / SHARDS % BUCKETS];
    while (*link != NULL && !addr_eq(&(*link)->addr, addr))
        link = &(*link)->next;
    return link;
}

enum clients_result clients_enter(struct clients *c, const struct addr *client, unsigned limit)
{
    struct shard *shard;
    struct client **link = find(c, client, &shard);
    enum clients_result rc = CLIENTS_OK;
    if (*link == NULL) {
        *link = mem_zalloc(sizeof(**link));
        if (*link != NULL)
            (*link)->addr = *client;
    }
    if (*link == NULL)
        rc = CLIENTS_NO_MEMORY;
    else if ((*link)->tunnels >= limit)
        rc = CLIENTS_OVER_LIMIT;
    else
        (*link)->tunnels++;
    pthread_mutex_unlock(&shard->lock);
    return rc;
}

void clients_leave(struct clients *c, const struct addr *client)
{
    struct shard *shard;
    struct client **link = find(c, client, &shard);
    ASSERT(*link != NULL && (*link)->tunnels > 0);
    if (--(*link)->tunnels == 0) {
        struct client *empty = *link;
        *link = empty->next;
        mem_free(empty);
    }
    pthread_mutex_unlock(&shard->lock);
}

void clients_free(struct clients *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        for (size_t b = 0; b < BUCKETS; b++)
            while (c->shards[i].buckets[b] != NULL) {
                struct client *gone = c->shards[i].buckets[b];
                c->shards[i].buckets[b] = gone->next;
                mem_free(gone);
            }
        pthread_mutex_destroy(&c->shards[i].lock);
    }
    mem_free(c);
}
