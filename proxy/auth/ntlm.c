/* SPDX-License-Identifier: MIT */
/*
 * ntlm.c - NTLMSSP messages of a client: the first gets our challenge back, the last is
 * judged, against the hashes of a file here or by a helper that asks a directory.
 */
#include "auth/ntlm.h"

#include "proxy/auth/asking.h"
#include "proxy/auth/handshake.h"
#include "proxy/auth/session.h"
#include "proxy/conn.h"

#define LINE_ROOM 8 /* of what is not the token */

static void ask_helper(struct exchange *x, bool is_first, struct str user, struct str base64)
{
    size_t room = base64.len + LINE_ROOM;
    struct asking *a = asking_new(x, room);
    if (a == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    size_t len = helper_line_ntlm(asking_line(a), room, is_first, base64);
    if (len == 0) {
        asking_free(a);
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        return;
    }
    x->is_for_connection = true;
    asking_send(a, x->auth->ntlm_helper, user, len);
}

/* A new handshake; what is left of another is dropped. */
static void begin(struct exchange *x, struct auth_session *s, struct str message,
                  struct str base64)
{
    auth_session_reset(s);
    if (x->auth->ntlm == NULL) {
        ask_helper(x, true, (struct str){NULL, 0}, base64);
        return;
    }
    enum ntlm_result result =
        ntlm_begin(x->auth->ntlm, message, handshake_now_100ns(), &s->ntlm);
    if (result == NTLM_OK)
        exchange_answer(x, ntlm_challenge(s->ntlm));
    else
        handshake_take_ntlm(x, result);
}

static void finish(struct exchange *x, struct auth_session *s, struct str message,
                   struct str base64)
{
    char claimed[ACCOUNT_NAME_MAX + 1];
    bool has_begun = x->auth->ntlm != NULL ? s->ntlm != NULL : s->lease != HELPER_NO_LEASE;
    /* A helper reads the name as its challenge says: it must be the one that is counted. */
    bool is_odd = x->auth->ntlm == NULL && !ntlm_is_for_flags(message, s->challenge_flags);
    if (!has_begun || is_odd || !ntlm_claimed_user(message, claimed)) {
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        return;
    }
    if (x->auth->ntlm == NULL && ntlm_is_outdated(message)) {
        exchange_refuse(x, COUNT_AUTH_OUTDATED);
        return;
    }
    if (!exchange_may_try(x, str_of(claimed)))
        return;
    if (x->auth->ntlm == NULL) {
        ask_helper(x, false, str_of(claimed), base64);
        if (x->state == EXCHANGE_NO_MEMORY)
            exchange_was_no_failure(x, str_of(claimed));
        return;
    }
    enum ntlm_result result = ntlm_finish(x->auth->ntlm, s->ntlm, message, x->user);
    if (result == NTLM_OK || result == NTLM_OLD || result == NTLM_NO_MEMORY)
        exchange_was_no_failure(x, str_of(claimed));
    handshake_take_ntlm(x, result);
}

void ntlm_check_message(struct exchange *x, struct auth_session *s, struct str message,
                        struct str base64)
{
    unsigned kind = ntlm_kind(message);
    if (kind == 1)
        begin(x, s, message, base64);
    else if (kind == 3)
        finish(x, s, message, base64);
    else
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
}
