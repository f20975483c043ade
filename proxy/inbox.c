/* SPDX-License-Identifier: MIT */
/* inbox.c - how another thread tells a worker something; see inbox.h. */
#include "proxy/inbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/listener.h"
#include "proxy/worker.h"
#include "util/log.h"
#include "util/mem.h"

/* A letter that holds a message. */
struct order {
    struct letter letter;
    struct inbox *inbox;
    struct message message;
};

void inbox_init(struct inbox *b)
{
    *b = (struct inbox){.wake_fd = -1};
    pthread_mutex_init(&b->lock, NULL);
}

static struct letter *take_all(struct inbox *b)
{
    pthread_mutex_lock(&b->lock);
    struct letter *first = b->first;
    b->first = b->last = NULL;
    pthread_mutex_unlock(&b->lock);
    return first;
}

static void carry_out(struct worker *w, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_LISTEN:
        if (listener_add(w, m->listener, m->fd) != 0)
            log_line(LOG_ERROR, "worker %u: no memory for a listener", w->number);
        break;
    case MESSAGE_UNLISTEN:
        listener_remove(w, m->listener);
        break;
    case MESSAGE_CONFIG:
        worker_use_config(w, m->config);
        break;
    case MESSAGE_DRAIN:
        worker_drain(w);
        break;
    case MESSAGE_STOP:
        w->is_stopping = true;
        break;
    }
}

static void on_letters(evutil_socket_t fd, short what, void *arg)
{
    struct inbox *b = arg;
    uint64_t count;
    (void)what;
    (void)!read((int)fd, &count, sizeof(count));
    struct letter *letter = take_all(b);
    while (letter != NULL) {
        struct letter *next = letter->next;
        letter->open(letter);
        letter = next;
    }
}

int inbox_open(struct inbox *b, struct worker *w)
{
    b->worker = w;
    b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->wake_fd < 0)
        return -1;
    b->event = event_new(w->base, b->wake_fd, EV_READ | EV_PERSIST, on_letters, b);
    return b->event != NULL && event_add(b->event, NULL) == 0 ? 0 : -1;
}

static void open_order(struct letter *letter)
{
    struct order *o = (struct order *)letter;
    carry_out(o->inbox->worker, &o->message);
    mem_free(o);
}

static void drop_order(struct letter *letter)
{
    struct order *o = (struct order *)letter;
    if (o->message.kind == MESSAGE_LISTEN)
        close(o->message.fd);
    if (o->message.kind == MESSAGE_CONFIG)
        config_unref(o->message.config);
    mem_free(o);
}

void inbox_return(struct inbox *b, struct letter *letter)
{
    uint64_t one = 1;
    letter->next = NULL;
    pthread_mutex_lock(&b->lock);
    if (b->last != NULL)
        b->last->next = letter;
    else
        b->first = letter;
    b->last = letter;
    pthread_mutex_unlock(&b->lock);
    (void)!write(b->wake_fd, &one, sizeof(one));
}

void inbox_post(struct inbox *b, const struct message *message)
{
    struct order *o = mem_must_zalloc(sizeof(*o));
    o->letter.open = open_order;
    o->letter.drop = drop_order;
    o->inbox = b;
    o->message = *message;
    inbox_return(b, &o->letter);
}

void inbox_fini(struct inbox *b)
{
    struct letter *letter = take_all(b);
    while (letter != NULL) {
        struct letter *next = letter->next;
        letter->drop(letter);
        letter = next;
    }
    if (b->event != NULL)
        event_free(b->event);
    if (b->wake_fd >= 0)
        close(b->wake_fd);
    pthread_mutex_destroy(&b->lock);
}
