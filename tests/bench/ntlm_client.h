/* SPDX-License-Identifier: MIT */
/*
 * ntlm_client.h - the client's side of NTLMv2 (MS-NLMP): NEGOTIATE, and AUTHENTICATE with a MIC
 * for whatever CHALLENGE comes, as browsers send them.
 *
 * Shares no code with the proxy. A plain value without resources; one client answers any number
 * of challenges. Names and password are ASCII. Threads: one.
 */
#ifndef BENCH_NTLM_CLIENT_H
#define BENCH_NTLM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

#define NTLM_CLIENT_NAME 64  /* bytes of a name in UTF-16LE, at most */
#define NTLM_CLIENT_TEXT 2048 /* base64 of a message, at most, with NUL */

struct ntlm_client {
    unsigned char response_key[16]; /* NTOWFv2 */
    unsigned char user[NTLM_CLIENT_NAME];
    unsigned char domain[NTLM_CLIENT_NAME];
    size_t user_len;
    size_t domain_len;
    uint64_t count; /* of answers; makes the client's challenges differ */
};

/* Names longer than half of NTLM_CLIENT_NAME are cut. */
void ntlm_client_init(struct ntlm_client *client, const char *user, const char *domain,
                      const char *password);

/* Writes NEGOTIATE in base64. */
void ntlm_client_begin(char out[NTLM_CLIENT_TEXT]);

/* Writes the AUTHENTICATE that answers a CHALLENGE, both in base64. Returns 0, or -1: that is no
 * CHALLENGE, or one that is too long. */
MUST_CHECK int ntlm_client_answer(struct ntlm_client *client, const char *challenge, size_t len,
                                  char out[NTLM_CLIENT_TEXT]);

#endif
