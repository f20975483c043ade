/* SPDX-License-Identifier: MIT */
/* asking.c - an errand to a helper process; see asking.h. */
#include "proxy/auth/asking.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth/handshake.h"
#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "util/base64.h"
#include "util/list.h"
#include "util/mem.h"

/* For so long wrong credentials need not be checked again: clients repeat them, and a
 * directory may lock the account of one that does. */
#define WRONG_MS 10000

struct asking {
    struct errand errand;
    struct helper_ask ask;
    struct authority *authority;
    struct throttle_limits limits;
    struct addr client;
    char user[ACCOUNT_NAME_MAX + 1]; /* claimed; empty: no try was taken */
    uint64_t cache_ms;
    bool has_key;
    struct pending_node pending;
    size_t line_size;
    char line[];
};

struct asking *asking_new(struct exchange *x, size_t line_size)
{
    struct asking *a = mem_zalloc(sizeof(*a) + line_size);
    if (a == NULL)
        return NULL;
    a->errand.exchange = x;
    a->authority = x->authority;
    a->limits = x->auth->failures;
    a->client = x->conn->client_addr.addr;
    a->cache_ms = x->auth->basic_cache_ms;
    a->line_size = line_size;
    return a;
}

char *asking_line(struct asking *a)
{
    return a->line;
}

bool asking_keep(struct asking *a, const unsigned char key[AUTH_CACHE_KEY_SIZE])
{
    memcpy(a->pending.key, key, sizeof(a->pending.key));
    a->has_key = pending_enter(a->authority->pending, &a->pending);
    return a->has_key;
}

void asking_free(struct asking *a)
{
    if (a->has_key)
        pending_leave(a->authority->pending, &a->pending);
    OPENSSL_cleanse(a->line, a->line_size);
    mem_free(a);
}

static void give_back(struct asking *a)
{
    if (a->user[0] != '\0')
        throttle_give_back(a->authority->throttle, &a->limits, &a->client, str_of(a->user),
                           worker_now_ms());
}

/* "CORP\alice" is alice where CORP is ours. */
static struct str without_domain(const struct auth *auth, struct str user)
{
    size_t at = str_find(user, '\\');
    if (at == user.len || auth->domain == NULL ||
        !str_ieq((struct str){user.ptr, at}, str_of(auth->domain)))
        return user;
    return (struct str){user.ptr + at + 1, user.len - at - 1};
}

static void set_user(struct exchange *x, struct str user, struct str groups)
{
    user = without_domain(x->auth, user);
    snprintf(x->user, sizeof(x->user), "%.*s", STR_ARG(user));
    snprintf(x->groups, sizeof(x->groups), "%.*s", STR_ARG(groups));
}

/* A value is "+user\ngroups" for the right credentials, "-" for wrong ones. */
bool asking_recall(struct exchange *x, struct str value)
{
    if (value.len == 0 || value.ptr[0] != '+')
        return false;
    value.ptr++;
    value.len--;
    struct str user = str_cut(&value, '\n');
    if (x->auth->htpasswd != NULL) /* the name is the file's, whatever it looks like */
        snprintf(x->user, sizeof(x->user), "%.*s", STR_ARG(user));
    else
        set_user(x, user, value);
    return true;
}

void asking_remember(struct authority *a, const unsigned char key[AUTH_CACHE_KEY_SIZE],
                     bool is_right, struct str user, const char *groups, uint64_t cache_ms)
{
    char value[AUTH_CACHE_VALUE_MAX] = "-";
    uint64_t now = worker_now_ms();
    int len = 1;
    if (is_right)
        len = snprintf(value, sizeof(value), "+%.*s\n%s", STR_ARG(user), groups);
    if (len < (int)sizeof(value))
        auth_cache_put(a->cache, key, (struct str){value, (size_t)len}, now,
                       now + (is_right ? cache_ms : WRONG_MS));
}

static void accept_user(struct asking *a)
{
    const struct helper_answer *answer = &a->ask.answer;
    struct exchange *x = a->errand.exchange;
    const char *user = answer->user[0] != '\0' ? answer->user : a->user;
    give_back(a);
    if (a->has_key)
        asking_remember(a->authority, a->pending.key, true, str_of(user), answer->groups,
                        a->cache_ms);
    if (x == NULL)
        return;
    set_user(x, str_of(user), str_of(answer->groups));
    exchange_settle(x, EXCHANGE_OK, COUNT_AUTH_OK);
}

