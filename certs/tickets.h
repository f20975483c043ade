/* SPDX-License-Identifier: MIT */
/*
 * tickets.h - the keys of session tickets, which outlive a reload.
 *
 * A client that comes back with a ticket needs no full handshake. The keys are in
 * this process alone: a restart makes every ticket worthless. A key seals tickets
 * for an hour and opens them for as long as a session may live after that, so what
 * is recorded today cannot be read with what is found in memory tomorrow.
 *
 *   tickets_new -> tickets_use for each context -> tickets_free behind the last of them
 *
 * Owns the keys. Threads: any, at handshakes only; a lock is held for a copy.
 */
#ifndef CERTS_TICKETS_H
#define CERTS_TICKETS_H

#include <openssl/types.h>
#include <stdint.h>

#include "util/attr.h"

#define TICKETS_KEY_S 3600     /* a key seals for so long */
#define TICKETS_SESSION_S 7200 /* and a session lives for so long */

struct tickets;

/* now_s: a clock that never goes back, in seconds. NULL without memory or randomness. */
MUST_CHECK struct tickets *tickets_new(uint64_t (*now_s)(void));
void tickets_free(struct tickets *t); /* NULL is fine */

/* Sessions of ctx are sealed and opened with these keys from now on. */
void tickets_use(struct tickets *t, SSL_CTX *ctx);

#endif
