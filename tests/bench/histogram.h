/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - counts of durations in log-linear buckets.
 *
 * Values below 256 have a bucket each; above, every power of two is cut into 128 buckets, so
 * the midpoint of a bucket is never more than 0.4 % away from what was recorded. Nothing is
 * sampled: every value is counted.
 *
 * Embedded or static; all bytes zero is an empty histogram. Holds no resources.
 * Threads: one.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

/* Counts one value, in whatever unit the caller keeps to. */
void histogram_add(struct histogram *h, uint64_t value);

/* The value that a share `quantile` (0 < quantile <= 1) of all recorded values does not exceed,
 * to the precision above; 0 when nothing was recorded. */
double histogram_quantile(const struct histogram *h, double quantile);

#endif
