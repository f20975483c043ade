/* SPDX-License-Identifier: MIT */
/* handshake.c - NTLM and Negotiate; see handshake.h. */
#include "proxy/auth/handshake.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "util/base64.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

/* From 1601 to 1970, in units of 100 ns (MS-DTYP section 2.3.3). */
#define EPOCH_100NS UINT64_C(116444736000000000)

uint64_t handshake_now_100ns(void)
{
    return EPOCH_100NS + clock_wall_ms() * 10000;
}

struct auth_session *handshake_session(struct exchange *x)
{
    struct conn *c = x->conn;
    if (c->auth == NULL)
        c->auth = auth_session_new(x->authority->helpers);
    if (c->auth == NULL)
        x->state = EXCHANGE_NO_MEMORY;
    return c->auth;
}

void handshake_take_ntlm(struct exchange *x, enum ntlm_result result)
{
    switch (result) {
    case NTLM_OK:
        x->state = EXCHANGE_OK;
        x->result = COUNT_AUTH_OK;
        x->is_for_connection = true;
        break;
    case NTLM_WRONG:
        exchange_refuse(x, COUNT_AUTH_WRONG);
        break;
    case NTLM_OLD:
        exchange_refuse(x, COUNT_AUTH_OUTDATED);
        break;
    case NTLM_BAD:
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        break;
    case NTLM_NO_MEMORY:
        x->state = EXCHANGE_NO_MEMORY;
        break;
    }
}

/* ---- Negotiate: SPNEGO, and what is inside ---- */

/* A ticket on its way through a thread. */
struct ticket {
    struct errand errand;
    struct job job;
    struct config *config; /* whose keytab it is */
    void *context;
    enum kerberos_result result;
    struct kerberos_reply reply;
    size_t len;
    char token[];
};

static void take_step(struct exchange *x, enum negotiate_result result);

static void free_ticket(struct ticket *t)
{
    kerberos_context_free(t->context);
    config_unref(t->config);
    OPENSSL_cleanse(t->token, t->len);
    mem_free(t);
}

static void note_fault(const struct ticket *t)
{
    if (t->result == KERBEROS_FAILED)
        log_line(LOG_ERROR, "Kerberos: %s", t->reply.fault);
    else if (t->result == KERBEROS_REFUSED)
        log_line(LOG_NOTICE, "Kerberos: a ticket%s%s is refused: %s",
                 t->reply.service[0] != '\0' ? " for " : "", t->reply.service, t->reply.fault);
}

/* On a thread, which may wait for the log as well. */
static void accept_ticket(struct job *job)
{
    struct ticket *t = LIST_ITEM(job, struct ticket, job);
    t->result = kerberos_accept(t->config->auth->kerberos, (struct str){t->token, t->len},
                                &t->context, &t->reply);
    note_fault(t);
}

static void on_ticket(struct job *job)
{
    struct ticket *t = LIST_ITEM(job, struct ticket, job);
    struct exchange *x = t->errand.exchange;
    if (x != NULL) {
        struct auth_session *s = x->conn->auth;
        enum negotiate_result result =
            negotiate_kerberos_done(s->negotiate, t->result, t->context, &t->reply);
        t->context = NULL;
        x->errand = NULL;
        take_step(x, result);
    }
    free_ticket(t);
    if (x != NULL)
        conn_run(x->conn);
}

static void on_ticket_drop(struct job *job)
{
    free_ticket(LIST_ITEM(job, struct ticket, job));
}

static void send_to_thread(struct exchange *x, struct str token)
{
    struct ticket *t = mem_alloc(sizeof(*t) + token.len);
    if (t == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    t->errand.exchange = x;
    t->job = (struct job){.inbox = &x->conn->worker->inbox, .work = accept_ticket,
                          .done = on_ticket, .drop = on_ticket_drop};
    t->config = config_ref(x->conn->txn->pin->config);
    t->context = negotiate_take_context(x->conn->auth->negotiate);
    t->len = token.len;
    memcpy(t->token, token.ptr, token.len);
    if (jobs_submit(x->authority->kerberos, &t->job)) {
        x->errand = &t->errand;
        return;
    }
    free_ticket(t);
    x->state = EXCHANGE_BUSY;
    x->result = COUNT_AUTH_BUSY;
}

static void take_user(struct exchange *x)
{
    snprintf(x->user, sizeof(x->user), "%s", negotiate_user(x->conn->auth->negotiate));
    x->state = EXCHANGE_OK;
    x->result = COUNT_AUTH_OK;
    x->is_for_connection = true;
}

/* Everything but NEGOTIATE_KERBEROS. */
static void take_step(struct exchange *x, enum negotiate_result result)
{
    switch (result) {
    case NEGOTIATE_OK:
        take_user(x);
        break;
    case NEGOTIATE_TOKEN:
        exchange_answer(x, negotiate_token(x->conn->auth->negotiate));
        break;
    case NEGOTIATE_WRONG:
        exchange_refuse(x, COUNT_AUTH_WRONG);
        break;
    case NEGOTIATE_OLD:
        exchange_refuse(x, COUNT_AUTH_OUTDATED);
        break;
    case NEGOTIATE_FAILED:
        x->state = EXCHANGE_UNAVAILABLE;
        x->result = COUNT_AUTH_UNAVAILABLE;
        break;
    case NEGOTIATE_NO_MEMORY:
        x->state = EXCHANGE_NO_MEMORY;
        break;
    case NEGOTIATE_KERBEROS:
    case NEGOTIATE_BAD:
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        break;
    }
}

/* Any token but raw NTLMSSP. */
static void check_spnego(struct exchange *x, struct auth_session *s, struct str token)
{
    char claimed[ACCOUNT_NAME_MAX + 1];
    bool is_try = negotiate_claimed_user(token, claimed);
    if (is_try && !exchange_may_try(x, str_of(claimed)))
        return;
    enum negotiate_result result =
        negotiate_step(x->auth->ntlm, x->auth->kerberos != NULL, &s->negotiate, token,
                       handshake_now_100ns());
    if (is_try && result != NEGOTIATE_WRONG && result != NEGOTIATE_BAD)
        exchange_was_no_failure(x, str_of(claimed));
    if (result == NEGOTIATE_KERBEROS)
        send_to_thread(x, token);
    else
        take_step(x, result);
}

static void check_token(struct exchange *x, struct auth_session *s, struct str token)
{
    bool is_raw = ntlm_kind(token) != 0;
    if (is_raw && x->auth->has_ntlm)
        ntlm_check_message(x, s, token, x->credentials);
    else if (is_raw)
        exchange_refuse(x, COUNT_AUTH_NOT_OFFERED);
    else if (!wrapped_check(x, s, token))
        check_spnego(x, s, token);
    bool goes_on = x->errand != NULL || x->state == EXCHANGE_TOKEN || x->state == EXCHANGE_OK;
    if (!goes_on)
        auth_session_reset(s);
}

void handshake_check(struct exchange *x)
{
    struct auth_session *s = handshake_session(x);
    struct str text = x->credentials;
    size_t len;
    if (s == NULL)
        return;
    if (text.len == 0 || text.len > BASE64_SIZE(KERBEROS_TOKEN_MAX)) {
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        return;
    }
    char *token = mem_alloc(text.len);
    if (token == NULL)
        x->state = EXCHANGE_NO_MEMORY;
    else if (base64_decode(text, token, &len) != 0)
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
    else
        check_token(x, s, (struct str){token, len});
    if (token != NULL)
        OPENSSL_cleanse(token, text.len);
    mem_free(token);
}
