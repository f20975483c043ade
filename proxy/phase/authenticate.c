/* SPDX-License-Identifier: MIT */
/*
 * authenticate.c - the phase that finds out who asks, where the policy must know.
 *
 * It goes back to admit with an identity, or to reply with a 407 that leaves the
 * connection open. It waits where a thread or a helper checks the credentials.
 */
#include <stddef.h>
#include <string.h>

#include "proxy/auth/challenge.h"
#include "proxy/auth/exchange.h"
#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/phase/discard.h"
#include "proxy/worker.h"
#include "util/mem.h"

/* A connection that is told 407 so often in a row is closed: whoever is behind it does
 * not listen. A handshake takes three, a stale nonce one more. */
#define ROUNDS_MAX 12
#define WAIT_MS 30000 /* at least */

static void count(struct conn *c, enum auth_scheme scheme, enum count_auth result)
{
    count_add(&c->worker->counters.auth[scheme][result], 1);
}

/* Whether the next request can be heard on this connection. A client that waits for
 * "100 Continue" may send its content all the same or not, and nobody could tell what
 * comes next; in the middle of a handshake it has to be risked. */
static bool can_go_on(const struct conn *c, bool is_handshake)
{
    const struct txn *t = c->txn;
    if (!t->keeps_connection || c->auth_rounds >= ROUNDS_MAX || c->worker->is_draining)
        return false;
    if (t->content.kind == BODY_LENGTH && t->content.length > DISCARD_BYTES)
        return false;
    /* Who sends on behind a CONNECT means the far end: nothing of that is a request. */
    if (t->is_connect && c->early_len != 0)
        return false;
    return is_handshake || !t->expects_continue || c->early_len != 0;
}

/* The lines of the challenges are in the worker's buffer. */
static enum next tell(struct conn *c, enum end_reason reason, size_t len, bool is_handshake)
{
    static const char KEEP[] = "Proxy-Connection: keep-alive\r\n";
    struct txn *t = c->txn;
    char *out = c->worker->pool.out;
    c->auth_rounds++;
    t->keeps_connection = can_go_on(c, is_handshake);
    if (t->is_10 && t->keeps_connection && len + sizeof(KEEP) <= REPLY_FIELDS_MAX) {
        memcpy(out + len, KEEP, sizeof(KEEP) - 1); /* old clients look for it */
        len += sizeof(KEEP) - 1;
    }
    t->fields = mem_dup(out, len);
    if (t->fields == NULL)
        return conn_fail(c, END_NO_MEMORY, NULL);
    return conn_fail(c, reason, NULL);
}

/* Asks for credentials, with everything that is offered to this client. */
static enum next challenge(struct conn *c, enum end_reason reason, bool is_stale, unsigned retry_s)
{
    char *out = c->worker->pool.out;
    struct txn *t = c->txn;
    size_t len = challenge_write_all(t->pin->config->auth, t->offer,
                                     c->worker->shared->authority->nonces, is_stale, out);
    t->retry_s = retry_s;
    return tell(c, reason, len, false);
}

static enum next go_on(struct conn *c, struct exchange *x)
{
    size_t len = challenge_write_token(x->scheme, (struct str){x->token, x->token_len},
                                       c->worker->pool.out);
    if (len == 0)
        return challenge(c, END_AUTH_FAILED, false, 0);
    return tell(c, END_AUTH_REQUIRED, len, true);
}

static size_t split_groups(const char *text, struct str *out, size_t size)
{
    struct str rest = str_of(text);
    size_t n = 0;
    while (rest.len > 0 && n < size) {
        struct str one = str_cut(&rest, ' ');
        if (one.len > 0)
            out[n++] = one;
    }
    return n;
}

/* Those of the file, and those that the helper gave. */
static struct identity *make_identity(const struct exchange *x)
{
    /* Room for all: one that is left out could be the one that a rule denies. */
    struct str groups[GROUPS_MAX + HELPER_GROUPS_MAX / 2];
    struct str user = str_of(x->user);
    size_t n = groups_of(x->auth->groups, user, groups, GROUPS_MAX);
    n += split_groups(x->groups, groups + n, ARRAY_LEN(groups) - n);
    return identity_new(x->scheme, user, groups, n);
}

static enum next let_in(struct conn *c, struct exchange *x)
{
    struct identity *identity = make_identity(x);
    if (identity == NULL)
        return conn_fail(c, END_NO_MEMORY, NULL);
    if (x->is_for_connection) {
        auth_session_reset(c->auth);
        identity_unref(c->auth->identity);
        c->auth->identity = identity_ref(identity);
        c->auth->judge_usec = x->auth->made_usec;
    }
    c->txn->identity = identity;
    c->auth_rounds = 0;
    return conn_enter(c, &PHASE_ADMIT);
}

