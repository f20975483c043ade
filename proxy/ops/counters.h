/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what a worker counts.
 *
 * Each counter has one writer, its worker; the control thread reads them all and
 * sums. So a count is a plain add with relaxed loads and stores, without a lock
 * and without a shared cache line.
 *
 * Embedded in a worker, zeroed with it. Threads: see above.
 */
#ifndef PROXY_OPS_COUNTERS_H
#define PROXY_OPS_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "auth/scheme.h"
#include "certs/origin_tls.h"
#include "proxy/end_reason.h"
#include "proxy/http/ledger.h"

typedef atomic_uint_fast64_t counter;

enum count_verdict { COUNT_ALLOW, COUNT_DENY, COUNT_AUTHENTICATE, COUNT_ERROR, COUNT_VERDICTS };
enum count_method { COUNT_CONNECT, COUNT_OTHER_METHOD, COUNT_METHODS };

/* How authentication went: by scheme (AUTH_NONE: no credentials, or of no scheme that
 * was offered). */
enum count_auth {
    COUNT_AUTH_OK,
    COUNT_AUTH_ASKED,       /* a challenge to somebody who brought nothing */
    COUNT_AUTH_LEG,         /* a handshake goes on */
    COUNT_AUTH_WRONG,       /* unknown user, wrong password, ticket refused */
    COUNT_AUTH_STALE,       /* Digest: right, with an old nonce */
    COUNT_AUTH_REPLAYED,    /* Digest: right, and seen before */
    COUNT_AUTH_OUTDATED,    /* NTLMv1 or LM */
    COUNT_AUTH_MALFORMED,
    COUNT_AUTH_NOT_OFFERED,
    COUNT_AUTH_THROTTLED,
    COUNT_AUTH_BUSY,
    COUNT_AUTH_UNAVAILABLE,
    COUNT_AUTH_RESULTS,
};

/* What was done with the TLS of a tunnel. */
enum count_tls_decision {
    COUNT_TLS_TUNNEL,
    COUNT_TLS_EXEMPT,
    COUNT_TLS_INSPECT,
    COUNT_TLS_DENIED, /* behind its first bytes: the name in them, or no TLS */
    COUNT_TLS_DECISIONS,
};

/* How handshakes of TLS ended. */
enum count_tls { COUNT_TLS_OK, COUNT_TLS_FAILED, COUNT_TLS_TIMEOUT, COUNT_TLS_RESULTS };

/* Upper bounds of the histogram's buckets, in microseconds; the last is infinite. */
#define CONNECT_BUCKETS 13

struct counters {
    counter connections, connections_open, tunnels_open;
    counter tls_decisions[COUNT_TLS_DECISIONS];
    counter requests[COUNT_VERDICTS][COUNT_METHODS];
    counter bytes_in, bytes_out; /* from clients, to clients */
    counter ends[END_REASON_COUNT];
    counter connect_buckets[CONNECT_BUCKETS + 1]; /* not cumulative */
    counter connect_usec;
    counter auth[AUTH_SCHEME_COUNT][COUNT_AUTH_RESULTS];
    counter auth_cached; /* of those that were ok: found among verified credentials */
    counter accept_pauses;
    counter tls_handshakes[COUNT_TLS_RESULTS];    /* with clients: listeners and inside */
    counter origin_handshakes[COUNT_TLS_RESULTS]; /* with origins */
    counter origin_faults[ORIGIN_NO_TLS + 1]; /* why origins were not inspected */
    counter header_changes[HEADER_FIELD_COUNT][HEADER_REASON_COUNT];
    /* Copied from the worker's resolver once a turn. */
    counter dns_found, dns_no_name, dns_failed, dns_timed_out, dns_cached;
};

static inline void count_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void count_sub(counter *c, uint64_t n)
{
    count_add(c, (uint64_t)0 - n);
}

static inline uint64_t count_read(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* Bounds of the buckets in microseconds. */
extern const uint64_t CONNECT_BOUNDS_USEC[CONNECT_BUCKETS];

/* How long name resolution and connecting took, for tunnels that came to be. */
void count_connect(struct counters *c, uint64_t usec);

#endif
