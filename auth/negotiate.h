/* SPDX-License-Identifier: MIT */
/*
 * negotiate.h - the Negotiate scheme (RFC 4559) on the side of the server: what to do
 * with each token of a client, above SPNEGO, NTLM and Kerberos.
 *
 * The token decides what it is, never the name of the scheme it came under: clients send
 * raw NTLMSSP as Negotiate, and SPNEGO as NTLM.
 *
 *   session = NULL; negotiate_step -> ... -> negotiate_session_free
 *
 * A session belongs to one connection; negotiate_step makes it when the first token
 * comes. Kerberos may block, so it is not done here: on NEGOTIATE_KERBEROS the caller
 * lets a thread that may block run kerberos_accept, with the same token and the context
 * of negotiate_take_context, and brings what came of it to negotiate_kerberos_done, before
 * any other step. The thread owns the context meanwhile, so the session may be freed
 * before it is done.
 *
 * Invariants: a handshake has one result; a first token (raw NTLMSSP NEGOTIATE, or a
 * NegTokenInit) begins a new one at any time and forgets the old. Where SPNEGO's
 * mechListMIC comes it must hold, and where RFC 4178 section 5 demands one it must come.
 * Threads: a session belongs to one thread at a time.
 */
#ifndef AUTH_NEGOTIATE_H
#define AUTH_NEGOTIATE_H

#include "auth/kerberos.h"
#include "auth/ntlm.h"

enum negotiate_result {
    NEGOTIATE_OK,    /* negotiate_user says who */
    NEGOTIATE_TOKEN, /* negotiate_token goes to the client in a 407; another will come */
    NEGOTIATE_KERBEROS,
    NEGOTIATE_WRONG,  /* the account or the ticket is refused */
    NEGOTIATE_OLD,    /* NTLMv1, LM or anonymous */
    NEGOTIATE_BAD,    /* malformed, out of order, no mechanism in common, a false MIC */
    NEGOTIATE_FAILED, /* Kerberos has a fault on this side: the client is not to blame */
    NEGOTIATE_NO_MEMORY,
};

struct negotiate_session;

/* Takes a decoded token. ntlm NULL: NTLM is not offered; has_kerberos: a keytab is there.
 * now_100ns as for ntlm_begin. *s is NULL at first and the caller's afterwards, whatever
 * the result; only without memory may it still be NULL. */
MUST_CHECK enum negotiate_result negotiate_step(const struct ntlm *ntlm, bool has_kerberos,
                                                struct negotiate_session **s, struct str token,
                                                uint64_t now_100ns);

/* After NEGOTIATE_KERBEROS: the context for kerberos_accept, NULL for a first token. It
 * is the caller's until negotiate_kerberos_done takes it back; where that will not be
 * called any more, it goes to kerberos_context_free. */
void *negotiate_take_context(struct negotiate_session *s);

/* What kerberos_accept made of it; context as it left it. NEGOTIATE_OK, _TOKEN, _WRONG,
 * _FAILED or _NO_MEMORY. The reply is copied from. */
MUST_CHECK enum negotiate_result negotiate_kerberos_done(struct negotiate_session *s,
                                                         enum kerberos_result result, void *context,
                                                         const struct kerberos_reply *reply);

/* Whether this token holds an NTLM AUTHENTICATE, and the account that it claims, for the
 * count of failures: asked before negotiate_step judges it. Needs no session. */
MUST_CHECK bool negotiate_claimed_user(struct str token, char user[ACCOUNT_NAME_MAX + 1]);

/* For the client, never empty after NEGOTIATE_TOKEN. After NEGOTIATE_OK there may be one
 * too; RFC 4559 section 5 sends it with the answer that follows. curl does not read it
 * there: it looks for a proxy's tokens in a 407 alone. Borrowed, good until the next step. */
struct str negotiate_token(const struct negotiate_session *s);

/* After NEGOTIATE_OK. The name is borrowed from the session. */
const char *negotiate_user(const struct negotiate_session *s);
bool negotiate_is_kerberos(const struct negotiate_session *s); /* false: it was NTLM */

/* Why the last step refused, for our own log; "" where it did not. Borrowed. */
const char *negotiate_fault(const struct negotiate_session *s);

/* Cleanses and frees, with the context that is inside. NULL is fine. */
void negotiate_session_free(struct negotiate_session *s);

#endif
