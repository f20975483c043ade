/* SPDX-License-Identifier: MIT */
/*
 * tls_flow.h - a TLS stream and its peer, and bytes both ways that each end checks.
 *
 * The stream is used only when an event says so, from its own on_ready: a wake-up that is
 * lost stalls the flow, and the test fails. Bytes are a function of their place.
 *
 *   tls_flow_set_up -> tls_flow_start -> tls_flow_turn ... -> tls_flow_tear_down
 *
 * There is one flow. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_TLS_FLOW_H
#define TESTS_UNIT_CORE_TLS_FLOW_H

#include "proxy/net/stream_tls.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/tls_peer.h"

#define TLS_FLOW_CHUNK 65536

/* One direction, as one end sees it. */
struct tls_flow_end {
    uint64_t to_send, sent, received;
    bool has_shut, has_eof, is_broken;
};

struct tls_flow {
    struct event_base *base;
    struct stream_tls_pool *pool;
    struct tls_pair pair;
    SSL_CTX *server, *clients[3]; /* clients: of any version, of 1.2, of 1.3 */
    struct stream near;
    struct tls_peer far;
    struct tls_flow_end near_end, far_end;
    bool is_done, is_paused; /* the handshake; reading */
    enum io handshake;
    uint64_t portions; /* random state */
};

extern struct tls_flow tf;
extern char tls_flow_bytes[TLS_FLOW_CHUNK];

/* A fixture. */
void tls_flow_set_up(void);
void tls_flow_tear_down(void);

/* A plain stream, and the socket of its peer. */
void tls_flow_open(enum flow_kind kind, int send_bytes);

/* And TLS on both. version: 0 any, 1 1.2, 2 1.3. early: of the peer's first bytes, at most
 * so many are read before TLS begins. */
void tls_flow_start(enum flow_kind kind, int send_bytes, bool near_serves, unsigned version,
                    size_t early);

/* TLS inside of it, on both ends, behind the first handshake. */
void tls_flow_nest(bool near_serves, unsigned version);

/* What the stream does when it is ready, and its peer in one turn. */
void tls_flow_step(void);
void tls_flow_step_far(size_t most);

/* One turn of the loop and of the peer, which moves at most so many bytes. */
void tls_flow_turn(size_t most);
void tls_flow_shake_hands(void);

/* Both ends have sent all they had, and know it of each other. */
bool tls_flow_is_over(void);

/* Until then; most 0: random portions. */
void tls_flow_finish(size_t most, bool asks_for_keys);

/* Bytes of that place in tls_flow_bytes. */
void tls_flow_fill(uint64_t from, size_t len, bool of_near);

#endif
