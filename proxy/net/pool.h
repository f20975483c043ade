/* SPDX-License-Identifier: MIT */
/*
 * pool.h - idle connections to origins, kept for the next request.
 *
 * Keyed by what they were dialled for ("http://host:port", or a parent's name), so
 * a connection serves only requests that would have dialled the same. The newest of
 * a key is given out first; the oldest of all goes when there are too many.
 *
 *   pool_new -> pool_put (takes a stream's socket) ... pool_take -> pool_free
 *
 * Invariants: at most max connections, none idle for longer than max_idle_ms, and
 * none that the origin has ended or written to while it was idle: such bytes
 * answer nothing (RFC 9112 section 9.2).
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_POOL_H
#define PROXY_NET_POOL_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/net/stream.h"
#include "util/addr.h"
#include "util/str.h"

struct pool;

/* NULL without memory. */
MUST_CHECK struct pool *pool_new(struct event_base *base, unsigned max, uint64_t max_idle_ms);

/* Takes the socket over from an open stream, which is closed then; where it cannot
 * be kept, the socket is closed. dialled goes with it. */
void pool_put(struct pool *p, struct str key, struct stream *s, const struct endpoint *dialled);

/* Gives a socket to a closed stream. False where there is none of that key that was
 * in use within the last max_age_ms. */
MUST_CHECK bool pool_take(struct pool *p, struct str key, uint64_t max_age_ms, struct stream *s,
                          stream_ready_fn *on_ready, struct endpoint *dialled);

/* How many are idle now. */
unsigned pool_count(const struct pool *p);

/* Closes all. NULL is fine. */
void pool_free(struct pool *p);

#endif
