/* SPDX-License-Identifier: MIT */
/*
 * stream.h - one end of a connection: a socket and what is known about it.
 *
 * Events are edge-triggered: is_readable and is_writable remember what the
 * kernel said until a call finds it no longer true. So a socket is registered
 * once and never again for the whole of its life, whatever back-pressure does.
 * The operations stand in a table, so that TLS is another table over the same
 * struct; whoever moves bytes calls stream_recv and stream_send and never sees
 * which.
 *
 *   stream_init -> stream_open -> stream_recv / stream_send / stream_shut -> stream_close
 *
 * The stream owns its descriptor. It is embedded in its owner, which finds itself
 * from it. on_ready is called from the loop and must look at the facts itself; it
 * may close the stream.
 *
 * libevent shows a fault of the socket as readable and writable, no more. A reset
 * that arrives in the same moment as data may so go unseen by a read that takes
 * just the data; who has read looks again a moment later (stream_probe).
 * Invariants: fd is -1 when closed; after IO_ERR error holds the errno; after
 * IO_EOF is_eof is set and the next recv says IO_EOF again. A fault found by a
 * send ends sending only: what the peer sent before can still be read.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_STREAM_H
#define PROXY_NET_STREAM_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

enum io {
    IO_OK,    /* done, or some bytes moved */
    IO_AGAIN, /* nothing more can be done now; an event will tell */
    IO_YIELD, /* more could be done, but others have a turn first */
    IO_EOF,   /* the peer has sent all it had to send */
    IO_ERR,   /* broken: see stream.error */
};

struct stream;

struct stream_ops {
    enum io (*recv)(struct stream *s, void *bytes, size_t size, size_t *len);
    enum io (*send)(struct stream *s, const void *bytes, size_t size, size_t *len);
    enum io (*shut)(struct stream *s); /* no more will be sent */
    void (*flush)(struct stream *s);   /* the socket takes bytes again; may be NULL */
    void (*fini)(struct stream *s);    /* before the descriptor is closed; may be NULL */
    bool can_splice;                   /* the descriptor's bytes are the stream's bytes */
};

struct stream_tls;

typedef void stream_ready_fn(struct stream *s);

struct stream {
    int fd;
    int error;
    bool is_readable, is_writable;
    bool is_ending; /* the peer's FIN or a fault has arrived, perhaps behind data */
    bool is_eof;    /* and all data in front of it was read */
    bool is_shut;   /* our FIN was sent */
    bool is_cut;    /* TLS: that end came without close_notify: perhaps not the peer's own */
    bool ends_cut;  /* TLS: our own end is to come without one too; set before stream_shut */
    bool is_recv_broken, is_send_broken;
    bool recv_waits_write, send_waits_recv; /* TLS may need the one for the other */
    struct stream_tls *tls; /* of stream_tls.c; NULL: the bytes are as they come */
    const struct stream_ops *ops;
    stream_ready_fn *on_ready;
    struct event event;
};

extern const struct stream_ops STREAM_PLAIN;

/* A closed stream. */
void stream_init(struct stream *s);

/* Takes fd (non-blocking) and registers it. is_connected: it may be read and
 * written at once; else it is connecting (see stream_connected). 0, or -1 without
 * memory: then fd is still the caller's. */
MUST_CHECK int stream_open(struct stream *s, struct event_base *base, int fd, bool is_connected,
                           stream_ready_fn *on_ready);

static inline bool stream_is_open(const struct stream *s)
{
    return s->fd >= 0;
}

/* Up to size bytes. IO_OK with *len > 0, IO_AGAIN, IO_EOF or IO_ERR. */
MUST_CHECK enum io stream_recv(struct stream *s, void *bytes, size_t size, size_t *len);

/* Some of size bytes. IO_OK with *len > 0 (perhaps less than size), IO_AGAIN, IO_ERR.
 * Bytes that were not taken come first in the next call, or there is none: TLS may have
 * sealed some of them already. */
MUST_CHECK enum io stream_send(struct stream *s, const void *bytes, size_t size, size_t *len);

/* Ends our side: the peer gets a FIN behind all that was sent. IO_OK, IO_AGAIN (TLS has
 * a last word to send: call again) or IO_ERR. */
MUST_CHECK enum io stream_shut(struct stream *s);

/* True where a fault is known (reset by the peer, say) though nobody has read or
 * written: for phases that wait for something else. Sets error. */
MUST_CHECK bool stream_is_broken(struct stream *s);

/* For check-ups: makes the next read look again, whatever the last event said; on a
 * stream that has ended, looks for a fault at once. */
void stream_probe(struct stream *s);

/* For a connecting socket that has become ready: IO_OK connected, IO_AGAIN not
 * yet, IO_ERR failed. */
MUST_CHECK enum io stream_connected(struct stream *s);

/* Hands what from holds to a closed stream: to. 0, or -1 without memory. */
MUST_CHECK int stream_move(struct stream *to, struct stream *from, stream_ready_fn *on_ready);

/* Calls on_ready in the next turn of the loop. */
void stream_wake(struct stream *s);

/* A peer that is gone without a word is found out within two minutes: a probe after
 * 60 s of silence, four of them 15 s apart. On a listening socket: for all it accepts. */
void stream_set_keepalive(int fd);

/* Closes the descriptor. Harmless on a closed stream. */
void stream_close(struct stream *s);

/* Closes it so that the peer gets a reset: for a tunnel whose other side broke. */
void stream_abort(struct stream *s);

#endif
