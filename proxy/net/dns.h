/* SPDX-License-Identifier: MIT */
/*
 * dns.h - names to addresses, without blocking, on one worker's loop.
 *
 * A and AAAA are asked side by side through c-ares; every asker of a name that
 * is already being asked waits for the same answer. Answers are kept for their
 * TTL (RFC 2308 for negative ones, within bounds), at most a fixed number of
 * them; the least recently used goes first.
 *
 *   dns_new -> dns_ask ... (on_progress ...) dns_cancel -> dns_free
 *
 * Invariants: on_progress is never called from within dns_ask, nor after
 * dns_cancel, nor once both families are final. A name with fixed addresses
 * (hosts) is never asked of a resolver.
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_DNS_H
#define PROXY_NET_DNS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/hosts.h"
#include "util/addr.h"
#include "util/err.h"
#include "util/list.h"
#include "util/str.h"

#define DNS_MAX_ADDRESSES 16 /* of one family; what an answer holds beyond is dropped */

struct dns;

enum dns_status {
    DNS_WAITING,
    DNS_FOUND,   /* at least one address */
    DNS_NO_NAME, /* NXDOMAIN */
    DNS_NO_DATA, /* the name exists, but not with this kind of address */
    DNS_FAILED,  /* refused, malformed, servers unreachable, out of memory */
    DNS_TIMED_OUT,
};

/* What is known so far. The addresses are owned by the cache and valid until the
 * next call of a function of this header or the next return to the loop,
 * whichever comes first: copy what is needed. v6 holds no IPv4-mapped address. */
struct dns_answer {
    enum dns_status v6_status, v4_status;
    const struct addr *v6, *v4;
    size_t v6_count, v4_count;
};

struct dns_asker;
typedef void dns_progress_fn(struct dns_asker *asker);

/* Embedded by whoever asks; zeroed before its first use. */
struct dns_asker {
    dns_progress_fn *on_progress; /* one family or both became final: look with dns_look */
    /* private */
    struct list_node node;
    struct dns_entry *entry; /* NULL: not waiting */
};

struct dns_settings {
    const char *servers;  /* "a:port,[b]:port", at most 8, port 53 if left out;
                             NULL: the system's, as /etc/resolv.conf has them */
    uint64_t timeout_ms;  /* one name, all tries together; from 1 */
    size_t cache_entries; /* 0: 10,000 */
};

/* By question, not by family: found with one family is enough; no_name holds
 * DNS_NO_DATA too. A question that several askers share counts once. cached counts
 * the answers given without one. Names with fixed addresses do not count. */
struct dns_counters {
    uint64_t found, no_name, failed, timed_out, cached;
};

/* Milliseconds that never go back, from any start. */
typedef uint64_t dns_clock_fn(void);

/* NULL with e filled where c-ares cannot start or a server is misspelt. */
MUST_CHECK struct dns *dns_new(struct event_base *base, const struct dns_settings *settings,
                               struct err *e);

/* Asks for a normalised name. hosts may be NULL; it is looked at first and only
 * during the call. "localhost" and what is under it are the loopback addresses
 * (RFC 6761 section 6.3). Fills answer with what is known at once; where a status
 * is DNS_WAITING the asker, which must not be waiting for another name, is queued
 * and hears of progress. Beyond 5,000 names under way a new one is DNS_FAILED at
 * once. 0, or -1 without memory. */
MUST_CHECK int dns_ask(struct dns *d, const struct hosts *hosts, struct str name,
                       struct dns_asker *asker, struct dns_answer *answer);

/* For an asker in on_progress, and later until both families are final. */
void dns_look(const struct dns_asker *asker, struct dns_answer *answer);

/* No more progress wanted; harmless where nothing is awaited. The question itself
 * goes on, for the cache. */
void dns_cancel(struct dns_asker *asker);

const struct dns_counters *dns_counters(const struct dns *d);

/* All askers must have been cancelled or have heard the end. May be called from
 * on_progress, the last call then. NULL is fine. */
void dns_free(struct dns *d);

/* Test hook: replaces the monotonic clock for lifetimes and deadlines; the
 * repetition of questions keeps to the loop's own. */
void dns_set_clock(struct dns *d, dns_clock_fn *now_ms);

#endif
