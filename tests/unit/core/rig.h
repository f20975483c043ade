/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a worker without its thread: the test turns its loop.
 *
 *   rig_start(configuration) -> rig_connect, rig_send, rig_expect ... -> rig_stop
 *
 * rig_stop fails where a connection, a tunnel, a descriptor or an event is left.
 * The configuration gets a listener, a hosts file (origin.test and others, see
 * rig.c), and whatever the test adds; log lines come to rig_log.
 * Owns all it makes, a folder for its files too. Threads: one, and the log writer's.
 */
#ifndef TESTS_UNIT_CORE_RIG_H
#define TESTS_UNIT_CORE_RIG_H

#include "proxy/conn.h"
#include "proxy/ops/logring.h"
#include "proxy/worker.h"

#define RIG_TEXT 65536

struct rig {
    struct shared shared;
    struct worker *worker;
    struct logring ring;
    struct endpoint at;     /* of the proxy */
    char folder[64];
    unsigned fds_before;
    int origin_fd;          /* listening at 127.0.0.1 */
    uint16_t origin_port;
    char text[RIG_TEXT];    /* what rig_expect has read */
    size_t text_len;
    char log[RIG_TEXT];
    size_t log_len;
};

extern struct rig rig;

/* extra: more of the configuration; NULL: rules that allow everything on the port
 * of the origin, with the guard off. */
void rig_start(const char *extra);

/* A configuration of its own made from extra as rig_start does. */
struct config *rig_config(const char *extra);

void rig_stop(void);

/* One turn of the loop, without waiting. */
void rig_turn(void);

/* A client over TCP, through the proxy's listener; non-blocking. */
int rig_connect(void);

/* A client over a socketpair, as if from 192.0.2.1. */
int rig_connect_pair(void);

void rig_send(int fd, struct str bytes);

/* "CONNECT host:port HTTP/1.1" and Host; port 0: the origin's. */
void rig_send_connect(int fd, const char *host, uint16_t port);

/* Turns until what fd has sent since the last rig_clear contains needle; fails
 * after 10 s or at the end of the stream. */
void rig_expect(int fd, const char *needle);

/* Turns until fd is at its end; ECONNRESET counts where may_reset. */
void rig_expect_end(int fd, bool may_reset);
void rig_clear(void);

/* Reads what is there now; false at the end or after a fault (then errno). */
bool rig_read(int fd);

/* Turns until a connection comes to the origin. */
int rig_accept(void);

/* Turns until no connection is left, or until count are. */
void rig_wait_conns(size_t count);

/* As if ms had passed: deadlines that are over then expire. */
void rig_pass_time(uint64_t ms);

/* The lines since the last call, ended by a NUL. */
const char *rig_log(void);

/* Line n, from 0, of rig_log; fails where there is none. */
const char *rig_log_line(unsigned n);
unsigned rig_log_lines(void);

/* The same descriptors are open and nothing is counted as open. */
void rig_check_idle(unsigned fds);

/* A whole tunnel with bytes both ways and a good end must work. */
void rig_check_serves(void);

#endif
