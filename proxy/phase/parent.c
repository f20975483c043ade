/* SPDX-License-Identifier: MIT */
/*
 * parent.c - the phase that asks a parent proxy for a tunnel: our CONNECT, its
 * answer.
 *
 * What the parent sends behind its answer are the origin's first bytes.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/conn.h"
#include "proxy/http/head.h"
#include "proxy/http/response.h"
#include "proxy/http/rewrite.h"
#include "proxy/inspected.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define ANSWER_MAX 16384

struct asking {
    size_t len, sent;
    size_t got;
    struct head_scanner scanner;
    char *request;
    char answer[ANSWER_MAX];
};

/* A CONNECT that is passed on is a message like any other: what the client sent
 * stays, and Via grows by us, which is how a loop of proxies comes to an end. */
static size_t write_request(struct conn *c, char *out, size_t size)
{
    const struct txn *t = c->txn;
    const struct headers_config *headers = &t->pin->config->headers;
    struct header_ledger ledger = {.count = 0};
    struct request_head h;
    char client[ADDR_TEXT_SIZE];
    const char *fault;
    struct str head = {t->head, t->head_len};
    if (c->inspected != NULL) /* asked once more, for a request inside */
        head = (struct str){c->inspected->connect_head, c->inspected->connect_head_len};
    if (head_parse(&h, head, &fault) != PARSE_OK)
        return 0;
    struct request_rewrite r = {
        .target = h.target,
        .host = h.target,
        .client = str_of(addr_format(&t->client.addr, client)),
        .via = str_of(headers->via),
        .adds_forwarded_for = headers->forwarded_for,
        .parent_authorization = t->parent->authorization,
    };
    size_t len = rewrite_request(&h, &r, out, size, &ledger);
    worker_count_header_changes(c->worker, &ledger);
    return len;
}

static int parent_enter(struct conn *c)
{
    struct asking *a = mem_alloc(sizeof(*a));
    if (a == NULL)
        return -1;
    c->state = a;
    a->sent = a->got = 0;
    a->scanner = (struct head_scanner){0};
    a->len = write_request(c, c->worker->pool.out, RELAY_OUT_BYTES);
    a->request = a->len != 0 ? mem_dup(c->worker->pool.out, a->len) : NULL;
    return a->request != NULL ? 0 : -1;
}

static void parent_leave(struct conn *c)
{
    struct asking *a = c->state;
    if (a != NULL)
        mem_free(a->request);
    mem_free(a);
    c->state = NULL;
}

/* h: what the parent answered; NULL where it did not. */
static enum next fail(struct conn *c, enum end_reason reason, const char *what,
                      const struct response_head *h)
{
    struct txn *t = c->txn;
    int len = snprintf(t->details, sizeof(t->details), "parent '%s' %s", t->parent->name, what);
    if (h != NULL && len > 0 && (size_t)len < sizeof(t->details))
        snprintf(t->details + len, sizeof(t->details) - (size_t)len, " %u %.*s", h->status,
                 STR_ARG(h->reason));
    conn_drop_origin(c);
    return conn_fail(c, reason, t->details);
}

static enum next take_answer(struct conn *c, struct asking *a)
{
    struct response_head h;
    const char *fault = NULL;
    size_t len = a->scanner.len;
    if (response_parse(&h, (struct str){a->answer, len}, &fault) != PARSE_OK)
        return fail(c, END_BAD_RESPONSE, "sent an answer that cannot be read", NULL);
    if (h.status < 200 && h.status != 101) {
        memmove(a->answer, a->answer + len, a->got - len);
        a->got -= len;
        a->scanner = (struct head_scanner){0};
        return NEXT_PHASE;
    }
    if (h.status == 407)
        return fail(c, END_PARENT_REFUSED, "wants other credentials than it was given:", &h);
    if (h.status < 200 || h.status > 299)
        return fail(c, END_PARENT_REFUSED, "answered", &h);
    if (a->got > len) {
        c->late = mem_dup(a->answer + len, a->got - len);
        c->late_len = (uint32_t)(a->got - len);
        if (c->late == NULL)
            return conn_end(c, END_NO_MEMORY);
    }
    return conn_enter_connected(c);
}

static enum next broke(struct conn *c)
{
    return fail(c, END_ORIGIN_CLOSED, "closed without an answer", NULL);
}

static enum next read_answer(struct conn *c, struct asking *a)
{
    const char *fault = NULL;
    for (;;) {
        enum parse found = a->got != 0 ? response_scan(&a->scanner, (struct str){a->answer, a->got},
                                                       ANSWER_MAX, &fault)
                                       : PARSE_MORE;
        size_t len;
        if (found == PARSE_OK)
            return take_answer(c, a);
        if (found != PARSE_MORE)
            return fail(c, END_BAD_RESPONSE, "sent an answer that cannot be read", NULL);
        enum io rc = stream_recv(&c->origin, a->answer + a->got, ANSWER_MAX - a->got, &len);
        if (rc == IO_AGAIN)
            return NEXT_AGAIN;
        if (rc != IO_OK)
            return broke(c);
        a->got += len;
    }
}

static enum next parent_step(struct conn *c)
{
    struct asking *a = c->state;
    if (c->has_client_stirred && stream_is_broken(&c->client))
        return conn_fail(c, END_CLIENT_RESET, NULL);
    c->has_client_stirred = false;
    if (c->is_expired)
        return fail(c, END_CONNECT_TIMEOUT, "did not answer", NULL);
    while (a->sent < a->len) {
        size_t len;
        enum io rc = stream_send(&c->origin, a->request + a->sent, a->len - a->sent, &len);
        if (rc == IO_AGAIN)
            return NEXT_AGAIN;
        if (rc != IO_OK)
            return broke(c);
        a->sent += len;
    }
    return read_answer(c, a);
}

const struct phase PHASE_PARENT = {"parent", parent_enter, parent_step, parent_leave, NULL};
