/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one client's connection and the machine that drives it.
 *
 * What a connection is doing is its phase, a const table row (phase.h). Every
 * wake-up, whatever caused it, only records its fact and calls conn_run, which
 * lets the phase step until it waits. A phase changes only through conn_enter,
 * and a connection ends only through conn_end.
 *
 *   conn_accept -> phases -> conn_end -> freed at the end of the loop's turn
 *
 * Owns both streams, the request (txn) and what its phase keeps in `state`.
 * Invariants: after conn_end nothing calls back into it; a quiet tunnel holds no
 * buffer.
 * Threads: the worker's own only.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <openssl/types.h>

#include "proxy/end_reason.h"
#include "proxy/net/stream.h"
#include "proxy/phase.h"
#include "proxy/txn.h"
#include "proxy/wheel.h"
#include "util/addr.h"
#include "util/list.h"
#include "util/str.h"

struct auth_session;
struct inspected;
struct worker;

struct conn {
    struct list_node node;
    struct worker *worker;
    const struct phase *phase;
    void *state; /* of the phase; made by its enter, freed by its leave */
    struct wheel_node deadline;
    struct list_node watch; /* on the worker's list of those to look at again soon */
    struct endpoint client_addr;
    enum end_reason end;                   /* why, for leave; DONE until conn_end */
    bool is_ended, is_expired;
    bool is_counted;                       /* against the limit of its client */
    bool is_logged;                        /* a request was logged and counted */
    bool is_kept_alive;                    /* it has had a request before */
    bool is_new;                           /* TLS has begun, and no request yet */
    bool has_client_stirred;               /* an event of the client since the last step */
    bool has_tuned;                        /* keepalive of the origin's socket is set */
    uint8_t auth_rounds;                   /* answers 407 in a row */
    SSL_CTX *tls;                          /* for the handshake; NULL: none, or it has begun */
    struct auth_session *auth;             /* NULL: no handshake was begun */
    struct inspected *inspected;           /* NULL: its TLS, if it has any, goes elsewhere */
    struct txn *txn;                       /* NULL between requests and in a tunnel */
    char *early, *late; /* read from the client, and from the origin, not used yet */
    uint32_t early_len, late_len;
    struct endpoint bound_to;
    char *bound_key;    /* of what the origin's connection was dialled for, where it
                         * must serve nobody but this client; NULL: it is not bound */
    struct stream client, origin;
};

/* Takes an accepted socket; closes it where there is no memory. tls: NULL where the client
 * speaks plain HTTP; else a reference is taken. */
void conn_accept(struct worker *w, int fd, const struct endpoint *client, SSL_CTX *tls);

/* Steps until the phase waits. */
void conn_run(struct conn *c);

/* Leaves the phase and goes to the next; returns NEXT_PHASE. Where the phase
 * cannot be entered (no memory) the connection is ended: NEXT_END. */
MUST_CHECK enum next conn_enter(struct conn *c, const struct phase *phase);

/* The origin of c->txn is there: what comes next is a tunnel, a look at its first bytes, TLS
 * with the origin, or the request. */
MUST_CHECK enum next conn_enter_connected(struct conn *c);

/* The deadline of what is going on now. */
void conn_set_deadline(struct conn *c, uint64_t from_now_ms);

/* Bytes have come: a check-up at the next tick (see stream.h for why). */
void conn_watch(struct conn *c);

/* c->txn for a request that begins; inside inspected TLS it is for the host of the CONNECT.
 * False without memory. */
MUST_CHECK bool conn_begin_txn(struct conn *c);

/* The request cannot be served: says why to the client where that is still
 * possible, else ends the connection. details (may be NULL) goes to the answer. */
MUST_CHECK enum next conn_fail(struct conn *c, enum end_reason reason, const char *details);

/* There is nobody to be told in words: logs it, and lets go of the connection so that what
 * was sent last still arrives. reason has no status. */
MUST_CHECK enum next conn_refuse(struct conn *c, enum end_reason reason, const char *details);

/* Ends it; returns NEXT_END. */
enum next conn_end(struct conn *c, enum end_reason reason);

/* Closes the connection to the origin, if there is one: the stream can be used again,
 * and what it was bound to is forgotten. */
void conn_drop_origin(struct conn *c);

/* on_ready of the origin's stream. */
void conn_on_origin_ready(struct stream *s);

/* Keeps bytes that the client sent ahead of time: they come first for whoever
 * reads from the client next. 0, or -1 without memory. */
MUST_CHECK int conn_keep_early(struct conn *c, struct str bytes);
void conn_drop_early(struct conn *c);

#endif
