/* SPDX-License-Identifier: MIT */
/*
 * wrapped.c - NTLM inside SPNEGO where a helper checks it: the helper speaks NTLMSSP
 * alone, so it is unwrapped for it and wrapped for the client.
 *
 * The session's key stays with the helper, so no mechListMIC can be checked or made. An
 * HTTP client does without: what it would protect, the choice of the mechanism, is made
 * by the one mechanism that is left.
 */
#include "auth/spnego.h"
#include "proxy/auth/handshake.h"
#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "util/base64.h"
#include "util/mem.h"

static bool has_ntlm(const struct spnego_token *t)
{
    for (size_t i = 0; i < t->mechanism_count; i++)
        if (t->mechanisms[i] == SPNEGO_NTLM)
            return true;
    return false;
}

void wrapped_answer(struct exchange *x, struct str inner)
{
    static const struct str NOTHING = {NULL, 0};
    char *bytes = mem_alloc(inner.len + SPNEGO_REPLY_OVERHEAD);
    if (bytes == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    size_t len = spnego_write_reply(SPNEGO_INCOMPLETE, SPNEGO_NTLM, inner, NOTHING, bytes);
    exchange_answer(x, (struct str){bytes, len});
    mem_free(bytes);
}

static void pass_inner(struct exchange *x, struct auth_session *s, struct str inner)
{
    char *base64 = mem_alloc(BASE64_SIZE(inner.len) + 1);
    if (base64 == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    size_t len = base64_encode(inner, base64);
    x->is_wrapped = true;
    ntlm_check_message(x, s, inner, (struct str){base64, len});
    mem_free(base64);
}

bool wrapped_check(struct exchange *x, struct auth_session *s, struct str token)
{
    struct spnego_token t;
    if (x->auth->ntlm_helper == NULL)
        return false;
    spnego_parse(&t, token);
    if (t.kind == SPNEGO_RESP && (s->lease != HELPER_NO_LEASE || s->awaits_first)) {
        pass_inner(x, s, t.inner);
        return true;
    }
    bool is_first = t.mechanism_count > 0 && t.mechanisms[0] == SPNEGO_NTLM;
    if (t.kind != SPNEGO_INIT || !has_ntlm(&t) || (!is_first && x->auth->kerberos != NULL))
        return false;
    if (is_first && t.inner.len > 0) {
        pass_inner(x, s, t.inner);
        return true;
    }
    auth_session_reset(s);
    s->awaits_first = true;
    wrapped_answer(x, (struct str){NULL, 0}); /* NTLM it is: now begin */
    return true;
}
