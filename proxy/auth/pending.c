/* SPDX-License-Identifier: MIT */
/* pending.c - credentials that are being checked at this moment; see pending.h. */
#include "proxy/auth/pending.h"

#include <pthread.h>
#include <string.h>

#include "util/mem.h"

#define BUCKETS 256

struct pending {
    pthread_mutex_t lock;
    struct pending_node *buckets[BUCKETS];
};

struct pending *pending_new(void)
{
    struct pending *p = mem_zalloc(sizeof(*p));
    if (p != NULL)
        pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pending_free(struct pending *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* A key is a keyed hash: any byte of it is as good as another. */
static struct pending_node **find(struct pending *p, const unsigned char *key)
{
    struct pending_node **link = &p->buckets[key[0]];
    while (*link != NULL && memcmp((*link)->key, key, AUTH_CACHE_KEY_SIZE) != 0)
        link = &(*link)->next;
    return link;
}

bool pending_enter(struct pending *p, struct pending_node *node)
{
    pthread_mutex_lock(&p->lock);
    struct pending_node **link = find(p, node->key);
    bool is_first = *link == NULL;
    if (is_first) {
        node->next = NULL;
        *link = node;
    }
    pthread_mutex_unlock(&p->lock);
    return is_first;
}

void pending_leave(struct pending *p, struct pending_node *node)
{
    pthread_mutex_lock(&p->lock);
    struct pending_node **link = find(p, node->key);
    if (*link == node)
        *link = node->next;
    pthread_mutex_unlock(&p->lock);
}
