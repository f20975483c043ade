/* SPDX-License-Identifier: MIT */
/*
 * sessions.h - TLS sessions with origins, kept so that the next handshake is a short one.
 *
 * Keyed by what they were agreed for (host, port, name that was verified): so a session is
 * offered only where its certificate was verified for the very same. The newest of a key is
 * kept.
 *
 *   sessions_new -> sessions_put ... sessions_find -> sessions_free
 *
 * Invariants: at most max keys, the one that was not used for the longest time goes first; none
 * is given out behind its own end or that of any certificate of the chain that was verified for
 * it; sessions_clear makes worthless what was agreed before it, also what arrives later (the
 * generation tells).
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_SESSIONS_H
#define PROXY_NET_SESSIONS_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/str.h"

struct sessions;

/* NULL without memory. */
MUST_CHECK struct sessions *sessions_new(unsigned max);
void sessions_free(struct sessions *s); /* NULL is fine */

/* A number for what is agreed from now on. */
uint32_t sessions_generation(const struct sessions *s);
void sessions_clear(struct sessions *s);

/* When the first certificate of a verified chain ends, in seconds since 1970; 0 where one has no
 * end that can be read. */
int64_t sessions_end_of(const STACK_OF(X509) *chain);

/* Takes a reference of its own; of another generation, or without memory: does nothing.
 * chain_end: of the chain that was verified when it was agreed, or when the first of those was
 * that it goes back to; a session has no memory of it. */
void sessions_put(struct sessions *s, uint32_t generation, struct str key, SSL_SESSION *session,
                  int64_t chain_end);

/* With a reference for the caller, or NULL. chain_end: as it was put. */
MUST_CHECK SSL_SESSION *sessions_find(struct sessions *s, struct str key, int64_t *chain_end);

#endif
