/* SPDX-License-Identifier: MIT */
/*
 * inbox.h - how another thread tells a worker something.
 *
 * A short list under a lock, and an eventfd that wakes the worker's loop. The control
 * thread posts rare things (a new configuration, a listener, the end); what a worker
 * gave to another thread (a password to check) comes back in a letter of its own.
 *
 *   inbox_init -> inbox_open -> inbox_post, inbox_return ... -> inbox_fini
 *
 * Invariant: what a message holds (descriptor, reference) belongs to the inbox
 * until it is carried out; what is left at the end is released, or dropped.
 * Threads: inbox_post and inbox_return by any; the rest by the worker, or before and
 * after its thread.
 */
#ifndef PROXY_INBOX_H
#define PROXY_INBOX_H

#include <event2/event.h>
#include <pthread.h>

#include "util/attr.h"

struct config;
struct worker;

enum message_kind {
    MESSAGE_LISTEN,   /* accept on fd from now on */
    MESSAGE_UNLISTEN, /* close the listener of that number */
    MESSAGE_CONFIG,   /* from now on this configuration; one reference comes along */
    MESSAGE_DRAIN,    /* no new connections or requests; end when the last is gone */
    MESSAGE_STOP,     /* end now */
};

struct message {
    enum message_kind kind;
    unsigned listener;
    int fd;
    struct config *config;
};

/* One that is embedded in what comes back. One of the two is called, once. */
struct letter {
    struct letter *next;
    void (*open)(struct letter *letter); /* by the worker */
    void (*drop)(struct letter *letter); /* by whoever ends the inbox */
};

struct inbox {
    pthread_mutex_t lock;
    struct letter *first, *last;
    int wake_fd; /* -1: not open */
    struct event *event;
    struct worker *worker;
};

void inbox_init(struct inbox *b);

/* Registers with the worker's loop. 0, or -1 with errno. */
MUST_CHECK int inbox_open(struct inbox *b, struct worker *w);

/* Setup only as to memory: ends the process without. */
void inbox_post(struct inbox *b, const struct message *message);

/* Needs no memory; open and drop are set. */
void inbox_return(struct inbox *b, struct letter *letter);

void inbox_fini(struct inbox *b);

#endif
