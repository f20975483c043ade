/* SPDX-License-Identifier: MIT */
/*
 * tunnel.h - one connection of the load generator, from connect() to the first byte of payload.
 *
 * With a CONNECT target in the route the tunnel asks the proxy for it and waits for the 200;
 * without one it is ready as soon as TCP is. Where the route says so it speaks TLS inside, and is
 * ready when that has shaken hands. With a login it answers a 407 on the way, where the scheme
 * does; or the 407 is what is wanted, for a password that is wrong.
 *
 *   tunnel_open -> tunnel_step (on every event, while it answers TUNNEL_WAIT) -> payload ->
 * tunnel_close
 *
 * A tunnel owns its socket and its TLS; it watches the socket with the epoll instance of the route,
 * level-triggered, its own address in data.ptr. A closed tunnel has fd -1. Threads: one.
 */
#ifndef BENCH_TUNNEL_H
#define BENCH_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/login.h"
#include "tests/bench/netaddr.h"
#include "tests/bench/tls_client.h"
#include "util/attr.h"

#define TUNNEL_REPLY_SIZE 4096

enum tunnel_state {
    TUNNEL_CLOSED,
    TUNNEL_CONNECTING,
    TUNNEL_ASKED,
    TUNNEL_REFUSED,
    TUNNEL_SHAKING,
    TUNNEL_UP,
};
enum tunnel_result { TUNNEL_WAIT, TUNNEL_READY, TUNNEL_FAILED };

/* Where tunnels go: the same for all of them. */
struct tunnel_route {
    int epoll_fd;
    struct netaddr_range proxy;
    struct netaddr_range target; /* what CONNECT names */
    bool has_target;
    /* The host of CONNECT is one of hFIRST.target .. hLAST.target, in turn; none: the target. */
    unsigned first_name, name_count;
    bool names_once;     /* each name serves once, and then there are no more tunnels */
    unsigned names_used; /* counts on */
    SSL_CTX *tls;        /* speak TLS inside; NULL: do not */
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
    SSL *tls;             /* NULL: bytes go as they are */
    unsigned legs;        /* requests sent for this tunnel */
    bool in_body;         /* its head is complete */
    size_t reply_len;     /* the answer to CONNECT, later the head of such a response */
    char host[NETADDR_HOST_SIZE]; /* that CONNECT names */
    char reply[TUNNEL_REPLY_SIZE];
};

/* Nanoseconds of the monotonic clock. */
uint64_t tunnel_now_ns(void);

/* Starts a connection. TUNNEL_READY: payload may be sent at once. On TUNNEL_FAILED nothing is
 * left open. */
MUST_CHECK enum tunnel_result tunnel_open(struct tunnel *t, struct tunnel_route *route);

/* Goes on after an event, until TUNNEL_READY; on TUNNEL_FAILED the tunnel is closed. */
MUST_CHECK enum tunnel_result tunnel_step(struct tunnel *t, struct tunnel_route *route);

/* As send() and recv() on the socket, through TLS where there is TLS; there `flags` mean
 * nothing. What is sent must fit the socket: 0, or -1. */
MUST_CHECK int tunnel_send(struct tunnel *t, const void *bytes, size_t len);
MUST_CHECK ssize_t tunnel_recv(struct tunnel *t, void *bytes, size_t size, int flags);

/* Whether more bytes wait that no event will tell of. */
bool tunnel_has_more(const struct tunnel *t);

/* Whether every name has served. */
bool tunnel_names_are_gone(const struct tunnel_route *route);

/* Closes the socket; a closed tunnel stays closed. */
void tunnel_close(struct tunnel *t);

#endif
