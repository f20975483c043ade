/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - what one unit of work sends and waits for on a connection that is up: one byte
 * there and back, a ClientHello there and back, or a GET and its whole response.
 *
 * The response must be a 200 with the Content-Length that is asked for; the body is counted, not
 * looked at, and whatever did not come with the head is thrown away inside the kernel, but for TLS.
 * What is echoed must be what was sent.
 *
 *   exchange_init -> for each unit: exchange_send -> exchange_take (on every event, until it
 * answers other than 0)
 *
 * A plain value, the same for all connections; no resources. What a response has come to so far
 * stands in the tunnel. Threads: one.
 */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/options.h"
#include "tests/bench/tunnel.h"
#include "util/attr.h"

#define EXCHANGE_REQUEST_SIZE 2048

enum exchange_kind {
    EXCHANGE_ECHO,
    EXCHANGE_GET,
    EXCHANGE_GET_INSIDE, /* TLS: the request names the host of the tunnel */
};

struct exchange {
    enum exchange_kind kind;
    size_t request_len; /* of GET_INSIDE each is made when it is sent */
    uint64_t body_size; /* of the response to the GET */
    uint64_t payload;   /* bytes that one unit moves, both ways; of a GET its body alone */
    char request[EXCHANGE_REQUEST_SIZE];
};

/* Makes the exchange that the options name. Returns 0, or -1 when the request is too long, or
 * no ClientHello can be had. */
MUST_CHECK int exchange_init(struct exchange *exchange, const struct options *options);

/* Begins a unit on a connection with none under way. Returns 0 or -1. */
MUST_CHECK int exchange_send(const struct exchange *exchange, struct tunnel *t);

/* Takes what has come. 1: the unit is done; 0: not yet; -1: end, error or another response than
 * the one that was asked for. */
MUST_CHECK int exchange_take(const struct exchange *exchange, struct tunnel *t);

#endif
