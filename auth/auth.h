/* SPDX-License-Identifier: MIT */
/*
 * auth.h - the auth section of a configuration, compiled: who is asked for what, and
 * what is checked against what.
 *
 * Filled by conf/auth.c; owns everything it points to. A member is NULL where its
 * scheme is not configured, or is checked by a helper.
 *
 *   auth_new -> (conf fills it) -> auth_free
 *
 * Threads: read-only and shared once filled.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/digest.h"
#include "auth/groups.h"
#include "auth/helper_line.h"
#include "auth/htpasswd.h"
#include "auth/kerberos.h"
#include "auth/ntlm.h"
#include "auth/scheme.h"
#include "auth/throttle.h"

#define AUTH_OFFER_MAX 4
#define AUTH_DEFAULT_REALM "Sallyport"

/* Schemes in the order in which they are offered; none of them twice. */
struct auth_offer {
    int source; /* of the policy: for whom; -1: for everybody */
    enum auth_scheme schemes[AUTH_OFFER_MAX];
    size_t count;
};

struct auth {
    char *realm;
    struct auth_offer *offers; /* the first that holds the client; the last is for everybody */
    size_t offer_count;
    struct htpasswd *htpasswd;
    struct helper_config *basic_helper; /* instead of htpasswd */
    uint64_t basic_cache_ms;            /* how long a verified password counts; 0: not at all */
    struct digest *digest;
    char *digest_secret; /* what the digest's settings borrow; cleansed when freed */
    size_t digest_secret_len;
    struct ntlm *ntlm;
    struct helper_config *ntlm_helper; /* instead of ntlm */
    struct kerberos *kerberos;
    char *domain;           /* of NTLM: taken off a helper's DOMAIN\user; NULL: none */
    struct groups *groups;  /* NULL: no groups but those a helper gives */
    struct throttle_limits failures; /* is_per_user is set where a helper asks a directory */
    bool has_ntlm;          /* ntlm is configured, in a file or by helper */
    uint64_t made_usec;     /* of the monotonic clock: no two have the same */
};

/* Zeroed but for made_usec. Setup: ends the process without memory. */
struct auth *auth_new(void);
void auth_free(struct auth *a); /* NULL is fine */

#endif
