/* SPDX-License-Identifier: MIT */
/* inside.c - a request inside inspected TLS; see inside.h. */
#include "proxy/phase/inside.h"

#include <stdio.h>
#include <string.h>

#include "certs/hello.h"
#include "conf/inspect_decision.h"
#include "proxy/http/target.h"
#include "proxy/inspected.h"
#include "proxy/net/stream_tls.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "util/log.h"
#include "util/mem.h"

/* A client that goes so soon without a word did not like what it was shown. One that keeps a
 * connection in reserve stays longer. */
#define STRAIGHT_AFTER_MS 1000

const char *inside_note_target(struct conn *c, const struct request_head *h)
{
    struct txn *t = c->txn;
    const struct head_field *host = head_find(h, STR_LIT("Host"));
    struct target target;
    const struct inspected *in = c->inspected;
    if (str_eq(h->method, STR_LIT("CONNECT"))) {
        t->is_misdirected = true; /* it asks us to be a proxy for somewhere else */
        return NULL;
    }
    if (host != NULL && host->value.len == 0)
        return "stands beside an empty Host";
    const char *fault =
        target_parse_inside(&target, h->method, h->target,
                            host != NULL ? host->value : (struct str){NULL, 0});
    if (fault != NULL)
        return fault;
    bool is_named = target.host.len != 0;
    t->is_misdirected = is_named && (target.port != in->port ||
                                     !str_eq(host_str(&target.host), host_str(&in->host)));
    if (t->is_misdirected)
        snprintf(t->details, sizeof(t->details), "it is for %.60s:%u, ", target.host.name,
                 (unsigned)target.port);
    t->path = mem_dup(target.path.ptr, target.path.len);
    return NULL;
}

bool inside_is_refused(const struct conn *c)
{
    return c->inspected->fault != END_DONE || c->txn->is_misdirected;
}

enum next inside_refuse(struct conn *c)
{
    const struct inspected *in = c->inspected;
    if (in->fault != END_DONE)
        return conn_fail(c, in->fault, in->details);
    size_t len = strlen(c->txn->details); /* what it is for, where it says so */
    snprintf(c->txn->details + len, sizeof(c->txn->details) - len, "the tunnel is to %.60s:%u",
             in->host.name, (unsigned)in->port);
    return conn_fail(c, END_MISDIRECTED, c->txn->details);
}

enum end_reason inside_note_end(struct conn *c)
{
    const struct inspected *in = c->inspected;
    bool is_soon = worker_now_ms() - in->opened_ms <= STRAIGHT_AFTER_MS;
    bool was_shown = in->has_leaf && SSL_session_reused(stream_tls_ssl(&c->client)) == 0;
    if (in->requests != 0 || !was_shown || !is_soon)
        return END_CLIENT_IDLE;
    proposals_note(c->worker->shared->proposals, host_str(&in->host), in->port, PROPOSAL_CLOSED,
                   (struct str){NULL, 0}, &c->client_addr.addr, clock_wall_ms());
    return END_LEAF_REFUSED;
}

/* What decided: of the hello the name alone, as whoever was let in speaks HTTP/1. */
static void name_hello(const struct inspected *in, struct hello *hello)
{
    size_t len = strlen(in->sni);
    *hello = (struct hello){.sni = len != 0 ? HELLO_SNI_NAME : HELLO_SNI_NONE};
    hello->name_len = (uint8_t)len;
    memcpy(hello->name, in->sni, len);
}

/* What the CONNECT that was allowed would become now. */
static bool would_decrypt(const struct conn *c, const struct policy_query *query,
                          const struct policy_verdict *verdict)
{
    const struct config_pin *pin = c->worker->pin;
    struct hello hello;
    struct inspect_answer answer;
    struct inspect_question question = {
        .config = pin->config,
        .scratch = pin->scratch,
        .query = query,
        .verdict = verdict,
        .dialled = c->inspected->parent == NULL ? &c->bound_to.addr : NULL,
        .hello = &hello,
    };
    name_hello(c->inspected, &hello);
    return inspect_decide(&question, &answer) == INSPECT_DECRYPT;
}

/* What the configuration in force says of the CONNECT. */
static bool would_inspect(const struct conn *c)
{
    const struct inspected *in = c->inspected;
    const struct config_pin *pin = c->worker->pin;
    struct policy_verdict verdict;
    struct policy_query query = {
        .host = &in->host,
        .port = in->port,
        .scheme = POLICY_CONNECT,
        .method = STR_LIT("CONNECT"),
        .client = &c->client_addr.addr,
    };
    if (in->identity != NULL) {
        query.user = in->identity->user;
        query.groups = in->identity->groups;
        query.group_count = in->identity->group_count;
    }
    if (!pin->config->inspection.is_enabled ||
        (in->parent != NULL && inspected_parent(in, pin->config) == NULL))
        return false;
    policy_eval(pin->config->policy, &query, pin->scratch, &verdict);
    /* One that is denied now, or was before, gets its page inside. */
    if (verdict.action == POLICY_ALLOW && in->fault == END_DONE)
        return would_decrypt(c, &query, &verdict);
    if (in->parent == NULL)
        policy_exempts_address(pin->config->policy, &c->bound_to.addr, pin->scratch, &verdict);
    return !verdict.is_exempt && verdict.tls != POLICY_TLS_TUNNEL;
}

bool inside_is_outdated(const struct conn *c)
{
    struct inspected *in = c->inspected;
    if (in->generation != c->worker->pin->generation && would_inspect(c))
        in->generation = c->worker->pin->generation;
    return in->generation != c->worker->pin->generation;
}

bool inside_may_dial(const struct txn *t, const struct addr *a)
{
    struct policy_verdict verdict = {.tls = POLICY_TLS_INSPECT};
    return !policy_exempts_address(t->pin->config->policy, a, t->pin->scratch, &verdict);
}

void inside_propose_exemption(struct conn *c, const char *why)
{
    const struct inspected *in = c->inspected;
    proposals_note(c->worker->shared->proposals, host_str(&in->host), in->port,
                   PROPOSAL_CERTIFICATE, (struct str){NULL, 0}, &c->client_addr.addr,
                   clock_wall_ms());
    log_line(LOG_WARNING,
             "%s:%u %s and cannot be inspected; to exempt it, put it into a destination set that "
             "inspection.never names",
             in->host.name, (unsigned)in->port, why);
}

void inside_look_at_origin(struct conn *c)
{
    if (stream_is_open(&c->origin) && c->origin.is_ending)
        conn_drop_origin(c);
}

bool inside_has_origin(struct conn *c)
{
    char byte;
    size_t len;
    if (!stream_is_open(&c->origin))
        return false;
    /* Session tickets may have come, which are no bytes; any other would answer nothing. */
    bool is_silent = !c->origin.is_ending && stream_recv(&c->origin, &byte, 1, &len) == IO_AGAIN;
    if (!is_silent)
        conn_drop_origin(c);
    return is_silent;
}
