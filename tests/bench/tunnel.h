/* SPDX-License-Identifier: MIT */
/*
 * tunnel.h - one connection of the load generator, from connect() to the first byte of payload.
 *
 * With a CONNECT target in the route the tunnel asks the proxy for it and waits for the 200;
 * without one it is ready as soon as TCP is. With a login it answers a 407 on the way, where the
 * scheme does; or the 407 is what is wanted, for a password that is wrong.
 *
 *   tunnel_open -> tunnel_step (on every event, while it answers TUNNEL_WAIT) -> payload ->
 * tunnel_close
 *
 * A tunnel owns its socket; it watches it with the epoll instance of the route, level-triggered,
 * its own address in data.ptr. A closed tunnel has fd -1. Threads: one.
 */
#ifndef BENCH_TUNNEL_H
#define BENCH_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/login.h"
#include "tests/bench/netaddr.h"
#include "util/attr.h"

#define TUNNEL_REPLY_SIZE 4096

enum tunnel_state { TUNNEL_CLOSED, TUNNEL_CONNECTING, TUNNEL_ASKED, TUNNEL_REFUSED, TUNNEL_UP };
enum tunnel_result { TUNNEL_WAIT, TUNNEL_READY, TUNNEL_FAILED };

/* Where tunnels go: the same for all of them. */
struct tunnel_route {
    int epoll_fd;
    struct netaddr_range proxy;
    struct netaddr_range target; /* what CONNECT names */
    bool has_target;
    struct login login;  /* what CONNECT carries */
    bool wants_refusal;  /* the answer to CONNECT must be a 407; its body is the end */
    unsigned sources;    /* source addresses in use: 127.0.1.1 and up */
    unsigned next;       /* counts tunnels, to take sources and ports in turn */
};

struct tunnel {
    int fd;
    enum tunnel_state state;
    uint64_t since_ns;    /* start of the unit of work under way */
    uint64_t early_bytes; /* payload that came in one piece with the 200 */
    uint64_t body_left;   /* of the response to a GET, or of a 407: still to come */
    int port;             /* of the target */
    unsigned legs;        /* requests sent for this tunnel */
    bool in_body;         /* its head is complete */
    size_t reply_len;     /* the answer to CONNECT, later the head of such a response */
    char reply[TUNNEL_REPLY_SIZE];
};

/* Nanoseconds of the monotonic clock. */
uint64_t tunnel_now_ns(void);

/* Starts a connection. TUNNEL_READY: payload may be sent at once. On TUNNEL_FAILED nothing is
 * left open. */
MUST_CHECK enum tunnel_result tunnel_open(struct tunnel *t, struct tunnel_route *route);

/* Goes on after an event, until TUNNEL_READY; on TUNNEL_FAILED the tunnel is closed. */
MUST_CHECK enum tunnel_result tunnel_step(struct tunnel *t, struct tunnel_route *route);

/* Sends the one byte that the echo works live on. Returns 0 or -1. */
MUST_CHECK int tunnel_send_byte(struct tunnel *t);

/* Takes the echoed byte. 1: it came; 0: not yet; -1: end, error or a byte too many. */
MUST_CHECK int tunnel_take_byte(struct tunnel *t);

/* Closes the socket; a closed tunnel stays closed. */
void tunnel_close(struct tunnel *t);

#endif
