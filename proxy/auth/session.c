/* SPDX-License-Identifier: MIT */
/* session.c - what a client's connection keeps of its authentication; see session.h. */
#include "proxy/auth/session.h"

#include "proxy/helpers.h"
#include "util/mem.h"

struct auth_session *auth_session_new(struct helpers *helpers)
{
    struct auth_session *s = mem_zalloc(sizeof(*s));
    if (s != NULL)
        s->helpers = helpers;
    return s;
}

void auth_session_reset(struct auth_session *s)
{
    ntlm_session_free(s->ntlm);
    negotiate_session_free(s->negotiate);
    if (s->lease != HELPER_NO_LEASE)
        helpers_release(s->helpers, s->lease);
    s->ntlm = NULL;
    s->negotiate = NULL;
    s->lease = HELPER_NO_LEASE;
    s->challenge_flags = 0;
    s->awaits_first = false;
}

void auth_session_free(struct auth_session *s)
{
    if (s == NULL)
        return;
    auth_session_reset(s);
    identity_unref(s->identity);
    mem_free(s);
}