static enum next conclude(struct conn *c, struct exchange *x)
{
    if (x->state == EXCHANGE_NO_MEMORY)
        x->result = COUNT_AUTH_UNAVAILABLE;
    count(c, x->result == COUNT_AUTH_NOT_OFFERED ? AUTH_NONE : x->scheme, x->result);
    c->txn->tried = x->scheme;
    switch (x->state) {
    case EXCHANGE_OK:
        return let_in(c, x);
    case EXCHANGE_TOKEN:
        return go_on(c, x);
    case EXCHANGE_THROTTLED:
        return challenge(c, END_AUTH_THROTTLED, false, x->retry_s);
    case EXCHANGE_BUSY:
        return conn_fail(c, END_AUTH_BUSY, NULL);
    case EXCHANGE_UNAVAILABLE:
        return conn_fail(c, END_AUTH_UNAVAILABLE, NULL);
    case EXCHANGE_NO_MEMORY:
        return conn_fail(c, END_NO_MEMORY, NULL);
    case EXCHANGE_REFUSED:
    case EXCHANGE_PENDING:
    case EXCHANGE_WAITS:
        break;
    }
    /* Who has spoilt a nonce, by whatever count, goes on with another one and need not be
     * asked for a password. */
    bool is_stale = x->result == COUNT_AUTH_STALE || x->result == COUNT_AUTH_REPLAYED;
    bool is_offer = x->result == COUNT_AUTH_STALE || x->result == COUNT_AUTH_NOT_OFFERED;
    if (x->result == COUNT_AUTH_OUTDATED)
        return challenge(c, END_AUTH_OUTDATED, false, 0);
    return challenge(c, is_offer ? END_AUTH_REQUIRED : END_AUTH_FAILED, is_stale, 0);
}

/* A helper has its time once in the queue and once for its answer; one that asks a person,
 * on a telephone perhaps, was given more than others. */
static uint64_t wait_ms(const struct auth *a)
{
    const struct helper_config *const helpers[] = {a->basic_helper, a->ntlm_helper};
    uint64_t longest = WAIT_MS;
    for (size_t i = 0; i < ARRAY_LEN(helpers); i++)
        if (helpers[i] != NULL && 2 * helpers[i]->timeout_ms + 1000 > longest)
            longest = 2 * helpers[i]->timeout_ms + 1000;
    return longest;
}

static int authenticate_enter(struct conn *c)
{
    struct exchange *x = mem_alloc(sizeof(*x));
    if (x == NULL)
        return -1;
    memset(x, 0, offsetof(struct exchange, user));
    x->user[0] = x->groups[0] = '\0';
    x->is_wrapped = x->is_for_connection = false;
    x->token = NULL;
    x->token_len = 0;
    c->state = x;
    conn_set_deadline(c, wait_ms(c->txn->pin->config->auth));
    return 0;
}

static void authenticate_leave(struct conn *c)
{
    if (c->state == NULL)
        return;
    exchange_fini(c->state);
    mem_free(c->state);
    c->state = NULL;
}

/* Who the connection is known to be. A reload may have taken the account, a group or the
 * scheme away: then it counts no more. */
static struct identity *identity_of(const struct conn *c)
{
    const struct auth_session *s = c->auth;
    bool is_good = s != NULL && s->identity != NULL &&
                   s->judge_usec == c->txn->pin->config->auth->made_usec;
    return is_good ? s->identity : NULL;
}

/* The first step judges what the request brought; later ones come when an errand is
 * back, or time is over. */
static enum next authenticate_step(struct conn *c)
{
    struct exchange *x = c->state;
    struct txn *t = c->txn;
    if (c->is_expired)
        return conn_fail(c, END_AUTH_UNAVAILABLE, NULL);
    if (x->conn == NULL && t->authorization == NULL) {
        struct identity *known = identity_of(c);
        if (known != NULL) {
            t->identity = identity_ref(known);
            return conn_enter(c, &PHASE_ADMIT);
        }
        count(c, AUTH_NONE, COUNT_AUTH_ASKED);
        return challenge(c, END_AUTH_REQUIRED, false, 0);
    }
    if (x->conn == NULL || x->state == EXCHANGE_PENDING)
        exchange_begin(x, c, str_of(t->authorization));
    if (x->state == EXCHANGE_PENDING) {
        x->has_waited = true;
        conn_watch(c);
        return NEXT_AGAIN;
    }
    return x->errand != NULL ? NEXT_AGAIN : conclude(c, x);
}

const struct phase PHASE_AUTHENTICATE = {"authenticate", authenticate_enter, authenticate_step,
                                         authenticate_leave, conn_run};
