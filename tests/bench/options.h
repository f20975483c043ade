/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of the load generator.
 *
 * A plain value, filled once; no resources. Threads: one.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/login.h"
#include "tests/bench/netaddr.h"
#include "util/attr.h"

enum options_mode { OPTIONS_CONNECT, OPTIONS_PINGPONG, OPTIONS_BULK, OPTIONS_IDLE };

struct options {
    enum options_mode mode;
    struct netaddr_range proxy;
    struct netaddr_range target;
    struct netaddr_range origin;
    bool has_target;    /* ask for the target with CONNECT */
    bool has_origin;    /* the unit of work is a GET of the origin, not a byte there and back */
    bool absolute;      /* name the origin in the request target too, as to a proxy */
    bool sync;          /* a line on standard input starts, another one ends */
    unsigned count;     /* connections in flight, or tunnels; 1 .. 19000 */
    unsigned sources;   /* source addresses; 1 .. 200 */
    bool tls;           /* speak TLS in the tunnel; the unit is a GET of what CONNECT names */
    bool hello;         /* the unit is a ClientHello for the target there and back */
    unsigned first_name, name_count; /* h<number>. in front of the target's host; 0: nothing */
    bool names_once;
    bool reply_only;    /* a unit of connect ends with the answer to CONNECT */
    enum login_scheme login;
    uint64_t body_size; /* of the response to a GET */
    double seconds;     /* length of the measurement */
    double rate;        /* units begun a second; 0: each as soon as the one before has ended */
};

/* Fills *options from the command line. Returns 0, or -1 after a message on standard error. */
MUST_CHECK int options_parse(struct options *options, int argc, char **argv);

#endif
