/* SPDX-License-Identifier: MIT */
/* auth.c - the auth section of a configuration, compiled; see auth.h. */
#include "auth/auth.h"

#include <openssl/crypto.h>

#include "util/clock.h"
#include "util/mem.h"

struct auth *auth_new(void)
{
    struct auth *a = mem_must_zalloc(sizeof(*a));
    a->made_usec = clock_usec();
    return a;
}

static void free_helper(struct helper_config *h)
{
    if (h != NULL)
        mem_free(h->command);
    mem_free(h);
}

void auth_free(struct auth *a)
{
    if (a == NULL)
        return;
    htpasswd_free(a->htpasswd);
    digest_free(a->digest);
    ntlm_free(a->ntlm);
    kerberos_free(a->kerberos);
    groups_free(a->groups);
    free_helper(a->basic_helper);
    free_helper(a->ntlm_helper);
    if (a->digest_secret != NULL)
        OPENSSL_cleanse(a->digest_secret, a->digest_secret_len);
    mem_free(a->digest_secret);
    mem_free(a->domain);
    mem_free(a->realm);
    mem_free(a->offers);
    mem_free(a);
}
