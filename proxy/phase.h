/* SPDX-License-Identifier: MIT */
/*
 * phase.h - the phases of a connection: one const row and one file each.
 *
 *   [handshake ->] request -> admit -> dial -> [parent ->] tunnel
 *                     ^  \        \________\__> forward -> request | tunnel | linger
 *                      \  \________\________\_> reply -> [discard ->] request | linger
 *   admit -> authenticate -> admit | reply; handshake -> reply | linger
 *   dial, parent -> peek -> tunnel | origin_tls -> inspect -> request (inside)
 *   dial, parent (inside) -> origin_tls -> forward
 *
 * enter makes the phase's private state (conn.state); step is level-based and may
 * be called at any time: it looks at what is there, goes on as far as it can, and
 * says what comes next; leave frees the state, whatever it waits for.
 * A step that waits has made sure that something will call conn_run: a stream's
 * event, the deadline, an answer of the resolver.
 * Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_H
#define PROXY_PHASE_H

struct conn;

enum next {
    NEXT_AGAIN, /* waiting */
    NEXT_PHASE, /* conn_enter was called: step again */
    NEXT_END,   /* conn_end was called: touch nothing */
};

struct phase {
    const char *name;
    int (*enter)(struct conn *c); /* 0, or -1 without memory; NULL: nothing to make */
    enum next (*step)(struct conn *c);
    void (*leave)(struct conn *c);
    void (*check_up)(struct conn *c); /* now and then while it waits; may be NULL */
};

extern const struct phase PHASE_HANDSHAKE; /* takes TLS from the client */
extern const struct phase PHASE_REQUEST; /* reads one request head */
extern const struct phase PHASE_ADMIT;   /* asks the policy and the limits */
extern const struct phase PHASE_AUTHENTICATE; /* finds out who asks */
extern const struct phase PHASE_DIAL;    /* resolves, guards, connects */
extern const struct phase PHASE_PARENT;  /* asks a parent proxy for a tunnel */
extern const struct phase PHASE_PEEK;       /* looks at a tunnel's first bytes */
extern const struct phase PHASE_ORIGIN_TLS; /* TLS with the origin of an inspected tunnel */
extern const struct phase PHASE_INSPECT;    /* a leaf, and TLS with its client */
extern const struct phase PHASE_TUNNEL;  /* moves bytes both ways */
extern const struct phase PHASE_FORWARD; /* one plain request and its response */
extern const struct phase PHASE_REPLY;   /* an answer of our own */
extern const struct phase PHASE_DISCARD; /* content that nobody wants, then request */
extern const struct phase PHASE_LINGER;  /* what follows an answer: the end */

#endif
