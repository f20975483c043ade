/* SPDX-License-Identifier: MIT */
/*
 * relay.h - moves bytes one way between two streams.
 *
 * Small amounts are copied through one buffer that all relays of a worker share;
 * a flow that keeps filling it is spliced through a pipe of the worker's pool.
 * Both streams belong to the owner of the relay. What the destination does not
 * take at once waits here (at most RELAY_MAX_PENDING bytes, or a pipeful), and
 * nothing more is read until it is gone: that is the back-pressure.
 *
 *   relay_init -> relay_put (bytes that were read before) -> relay_run on any
 *   readiness of either stream, until IO_OK or IO_ERR -> relay_fini
 *
 * Invariants: the source is read only when nothing waits here; a quiet relay
 * holds neither memory nor pipe; an end of the source is passed on (FIN) once all
 * in front of it was delivered.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_RELAY_H
#define PROXY_NET_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/net/pipes.h"
#include "proxy/net/stream.h"
#include "util/str.h"

#define RELAY_BUFFER_BYTES (256 * 1024)
#define RELAY_MAX_PENDING (1024 * 1024)

/* What all relays of a worker share. */
struct relay_pool {
    char *buffer; /* RELAY_BUFFER_BYTES, contents valid within one call only */
    struct pipes pipes;
};

/* 0, or -1 without memory. */
MUST_CHECK int relay_pool_init(struct relay_pool *p);
void relay_pool_fini(struct relay_pool *p);

enum relay_state {
    RELAY_OPEN,
    RELAY_DRAIN,  /* the source has ended; what waits here must still go out */
    RELAY_DONE,   /* and the FIN was passed on */
    RELAY_FAILED, /* one of the streams broke */
};

struct relay {
    struct stream *from, *to;
    struct relay_pool *pool;
    uint64_t bytes; /* delivered */
    char *pending;  /* NULL: nothing waits */
    uint32_t pending_at, pending_len;
    struct pipe *pipe; /* NULL: none held */
    enum relay_state state;
    uint8_t large_reads, small_splices;
    bool is_bulk, is_splice_refused;
};

void relay_init(struct relay *r, struct relay_pool *pool, struct stream *from, struct stream *to);

/* Bytes to deliver before anything that is read: at most RELAY_MAX_PENDING, before
 * the first relay_run. 0, or -1 without memory. */
MUST_CHECK int relay_put(struct relay *r, struct str bytes);

/* Goes on as far as possible without blocking and without taking too long.
 * IO_OK the source ended and all was delivered, IO_AGAIN waiting for either
 * stream, IO_YIELD call again in the next turn, IO_ERR one stream is broken:
 * r->to if its is_send_broken is set, else r->from. */
MUST_CHECK enum io relay_run(struct relay *r);

static inline bool relay_is_over(const struct relay *r)
{
    return r->state == RELAY_DONE || r->state == RELAY_FAILED;
}

/* Drops what waits here. */
void relay_fini(struct relay *r);

#endif
