/* SPDX-License-Identifier: MIT */
/*
 * digest_client.h - the client's side of Digest (RFC 7616) with SHA-256 and qop=auth: takes a
 * challenge, then answers it for one CONNECT after the other, nc counting up.
 *
 *   digest_client_init -> digest_client_take (a challenge; a later one replaces it)
 *   -> digest_client_answer, as often as wanted
 *
 * A plain value without resources. Threads: one.
 */
#ifndef BENCH_DIGEST_CLIENT_H
#define BENCH_DIGEST_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

#define DIGEST_CLIENT_TEXT 256
#define DIGEST_CLIENT_HEX 65 /* SHA-256 in digits, with NUL */

struct digest_client {
    const char *user, *password;
    char realm[DIGEST_CLIENT_TEXT];
    char nonce[DIGEST_CLIENT_TEXT]; /* empty: there was no challenge yet */
    char ha1[DIGEST_CLIENT_HEX];
    uint32_t count; /* requests with this nonce */
};

/* user and password must outlive the client. */
void digest_client_init(struct digest_client *client, const char *user, const char *password);

/* Takes the challenge with SHA-256 out of the head of a 407. Returns 0, or -1: there is none. */
MUST_CHECK int digest_client_take(struct digest_client *client, const char *head);

/* Writes the Proxy-Authorization line of the next CONNECT to `target`, with its CR LF. Returns
 * its length, or -1 when it is too long. */
MUST_CHECK int digest_client_answer(struct digest_client *client, const char *target, char *out,
                                    size_t size);

#endif
