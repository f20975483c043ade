/* SPDX-License-Identifier: MIT */
/*
 * peek.c - the phase that looks at a tunnel's first bytes and decides what becomes of it.
 *
 * The CONNECT is answered, so that the client begins. What it sends is kept until its
 * ClientHello is whole, and nothing of it is consumed: a tunnel gets every byte as it came,
 * and so does our own TLS. An origin that speaks before the client is heard too: it is no
 * TLS then. Where neither says anything it goes on waiting, unless what is not TLS is refused.
 */
#include <errno.h>
#include <stdio.h>

#include "certs/hello.h"
#include "conf/inspect_decision.h"
#include "proxy/conn.h"
#include "proxy/inspected.h"
#include "proxy/phase/hello_keeper.h"
#include "proxy/phase/tls_alert.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define FIRST_BYTES (128 * 1024) /* of one read: more than any hello */

static const char ESTABLISHED[] = "HTTP/1.1 200 Connection established\r\n\r\n";

struct peek {
    size_t sent; /* of the 200 */
    bool is_patient; /* nobody has spoken within header_timeout: tunnel_idle holds now */
    struct hello_keeper *kept;
};

/* What was seen: hello NULL where it is not TLS. */
struct seen {
    const struct hello *hello;
    struct str bytes; /* all that the client has sent */
    bool is_origin_first;
};

static int peek_enter(struct conn *c)
{
    c->state = mem_zalloc(sizeof(struct peek));
    c->txn->status = 200;
    c->txn->has_peeked = true;
    conn_set_deadline(c, c->txn->pin->config->limits.header_timeout_ms);
    return c->state != NULL ? 0 : -1;
}

static void peek_leave(struct conn *c)
{
    struct peek *p = c->state;
    if (p != NULL)
        hello_keeper_drop(&p->kept);
    mem_free(p);
    c->state = NULL;
}

/* What the client has sent comes first for whoever is next. */
static int keep_bytes(struct conn *c, struct str bytes)
{
    if (c->early != NULL && bytes.ptr == c->early)
        return 0; /* it is there already */
    conn_drop_early(c);
    return conn_keep_early(c, bytes);
}

static struct str sni_of(const struct seen *seen)
{
    bool is_name = seen->hello != NULL && seen->hello->sni == HELLO_SNI_NAME;
    return is_name ? hello_name(seen->hello) : (struct str){NULL, 0};
}

static enum next begin_tunnel(struct conn *c, const struct seen *seen)
{
    if (keep_bytes(c, seen->bytes) != 0)
        return conn_end(c, END_NO_MEMORY);
    return conn_enter(c, &PHASE_TUNNEL);
}

static enum next begin_inspection(struct conn *c, const struct seen *seen)
{
    struct str sni = sni_of(seen);
    if (keep_bytes(c, seen->bytes) != 0 || inspected_new(c, sni) != 0)
        return conn_end(c, END_NO_MEMORY);
    return conn_enter(c, &PHASE_ORIGIN_TLS);
}

/* Whether the client may be shown a page inside TLS: never where it is exempt. */
static bool may_show_page(const struct txn *t)
{
    struct policy_verdict v = t->verdict;
    if (t->parent == NULL &&
        policy_exempts_address(t->pin->config->policy, &t->dialled.addr, t->pin->scratch, &v))
        return false;
    return v.tls == POLICY_TLS_INSPECT && !v.is_exempt;
}

/* The page says why; where the client's TLS must not be touched, an alert has to do. */
static enum next deny_sni(struct conn *c, const struct seen *seen,
                          const struct inspect_answer *answer)
{
    struct str sni = sni_of(seen);
    const char *details = answer->details;
    conn_drop_origin(c);
    if (!may_show_page(c->txn)) {
        count_add(&c->worker->counters.tls_decisions[COUNT_TLS_DENIED], 1);
        c->txn->verdict = answer->verdict;
        tls_alert_send(&c->client, TLS_ALERT_ACCESS_DENIED);
        return conn_refuse(c, END_SNI_DENIED, details);
    }
    c->txn->verdict.action = POLICY_DENY; /* counted as such */
    if (keep_bytes(c, seen->bytes) != 0 || inspected_new(c, sni) != 0)
        return conn_end(c, END_NO_MEMORY);
    inspected_set_fault(c->inspected, END_SNI_DENIED, details);
    return conn_enter(c, &PHASE_INSPECT);
}

