/* SPDX-License-Identifier: MIT */
/*
 * cache.h - credentials that were verified a short while ago.
 *
 * An entry is found by a keyed hash (HMAC-SHA-256 with a key of the process's own) over
 * everything that its truth depends on: no password is kept, and who can read the
 * memory learns none. What was wrong is kept for seconds only. The stored hash of the
 * account belongs to what is hashed, so a changed password or a removed account is not
 * found any more; so does the client's address, or a cache would tell who guesses what the
 * count of failures keeps from him.
 *
 *   auth_cache_new -> auth_cache_key, auth_cache_find, auth_cache_put ... -> auth_cache_free
 *
 * Invariants: bounded; the oldest entry makes room; nothing is found past its time.
 * Threads: any, at once: each part has a lock.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/str.h"

#define AUTH_CACHE_KEY_SIZE 32
#define AUTH_CACHE_VALUE_MAX 1024

struct auth_cache;

/* NULL without memory or randomness. entries: at least 16. */
MUST_CHECK struct auth_cache *auth_cache_new(size_t entries);
void auth_cache_free(struct auth_cache *c); /* NULL is fine */

/* The key of parts; each goes in with its length, so no two lists are alike. */
void auth_cache_key(const struct auth_cache *c, const struct str *parts, size_t count,
                    unsigned char key[AUTH_CACHE_KEY_SIZE]);

/* Copies the value out; -1: not there, or over its time. Else its length. */
MUST_CHECK int auth_cache_find(struct auth_cache *c, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                               uint64_t now_ms, char value[AUTH_CACHE_VALUE_MAX]);

/* Keeps a value (cut at nothing: one that is too long is not kept) until until_ms.
 * Without memory nothing is kept. */
void auth_cache_put(struct auth_cache *c, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                    struct str value, uint64_t now_ms, uint64_t until_ms);

#endif
