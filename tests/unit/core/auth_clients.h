/* SPDX-License-Identifier: MIT */
/*
 * auth_clients.h - clients of Digest and NTLM for the rig with authentication. What they
 * compute is the bench's, which shares no code with the proxy.
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_CORE_AUTH_CLIENTS_H
#define TESTS_UNIT_CORE_AUTH_CLIENTS_H

#include "tests/bench/digest_client.h"
#include "tests/bench/ntlm_client.h"

#define CREDENTIALS_MAX 4096

/* The value of Proxy-Authorization for the CONNECT of auth_rig_request; the client has
 * taken a challenge. */
const char *digest_credentials(struct digest_client *client);

/* A client that took its challenge from a 407 on a connection of its own. */
void digest_ask(struct digest_client *client, const char *password);

/* "SCHEME base64" of the first message, and of the answer to the challenge that is in
 * the last 407. Good until the next call. */
const char *ntlm_first(const char *scheme);
const char *ntlm_last(const char *scheme, const char *password);

/* "SCHEME base64" of bytes. */
const char *token_of(const char *scheme, const char *bytes, size_t len);

/* Tokens of Kerberos with rubbish inside: raw (RFC 1964), and in SPNEGO (RFC 4178). */
const char *kerberos_rubbish(void);
const char *spnego_rubbish(void);

#endif
