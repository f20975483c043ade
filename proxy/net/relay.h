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
 * A relay moves everything (a tunnel), so many bytes, or what a filter lets
 * through until the filter says that it is over (the chunks of a message).
 *
 *   relay_init -> relay_put (bytes to deliver first), relay_carry (bytes that were
 *   read before) -> relay_run on any readiness of either stream, until IO_OK, IO_EOF
 *   or IO_ERR -> relay_take_carry (what is left of them) -> relay_fini
 *
 * Invariants: the source is read only when nothing waits here; a quiet relay
 * holds neither memory nor pipe; an end of the source is passed on (FIN) once all
 * in front of it was delivered, where the relay is to do so: between TLS and TLS with
 * close_notify or without, as it came.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_RELAY_H
#define PROXY_NET_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/net/pipes.h"
#include "proxy/net/stream.h"
#include "util/parse.h"
#include "util/str.h"

#define RELAY_BUFFER_BYTES (256 * 1024)
#define RELAY_OUT_BYTES (RELAY_BUFFER_BYTES + 128 * 1024)
#define RELAY_MAX_PENDING (2 * 1024 * 1024)
#define RELAY_EVERYTHING UINT64_MAX

/* What all relays of a worker share. */
struct relay_pool {
    char *buffer; /* RELAY_BUFFER_BYTES, contents valid within one call only */
    char *out;    /* RELAY_OUT_BYTES, likewise: what a filter makes of them */
    struct pipes pipes;
};

/* 0, or -1 without memory. */
MUST_CHECK int relay_pool_init(struct relay_pool *p);
void relay_pool_fini(struct relay_pool *p);

enum relay_state {
    RELAY_OPEN,
    RELAY_DRAIN,  /* all is read; what waits here must still go out */
    RELAY_DONE,   /* all is delivered, and the FIN passed on where that is wanted */
    RELAY_CUT,    /* the source ended before the end, or the filter refused it */
    RELAY_FAILED, /* one of the streams broke */
};

/* Makes output of input. PARSE_MORE: all of in was used; PARSE_OK: it is over, and
 * *used says where; PARSE_BAD: refuse it. size is at least RELAY_OUT_BYTES. */
typedef enum parse relay_filter_fn(void *arg, struct str in, size_t *used, char *out, size_t size,
                                   size_t *len);

struct relay;

/* Sees what was just read from the source, which goes its way all the same. It may not
 * run the relay. True: it wants to see the next bytes too. */
typedef bool relay_observer_fn(struct relay *r, struct str in);

struct relay {
    struct stream *from, *to;
    struct relay_pool *pool;
    uint64_t bytes; /* delivered */
    char *pending;  /* NULL: nothing waits */
    uint32_t pending_at, pending_len;
    char *carry;    /* input that was read before; NULL: none */
    uint32_t carry_at, carry_len;
    struct pipe *pipe;       /* NULL: none held */
    uint64_t left;           /* still to be read; RELAY_EVERYTHING: until the end */
    relay_filter_fn *filter; /* NULL: as it is */
    void *filter_arg;
    relay_observer_fn *observer; /* NULL: nobody looks */
    enum relay_state state;
    uint8_t large_reads, small_splices;
    bool is_bulk, is_splice_refused;
    bool passes_end; /* the source's end is passed on */
};

void relay_init(struct relay *r, struct relay_pool *pool, struct stream *from, struct stream *to);

/* Bytes to deliver before anything that is read and behind what waits already; at
 * most RELAY_MAX_PENDING with that. 0, or -1 without memory. */
MUST_CHECK int relay_put(struct relay *r, struct str bytes);

/* Sends what waits, and reads nothing. IO_OK nothing waits, IO_AGAIN or IO_ERR. */
MUST_CHECK enum io relay_flush(struct relay *r);

/* Takes over a block of mem_alloc whose bytes come before those of the source;
 * NULL is fine. Before the first relay_run. */
void relay_carry(struct relay *r, char *bytes, uint32_t len);

/* What is left of it behind the end: a block of the caller's from now on, or NULL. */
MUST_CHECK char *relay_take_carry(struct relay *r, uint32_t *len);

/* Not everything, and no FIN: so many bytes. */
void relay_limit(struct relay *r, uint64_t bytes);

/* Until the end of the source, but no FIN. */
void relay_keep_open(struct relay *r);

/* What the filter makes of it until it says that it is over. */
void relay_set_filter(struct relay *r, relay_filter_fn *filter, void *arg);

/* Shows what is read from the source from now on to the observer until it has seen
 * enough; nothing is spliced past it. Bytes of relay_put and relay_carry are not shown.
 * NULL: no more. */
void relay_observe(struct relay *r, relay_observer_fn *observer);

/* Goes on as far as possible without blocking and without taking too long.
 * IO_OK all was delivered, IO_AGAIN waiting for either stream, IO_YIELD call again
 * in the next turn, IO_EOF the source ended too early or the filter refused it (what
 * came before was delivered), IO_ERR one stream is broken: r->to if its
 * is_send_broken is set, else r->from. */
MUST_CHECK enum io relay_run(struct relay *r);

static inline bool relay_is_over(const struct relay *r)
{
    return r->state >= RELAY_DONE;
}

/* Drops what waits here. */
void relay_fini(struct relay *r);

#endif
