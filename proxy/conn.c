/* SPDX-License-Identifier: MIT */
/* conn.c - one client's connection and the machine that drives it; see conn.h. */
#include "proxy/conn.h"

#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "proxy/auth/session.h"
#include "proxy/clients.h"
#include "proxy/inspected.h"
#include "proxy/worker.h"
#include "util/mem.h"

static void on_client_ready(struct stream *s)
{
    struct conn *c = LIST_ITEM(s, struct conn, client);
    c->has_client_stirred = true;
    conn_run(c);
}

void conn_on_origin_ready(struct stream *s)
{
    conn_run(LIST_ITEM(s, struct conn, origin));
}

void conn_drop_origin(struct conn *c)
{
    stream_close(&c->origin);
    stream_init(&c->origin);
    mem_free(c->bound_key);
    c->bound_key = NULL;
}

void conn_accept(struct worker *w, int fd, const struct endpoint *client, SSL_CTX *tls)
{
    struct conn *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        close(fd);
        count_add(&w->counters.ends[END_NO_MEMORY], 1);
        return;
    }
    c->worker = w;
    c->phase = tls != NULL ? &PHASE_HANDSHAKE : &PHASE_REQUEST;
    c->client_addr = *client;
    stream_init(&c->client);
    stream_init(&c->origin);
    if (stream_open(&c->client, w->base, fd, true, on_client_ready) != 0) {
        close(fd);
        mem_free(c);
        count_add(&w->counters.ends[END_NO_MEMORY], 1);
        return;
    }
    if (tls != NULL && SSL_CTX_up_ref(tls) == 1)
        c->tls = tls;
    list_append(&w->conns, &c->node);
    w->conn_count++;
    count_add(&w->counters.connections, 1);
    count_add(&w->counters.connections_open, 1);
    conn_set_deadline(c, w->pin->config->limits.header_timeout_ms);
    conn_run(c);
}

void conn_run(struct conn *c)
{
    enum next next;
    if (c->is_ended)
        return;
    do
        next = c->phase->step(c);
    while (next == NEXT_PHASE);
}

enum next conn_enter(struct conn *c, const struct phase *phase)
{
    if (c->phase->leave != NULL)
        c->phase->leave(c);
    c->state = NULL;
    c->phase = phase;
    if (phase->enter != NULL && phase->enter(c) != 0)
        return conn_end(c, END_NO_MEMORY);
    return NEXT_PHASE;
}

/* Whether it makes a difference what a tunnel begins with. */
static bool must_peek(const struct txn *t)
{
    const struct config *config = t->pin->config;
    return config->inspection.is_enabled ||
           config->rules[t->verdict.rule_index].not_tls == NOT_TLS_DENY;
}

enum next conn_enter_connected(struct conn *c)
{
    struct txn *t = c->txn;
    txn_connected(t);
    if (t->is_connect)
        return conn_enter(c, must_peek(t) ? &PHASE_PEEK : &PHASE_TUNNEL);
    return conn_enter(c, t->is_inside ? &PHASE_ORIGIN_TLS : &PHASE_FORWARD);
}

void conn_set_deadline(struct conn *c, uint64_t from_now_ms)
{
    c->is_expired = false;
    worker_set_deadline(c->worker, &c->deadline, from_now_ms);
}

void conn_watch(struct conn *c)
{
    if (!list_has_node(&c->watch))
        list_append(&c->worker->watched, &c->watch);
}

static void uncount(struct conn *c)
{
    struct shared *shared = c->worker->shared;
    if (!c->is_counted)
        return;
    c->is_counted = false;
    clients_leave(shared->clients, &c->client_addr.addr);
    atomic_fetch_sub_explicit(&shared->tunnels, 1, memory_order_relaxed);
}

bool conn_begin_txn(struct conn *c)
{
    c->txn = txn_new(c->worker, &c->client_addr);
    if (c->txn != NULL && c->inspected != NULL)
        inspected_describe(c->inspected, c->txn);
    return c->txn != NULL;
}

/* For a fault in front of the first request: there must be one to log. */
static bool has_txn(struct conn *c)
{
    return c->txn != NULL || conn_begin_txn(c);
}

static void note_fault(struct conn *c, enum end_reason reason, const char *details)
{
    c->end = reason;
    if (details != NULL && details != c->txn->details)
        snprintf(c->txn->details, sizeof(c->txn->details), "%s", details);
    txn_finish(c->txn, reason, end_row(reason)->status);
    c->is_logged = true;
    uncount(c);
}

enum next conn_fail(struct conn *c, enum end_reason reason, const char *details)
{
    if (!has_txn(c))
        return conn_end(c, END_NO_MEMORY);
    note_fault(c, reason, details);
    return end_row(reason)->status == 0 ? conn_end(c, reason) : conn_enter(c, &PHASE_REPLY);
}

enum next conn_refuse(struct conn *c, enum end_reason reason, const char *details)
{
    if (!has_txn(c))
        return conn_end(c, END_NO_MEMORY);
    note_fault(c, reason, details);
    return conn_enter(c, &PHASE_LINGER);
}

enum next conn_end(struct conn *c, enum end_reason reason)
{
    struct worker *w = c->worker;
    ASSERT(!c->is_ended);
    c->is_ended = true;
    c->end = reason;
    /* First, so that whoever has seen the end, as a peer or in another counter, finds
     * one connection less. */
    count_sub(&w->counters.connections_open, 1);
    if (c->phase->leave != NULL)
        c->phase->leave(c);
    if (c->txn != NULL && !c->is_logged)
        txn_finish(c->txn, reason, c->txn->status);
    else if (!c->is_logged && c->inspected == NULL)
        count_add(&w->counters.ends[reason], 1);
    inspected_close(c, reason);
    txn_free(c->txn);
    c->txn = NULL;
    conn_drop_early(c);
    mem_free(c->late);
    uncount(c);
    wheel_clear(&w->wheel, &c->deadline);
    list_remove(&c->watch);
    stream_close(&c->client);
    SSL_CTX_free(c->tls);
    c->tls = NULL;
    conn_drop_origin(c);
    auth_session_free(c->auth);
    list_remove(&c->node);
    list_append(&w->graveyard, &c->node);
    w->conn_count--;
    return NEXT_END;
}

int conn_keep_early(struct conn *c, struct str bytes)
{
    ASSERT(c->early == NULL);
    if (bytes.len == 0)
        return 0;
    c->early = mem_dup(bytes.ptr, bytes.len);
    if (c->early == NULL)
        return -1;
    c->early_len = (uint32_t)bytes.len;
    return 0;
}

void conn_drop_early(struct conn *c)
{
    mem_free(c->early);
    c->early = NULL;
    c->early_len = 0;
}
