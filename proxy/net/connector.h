/* SPDX-License-Identifier: MIT */
/*
 * connector.h - one connection out of several addresses, the quickest that works
 * (Happy Eyeballs, RFC 8305).
 *
 * Addresses come in as the resolver finds them. Families take turns, IPv6 first;
 * another attempt starts when one has failed, or after CONNECTOR_DELAY_MS without
 * an answer. The first attempt uses the stream of the owner itself, so the usual
 * case costs nothing more; the winner of several is moved there.
 *
 *   connector_init -> connector_add ... connector_run on any wake-up, until IO_OK or
 *   IO_ERR -> connector_fini
 *
 * Invariants: at most CONNECTOR_MAX_ATTEMPTS sockets at a time; on_wake is called
 * from the loop only. After IO_OK the owner's stream is connected.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_CONNECTOR_H
#define PROXY_NET_CONNECTOR_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "proxy/net/dns.h"
#include "proxy/net/stream.h"
#include "util/addr.h"

#define CONNECTOR_DELAY_MS 250     /* RFC 8305 section 5, Connection Attempt Delay */
#define CONNECTOR_MAX_ATTEMPTS 6

struct attempt;
struct connector;
typedef void connector_wake_fn(struct connector *x);

struct connector_family {
    struct addr addrs[DNS_MAX_ADDRESSES];
    unsigned count, tried;
};

struct connector {
    struct event_base *base;
    struct stream *stream; /* the owner's */
    connector_wake_fn *on_wake;
    uint16_t port;
    bool is_first_open;    /* the owner's stream carries an attempt */
    bool is_timer_on, is_due; /* is_due: the delay is over, start another */
    bool was_v6;
    struct connector_family v6, v4;
    struct attempt *attempts[CONNECTOR_MAX_ATTEMPTS - 1]; /* all but the first */
    struct addr first, connected;
    int error; /* errno of the most telling failure so far; 0: none */
    struct event timer;
};

/* ready: on_ready of the owner's stream; it must lead to connector_run. */
void connector_init(struct connector *x, struct event_base *base, struct stream *stream,
                    uint16_t port, connector_wake_fn *on_wake);

/* One more address to try; those beyond DNS_MAX_ADDRESSES of a family are dropped. */
void connector_add(struct connector *x, const struct addr *a);

bool connector_has_addresses(const struct connector *x); /* not tried yet */
bool connector_is_trying(const struct connector *x);

/* Goes on as far as it can. may_start: new attempts may begin. ready: handed to
 * stream_open for the owner's stream. IO_OK connected (to connected), IO_AGAIN
 * trying, IO_ERR nothing left to try (error says why; 0 where nothing was). */
MUST_CHECK enum io connector_run(struct connector *x, bool may_start, stream_ready_fn *ready);

/* Closes every attempt but the one that won. */
void connector_fini(struct connector *x);

#endif
