/* SPDX-License-Identifier: MIT */
/*
 * flow.h - bytes through two relays, and the two ends that send and check them.
 *
 *   client <-> left stream | up, down | right stream <-> origin
 *
 * What an end sends is a function of its seed and the position, so the other end
 * checks every byte where it arrives: a lost, doubled, moved or changed byte fails.
 *
 *   flow_base -> flow_start -> flow_turn ... -> flow_stop -> event_base_free
 *
 * A flow owns its streams, its pool and both ends. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_FLOW_H
#define TESTS_UNIT_CORE_FLOW_H

#include "proxy/net/relay.h"

enum flow_kind { FLOW_UNIX, FLOW_TCP, FLOW_KINDS };

struct flow_end {
    int fd; /* -1: closed */
    uint64_t seed, peer_seed;
    uint64_t to_send, sent, received;
    bool has_finished; /* its FIN was sent */
    bool has_eof;      /* the other's FIN was received */
    int error;         /* errno of the first call that failed */
};

struct flow {
    struct event_base *base;
    struct relay_pool pool;
    struct stream left, right;
    struct relay up, down;
    enum io up_rc, down_rc;
    unsigned steps;
    bool was_bulk_up, was_bulk_down; /* seen at least once */
    struct flow_end client, origin;
};

/* A loop with the flags of a worker's. */
struct event_base *flow_base(void);

/* Two connected non-blocking sockets; a small send buffer at both where
 * send_bytes is not 0. */
void flow_pair(enum flow_kind kind, int send_bytes, int fds[2]);

void flow_start(struct flow *f, struct event_base *base, enum flow_kind kind, int send_bytes);

/* One turn of the loop without waiting. */
void flow_turn(struct flow *f);

/* Runs both relays as the tunnel does. */
void flow_step(struct flow *f);

/* Sends at most size of what is left to send, ends when all was sent and
 * is_finishing. Returns the bytes taken by the kernel. */
size_t flow_send(struct flow_end *e, size_t size, bool is_finishing);

/* Receives and checks at most size bytes. */
size_t flow_receive(struct flow_end *e, size_t size);

/* Lets both ends send all they have, in random portions, finish, and receive,
 * until both have the other's end. Fails after 20 s. */
void flow_finish(struct flow *f, uint64_t seed);

/* Both relays are done, no memory and no pipe are held. */
void flow_check_done(const struct flow *f);
void flow_check_quiet(const struct flow *f);

/* Closes the end so that its peer gets a reset. */
void flow_reset(struct flow_end *e);

void flow_stop(struct flow *f);

/* The next of a row of random numbers. */
uint64_t flow_random(uint64_t *state);

/* Descriptors of this process that are open. */
unsigned flow_open_fds(void);

#endif
