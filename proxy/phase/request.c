/* SPDX-License-Identifier: MIT */
/*
 * request.c - the phase that reads one request head.
 *
 * A head that arrives whole, as nearly all do, is read into the worker's buffer
 * and taken apart there. Only one that comes in pieces gets memory of its own.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/conn.h"
#include "proxy/http/head.h"
#include "proxy/http/target.h"
#include "proxy/worker.h"
#include "util/mem.h"

/* A head that is still arriving: the phase's state. */
struct reading {
    struct head_scanner scanner;
    size_t len, size;
    char *bytes;
};

static void request_leave(struct conn *c)
{
    struct reading *r = c->state;
    if (r == NULL)
        return;
    mem_free(r->bytes);
    mem_free(r);
    c->state = NULL;
}

/* The request cannot be read: what is wrong fits behind `subject`. */
static enum next reject(struct conn *c, enum parse rc, const char *subject, const char *fault)
{
    char details[sizeof(((struct txn *)0)->details)];
    if (rc == PARSE_TOO_LARGE)
        return conn_fail(c, END_HEADER_TOO_LARGE, fault);
    snprintf(details, sizeof(details), "%s %s", subject, fault);
    return conn_fail(c, END_BAD_REQUEST, details);
}

/* Copies what the request asks into the txn. NULL, or what is wrong with its
 * target. */
static const char *note_request(struct txn *t, const struct request_head *h)
{
    const struct head_field *accept = head_find(h, STR_LIT("Accept"));
    struct target target;
    const char *fault;
    if (h->method.len >= sizeof(t->method))
        return "stands behind a method that is too long";
    snprintf(t->method, sizeof(t->method), "%.*s", STR_ARG(h->method));
    if (accept != NULL)
        snprintf(t->accept, sizeof(t->accept), "%.*s", STR_ARG(accept->value));
    bool is_connect = str_eq(h->method, STR_LIT("CONNECT"));
    fault = is_connect ? target_parse_authority(&target, h->target)
                       : target_parse_absolute(&target, h->target);
    if (fault != NULL)
        return fault;
    t->host = target.host;
    t->port = target.port;
    if (!is_connect)
        t->path = mem_dup(target.path.ptr, target.path.len);
    return NULL;
}

static enum next take_head(struct conn *c, struct str bytes, const struct head_scanner *scanner)
{
    struct request_head head;
    struct str rest = {bytes.ptr + scanner->len, bytes.len - scanner->len};
    const char *fault = NULL;
    struct str whole = {bytes.ptr + scanner->skipped, scanner->len - scanner->skipped};
    enum parse rc = head_parse(&head, whole, &fault);
    c->txn = txn_new(c->worker, &c->client_addr);
    if (c->txn == NULL)
        return conn_end(c, END_NO_MEMORY);
    if (rc != PARSE_OK)
        return reject(c, rc, "the request has", fault);
    fault = note_request(c->txn, &head);
    if (fault != NULL)
        return reject(c, PARSE_BAD, "the target", fault);
    if (conn_keep_early(c, rest) != 0)
        return conn_fail(c, END_NO_MEMORY, NULL);
    return conn_enter(c, &PHASE_ADMIT);
}

/* PARSE_MORE for the bytes in the worker's buffer: they move to their own. */
static enum next keep_piece(struct conn *c, struct str bytes, const struct head_scanner *scanner)
{
    struct reading *r = mem_alloc(sizeof(*r));
    if (r == NULL)
        return conn_end(c, END_NO_MEMORY);
    c->state = r;
    r->scanner = *scanner;
    r->len = bytes.len;
    r->size = bytes.len < 512 ? 1024 : 2 * bytes.len;
    r->bytes = mem_alloc(r->size);
    if (r->bytes == NULL)
        return conn_end(c, END_NO_MEMORY);
    memcpy(r->bytes, bytes.ptr, bytes.len);
    return NEXT_PHASE;
}

static enum next no_more(struct conn *c, enum io rc)
{
    if (rc == IO_AGAIN)
        return NEXT_AGAIN;
    if (c->state == NULL)
        return conn_end(c, rc == IO_EOF ? END_CLIENT_IDLE : END_CLIENT_RESET);
    return conn_fail(c, rc == IO_EOF ? END_CLIENT_GONE : END_CLIENT_RESET, NULL);
}

static enum next read_first(struct conn *c, size_t limit)
{
    char *buffer = c->worker->pool.buffer;
    struct head_scanner scanner = {0};
    const char *fault = NULL;
    size_t len;
    enum io rc = stream_recv(&c->client, buffer, limit < RELAY_BUFFER_BYTES ? limit
                                                                           : RELAY_BUFFER_BYTES,
                             &len);
    if (rc != IO_OK)
        return no_more(c, rc);
    struct str bytes = {buffer, len};
    enum parse found = head_scan(&scanner, bytes, limit, &fault);
    if (found == PARSE_OK)
        return take_head(c, bytes, &scanner);
    if (found == PARSE_MORE)
        return keep_piece(c, bytes, &scanner);
    return reject(c, found, "the request has", fault);
}

static int grow(struct reading *r, size_t limit)
{
    size_t size = 2 * r->size < limit ? 2 * r->size : limit;
    char *bytes = mem_resize(r->bytes, size);
    if (bytes == NULL)
        return -1;
    r->bytes = bytes;
    r->size = size;
    return 0;
}

static enum next read_on(struct conn *c, size_t limit)
{
    struct reading *r = c->state;
    const char *fault = NULL;
    size_t len;
    if (r->len >= limit)
        return reject(c, PARSE_TOO_LARGE, "", NULL);
    if (r->len == r->size && grow(r, limit) != 0)
        return conn_fail(c, END_NO_MEMORY, NULL);
    enum io rc = stream_recv(&c->client, r->bytes + r->len, r->size - r->len, &len);
    if (rc != IO_OK)
        return no_more(c, rc);
    r->len += len;
    struct str bytes = {r->bytes, r->len};
    enum parse found = head_scan(&r->scanner, bytes, limit, &fault);
    if (found == PARSE_OK)
        return take_head(c, bytes, &r->scanner);
    return found == PARSE_MORE ? NEXT_PHASE : reject(c, found, "the request has", fault);
}

static enum next request_step(struct conn *c)
{
    size_t limit = c->worker->pin->config->limits.header_bytes;
    if (c->is_expired)
        return c->state == NULL ? conn_end(c, END_CLIENT_IDLE)
                                : conn_fail(c, END_HEADER_TIMEOUT, NULL);
    if (c->state == NULL && c->worker->is_draining && !c->client.is_readable)
        return conn_end(c, END_CLIENT_IDLE);
    return c->state == NULL ? read_first(c, limit) : read_on(c, limit);
}

const struct phase PHASE_REQUEST = {"request", NULL, request_step, request_leave, NULL};
