/* SPDX-License-Identifier: MIT */
/*
 * dns_cache.h - what is known of names: a hash table whose idle entries are
 * bounded in number; the least recently used goes first.
 *
 *   dns_cache_init -> dns_cache_find / dns_cache_add ... dns_cache_rest -> dns_cache_fini
 *
 * An entry is busy (owned by whoever asks for it: never freed) or idle (on the
 * list of those that may go). dns_cache_add makes busy ones, dns_cache_rest makes
 * them idle, dns_cache_wake busy again.
 * The hash is keyed with random bytes, so that nobody can choose names which
 * share a bucket.
 * Threads: one at a time.
 */
#ifndef PROXY_NET_DNS_CACHE_H
#define PROXY_NET_DNS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/net/dns.h"
#include "proxy/net/dns_channel.h"
#include "util/addr.h"
#include "util/list.h"
#include "util/str.h"

#define DNS_CACHE_SECRET_SIZE 192

/* What is known of one kind of address of a name. */
struct dns_family {
    struct dns_entry *entry;
    enum dns_type type;
    enum dns_status status;
    uint64_t expires_ms;           /* where status is final */
    struct dns_question *question; /* under way, or NULL */
    struct addr *addrs;            /* count of them; NULL: none */
    size_t count;
};

struct dns_entry {
    struct dns_entry *next_in_bucket;
    uint64_t hash;
    struct list_node place; /* idle: in the cache's list; busy: free for the owner */
    struct list_node ready; /* free for the owner */
    struct list askers;     /* struct dns_asker by node; empty while idle */
    bool is_delivering;     /* the askers are being told just now */
    uint64_t deadline_ms;   /* where a question is under way */
    struct dns_family v6, v4;
    size_t name_len;
    char name[]; /* with a NUL behind */
};

struct dns_cache {
    struct dns_entry **buckets;
    size_t mask;
    size_t idle_count, idle_limit;
    struct list idle; /* least recently used first */
    uint8_t secret[DNS_CACHE_SECRET_SIZE];
};

/* limit is at least 1. 0, or -1 without memory or random bytes. */
MUST_CHECK int dns_cache_init(struct dns_cache *cache, size_t limit);

/* Frees all entries, busy ones too; nobody may be waiting on them. */
void dns_cache_fini(struct dns_cache *cache);

/* NULL where the name is not known. */
struct dns_entry *dns_cache_find(const struct dns_cache *cache, struct str name);

/* A busy entry for a name that is not in the table, both families expired since
 * ever. NULL without memory. */
MUST_CHECK struct dns_entry *dns_cache_add(struct dns_cache *cache, struct str name);

/* Makes an entry idle and the most recently used, or keeps it so; frees the least
 * recently used one where there are too many. */
void dns_cache_rest(struct dns_cache *cache, struct dns_entry *entry);

/* Makes an idle entry busy. */
void dns_cache_wake(struct dns_cache *cache, struct dns_entry *entry);

#endif
