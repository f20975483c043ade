/* SPDX-License-Identifier: MIT */
/*
 * logring.h - lines on their way from one worker to the log writer.
 *
 * A ring of bytes with one producer and one consumer, without a lock. A line
 * that does not fit is dropped and counted: a slow disk never blocks a tunnel.
 *
 *   logring_init -> logring_put (worker) / logring_peek, logring_take (writer) -> logring_fini
 *
 * Invariants: lines stay whole and in order; head - tail never exceeds the size.
 * Threads: put by one, peek and take by one other.
 */
#ifndef PROXY_OPS_LOGRING_H
#define PROXY_OPS_LOGRING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/str.h"

struct logring {
    char *bytes;
    size_t size;                    /* a power of two */
    _Alignas(64) atomic_size_t head; /* written by the producer */
    _Alignas(64) atomic_size_t tail; /* read by the consumer */
    atomic_uint_fast64_t dropped;   /* lines */
};

/* size: a power of two. The pages are touched now, not on the data path. 0 or -1. */
MUST_CHECK int logring_init(struct logring *r, size_t size);

/* True where the line was taken. */
bool logring_put(struct logring *r, struct str line);

/* Up to two pieces that hold all there is; returns how many. */
unsigned logring_peek(struct logring *r, struct str pieces[2]);
void logring_take(struct logring *r, size_t len);

void logring_fini(struct logring *r);

#endif
