/* SPDX-License-Identifier: MIT */
/*
 * admit.c - the phase that asks whether the request may go on.
 *
 * It asks the policy without a user first. Only where that makes a difference, who it
 * is is found out (authenticate), and then the policy is asked once more.
 */
#include <stdio.h>
#include <string.h>

#include "conf/offers.h"
#include "proxy/clients.h"
#include "proxy/conn.h"
#include "proxy/inspected.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"

#define FRESH_MS 2000

static enum next deny(struct conn *c)
{
    struct txn *t = c->txn;
    const struct policy_verdict *v = &t->verdict;
    if (v->action == POLICY_AUTHENTICATE)
        snprintf(t->details, sizeof(t->details),
                 "rule '%s' has to know who asks, and inside a tunnel nobody can be asked any more",
                 v->rule);
    else if (v->reason == POLICY_BY_RULE)
        snprintf(t->details, sizeof(t->details), "rule '%s' denies it", v->rule);
    else
        snprintf(t->details, sizeof(t->details), "%s", policy_reason_text(v->reason));
    return conn_fail(c, END_DENIED, t->details);
}

/* A connection that authenticated for this client alone serves it again, and
 * nobody else. */
static bool has_bound_origin(struct conn *c, struct str key)
{
    if (c->bound_key == NULL)
        return false;
    bool is_usable = !c->txn->is_connect && str_eq(str_of(c->bound_key), key) &&
                     !c->origin.is_ending && !c->origin.is_readable &&
                     !stream_is_broken(&c->origin);
    if (!is_usable)
        conn_drop_origin(c);
    return is_usable;
}

/* Another client's request dialled it; a rule may refuse this one the address. */
static bool may_use_address(const struct txn *t)
{
    struct policy_query query;
    struct policy_verdict verdict = t->verdict;
    if (t->parent != NULL || t->host.is_address)
        return true;
    txn_query(t, &query);
    return policy_allows_address(t->pin->config->policy, &query, &t->dialled.addr,
                                 t->pin->scratch, &verdict);
}

/* A connection may have died in the pool unnoticed. What must not be sent twice goes
 * over one that was in use a moment ago, or over a fresh one. */
static uint64_t max_age_ms(const struct txn *t)
{
    bool is_safe = strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0;
    return is_safe ? UINT64_MAX : FRESH_MS;
}

/* The origin's connection belongs to the tunnel. */
static enum next find_origin_inside(struct conn *c)
{
    struct txn *t = c->txn;
    bool is_open = inside_has_origin(c);
    if (is_open)
        t->dialled = c->bound_to;
    if (is_open && !may_use_address(t)) {
        conn_drop_origin(c);
        is_open = false;
    }
    t->is_dialled = is_open;
    /* One that was opened for this very request has not had the time to die unnoticed. */
    t->is_reused = is_open && (c->inspected->requests > 1 ||
                               worker_now_ms() - c->inspected->opened_ms > FRESH_MS);
    return conn_enter(c, is_open ? &PHASE_FORWARD : &PHASE_DIAL);
}

/* An idle connection of the same kind, or a new one. */
static enum next find_origin(struct conn *c)
{
    struct txn *t = c->txn;
    if (t->is_inside)
        return find_origin_inside(c);
    char room[TXN_KEY_SIZE];
    struct str key = txn_key(t, room);
    bool is_open = has_bound_origin(c, key);
    if (is_open)
        t->dialled = c->bound_to;
    else if (!t->is_connect)
        is_open = pool_take(t->pin->pool, key, max_age_ms(t), &c->origin,
                            conn_on_origin_ready, &t->dialled);
    if (is_open && !may_use_address(t)) {
        conn_drop_origin(c);
        is_open = false;
    }
    if (!is_open)
        return conn_enter(c, &PHASE_DIAL);
    t->is_dialled = t->is_reused = true;
    return conn_enter(c, &PHASE_FORWARD);
}

static enum next enter_limits(struct conn *c)
{
    const struct limits_config *limits = &c->txn->pin->config->limits;
    struct shared *shared = c->worker->shared;
    if (c->is_counted) /* an earlier request of this connection was */
        return find_origin(c);
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
    return find_origin(c);
}

/* Inside a tunnel it is that of the CONNECT, whatever the rule of the request says. False:
 * there is none of that name any more. */
static bool find_parent(struct conn *c)
{
    struct txn *t = c->txn;
    const struct config *config = t->pin->config;
    int parent = config->rules[t->verdict.rule_index].parent;
    if (t->is_inside) {
        t->parent = inspected_parent(c->inspected, config);
        return t->parent != NULL || c->inspected->parent == NULL;
    }
    if (parent >= 0)
        t->parent = &config->parents[parent];
    return true;
}

static enum next admit_step(struct conn *c)
{
    struct txn *t = c->txn;
    if (c->worker->is_draining)
        return conn_fail(c, END_DRAINING, NULL);
    if (t->local == LOCAL_SELF)
        return conn_enter(c, &PHASE_REPLY);
    struct policy_query query;
    txn_query(t, &query);
    policy_eval(t->pin->config->policy, &query, t->pin->scratch, &t->verdict);
    t->has_verdict = true;
    const struct config *config = t->pin->config;
    if (t->verdict.action == POLICY_AUTHENTICATE && config->auth != NULL && !t->is_inside) {
        t->offer = config_offer(config, &t->client.addr, t->pin->scratch);
        return conn_enter(c, &PHASE_AUTHENTICATE);
    }
    if (t->verdict.action != POLICY_ALLOW)
        return deny(c);
    if (!find_parent(c))
        return conn_fail(c, END_RELOADED, NULL);
    if (t->local != LOCAL_NONE)
        return conn_enter(c, &PHASE_REPLY);
    return enter_limits(c);
}

const struct phase PHASE_ADMIT = {"admit", NULL, admit_step, NULL, NULL};
