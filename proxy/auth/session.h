/* SPDX-License-Identifier: MIT */
/*
 * session.h - what a client's connection keeps for schemes that authenticate the
 * connection (NTLM, Negotiate): a handshake under way, and then who it is.
 *
 * Made by the first message of a handshake. It dies with the connection, or when a
 * tunnel begins, which asks no more. Threads: the worker's own only.
 */
#ifndef PROXY_AUTH_SESSION_H
#define PROXY_AUTH_SESSION_H

#include <stdint.h>

#include "auth/identity.h"
#include "auth/negotiate.h"
#include "auth/ntlm.h"

struct helpers;

struct auth_session {
    struct identity *identity; /* of every request on this connection; NULL: not yet */
    uint64_t judge_usec;       /* made_usec of the auth section that it was proved to */
    struct ntlm_session *ntlm;
    struct negotiate_session *negotiate;
    struct helpers *helpers;
    uint64_t lease; /* of a helper's process, for the time of a handshake */
    uint32_t challenge_flags; /* of that helper's challenge */
    bool awaits_first; /* SPNEGO chose NTLM by a helper; its first message is to come */
};

/* NULL without memory. */
MUST_CHECK struct auth_session *auth_session_new(struct helpers *helpers);

/* The handshake is over, whatever came of it; the identity stays. */
void auth_session_reset(struct auth_session *s);

void auth_session_free(struct auth_session *s); /* NULL is fine */

#endif
