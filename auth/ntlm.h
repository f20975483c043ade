/* SPDX-License-Identifier: MIT */
/*
 * ntlm.h - NTLM on the side of the server (MS-NLMP): NTLMv2 against the NT hashes of a
 * smbpasswd file.
 *
 * The client's NEGOTIATE comes in, our CHALLENGE goes out, the client's AUTHENTICATE is
 * judged. NTLMv1, LM and anonymous answers are refused. Where the client's answer says
 * that it carries a MIC, the MIC must hold over all three messages. Neither the client's
 * clock nor its channel bindings count: a challenge is random and answered once, and the
 * way to a proxy has no TLS to bind to. Any domain may be claimed, and user@domain too.
 *
 *   ntlm_new -> (ntlm_begin -> ntlm_finish -> ntlm_session_free) ... -> ntlm_free
 *
 * Invariants: a session judges one AUTHENTICATE and no second one; an unknown user
 * takes the same steps as a known one. Threads: struct ntlm is read-only and shared; a
 * session belongs to one thread at a time. It keeps the messages until it has judged,
 * and then but the key.
 */
#ifndef AUTH_NTLM_H
#define AUTH_NTLM_H

#include "auth/accounts.h"
#include "util/err.h"

#define NTLM_MESSAGE_MAX 16384  /* a longer one is refused unread */
#define NTLM_NEGOTIATE_MAX 1024 /* and of this kind, which is kept until the MIC is judged */
#define NTLM_CHALLENGE_MAX 1024
#define NTLM_MAC_SIZE 16

struct ntlm;
struct ntlm_session;

struct ntlm_settings {
    const char *domain;   /* NetBIOS name, at most 15 characters; NULL: the computer's */
    const char *computer; /* NULL: this host's name, cut and in capitals */
};

enum ntlm_result {
    NTLM_OK,
    NTLM_WRONG,     /* unknown user, wrong password, disabled account */
    NTLM_OLD,       /* NTLMv1, LM or anonymous: refused whatever the password */
    NTLM_BAD,       /* malformed, out of order, or a MIC that does not hold */
    NTLM_NO_MEMORY, /* or no random bytes */
};

/* text: the content of a smbpasswd(5) file. Every fault goes to faults; NULL where
 * there was an error. Names are looked up without regard to ASCII case. */
MUST_CHECK struct ntlm *ntlm_new(const struct ntlm_settings *settings, struct str text,
                                 const char *file, struct errlist *faults);
void ntlm_free(struct ntlm *n); /* NULL is fine */

/* The kind of an NTLMSSP message: 1, 2 or 3; 0: it is none. */
unsigned ntlm_kind(struct str message);

/* Takes a NEGOTIATE and makes the CHALLENGE. now_100ns: since 1601 (FILETIME), for
 * the timestamp. On NTLM_OK *session is the caller's. */
MUST_CHECK enum ntlm_result ntlm_begin(const struct ntlm *n, struct str negotiate,
                                       uint64_t now_100ns, struct ntlm_session **session);

/* A session whose first two messages went over the wire already; challenge is a CHALLENGE
 * of ours. NULL without memory. */
MUST_CHECK struct ntlm_session *ntlm_session_new(struct str negotiate, struct str challenge);

/* The CHALLENGE, borrowed from the session. */
struct str ntlm_challenge(const struct ntlm_session *s);

/* The user that an AUTHENTICATE claims, as UTF-8, without a domain in front of it and
 * without an "@..." behind it: who changes those has failed no less often. For the
 * count of failures and the log. False where it cannot be read, or might be read in two
 * ways: an NTLMv2 answer without flags has its name in a form that only the challenge
 * tells. */
MUST_CHECK bool ntlm_claimed_user(struct str authenticate, char user[ACCOUNT_NAME_MAX + 1]);

/* The flags of anybody's CHALLENGE; 0 where it is none. */
uint32_t ntlm_challenge_flags(struct str challenge);

/* Whether an AUTHENTICATE has flags, and has Unicode where a CHALLENGE with those flags
 * has it: then both ends read the same name in it. */
MUST_CHECK bool ntlm_is_for_flags(struct str authenticate, uint32_t challenge_flags);

/* Whether an AUTHENTICATE is of NTLMv1 or LM, or anonymous: for who has it judged
 * elsewhere. */
bool ntlm_is_outdated(struct str authenticate);

/* Judges an AUTHENTICATE: NTLM_OK sets user to the account's name as in the file. */
MUST_CHECK enum ntlm_result ntlm_finish(const struct ntlm *n, struct ntlm_session *s,
                                        struct str authenticate, char user[ACCOUNT_NAME_MAX + 1]);

/* After NTLM_OK: the signature over bytes with sequence number 0, by the key of one
 * side (MS-NLMP section 3.4.4), for SPNEGO's mechListMIC. False where the handshake agreed on no
 * signing. */
MUST_CHECK bool ntlm_sign(const struct ntlm_session *s, bool is_client, struct str bytes,
                          unsigned char mac[NTLM_MAC_SIZE]);

/* Cleanses and frees. NULL is fine. */
void ntlm_session_free(struct ntlm_session *s);

#endif
