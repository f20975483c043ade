/* SPDX-License-Identifier: MIT */
/*
 * netaddr.h - addresses on the command lines of the load generator and its origin.
 *
 * Several ports in a row stand for one place, so that a long run never has to wait for a port in
 * TIME_WAIT. Plain values, no resources; any thread.
 */
#ifndef BENCH_NETADDR_H
#define BENCH_NETADDR_H

#include <netinet/in.h>
#include <stdint.h>

#include "util/attr.h"

#define NETADDR_HOST_SIZE 256

/* A host and the ports first .. first + count - 1. */
struct netaddr_range {
    char host[NETADDR_HOST_SIZE];
    uint16_t first;
    uint16_t count;
};

/* Reads "HOST:PORT" or "HOST:PORT-PORT". Returns 0, or -1 when the text is neither. */
MUST_CHECK int netaddr_parse(const char *text, struct netaddr_range *range);

/* The socket address of the index-th port, counted round and round. The host must be an IPv4
 * literal inside 127.0.0.0/8: the bench has no business elsewhere. Returns 0 or -1. */
MUST_CHECK int netaddr_resolve(const struct netaddr_range *range, unsigned index,
                               struct sockaddr_in *address);

#endif