/* No record of TLS begins with a letter. */
static bool is_text(struct str bytes)
{
    return bytes.len != 0 && ((bytes.ptr[0] >= 'A' && bytes.ptr[0] <= 'Z') ||
                              (bytes.ptr[0] >= 'a' && bytes.ptr[0] <= 'z'));
}

static enum next deny_not_tls(struct conn *c, const struct seen *seen, const char *details)
{
    struct txn *t = c->txn;
    conn_drop_origin(c);
    count_add(&c->worker->counters.tls_decisions[COUNT_TLS_DENIED], 1);
    if (seen->hello != NULL) {
        proposals_note(c->worker->shared->proposals, host_str(&t->host), t->port, PROPOSAL_ALPN,
                       (struct str){NULL, 0}, &t->client.addr, clock_wall_ms());
        tls_alert_send(&c->client, TLS_ALERT_NO_APPLICATION_PROTOCOL);
    }
    return is_text(seen->bytes) ? conn_fail(c, END_TUNNEL_NOT_TLS, details)
                                : conn_refuse(c, END_TUNNEL_NOT_TLS, details);
}

static enum inspect_outcome ask(const struct conn *c, const struct seen *seen,
                                struct inspect_answer *answer)
{
    const struct txn *t = c->txn;
    struct policy_query query;
    txn_query(t, &query);
    struct inspect_question question = {
        .config = t->pin->config,
        .scratch = t->pin->scratch,
        .query = &query,
        .verdict = &t->verdict,
        .dialled = t->parent == NULL ? &t->dialled.addr : NULL,
        .hello = seen->hello,
        .is_origin_first = seen->is_origin_first,
    };
    return inspect_decide(&question, answer);
}

static enum next decide(struct conn *c, const struct seen *seen)
{
    struct txn *t = c->txn;
    struct str sni = sni_of(seen);
    struct inspect_answer answer;
    if (sni.len != 0)
        t->sni = mem_dup(sni.ptr, sni.len); /* without memory the log goes without */
    enum inspect_outcome outcome = ask(c, seen, &answer);
    /* Browsers open connections in reserve, and close those that they did not need. */
    if (outcome == INSPECT_DENY_NOT_TLS && c->client.is_eof)
        return conn_end(c, END_CLIENT_GONE);
    if (outcome == INSPECT_DENY_SNI)
        return deny_sni(c, seen, &answer);
    t->verdict = answer.verdict;
    if (answer.verdict.tls_reason == answer.alpn) {
        snprintf(t->tls_note, sizeof(t->tls_note), "%s", answer.alpn);
        t->verdict.tls_reason = t->tls_note;
    }
    if (outcome == INSPECT_DENY_NOT_TLS)
        return deny_not_tls(c, seen, answer.details);
    return outcome == INSPECT_DECRYPT ? begin_inspection(c, seen) : begin_tunnel(c, seen);
}

static enum next decide_without_hello(struct conn *c, struct str bytes, bool is_origin_first)
{
    struct seen seen = {NULL, bytes, is_origin_first};
    return decide(c, &seen);
}

/* A handshake that we cannot read, and an origin perhaps can: it could ask for any name. What is
 * exempt passes as it is. */
static bool is_odd_hello(const struct conn *c, struct str bytes)
{
    const struct seen seen = {NULL, bytes, false};
    struct inspect_answer answer;
    if (!c->txn->pin->config->inspection.is_enabled || bytes.len < 2 || bytes.ptr[0] != 22 ||
        bytes.ptr[1] != 3)
        return false;
    (void)ask(c, &seen, &answer);
    return !answer.verdict.is_exempt;
}

static enum next deny_odd_hello(struct conn *c)
{
    conn_drop_origin(c);
    count_add(&c->worker->counters.tls_decisions[COUNT_TLS_DENIED], 1);
    tls_alert_send(&c->client, TLS_ALERT_DECODE_ERROR);
    return conn_refuse(c, END_TUNNEL_NOT_TLS, "the ClientHello is malformed or too large");
}

/* The client's next bytes. */
static enum next take_bytes(struct conn *c, struct peek *p, struct str bytes)
{
    struct hello hello;
    struct seen seen = {NULL, bytes, false};
    switch (hello_keeper_see(&p->kept, bytes, &hello, &seen.bytes)) {
    case HELLO_SEEN_NO_MEMORY:
        return conn_end(c, END_NO_MEMORY);
    case HELLO_SEEN_MORE:
        conn_watch(c);
        return NEXT_AGAIN;
    case HELLO_SEEN_WHOLE:
        seen.hello = &hello;
        break;
    case HELLO_SEEN_NONE:
        if (is_odd_hello(c, seen.bytes))
            return deny_odd_hello(c);
        break;
    }
    return decide(c, &seen);
}

