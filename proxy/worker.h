/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one thread with a loop, its listeners and its connections.
 *
 * A connection lives and dies on the worker that accepted it. Nothing is shared
 * on the way of a byte: the worker has its own resolver, buffers, counters and
 * log ring. Other threads talk to it through an inbox.
 *
 *   worker_new -> worker_start -> inbox_post ... -> worker_join -> worker_free
 *
 * The worker holds one reference to the configuration in force and to each one
 * that a request still uses (struct config_pin).
 * Threads: inbox_post by any; counters may be read by any; the rest as noted.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <event2/event.h>
#include <pthread.h>

#include "conf/config.h"
#include "proxy/inbox.h"
#include "proxy/http/ledger.h"
#include "proxy/net/dns.h"
#include "proxy/net/pool.h"
#include "proxy/net/relay.h"
#include "proxy/net/stream_tls.h"
#include "proxy/ops/counters.h"
#include "proxy/ops/logwriter.h"
#include "proxy/wheel.h"
#include "util/clock.h"
#include "util/list.h"

struct authority;
struct clients;
struct leaves;
struct proposals;
struct tickets;

/* What the whole process shares; outlives every worker. */
struct shared {
    struct clients *clients;
    struct authority *authority;
    struct logwriter *logwriter;
    struct tickets *tickets;
    struct leaves *leaves;       /* of inspection */
    struct proposals *proposals; /* hosts whose inspection fails */
    int done_fd; /* eventfd: a worker that has ended adds one */
    /* Tunnels over all workers, and how many the descriptors suffice for: each
     * takes two, and some are kept for names, logs and answers. */
    atomic_uint tunnels;
    unsigned tunnels_max;
};

/* A configuration as one worker uses it. */
struct config_pin {
    struct config *config;
    struct policy_scratch *scratch;
    struct dns *dns;
    struct pool *pool; /* of idle origin connections */
    unsigned generation; /* counts the configurations of this worker */
    unsigned users; /* requests, and one for being in force */
};

struct worker {
    struct shared *shared;
    unsigned number;
    pthread_t thread;
    struct event_base *base;
    struct config_pin *pin;
    struct list conns, graveyard, listeners;
    struct list watched; /* connections that bytes came to since the last tick */
    size_t conn_count;
    struct wheel wheel;
    struct event *wheel_timer;
    bool is_wheel_turning, is_draining, is_stopping;
    struct relay_pool pool;
    struct stream_tls_pool *tls_pool; /* of all TLS streams */
    struct sessions *sessions;        /* with origins */
    unsigned generation;
    struct logring *ring;
    int spare_fd; /* given up for a moment to answer when no descriptor is left */
    uint64_t next_id, id_key;
    time_t date_at;          /* the second that date is of */
    char date[32];
    uint64_t dns_base[5]; /* counts of resolvers that are gone */
    struct inbox inbox;
    struct counters counters;
};

/* config: one reference is taken over. NULL with e filled. Control thread. */
MUST_CHECK struct worker *worker_new(struct shared *shared, unsigned number,
                                     struct config *config, struct err *e);
MUST_CHECK int worker_start(struct worker *w, struct err *e);

/* Waits for the end of the thread. */
void worker_join(struct worker *w);

/* Frees everything, after the thread has ended or if it never ran. NULL is fine. */
void worker_free(struct worker *w);

/* What messages ask for; the worker's thread. The reference to config is taken. */
void worker_use_config(struct worker *w, struct config *config);
void worker_drain(struct worker *w);

/* The configuration in force, held for one request more; and one less. */
struct config_pin *worker_pin(struct worker *w);
void worker_unpin(struct worker *w, struct config_pin *pin);

/* Milliseconds of the monotonic clock. */
static inline uint64_t worker_now_ms(void)
{
    return clock_usec() / 1000;
}

/* Adds what was changed in a message that is passed on. */
void worker_count_header_changes(struct worker *w, const struct header_ledger *ledger);

/* Now, as a Date field has it (RFC 9110 section 5.6.7); good until the next call. */
struct str worker_http_date(struct worker *w);

/* A deadline of a connection, in milliseconds from now. */
void worker_set_deadline(struct worker *w, struct wheel_node *n, uint64_t from_now_ms);

#endif
