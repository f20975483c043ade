/* SPDX-License-Identifier: MIT */
/*
 * dialling.h - a connector and the places it dials: listeners that answer, ports
 * where nobody listens, and a listener whose queue is full, which says nothing.
 *
 *   dialling_start -> dialling_place ... -> dialling_run -> dialling_stop
 *
 * All places of one test have the same port, at several loopback addresses.
 * Threads: one.
 */
#ifndef TESTS_UNIT_CORE_DIALLING_H
#define TESTS_UNIT_CORE_DIALLING_H

#include "proxy/net/connector.h"

enum spot { SPOT_ANSWERS, SPOT_REFUSES, SPOT_SILENT };

#define DIALLING_SPOTS 16

struct dialling {
    struct event_base *base;
    struct stream stream;
    struct connector connector;
    uint16_t port;
    unsigned wakes, delays; /* and how many of them because a delay was over */
    uint64_t start_usec;
    unsigned places;
    struct endpoint at[DIALLING_SPOTS];
    int fds[DIALLING_SPOTS];        /* listening; -1: none */
    int fillers[DIALLING_SPOTS][3]; /* what fills the queue of a silent one */
    enum io rc;
    char order[2 * DNS_MAX_ADDRESSES + 1]; /* '6' or '4' for each attempt, as they began */
};

void dialling_start(struct dialling *d);

/* Makes a place at the address, e.g. "127.0.0.2" or "::1", and adds it to the
 * connector; returns its number. */
unsigned dialling_place(struct dialling *d, enum spot kind, const char *address);

/* Runs the connector until it has an outcome (IO_OK or IO_ERR, in rc too). */
enum io dialling_run(struct dialling *d);

/* Runs the connector until the delay behind an attempt was over so many times. */
void dialling_await_delays(struct dialling *d, unsigned count);

/* Milliseconds since dialling_start or the last call of dialling_reset_clock. */
uint64_t dialling_ms(const struct dialling *d);
void dialling_reset_clock(struct dialling *d);

/* One call of connector_run without a turn of the loop. */
enum io dialling_step(struct dialling *d);

/* Whether a connection waits in the queue of the place, which is then closed. */
bool dialling_was_reached(struct dialling *d, unsigned place);

/* Connections of this process that are under way or established, as the kernel
 * counts descriptors, must be gone afterwards. */
void dialling_stop(struct dialling *d);

#endif
