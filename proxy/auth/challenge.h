/* SPDX-License-Identifier: MIT */
/*
 * challenge.h - the Proxy-Authenticate lines of a 407: one for each challenge, in the
 * order of the offer (RFC 9110 section 11.7.1).
 *
 * Pure but for the nonce it makes. Threads: any.
 */
#ifndef PROXY_AUTH_CHALLENGE_H
#define PROXY_AUTH_CHALLENGE_H

#include "auth/auth.h"
#include "proxy/http/reply.h"

/* Lines for every scheme of the offer into out (REPLY_FIELDS_MAX bytes); returns their
 * length. is_stale goes into Digest's. */
size_t challenge_write_all(const struct auth *a, const struct auth_offer *offer,
                           struct nonces *nonces, bool is_stale, char *out);

/* The one line that goes on with a handshake. token is base64. 0: too long. */
size_t challenge_write_token(enum auth_scheme scheme, struct str token, char *out);

#endif
