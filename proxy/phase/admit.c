/* SPDX-License-Identifier: MIT */
/*
 * admit.c - the phase that asks whether the request may go on.
 *
 * It may wait: authentication, which can take several requests of one connection
 * and the answer of a thread or a helper, belongs between the request and the
 * policy, in this phase.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/clients.h"
#include "proxy/conn.h"
#include "proxy/worker.h"

static bool is_connect(const struct txn *t)
{
    return strcmp(t->method, "CONNECT") == 0;
}

static enum next deny(struct conn *c)
{
    struct txn *t = c->txn;
    const struct policy_verdict *v = &t->verdict;
    if (v->reason == POLICY_BY_RULE)
        snprintf(t->details, sizeof(t->details), "rule '%s' denies it", v->rule);
    else
        snprintf(t->details, sizeof(t->details), "%s", policy_reason_text(v->reason));
    return conn_fail(c, END_DENIED, t->details);
}

static enum next enter_limits(struct conn *c)
{
    const struct limits_config *limits = &c->txn->pin->config->limits;
    struct shared *shared = c->worker->shared;
    if (atomic_load_explicit(&shared->tunnels, memory_order_relaxed) >= shared->tunnels_max)
        return conn_fail(c, END_NO_DESCRIPTORS, NULL);
    switch (clients_enter(shared->clients, &c->client_addr.addr, limits->tunnels_per_client)) {
    case CLIENTS_OVER_LIMIT:
        return conn_fail(c, END_CLIENT_LIMIT, NULL);
    case CLIENTS_NO_MEMORY:
        return conn_fail(c, END_NO_MEMORY, NULL);
    case CLIENTS_OK:
        break;
    }
    c->is_counted = true;
    atomic_fetch_add_explicit(&shared->tunnels, 1, memory_order_relaxed);
    return conn_enter(c, &PHASE_DIAL);
}

static enum next admit_step(struct conn *c)
{
    struct txn *t = c->txn;
    if (c->worker->is_draining)
        return conn_fail(c, END_DRAINING, NULL);
    struct policy_query query = {
        .host = &t->host,
        .port = t->port,
        .scheme = is_connect(t) ? POLICY_CONNECT : POLICY_HTTP,
        .method = str_of(t->method),
        .path = str_of(t->path),
        .client = &c->client_addr.addr,
    };
    policy_eval(t->pin->config->policy, &query, t->pin->scratch, &t->verdict);
    t->has_verdict = true;
    if (t->verdict.action != POLICY_ALLOW)
        return deny(c);
    if (!is_connect(t))
        return conn_fail(c, END_NOT_FORWARDED, NULL);
    return enter_limits(c);
}

const struct phase PHASE_ADMIT = {"admit", NULL, admit_step, NULL, NULL};
