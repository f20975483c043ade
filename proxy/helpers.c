/* SPDX-License-Identifier: MIT */
/*
 * helpers.c - the thread that serves all pools of helpers; see helpers.h.
 *
 * Asks come in a list under a lock, which also covers the list of pools: whoever asks
 * finds the pool or makes it, so that nothing of the configuration is kept.
 */
#include "proxy/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/helper_pool.h"
#include "util/clock.h"
#include "util/mem.h"

#define TICK_BUSY_MS 50
#define TICK_IDLE_MS 1000
#define PROCESS_IDLE_MS (2 * 60 * 1000)
#define POOL_IDLE_MS (10 * 60 * 1000)
#define END_GRACE_MS 1000 /* for processes, when everything ends */
#define END_MAX_MS 3000

struct helpers {
    struct helper_shared shared;
    pthread_t thread;
    bool has_thread, is_stopped;
    int wake_fd;
    struct event *wake, *tick;
    unsigned tick_ms; /* 0: not set */
    /* Under the lock. */
    pthread_mutex_t lock;
    struct list pools;
    struct helper_ask *first, *last; /* they arrive */
    uint64_t *released;
    size_t released_count, released_size;
    bool is_ending;
};

static uint64_t now_ms(void)
{
    return clock_usec() / 1000;
}

static void wake(struct helpers *h)
{
    uint64_t one = 1;
    (void)!write(h->wake_fd, &one, sizeof(one));
}

static void open_ask(struct letter *letter)
{
    struct helper_ask *ask = LIST_ITEM(letter, struct helper_ask, letter);
    ask->done(ask);
}

static void drop_ask(struct letter *letter)
{
    struct helper_ask *ask = LIST_ITEM(letter, struct helper_ask, letter);
    ask->drop(ask);
}

/* The caller holds the lock. NULL without memory. */
static struct helper_pool *find_pool(struct helpers *h, const struct helper_config *config)
{
    struct list_node *node = list_first(&h->pools);
    for (; node != NULL; node = list_next(&h->pools, node)) {
        struct helper_pool *pool = LIST_ITEM(node, struct helper_pool, node);
        if (helper_pool_is_for(pool, config))
            return pool;
    }
    struct helper_pool *pool = helper_pool_new(&h->shared, config);
    if (pool != NULL)
        list_append(&h->pools, &pool->node);
    return pool;
}

static void arrive(struct helpers *h, struct helper_ask *ask)
{
    ask->pool->arriving++;
    if (h->last != NULL)
        h->last->next = ask;
    else
        h->first = ask;
    h->last = ask;
}

void helpers_ask(struct helpers *h, const struct helper_config *config, struct helper_ask *ask)
{
    ask->next = NULL;
    ask->letter = (struct letter){.open = open_ask, .drop = drop_ask};
    ask->answer = (struct helper_answer){.kind = HELPER_STRANGE, .channel = HELPER_NO_CHANNEL};
    ask->is_retried = false;
    ask->pool = NULL;
    if (ask->line_len == 0 || ask->line_len > HELPER_LINE_MAX) {
        helper_ask_return(ask, HELPER_ANSWERED); /* as strange: it cannot be asked */
        return;
    }
    pthread_mutex_lock(&h->lock);
    struct helper_pool *pool = find_pool(h, config);
    ask->pool = pool;
    if (pool != NULL)
        arrive(h, ask);
    pthread_mutex_unlock(&h->lock); /* from here on it may be back already */
    if (pool != NULL)
        wake(h);
    else
        helper_ask_return(ask, HELPER_DIED);
}

/* Without memory the lease ends by itself, after its time. */
static bool note_release(struct helpers *h, uint64_t lease)
{
    if (h->released_count == h->released_size) {
        size_t size = h->released_size > 0 ? 2 * h->released_size : 16;
        uint64_t *bigger = mem_resize(h->released, size * sizeof(*bigger));
        if (bigger == NULL)
            return false;
        h->released = bigger;
        h->released_size = size;
    }
    h->released[h->released_count++] = lease;
    return true;
}

