/* SPDX-License-Identifier: MIT */
/*
 * spnego.h - SPNEGO tokens (RFC 4178, RFC 2743 section 3.1): taken apart and written,
 * as far as NTLM inside Negotiate needs it. Kerberos tokens go to GSSAPI whole.
 *
 * A parser of our own over DER, for bytes that come from strangers. What it finds
 * points into the token. Keeps no state. Threads: any.
 */
#ifndef AUTH_SPNEGO_H
#define AUTH_SPNEGO_H

#include <stdbool.h>

#include "util/str.h"

#define SPNEGO_MECHANISMS_MAX 16
#define SPNEGO_REPLY_OVERHEAD 128 /* of a reply, beside its token and MIC */

enum spnego_mechanism { SPNEGO_OTHER, SPNEGO_KERBEROS, SPNEGO_NTLM };

enum spnego_kind {
    SPNEGO_NONE, /* not a GSS token: perhaps raw NTLMSSP */
    SPNEGO_RAW_KERBEROS, /* a GSS token of Kerberos without SPNEGO around it */
    SPNEGO_INIT, /* NegTokenInit (or NegTokenInit2's form of it) */
    SPNEGO_RESP, /* NegTokenResp */
    SPNEGO_BAD,  /* begins like one and is malformed */
};

enum spnego_state { SPNEGO_COMPLETED, SPNEGO_INCOMPLETE, SPNEGO_REJECT, SPNEGO_REQUEST_MIC };

struct spnego_token {
    enum spnego_kind kind;
    enum spnego_mechanism mechanisms[SPNEGO_MECHANISMS_MAX]; /* of INIT, in the client's order */
    size_t mechanism_count;
    struct str mechanism_list; /* its DER as sent: what a mechListMIC is over */
    struct str inner;          /* mechToken or responseToken; empty: none */
    struct str mic;            /* mechListMIC; empty: none */
};

/* Takes a token apart; the kind says whether it could. */
void spnego_parse(struct spnego_token *t, struct str token);

/* Writes a NegTokenResp; mechanism SPNEGO_OTHER: none is named. inner and mic may be
 * empty. out has inner.len + mic.len + SPNEGO_REPLY_OVERHEAD bytes. Returns its length. */
size_t spnego_write_reply(enum spnego_state state, enum spnego_mechanism mechanism,
                          struct str inner, struct str mic, char *out);

#endif