/* Of a challenge; into SPNEGO, where the client's message came so. */
static void take_challenge(struct exchange *x)
{
    char message[HELPER_TOKEN_MAX];
    size_t len;
    if (x->token_len > sizeof(message) ||
        base64_decode((struct str){x->token, x->token_len}, message, &len) != 0) {
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        return;
    }
    x->conn->auth->challenge_flags = ntlm_challenge_flags((struct str){message, len});
    if (x->is_wrapped)
        wrapped_answer(x, (struct str){message, len});
}

/* The helper's challenge goes to the client, and the process waits for what it says. */
static void pass_token(struct asking *a)
{
    struct exchange *x = a->errand.exchange;
    if (x == NULL) {
        helpers_release(a->authority->helpers, a->ask.lease);
        return;
    }
    x->conn->auth->lease = a->ask.lease;
    x->token_len = a->ask.answer.token.len;
    x->token = mem_dup(a->ask.answer.token.ptr, x->token_len);
    x->state = x->token != NULL ? EXCHANGE_TOKEN : EXCHANGE_NO_MEMORY;
    x->result = COUNT_AUTH_LEG;
    if (x->token != NULL)
        take_challenge(x);
    exchange_settle(x, x->state, x->result);
}

static void fail(struct asking *a, enum exchange_state state, enum count_auth result)
{
    if (result != COUNT_AUTH_WRONG)
        give_back(a);
    if (a->errand.exchange != NULL)
        exchange_settle(a->errand.exchange, state, result);
}

static void take_answer(struct asking *a)
{
    switch (a->ask.answer.kind) {
    case HELPER_OK:
        accept_user(a);
        break;
    case HELPER_TOKEN:
        pass_token(a);
        break;
    case HELPER_ERR:
        if (a->has_key)
            asking_remember(a->authority, a->pending.key, false, str_of(""), "", 0);
        fail(a, EXCHANGE_REFUSED, COUNT_AUTH_WRONG);
        break;
    case HELPER_BROKEN:
    case HELPER_STRANGE:
        fail(a, EXCHANGE_UNAVAILABLE, COUNT_AUTH_UNAVAILABLE);
        break;
    }
}

static void on_answer(struct helper_ask *ask)
{
    struct asking *a = LIST_ITEM(ask, struct asking, ask);
    struct exchange *x = a->errand.exchange;
    if (x != NULL && x->is_for_connection)
        x->conn->auth->lease = HELPER_NO_LEASE;
    switch (ask->fate) {
    case HELPER_ANSWERED:
        take_answer(a);
        break;
    case HELPER_QUEUE_FULL:
        fail(a, EXCHANGE_BUSY, COUNT_AUTH_BUSY);
        break;
    case HELPER_LEASE_LOST:
        fail(a, EXCHANGE_REFUSED, COUNT_AUTH_MALFORMED);
        break;
    case HELPER_DIED:
    case HELPER_TIMED_OUT:
        fail(a, EXCHANGE_UNAVAILABLE, COUNT_AUTH_UNAVAILABLE);
        break;
    }
    asking_free(a);
}

static void on_drop(struct helper_ask *ask)
{
    asking_free(LIST_ITEM(ask, struct asking, ask));
}

void asking_send(struct asking *a, const struct helper_config *config, struct str user,
                 size_t line_len)
{
    struct exchange *x = a->errand.exchange;
    const struct auth_session *session = x->conn->auth;
    snprintf(a->user, sizeof(a->user), "%.*s", STR_ARG(user));
    a->ask.inbox = &x->conn->worker->inbox;
    a->ask.done = on_answer;
    a->ask.drop = on_drop;
    a->ask.line = a->line;
    a->ask.line_len = line_len;
    a->ask.lease = x->is_for_connection ? session->lease : HELPER_NO_LEASE;
    x->errand = &a->errand;
    helpers_ask(a->authority->helpers, config, &a->ask);
}