void helpers_release(struct helpers *h, uint64_t lease)
{
    if (lease == HELPER_NO_LEASE)
        return;
    pthread_mutex_lock(&h->lock);
    bool is_noted = note_release(h, lease);
    pthread_mutex_unlock(&h->lock);
    if (is_noted)
        wake(h);
}

void helpers_count(struct helpers *h, struct helpers_counts *out)
{
    out->started = atomic_load(&h->shared.started);
    out->died = atomic_load(&h->shared.died);
    out->timed_out = atomic_load(&h->shared.timed_out);
    out->queue_full = atomic_load(&h->shared.queue_full);
    out->running = atomic_load(&h->shared.running);
    out->waiting = atomic_load(&h->shared.waiting);
}

void helpers_set_idle(struct helpers *h, uint64_t process_ms, uint64_t pool_ms)
{
    atomic_store(&h->shared.process_idle_ms, process_ms);
    atomic_store(&h->shared.pool_idle_ms, pool_ms);
}

/* Only this thread takes pools off the list, so it may walk on without the lock; a new
 * one is appended under it, hence the look at the next one is under it too. */
static struct helper_pool *next_pool(struct helpers *h, struct helper_pool *pool)
{
    pthread_mutex_lock(&h->lock);
    struct list_node *node = pool == NULL ? list_first(&h->pools)
                                          : list_next(&h->pools, &pool->node);
    pthread_mutex_unlock(&h->lock);
    return node == NULL ? NULL : LIST_ITEM(node, struct helper_pool, node);
}

/* When something is to be looked at next. */
static void set_tick(struct helpers *h)
{
    unsigned wanted_ms = 0;
    for (struct helper_pool *pool = next_pool(h, NULL); pool != NULL; pool = next_pool(h, pool)) {
        if (helper_pool_is_busy(pool))
            wanted_ms = TICK_BUSY_MS;
        else if (wanted_ms == 0)
            wanted_ms = TICK_IDLE_MS;
    }
    if (wanted_ms == h->tick_ms)
        return;
    struct timeval every = {wanted_ms / 1000, (suseconds_t)(wanted_ms % 1000 * 1000)};
    h->tick_ms = wanted_ms;
    if (wanted_ms == 0)
        (void)event_del(h->tick);
    else if (event_add(h->tick, &every) != 0)
        h->tick_ms = 0; /* tried again at the next turn */
}

static struct helper_ask *take_arrived(struct helpers *h)
{
    struct helper_ask *ask = h->first;
    if (ask == NULL)
        return NULL;
    h->first = ask->next;
    if (h->first == NULL)
        h->last = NULL;
    ask->pool->arriving--;
    return ask;
}

/* A release comes before every ask that was made after it. False: nothing is left. */
static bool take_order(struct helpers *h, uint64_t *lease, struct helper_ask **ask)
{
    *lease = HELPER_NO_LEASE;
    *ask = NULL;
    pthread_mutex_lock(&h->lock);
    if (h->released_count > 0)
        *lease = h->released[--h->released_count];
    else
        *ask = take_arrived(h);
    pthread_mutex_unlock(&h->lock);
    return *lease != HELPER_NO_LEASE || *ask != NULL;
}

static void release(struct helpers *h, uint64_t lease)
{
    for (struct helper_pool *pool = next_pool(h, NULL); pool != NULL; pool = next_pool(h, pool))
        helper_pool_release(pool, lease, now_ms());
}

static bool is_ending(struct helpers *h)
{
    pthread_mutex_lock(&h->lock);
    bool ending = h->is_ending;
    pthread_mutex_unlock(&h->lock);
    return ending;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct helpers *h = arg;
    struct helper_ask *ask;
    uint64_t count, lease;
    (void)what;
    (void)!read((int)fd, &count, sizeof(count));
    if (is_ending(h)) {
        h->is_stopped = true;
        return;
    }
    while (take_order(h, &lease, &ask)) {
        if (ask != NULL)
            helper_pool_ask(ask->pool, ask, now_ms());
        else
            release(h, lease);
    }
}

