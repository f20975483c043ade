/* SPDX-License-Identifier: MIT */
/* exchange.c - one request's credentials on their way to an identity; see exchange.h. */
#include "proxy/auth/exchange.h"

#include <openssl/crypto.h>
#include <string.h>

#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "util/base64.h"
#include "util/mem.h"

static enum auth_scheme scheme_of(struct str name)
{
    static const char *const NAMES[AUTH_SCHEME_COUNT] = {
        [AUTH_BASIC] = "basic", [AUTH_DIGEST] = "digest", [AUTH_NTLM] = "ntlm",
        [AUTH_NEGOTIATE] = "negotiate"};
    for (unsigned i = AUTH_BASIC; i < AUTH_SCHEME_COUNT; i++)
        if (str_ieq(name, str_of(NAMES[i]))) /* RFC 9110 section 11.1: case is nothing */
            return (enum auth_scheme)i;
    return AUTH_NONE;
}

static bool is_offered(const struct conn *c, enum auth_scheme scheme)
{
    const struct auth_offer *offer = c->txn->offer;
    for (size_t i = 0; i < offer->count; i++)
        if (offer->schemes[i] == scheme)
            return true;
    return false;
}

/* Who brings credentials wants to be known by them: whoever the connection was, it is
 * nobody until they are judged. A handshake goes on with its own kind alone. */
static void forget(struct auth_session *s, enum auth_scheme scheme)
{
    if (s == NULL)
        return;
    identity_unref(s->identity);
    s->identity = NULL;
    if (scheme != AUTH_NTLM && scheme != AUTH_NEGOTIATE)
        auth_session_reset(s);
}

void exchange_begin(struct exchange *x, struct conn *c, struct str value)
{
    static void (*const CHECKS[AUTH_SCHEME_COUNT])(struct exchange *x) = {
        [AUTH_BASIC] = basic_check,
        [AUTH_DIGEST] = digest_check_request,
        [AUTH_NTLM] = handshake_check,
        [AUTH_NEGOTIATE] = handshake_check,
    };
    size_t len = str_find(value, ' ');
    x->conn = c;
    x->auth = c->txn->pin->config->auth;
    x->authority = c->worker->shared->authority;
    x->scheme = scheme_of((struct str){value.ptr, len});
    x->credentials = str_trim((struct str){value.ptr + len, value.len - len});
    x->state = EXCHANGE_WAITS;
    forget(c->auth, x->scheme);
    if (x->scheme == AUTH_NONE || !is_offered(c, x->scheme))
        exchange_refuse(x, COUNT_AUTH_NOT_OFFERED);
    else
        CHECKS[x->scheme](x);
}

void exchange_refuse(struct exchange *x, enum count_auth result)
{
    x->state = EXCHANGE_REFUSED;
    x->result = result;
}

void exchange_settle(struct exchange *x, enum exchange_state state, enum count_auth result)
{
    x->errand = NULL;
    x->state = state;
    x->result = result;
    conn_run(x->conn);
}

static bool note_throttle(struct exchange *x, bool has_token)
{
    if (has_token)
        return true;
    x->state = EXCHANGE_THROTTLED;
    x->result = COUNT_AUTH_THROTTLED;
    return false;
}

bool exchange_may_try(struct exchange *x, struct str user)
{
    return note_throttle(x, throttle_take(x->authority->throttle, &x->auth->failures,
                                          &x->conn->client_addr.addr, user, worker_now_ms(),
                                          &x->retry_s));
}

bool exchange_could_try(struct exchange *x, struct str user)
{
    return note_throttle(x, throttle_has(x->authority->throttle, &x->auth->failures,
                                         &x->conn->client_addr.addr, user, worker_now_ms(),
                                         &x->retry_s));
}

void exchange_was_no_failure(struct exchange *x, struct str user)
{
    throttle_give_back(x->authority->throttle, &x->auth->failures, &x->conn->client_addr.addr,
                       user, worker_now_ms());
}

void exchange_answer(struct exchange *x, struct str bytes)
{
    mem_free(x->token);
    x->token = mem_alloc(BASE64_SIZE(bytes.len) + 1);
    x->state = x->token != NULL ? EXCHANGE_TOKEN : EXCHANGE_NO_MEMORY;
    x->result = COUNT_AUTH_LEG;
    x->token_len = x->token != NULL ? base64_encode(bytes, x->token) : 0;
}

void exchange_fini(struct exchange *x)
{
    if (x->errand != NULL)
        x->errand->exchange = NULL;
    mem_free(x->token);
}
