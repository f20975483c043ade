/* SPDX-License-Identifier: MIT */
/*
 * signer.c - the thread that serves a signer, and how orders come to it; see signer.h.
 *
 * Orders arrive in a list under a lock; all else is the thread's own (signer_work.h).
 */
#include "proxy/signer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/signer_work.h"
#include "util/clock.h"
#include "util/mem.h"

#define ORDERS_MAX 10000
#define ORDER_MAX_USEC (10 * 1000000)
#define HEADER_MAX 16 /* bytes of a message before an order */

struct signer {
    struct signer_work work; /* of the thread; before it runs, of signer_new */
    pthread_t thread;
    int wake_fd;
    /* Under the lock. */
    pthread_mutex_t lock;
    struct list arrived;
    uint64_t last_number;
    bool is_ending;
};

/* Moves what has arrived to the queue. False: this is the end. */
static bool take_arrived(struct signer *s)
{
    pthread_mutex_lock(&s->lock);
    signer_work_add(&s->work, &s->arrived);
    bool goes_on = !s->is_ending;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void wait_for_work(struct signer *s)
{
    uint64_t count;
    struct pollfd fds[] = {
        {.fd = s->wake_fd, .events = POLLIN},
        {.fd = s->work.process.fd, .events = s->work.is_full ? POLLIN | POLLOUT : POLLIN},
    };
    if (poll(fds, ARRAY_LEN(fds), signer_work_wait_ms(&s->work)) <= 0)
        return;
    if (fds[0].revents != 0)
        (void)!read(s->wake_fd, &count, sizeof(count));
    if (fds[1].revents != 0)
        signer_work_receive(&s->work);
}

static void *run(void *arg)
{
    struct signer *s = arg;
    while (take_arrived(s)) {
        signer_work_turn(&s->work);
        wait_for_work(s);
    }
    signer_work_stop(&s->work);
    return NULL;
}

static void wake(struct signer *s)
{
    uint64_t one = 1;
    (void)!write(s->wake_fd, &one, sizeof(one));
}

static struct signer_item *make_item(uint64_t id, const struct leaf_order *order)
{
    struct signer_item *item = mem_alloc(sizeof(*item) + HEADER_MAX + order->len);
    if (item != NULL)
        *item = (struct signer_item){.id = id, .until_usec = clock_usec() + ORDER_MAX_USEC};
    return item;
}

/* The caller holds the lock. */
static int enqueue(struct signer *s, struct signer_item *item, const struct leaf_order *order)
{
    struct signer_message m = {.kind = SIGNER_ORDER, .id = s->last_number + 1,
                               .body = {(const char *)order->bytes, order->len}};
    item->len = signer_write(&m, item->packet, HEADER_MAX + order->len);
    if (item->len == 0 || s->is_ending)
        return -1;
    item->number = ++s->last_number;
    list_append(&s->arrived, &item->node);
    return 0;
}

int signer_order(struct signer *s, uint64_t id, const struct leaf_order *order)
{
    struct signer_item *item = NULL;
    int rc = -1;
    if (atomic_fetch_add(&s->work.waiting, 1) < ORDERS_MAX)
        item = make_item(id, order);
    if (item != NULL) {
        pthread_mutex_lock(&s->lock);
        bool is_first = list_is_empty(&s->arrived);
        rc = enqueue(s, item, order);
        if (rc == 0 && is_first)
            wake(s);
        pthread_mutex_unlock(&s->lock);
    }
    if (rc == 0)
        return 0;
    atomic_fetch_sub(&s->work.waiting, 1);
    mem_free(item);
    return -1;
}

static int start_thread(struct signer *s, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : err_set(e, NULL, "cannot start a thread for the signer: %s",
                                 strerror(rc));
}

/* Without its thread. */
static void destroy(struct signer *s)
{
    signer_work_fini(&s->work);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static int open_wake(struct signer *s, struct err *e)
{
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake_fd >= 0)
        return 0;
    return err_set(e, NULL, "cannot make a descriptor for the signer: %s", strerror(errno));
}

struct signer *signer_new(const struct signer_settings *settings, struct err *e)
{
    struct signer *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        err_set(e, NULL, "out of memory");
        return NULL;
    }
    s->wake_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    list_init(&s->arrived);
    if (signer_work_init(&s->work, settings, e) == 0 && open_wake(s, e) == 0 &&
        signer_work_start(&s->work, e) == 0 && start_thread(s, e) == 0)
        return s;
    destroy(s);
    return NULL;
}

void signer_free(struct signer *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_ending = true;
    pthread_mutex_unlock(&s->lock);
    wake(s);
    pthread_join(s->thread, NULL);
    destroy(s);
}
