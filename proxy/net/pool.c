/* SPDX-License-Identifier: MIT */
/* pool.c - idle connections to origins, kept for the next request; see pool.h. */
#include "proxy/net/pool.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/socket.h>
#include <xxhash.h>

#include "util/clock.h"
#include "util/list.h"
#include "util/mem.h"

#define BUCKETS 256
#define SWEEP_S 1

struct idle {
    struct list_node in_bucket, in_age;
    struct pool *pool;
    struct stream stream;
    struct endpoint dialled;
    uint64_t since_ms, hash;
    size_t key_len;
    char key[];
};

struct pool {
    struct event_base *base;
    struct event *sweep;
    unsigned count, max;
    uint64_t max_idle_ms, seed;
    struct list by_age; /* the oldest first */
    struct list buckets[BUCKETS];
};

static uint64_t now_ms(void)
{
    return clock_usec() / 1000;
}

static void drop(struct idle *i)
{
    list_remove(&i->in_bucket);
    list_remove(&i->in_age);
    i->pool->count--;
    stream_close(&i->stream);
    mem_free(i);
}

/* Whatever happens to an idle connection ends it: a FIN, a fault, or bytes that
 * nobody asked for. */
static void on_idle_ready(struct stream *s)
{
    struct idle *i = LIST_ITEM(s, struct idle, stream);
    if (s->is_readable || s->is_ending)
        drop(i);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct pool *p = arg;
    uint64_t now = now_ms();
    struct list_node *node;
    (void)fd;
    (void)what;
    while ((node = list_first(&p->by_age)) != NULL) {
        struct idle *i = LIST_ITEM(node, struct idle, in_age);
        if (now - i->since_ms < p->max_idle_ms)
            break;
        drop(i);
    }
    if (p->count == 0)
        evtimer_del(p->sweep);
}

struct pool *pool_new(struct event_base *base, unsigned max, uint64_t max_idle_ms)
{
    struct pool *p = mem_zalloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    p->base = base;
    p->max = max;
    p->max_idle_ms = max_idle_ms;
    list_init(&p->by_age);
    for (unsigned i = 0; i < BUCKETS; i++)
        list_init(&p->buckets[i]);
    p->sweep = event_new(base, -1, EV_PERSIST, on_sweep, p);
    if (p->sweep == NULL || RAND_bytes((unsigned char *)&p->seed, sizeof(p->seed)) != 1) {
        pool_free(p);
        return NULL;
    }
    return p;
}

static struct idle *keep(struct pool *p, struct str key, struct stream *s,
                         const struct endpoint *dialled)
{
    struct idle *i = mem_alloc(sizeof(*i) + key.len);
    if (i == NULL)
        return NULL;
    stream_init(&i->stream);
    i->pool = p;
    i->dialled = *dialled;
    i->since_ms = now_ms();
    i->key_len = key.len;
    memcpy(i->key, key.ptr, key.len);
    i->hash = XXH3_64bits_withSeed(key.ptr, key.len, p->seed);
    if (stream_move(&i->stream, s, on_idle_ready) != 0) {
        mem_free(i);
        return NULL;
    }
    return i;
}

void pool_put(struct pool *p, struct str key, struct stream *s, const struct endpoint *dialled)
{
    static const struct timeval PERIOD = {SWEEP_S, 0};
    struct list_node *oldest = p->count >= p->max ? list_first(&p->by_age) : NULL;
    if (oldest != NULL)
        drop(LIST_ITEM(oldest, struct idle, in_age));
    bool is_usable = p->max > 0 && !s->is_ending && !s->is_eof && s->error == 0;
    struct idle *i = is_usable ? keep(p, key, s, dialled) : NULL;
    stream_close(s);
    stream_init(s);
    if (i == NULL)
        return;
    /* Whether bytes have come since the last read only an edge will tell. */
    i->stream.is_readable = false;
    list_append(&p->by_age, &i->in_age);
    list_prepend(&p->buckets[i->hash % BUCKETS], &i->in_bucket);
    if (p->count++ == 0)
        evtimer_add(p->sweep, &PERIOD);
}

/* The newest of the key: the first in its bucket. */
static struct idle *find(struct pool *p, struct str key)
{
    uint64_t hash = XXH3_64bits_withSeed(key.ptr, key.len, p->seed);
    struct list *bucket = &p->buckets[hash % BUCKETS];
    for (struct list_node *n = list_first(bucket); n != NULL; n = list_next(bucket, n)) {
        struct idle *i = LIST_ITEM(n, struct idle, in_bucket);
        if (i->hash == hash && str_eq((struct str){i->key, i->key_len}, key))
            return i;
    }
    return NULL;
}

/* Bytes may have come, or the end, since the loop last looked. */
static bool is_silent(const struct stream *s)
{
    char byte;
    return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool pool_take(struct pool *p, struct str key, uint64_t max_age_ms, struct stream *s,
               stream_ready_fn *on_ready, struct endpoint *dialled)
{
    struct idle *i = find(p, key);
    uint64_t now = now_ms();
    if (i == NULL || now - i->since_ms > max_age_ms || now - i->since_ms >= p->max_idle_ms)
        return false;
    bool is_taken = is_silent(&i->stream) && stream_move(s, &i->stream, on_ready) == 0;
    if (is_taken)
        s->is_writable = true;
    *dialled = i->dialled;
    drop(i);
    return is_taken;
}

unsigned pool_count(const struct pool *p)
{
    return p->count;
}

void pool_free(struct pool *p)
{
    struct list_node *node;
    if (p == NULL)
        return;
    while ((node = list_first(&p->by_age)) != NULL)
        drop(LIST_ITEM(node, struct idle, in_age));
    if (p->sweep != NULL)
        event_free(p->sweep);
    mem_free(p);
}
