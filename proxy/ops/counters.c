/* SPDX-License-Identifier: MIT */
/* counters.c - the connect histogram; see counters.h. */
#include "proxy/ops/counters.h"

const uint64_t CONNECT_BOUNDS_USEC[CONNECT_BUCKETS] = {
    1000,   2500,   5000,    10000,   25000,   50000,   100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

void count_connect(struct counters *c, uint64_t usec)
{
    unsigned i = 0;
    while (i < CONNECT_BUCKETS && usec > CONNECT_BOUNDS_USEC[i])
        i++;
    count_add(&c->connect_buckets[i], 1);
    count_add(&c->connect_usec, usec);
}
