/* SPDX-License-Identifier: MIT */
/*
 * chain_cache.h - chains of origins that were verified a moment ago.
 *
 *   chain_cache_new -> chain_cache_key, chain_cache_find, else the verification and
 *   chain_cache_keep -> chain_cache_free
 *
 * Why a chain that is found need not be verified again:
 * - A verdict follows from what was sent, from what it was verified for, from the trust, and
 *   from the time. The key is SHA-256 over the first two: each certificate as it is encoded, in
 *   order and with its length, the name or address, and flags, depth and security level. So any
 *   other byte, order, number, name or level is another key. The purpose is that of TLS servers.
 * - The trust is that of one context, and neither changes after its setup: a cache belongs to
 *   one context, and a reload begins with an empty one.
 * - Of the time the chain was verified at, only the certificates' own limits matter, and those
 *   are looked at again: an entry is good for no longer than each certificate of the chain
 *   that was verified, trust anchor included, and never for longer than CHAIN_CACHE_LIFE_S, by
 *   a clock that cannot be set; a wall clock that stands before the verification finds nothing.
 * - What was refused is never kept, and nothing is lengthened by being found.
 * - What else a handshake proves is not here: the origin signs with the leaf's key each time,
 *   and a stapled OCSP response is judged each time, against the chain as it was verified.
 * Whoever knows a key gains nothing by it, for what it stands for is checked in full before it
 * comes in. Without memory nothing is found, and nothing kept.
 *
 * What was sent is not held, only its place in what the next one sends; trust anchors are, by
 * reference. Owns its entries: CHAIN_CACHE_MAX at most, the oldest goes.
 *
 * Threads: any; a lock is held for a look-up or an entry's way in, not for OpenSSL's work.
 */
#ifndef CERTS_CHAIN_CACHE_H
#define CERTS_CHAIN_CACHE_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/attr.h"

/* A browser opens its connections to a host within seconds, a Webex client its own within a
 * minute or two; and whoever mends a clock that was wrong must not wait for long. */
#define CHAIN_CACHE_LIFE_S 300
#define CHAIN_CACHE_MAX 1000
#define CHAIN_CACHE_LINKS 12 /* certificates of a chain; what has more is not kept */

/* In seconds: one that can be set, since 1970, and one that never goes back. */
struct chain_clock {
    int64_t (*wall_s)(void);
    int64_t (*steady_s)(void);
};

struct chain_key {
    unsigned char hash[32];
};

struct chain_figures {
    uint64_t hits, misses;
    unsigned entries;
};

struct chain_cache;

/* clock NULL: the system's. NULL without memory or without SHA-256. */
MUST_CHECK struct chain_cache *chain_cache_new(const struct chain_clock *clock);
void chain_cache_free(struct chain_cache *c); /* NULL is fine */

/* ctx as OpenSSL has made it, before the verification. False, and nothing may be found or kept,
 * without memory or where what is expected is not one name or one address. */
MUST_CHECK bool chain_cache_key(const struct chain_cache *c, X509_STORE_CTX *ctx,
                                struct chain_key *key);

/* Where true, ctx is as behind a verification: no error, and the chain, made of the certificates
 * that were sent this time and of the trust's own. */
MUST_CHECK bool chain_cache_find(struct chain_cache *c, const struct chain_key *key,
                                 X509_STORE_CTX *ctx);

/* ctx behind a verification that has found nothing wrong; else nothing is kept. */
void chain_cache_keep(struct chain_cache *c, const struct chain_key *key, X509_STORE_CTX *ctx);

void chain_cache_figures(struct chain_cache *c, struct chain_figures *out);

#endif
