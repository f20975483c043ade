/* SPDX-License-Identifier: MIT */
/*
 * ntlm_message.h - NTLMSSP messages (MS-NLMP section 2.2.1): NEGOTIATE and AUTHENTICATE
 * taken apart, CHALLENGE written.
 *
 * For bytes that come from strangers: every field must lie inside its message; fields
 * may overlap and stand in any order. What a parser finds points into the message.
 * Keeps no state. Threads: any.
 */
#ifndef AUTH_NTLM_MESSAGE_H
#define AUTH_NTLM_MESSAGE_H

#include "auth/ntlm.h"
#include "auth/ntlm_crypto.h"

/* MS-NLMP section 2.2.2.5, those that are spoken here. */
#define NTLM_FLAG_UNICODE 0x00000001U
#define NTLM_FLAG_OEM 0x00000002U
#define NTLM_FLAG_REQUEST_TARGET 0x00000004U
#define NTLM_FLAG_SIGN 0x00000010U
#define NTLM_FLAG_SEAL 0x00000020U
#define NTLM_FLAG_NTLM 0x00000200U
#define NTLM_FLAG_ANONYMOUS 0x00000800U
#define NTLM_FLAG_ALWAYS_SIGN 0x00008000U
#define NTLM_FLAG_TARGET_DOMAIN 0x00010000U
#define NTLM_FLAG_TARGET_SERVER 0x00020000U
#define NTLM_FLAG_EXTENDED 0x00080000U /* extended session security */
#define NTLM_FLAG_TARGET_INFO 0x00800000U
#define NTLM_FLAG_VERSION 0x02000000U
#define NTLM_FLAG_128 0x20000000U
#define NTLM_FLAG_KEY_EXCH 0x40000000U
#define NTLM_FLAG_56 0x80000000U

#define NTLM_NETBIOS_MAX 15 /* characters */
#define NTLM_DNS_MAX 64     /* characters that go into a CHALLENGE */
#define NTLM_DOMAIN_MAX 512 /* bytes of a domain in an AUTHENTICATE */

/* A name in UTF-16LE. */
struct ntlm_name {
    unsigned char units[2 * NTLM_DNS_MAX];
    size_t len;
};

/* Who the CHALLENGE says it is from. */
struct ntlm_target {
    bool is_domain;          /* the target's name is domain's, else computer's */
    struct ntlm_name domain; /* NetBIOS names */
    struct ntlm_name computer;
    struct ntlm_name dns_domain;
    struct ntlm_name dns_computer;
};

struct ntlm_authenticate {
    struct str nt, domain, user;
    struct str proof, blob; /* nt, taken apart */
    struct str session_key; /* encrypted; empty: none */
    uint32_t flags;         /* the challenge's where the message has none */
    bool has_flags;         /* of its own */
    bool has_mic;           /* says that it has one, at mic_offset */
    size_t mic_offset;
};

/* The flags of a NEGOTIATE. 0, or -1: it is none. Its names are not looked at: old
 * clients leave them out or send rubbish. */
MUST_CHECK int ntlm_message_negotiate(struct str message, uint32_t *flags);

/* What a CHALLENGE answers to the flags of a NEGOTIATE. */
uint32_t ntlm_message_agree(uint32_t asked, bool is_domain);

/* Writes a CHALLENGE with the time since 1601 in units of 100 ns; returns its length. */
size_t ntlm_message_challenge(const struct ntlm_target *target, uint32_t flags,
                              const unsigned char challenge[NTLM_SERVER_CHALLENGE_SIZE],
                              uint64_t now_100ns, unsigned char out[NTLM_CHALLENGE_MAX]);

/* The flags of a CHALLENGE of ours, and what it challenged with. */
uint32_t ntlm_message_agreed(struct str message,
                             unsigned char challenge[NTLM_SERVER_CHALLENGE_SIZE]);

/* Takes an AUTHENTICATE apart. NTLM_OK: it has an NTLMv2 response; NTLM_OLD: one of
 * NTLMv1, of LM, or none at all; else NTLM_BAD. challenge_flags: for one so old that
 * it has no flags of its own. */
MUST_CHECK enum ntlm_result ntlm_message_authenticate(struct ntlm_authenticate *a,
                                                      struct str message, uint32_t challenge_flags);

/* The user as UTF-8. Without NTLM_FLAG_UNICODE the code page is unknown: then the
 * bytes must be UTF-8 (ASCII is, in every code page). False where it cannot be read, is
 * too long, or has control characters. */
MUST_CHECK bool ntlm_message_user(const struct ntlm_authenticate *a,
                                  char user[ACCOUNT_NAME_MAX + 1]);

#endif