static bool take_off_unused(struct helpers *h, struct helper_pool *pool)
{
    pthread_mutex_lock(&h->lock);
    bool is_unused = pool->arriving == 0 && helper_pool_is_unused(pool, now_ms());
    if (is_unused)
        list_remove(&pool->node);
    pthread_mutex_unlock(&h->lock);
    return is_unused;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct helpers *h = arg;
    struct helper_pool *pool = next_pool(h, NULL);
    (void)fd;
    (void)what;
    while (pool != NULL) {
        struct helper_pool *next = next_pool(h, pool);
        helper_pool_tick(pool, now_ms());
        if (take_off_unused(h, pool))
            helper_pool_free(pool);
        pool = next;
    }
}

/* True once no process is left. */
static bool end_pools(struct helpers *h)
{
    bool is_empty = true;
    for (struct helper_pool *pool = next_pool(h, NULL); pool != NULL; pool = next_pool(h, pool)) {
        helper_pool_end(pool, now_ms(), END_GRACE_MS);
        helper_pool_tick(pool, now_ms());
        is_empty = is_empty && pool->process_count == 0;
    }
    return is_empty;
}

static void *run(void *arg)
{
    struct helpers *h = arg;
    while (!h->is_stopped) {
        event_base_loop(h->shared.base, EVLOOP_ONCE);
        set_tick(h);
    }
    h->shared.is_ending = true;
    uint64_t until_ms = now_ms() + END_MAX_MS;
    while (!end_pools(h) && now_ms() < until_ms)
        usleep(2000);
    return NULL;
}

static int make_loop(struct helpers *h)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return -1;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        h->shared.base = event_base_new_with_config(config);
    event_config_free(config);
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->shared.base == NULL || h->wake_fd < 0)
        return -1;
    h->wake = event_new(h->shared.base, h->wake_fd, EV_READ | EV_PERSIST, on_wake, h);
    h->tick = event_new(h->shared.base, -1, EV_PERSIST, on_tick, h);
    return h->wake != NULL && h->tick != NULL && event_add(h->wake, NULL) == 0 ? 0 : -1;
}

static int start_thread(struct helpers *h)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    h->has_thread = rc == 0;
    return rc;
}

struct helpers *helpers_new(struct err *e)
{
    struct helpers *h = mem_zalloc(sizeof(*h));
    if (h == NULL) {
        err_set(e, NULL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    list_init(&h->pools);
    h->wake_fd = -1;
    helpers_set_idle(h, PROCESS_IDLE_MS, POOL_IDLE_MS);
    int rc = make_loop(h) == 0 ? start_thread(h) : ENOMEM;
    if (h->has_thread)
        return h;
    err_set(e, NULL, "cannot start the thread for helpers: %s", strerror(rc));
    helpers_free(h);
    return NULL;
}

/* A process that even a kill does not end is left to init, with what it holds. */
static void drop_pool(struct helper_pool *pool)
{
    struct helper_ask *ask;
    while ((ask = helper_pool_take_left(pool)) != NULL)
        ask->drop(ask);
    if (pool->process_count == 0)
        helper_pool_free(pool);
}

static void drop_all(struct helpers *h)
{
    struct helper_ask *ask;
    struct list_node *node;
    while ((ask = take_arrived(h)) != NULL)
        ask->drop(ask);
    while ((node = list_first(&h->pools)) != NULL) {
        list_remove(node);
        drop_pool(LIST_ITEM(node, struct helper_pool, node));
    }
}

void helpers_free(struct helpers *h)
{
    if (h == NULL)
        return;
    if (h->has_thread) {
        pthread_mutex_lock(&h->lock);
        h->is_ending = true;
        pthread_mutex_unlock(&h->lock);
        wake(h);
        pthread_join(h->thread, NULL);
    }
    drop_all(h);
    if (h->wake != NULL)
        event_free(h->wake);
    if (h->tick != NULL)
        event_free(h->tick);
    if (h->shared.base != NULL)
        event_base_free(h->shared.base);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    pthread_mutex_destroy(&h->lock);
    mem_free(h->released);
    mem_free(h);
}
