/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - NTLM and Negotiate: schemes that take several requests of one
 * connection, and then hold for all of it.
 *
 * What follows the scheme's name is looked at, not trusted: clients send raw NTLMSSP as
 * Negotiate, and SPNEGO as NTLM.
 *
 * Shared by handshake.c, ntlm.c and wrapped.c. Threads: the worker's own only.
 */
#ifndef PROXY_AUTH_HANDSHAKE_H
#define PROXY_AUTH_HANDSHAKE_H

#include "auth/ntlm.h"
#include "proxy/auth/exchange.h"

struct auth_session;

/* The connection's, made where there is none; NULL without memory, and then state is
 * set. */
MUST_CHECK struct auth_session *handshake_session(struct exchange *x);

/* Since 1601, for NTLM. */
uint64_t handshake_now_100ns(void);

/* What NTLM made of an AUTHENTICATE, or of a NEGOTIATE it did not take. */
void handshake_take_ntlm(struct exchange *x, enum ntlm_result result);

/* One NTLMSSP message, and the same in base64, for a helper. */
void ntlm_check_message(struct exchange *x, struct auth_session *s, struct str message,
                        struct str base64);

/* Takes a token of SPNEGO where a helper checks NTLM. False where it is not for that. */
MUST_CHECK bool wrapped_check(struct exchange *x, struct auth_session *s, struct str token);

/* Sends the helper's message to the client, in SPNEGO. */
void wrapped_answer(struct exchange *x, struct str inner);

#endif
