/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the two clocks: one that only goes forward, one that people read.
 *
 * Durations and deadlines use the monotonic clock, logs the wall clock.
 * Threads: any; no state.
 */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since some point in the past; never goes back. */
static inline uint64_t clock_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Milliseconds since 1970-01-01 UTC. */
static inline uint64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Room for clock_format, with the NUL. */
#define CLOCK_TEXT_SIZE 25

/* RFC 3339 in UTC with milliseconds: 2026-01-09T07:05:00.123Z. Returns out. */
char *clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE]);

#endif
