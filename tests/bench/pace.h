/* SPDX-License-Identifier: MIT */
/*
 * pace.h - when units of work are due that are begun at a fixed rate, however long they take.
 *
 * A unit whose time comes while no slot is free begins late; its time then counts from when it
 * was due, so that a slow proxy cannot hide behind the units that it kept from being begun.
 *
 *   pace_init -> pace_start -> [pace_give (slots), pace_take (slots, while units are due)]
 *   -> pace_fini
 *
 * Owns the list of free slots, not the slots. Threads: one.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct tunnel;

struct pace {
    double period_ns;
    uint64_t start_ns;
    uint64_t begun;
    uint64_t starved_ns; /* when a slot came free after there was none */
    struct tunnel **spare;
    unsigned spare_count;
};

/* rate: units a second; 0: there is no pace, and pace_is_on says so. slots: how many there are.
 * Returns 0 or -1. */
MUST_CHECK int pace_init(struct pace *pace, double rate, unsigned slots);
void pace_fini(struct pace *pace);

bool pace_is_on(const struct pace *pace);

/* The first unit is due now. */
void pace_start(struct pace *pace, uint64_t now_ns);

/* A slot is free. */
void pace_give(struct pace *pace, struct tunnel *t, uint64_t now_ns);

/* A slot for a unit that is due, and the time that it counts from. NULL: none is due or free. */
struct tunnel *pace_take(struct pace *pace, uint64_t now_ns, uint64_t *since_ns);

/* When pace_take is to be asked again, `until_ns` at the latest. */
uint64_t pace_next(const struct pace *pace, uint64_t until_ns);

#endif
