/* SPDX-License-Identifier: MIT */
/*
 * negotiate_fixture.h - what test_negotiate.c puts under negotiate.c in place of NTLM and
 * Kerberos, and the tokens of a client.
 *
 * The fixture defines the functions of ntlm.h and kerberos_context_free: they count what
 * they make and free, and do as a message's bytes tell. Byte 8 of a message is its kind,
 * byte 9 the result that it will have; byte 10 of an AUTHENTICATE says whether signing was
 * agreed on. A signature is the letter of its side, but for bytes 1 to 12: the last ones
 * of what is signed. The time must be 77. Threads: one.
 */
#ifndef UNIT_AUTH_NEGOTIATE_FIXTURE_H
#define UNIT_AUTH_NEGOTIATE_FIXTURE_H

#include "auth/negotiate.h"

#define CHALLENGE "NTLMSSP\0\2challenge"
#define MESSAGE_SIZE 16

extern const struct ntlm *const some_ntlm;
extern int sessions_alive, contexts_alive;

/* An AUTHENTICATE of carol's, in message. */
struct str authenticate_as(char message[MESSAGE_SIZE], enum ntlm_result result, bool can_sign);

/* A client's token of SPNEGO. */
struct token {
    char bytes[1024];
    size_t len;
};

struct str str_token(const struct token *t);

/* mechanisms: the DER of their names. inner and mic may be empty. */
struct token make_init(struct str mechanisms, struct str inner);
struct token make_resp(struct str inner, struct str mic);

#endif
