/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - deadlines of many connections, cheap to move.
 *
 * A ring of lists, one a tick. A deadline that moves later costs one store: the
 * node is looked at when its old slot comes round and put where it belongs then.
 * One beyond the horizon is looked at once a round, which is also when a quiet
 * connection gets its check-up.
 *
 *   wheel_init -> wheel_set ... wheel_clear; wheel_turn from a timer
 *
 * Precision: WHEEL_TICK_MS, never early. Owns nothing.
 * Threads: the worker's own only.
 */
#ifndef PROXY_WHEEL_H
#define PROXY_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

#define WHEEL_TICK_MS 50
#define WHEEL_SLOTS 256 /* a round is 12.8 s */

struct wheel_node {
    struct list_node node;
    uint64_t deadline_ms; /* may be stored later at any time, never earlier */
};

enum wheel_call { WHEEL_EXPIRED, WHEEL_CHECK_UP };
typedef void wheel_fn(struct wheel_node *n, enum wheel_call call);

struct wheel {
    struct list slots[WHEEL_SLOTS];
    uint64_t turned_ms; /* all slots up to here were looked at */
    size_t count;
    wheel_fn *on_node;
};

void wheel_init(struct wheel *w, uint64_t now_ms, wheel_fn *on_node);

/* Sets or moves a deadline in either direction. */
void wheel_set(struct wheel *w, struct wheel_node *n, uint64_t deadline_ms);

/* Harmless where none is set. */
void wheel_clear(struct wheel *w, struct wheel_node *n);

/* Calls on_node with WHEEL_EXPIRED, after wheel_clear, for each deadline that is
 * over, and with WHEEL_CHECK_UP for each node it meets whose deadline is not; both
 * may set and clear any node. */
void wheel_turn(struct wheel *w, uint64_t now_ms);

#endif
