/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - bucket arithmetic and quantiles.
 */
#include "tests/bench/histogram.h"

#include <stddef.h>

#define SUB_BUCKETS ((size_t)1 << HISTOGRAM_SUB_BITS)

/* How far a value is shifted right so that SUB_BITS + 1 significant bits stay. */
static unsigned find_shift(uint64_t value)
{
    if (value < 2 * SUB_BUCKETS)
        return 0;
    return 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    unsigned shift = find_shift(value);

    h->counts[shift * SUB_BUCKETS + (size_t)(value >> shift)]++;
    h->total++;
}

static double find_midpoint(size_t index)
{
    if (index < 2 * SUB_BUCKETS)
        return (double)index;
    size_t shift = index / SUB_BUCKETS - 1;
    uint64_t low = (uint64_t)(index - shift * SUB_BUCKETS) << shift;
    uint64_t width = (uint64_t)1 << shift;

    return (double)low + (double)(width - 1) / 2.0;
}

double histogram_quantile(const struct histogram *h, double quantile)
{
    double wanted = quantile * (double)h->total;
    uint64_t seen = 0;

    if (h->total == 0)
        return 0.0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > 0 && (double)seen >= wanted)
            return find_midpoint(i);
    }
    return find_midpoint(HISTOGRAM_BUCKETS - 1);
}