static enum next send_established(struct conn *c, struct peek *p)
{
    while (p->sent < sizeof(ESTABLISHED) - 1) {
        size_t len;
        enum io rc = stream_send(&c->client, ESTABLISHED + p->sent,
                                 sizeof(ESTABLISHED) - 1 - p->sent, &len);
        if (rc == IO_ERR)
            return conn_end(c, END_CLIENT_RESET);
        if (rc != IO_OK)
            return NEXT_AGAIN;
        p->sent += len;
    }
    return NEXT_PHASE;
}

/* True where the origin has spoken; its end, good or bad, shows later by itself. */
static bool has_origin_spoken(struct conn *c)
{
    size_t len;
    if (c->late != NULL)
        return true;
    char *buffer = c->worker->pool.buffer;
    if (!c->origin.is_readable ||
        stream_recv(&c->origin, buffer, RELAY_BUFFER_BYTES, &len) != IO_OK)
        return false;
    c->late = mem_dup(buffer, len);
    c->late_len = c->late != NULL ? (uint32_t)len : 0;
    if (c->late == NULL) {
        c->origin.is_recv_broken = true;
        c->origin.error = ENOMEM;
    }
    return true;
}

/* Whether an origin that has ended without a word is the tunnel's business: where there is to
 * be inspection, the client's hello is awaited, and then it gets a page. */
static bool has_origin_ended(const struct conn *c)
{
    const struct seen nothing = {NULL, {NULL, 0}, true};
    struct inspect_answer answer;
    return (c->origin.is_eof || c->origin.is_recv_broken) &&
           ask(c, &nothing, &answer) == INSPECT_TUNNEL;
}

/* Too late. What is whole was decided before, and a beginning of a hello leads nowhere, but to
 * an exempt host. Where nobody has spoken a tunnel would be the answer, but then nobody would
 * look at a hello that comes later: it goes on waiting, as an idle tunnel would. */
static enum next give_up(struct conn *c, struct peek *p)
{
    const struct config *config = c->txn->pin->config;
    const struct seen nothing = {NULL, {NULL, 0}, false};
    struct inspect_answer answer;
    enum inspect_outcome outcome = ask(c, &nothing, &answer);
    if (p->kept != NULL && answer.verdict.is_exempt)
        return decide_without_hello(c, hello_keeper_bytes(p->kept), false);
    if (p->kept != NULL) {
        conn_drop_origin(c);
        return conn_refuse(c, END_HELLO_TIMEOUT, NULL);
    }
    if (p->is_patient)
        return conn_refuse(c, END_TUNNEL_IDLE, NULL);
    if (!config->inspection.is_enabled || outcome != INSPECT_TUNNEL)
        return decide(c, &nothing);
    p->is_patient = true;
    conn_set_deadline(c, config->limits.tunnel_idle_ms);
    return NEXT_AGAIN;
}

static enum next peek_step(struct conn *c)
{
    struct peek *p = c->state;
    char *buffer = c->worker->pool.buffer;
    size_t len;
    if (c->is_expired)
        return p->sent < sizeof(ESTABLISHED) - 1 ? conn_end(c, END_CLIENT_STALLED) : give_up(c, p);
    enum next next = send_established(c, p);
    if (next != NEXT_PHASE)
        return next;
    if (c->early != NULL && p->kept == NULL) {
        next = take_bytes(c, p, (struct str){c->early, c->early_len});
        if (next != NEXT_AGAIN)
            return next;
        conn_drop_early(c); /* the keeper has it */
    }
    enum io rc = stream_recv(&c->client, buffer, FIRST_BYTES, &len);
    if (rc == IO_OK) {
        next = take_bytes(c, p, (struct str){buffer, len});
        return next == NEXT_AGAIN ? NEXT_PHASE : next; /* there may be more */
    }
    if (rc == IO_ERR)
        return conn_end(c, END_CLIENT_RESET);
    if (rc == IO_EOF)
        return decide_without_hello(c, hello_keeper_bytes(p->kept), false);
    if (p->kept == NULL && (has_origin_spoken(c) || has_origin_ended(c)))
        return decide_without_hello(c, (struct str){NULL, 0}, true);
    return NEXT_AGAIN;
}

static void peek_check_up(struct conn *c)
{
    stream_probe(&c->client);
    conn_run(c);
}

const struct phase PHASE_PEEK = {"peek", peek_enter, peek_step, peek_leave, peek_check_up};
