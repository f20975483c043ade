/* SPDX-License-Identifier: MIT */
/*
 * tls_wire.h - what goes between OpenSSL and a socket, or the TLS below: a BIO that reads
 * ahead and gathers what is sealed. Of stream_tls.c alone.
 *
 * Every call of a stream's operation stands between tls_wire_begin and tls_wire_end. In
 * between, reads take large pieces into a buffer that all streams of a worker share, and
 * records gather in another one, which goes out in one send. What the socket does not take
 * is kept here, at most TLS_WIRE_KEPT bytes, and first to go later.
 *
 *   tls_wire_init -> tls_wire_bio -> { tls_wire_begin -> OpenSSL ... -> tls_wire_end }
 *   -> tls_wire_fini
 *
 * Two wires may hold the buffers over many calls (tls_wire_hold): what is read ahead of the one
 * waits, and what is sealed for the other gathers, until tls_wire_release. So a flow goes
 * through in records, which stay in the processor's cache, and through the kernel in large
 * pieces. Other wires, and these two in their other direction, do without buffers meanwhile.
 *
 * Not more is read ahead than the caller has room for, and no plaintext is longer than its
 * record; so what was read ahead is used up when a call ends, but for the end of a handshake:
 * what is left then is kept as `early`.
 * Invariants: the shared buffers are empty between calls, but for those that are held; a record
 * is taken whole or not at all,
 * so OpenSSL never stops in the middle of one (3.0 loses count where new keys are due then);
 * while sealed bytes are kept, the stream is not writable; a quiet wire holds no buffer.
 * Only the wire of the socket itself (bottom) keeps sealed bytes.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_TLS_WIRE_H
#define PROXY_NET_TLS_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/net/stream.h"
#include "util/str.h"

#define TLS_WIRE_KEPT (320 * 1024)
#define TLS_WIRE_RECORD (18 * 1024) /* more than any record, sealed once or twice */

struct stream_tls_pool {
    BIO_METHOD *method;
    char *in, *out;
    uint32_t in_at, in_len, out_len;
    struct stream *stream; /* whose call it is; NULL: there is none */
    size_t room;           /* so much may be read ahead */
    bool is_drained;       /* the socket had less than was asked for */
    struct tls_wire *in_of, *out_of; /* who holds the buffers; NULL: nobody, as for most calls */
    unsigned reads_left;             /* of those that go ahead while in is held */
};

struct tls_wire {
    struct stream_tls_pool *pool;
    struct tls_wire *bottom; /* the one of the socket; perhaps this */
    SSL *below;              /* NULL: nothing, this is the bottom */
    int fd;
    int recv_error, send_error; /* errno of the socket; it is told again at each call */
    char *early;                /* read before; NULL: none is left */
    char *sealed;               /* not yet sent; NULL: none waits */
    uint32_t early_at, early_len, sealed_at, sealed_len, sealed_size;
    bool has_fin;               /* there is nothing more to read: FIN, or close_notify below */
    bool is_slow;               /* its socket did not take all of what was sent last */
    bool is_closed;             /* nothing more is said */
};

/* below: the wire and the TLS that this one's bytes go through; NULL: the socket. early: see
 * stream_tls_start. 0, or -1 without memory. */
MUST_CHECK int tls_wire_init(struct tls_wire *w, struct stream_tls_pool *pool, int fd,
                             const struct tls_wire *below, SSL *ssl_below, struct str early);
void tls_wire_fini(struct tls_wire *w);

/* NULL without memory. */
MUST_CHECK BIO *tls_wire_bio(struct tls_wire *w);

/* A call for s begins; it can take room bytes. */
void tls_wire_begin(const struct tls_wire *w, struct stream *s, size_t room);

/* It has ended: what was gathered goes out. IO_OK nothing waits, IO_AGAIN something is kept and
 * the stream is not writable, IO_ERR the stream cannot send any more: its facts tell. */
enum io tls_wire_end(struct tls_wire *w);

/* Between the two: makes room for a record, by sending what was gathered. True where it was
 * made and nothing waits for the socket. */
MUST_CHECK bool tls_wire_has_room(struct tls_wire *w);

/* From here on calls read of from's wire and send on to's; both are of one pool, and nothing is
 * kept of to's. From's is read ahead a few times, and then as far as its record goes. */
void tls_wire_hold(struct tls_wire *from, struct tls_wire *to);

/* Whether bytes were read ahead and not used. */
bool tls_wire_has_ahead(const struct tls_wire *from);

/* Whether its buffer is held and used up, and will not be filled again. */
bool tls_wire_is_used_up(const struct tls_wire *from);

/* The end of that: what was gathered goes out by to_stream, as in tls_wire_end. */
void tls_wire_release(struct tls_wire *from, struct tls_wire *to, struct stream *to_stream);

#endif
