/* SPDX-License-Identifier: MIT */
/* forward_response.c - the response on its way to the client; see forward.h. */
#include "proxy/phase/forward.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/http/fidelity.h"
#include "proxy/http/hop.h"
#include "proxy/worker.h"
#include "util/mem.h"

/* Kept in front of what is read: a head grows by what is added to it. */
#define HEADROOM 1024

/* What the client can be told of the length: an HTTP/1.0 client knows no chunks. */
static enum body_kind framing_to_client(const struct forward *f, const struct framing *body)
{
    if (body->kind == BODY_CHUNKED && f->is_client_10)
        return BODY_UNTIL_CLOSE;
    return body->kind;
}

static size_t write_head(struct forward *f, const struct response_head *h, enum body_kind body,
                         bool is_interim, char *out)
{
    struct txn *t = f->conn->txn;
    struct header_ledger ledger;
    struct response_rewrite r = {
        .via = str_of(t->pin->config->headers.via),
        .is_upgrade = f->is_switching,
        .body = body,
        .closes = f->client_closes && !is_interim && !f->is_switching,
        .relays_proxy_auth =
            t->parent != NULL && !t->is_inside && t->parent->authorization == NULL,
        .is_interim = is_interim,
    };
    if (!is_interim && !f->is_switching)
        r.date = worker_http_date(f->conn->worker);
    ledger.count = 0;
    size_t len = rewrite_response(h, &r, out, RELAY_OUT_BYTES, &ledger);
    if (len != 0 && t->pin->config->headers.strict) {
        const char *change = fidelity_check_response(h, (struct str){out, len});
        if (change != NULL) {
            snprintf(t->details, sizeof(t->details), "%s", change);
            return 0;
        }
    }
    worker_count_header_changes(f->conn->worker, &ledger);
    return len;
}

/* How the body is moved; what was read of it already is carried. */
static int set_up_body(struct forward *f, const struct response_head *h,
                       const struct framing *body, struct str rest)
{
    /* What follows an answer without a body belongs to nothing. */
    bool is_over = body->kind == BODY_NONE || (body->kind == BODY_LENGTH && body->length == 0);
    f->origin_closes =
        f->origin_closes || body->kind == BODY_UNTIL_CLOSE || (is_over && rest.len != 0);
    switch (body->kind) {
    case BODY_NONE:
        relay_limit(&f->down, 0);
        break;
    case BODY_LENGTH:
        relay_limit(&f->down, body->length);
        break;
    case BODY_CHUNKED:
        chunked_init(&f->down_chunks, !f->is_client_10);
        f->down_chunks.ledger = &f->trailers;
        if (chunked_drop_named(&f->down_chunks, h->fields, h->field_count) != 0)
            return -1;
        relay_set_filter(&f->down, forward_filter_chunks, &f->down_chunks);
        break;
    case BODY_UNTIL_CLOSE:
        relay_keep_open(&f->down);
        break;
    }
    if (rest.len == 0 || is_over)
        return 0;
    char *copy = mem_dup(rest.ptr, rest.len);
    if (copy == NULL)
        return -1;
    relay_carry(&f->down, copy, (uint32_t)rest.len);
    return 0;
}

static int put_down(struct forward *f, struct str bytes)
{
    size_t len = 0;
    bool is_sent = f->down.pending == NULL &&
                   stream_send(&f->conn->client, bytes.ptr, bytes.len, &len) == IO_OK;
    f->down.bytes += len;
    if (is_sent && len == bytes.len)
        return 0;
    return relay_put(&f->down, (struct str){bytes.ptr + len, bytes.len - len});
}

/* Head and body leave in one piece: the new head is laid in front of what was read
 * of the body, over the old head and the room that was left before it. *out becomes
 * both and *rest what is behind them. False where the head has grown too much. */
static bool join(struct forward *f, const struct framing *body, struct str *out, struct str *rest)
{
    char *buffer = f->conn->worker->pool.buffer;
    if (body->kind != BODY_LENGTH || rest->len == 0 || (size_t)(rest->ptr - buffer) < out->len)
        return false;
    size_t len = rest->len < body->length ? rest->len : (size_t)body->length;
    char *start = buffer + (rest->ptr - buffer) - out->len;
    memcpy(start, out->ptr, out->len);
    *out = (struct str){start, out->len + len};
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return true;
}

static enum io pass_final(struct forward *f, const struct response_head *h, struct str rest,
                          const char **fault)
{
    struct framing body;
    char *out = f->conn->worker->pool.out;
    *fault = framing_of_response(h, f->is_head, false, &body);
    if (*fault != NULL)
        return IO_EOF;
    enum body_kind kind = framing_to_client(f, &body);
    f->status = h->status;
    f->has_head = true;
    f->origin_closes = hop_wants_close(h->fields, h->field_count, h->minor);
    f->is_bound = f->is_bound || hop_has_connection_auth(h->fields, h->field_count);
    f->client_closes = f->client_closes || kind == BODY_UNTIL_CLOSE || f->conn->worker->is_draining;
    size_t len = write_head(f, h, kind, false, out);
    if (len == 0) {
        f->has_head = false;
        *fault = "a head that cannot be passed on as it is";
        return IO_EOF;
    }
    struct str first = {out, len};
    size_t before = rest.len;
    if (join(f, &body, &first, &rest))
        body.length -= before - rest.len;
    if (put_down(f, first) != 0 || set_up_body(f, h, &body, rest) != 0) {
        f->conn->client.is_recv_broken = true;
        f->conn->client.error = ENOMEM;
        return IO_ERR;
    }
    return IO_OK;
}

/* 1xx: passed on at once to whoever can understand it (RFC 9110 section 15.2). */
static enum io pass_interim(struct forward *f, const struct response_head *h, const char **fault)
{
    char *out = f->conn->worker->pool.out;
    if (f->is_client_10)
        return IO_YIELD;
    size_t len = write_head(f, h, BODY_NONE, true, out);
    if (len != 0 && put_down(f, (struct str){out, len}) == 0)
        return IO_YIELD;
    *fault = "an interim answer that cannot be passed on";
    return IO_EOF;
}

static enum io pass_switch(struct forward *f, const struct response_head *h, struct str rest,
                           const char **fault)
{
    char *out = f->conn->worker->pool.out;
    if (!f->is_upgrade || !hop_gives_websocket(h)) {
        *fault = "101 without being asked for another protocol";
        return IO_EOF;
    }
    f->is_switching = f->has_head = true;
    f->status = 101;
    size_t len = write_head(f, h, BODY_NONE, false, out);
    if (len != 0 && put_down(f, (struct str){out, len}) == 0 &&
        (f->down.pending == NULL || rest.len == 0)) {
        if (rest.len == 0 || put_down(f, rest) == 0)
            return IO_OK;
    }
    *fault = "an answer that cannot be passed on";
    return IO_EOF;
}

/* A whole head at the front of bytes; *used: its length. */
static enum io take_head(struct forward *f, struct str bytes, const char **fault)
{
    struct response_head h;
    struct str whole = {bytes.ptr + f->scanner.skipped, f->scanner.len - f->scanner.skipped};
    struct str rest = {bytes.ptr + f->scanner.len, bytes.len - f->scanner.len};
    if (response_parse(&h, whole, fault) != PARSE_OK)
        return IO_EOF;
    *fault = hop_fault_of_response(&h);
    if (*fault != NULL)
        return IO_EOF;
    const struct parent_config *parent =
        f->conn->txn->is_inside ? NULL : f->conn->txn->parent;
    if (h.status == 407 && parent != NULL && parent->authorization != NULL) {
        f->has_parent_refused = true;
        *fault = "407: it wants other credentials than it was given";
        return IO_EOF;
    }
    if (h.status == 101)
        return pass_switch(f, &h, rest, fault);
    if (h.status < 200)
        return pass_interim(f, &h, fault);
    return pass_final(f, &h, rest, fault);
}

static int keep_partial(struct forward *f, struct str bytes)
{
    char *copy = bytes.len != 0 ? mem_dup(bytes.ptr, bytes.len) : NULL;
    if (bytes.len != 0 && copy == NULL)
        return -1;
    mem_free(f->partial);
    f->partial = copy;
    f->partial_len = f->partial_size = bytes.len;
    return 0;
}

/* A server of another protocol that speaks first would keep the client waiting for
 * the end of a head that never comes. */
static bool is_no_http(struct str bytes)
{
    size_t len = bytes.len < 5 ? bytes.len : 5;
    return len != 0 && memcmp(bytes.ptr, "HTTP/", len) != 0;
}

/* Scans what is there; goes on over interim answers that came in one piece. */
static enum io scan(struct forward *f, struct str bytes, size_t limit, const char **fault)
{
    for (;;) {
        enum parse found = response_scan(&f->scanner, bytes, limit, fault);
        if (found == PARSE_TOO_LARGE)
            *fault = "a header section that is too large";
        if (found == PARSE_BAD || found == PARSE_TOO_LARGE)
            return IO_EOF;
        if (found == PARSE_MORE && is_no_http(bytes)) {
            *fault = "bytes that are no HTTP";
            return IO_EOF;
        }
        if (found == PARSE_MORE)
            return keep_partial(f, bytes) == 0 ? IO_AGAIN : IO_ERR;
        enum io rc = take_head(f, bytes, fault);
        if (rc != IO_YIELD)
            return rc;
        bytes.ptr += f->scanner.len;
        bytes.len -= f->scanner.len;
        f->scanner = (struct head_scanner){0};
    }
}

enum io forward_read_head(struct forward *f, const char **fault)
{
    struct conn *c = f->conn;
    char *buffer = c->worker->pool.buffer + HEADROOM;
    size_t limit = c->txn->pin->config->limits.header_bytes, len;
    if (limit > RELAY_BUFFER_BYTES / 2)
        limit = RELAY_BUFFER_BYTES / 2; /* so that there is always room to read */
    for (;;) {
        enum io rc = stream_recv(&c->origin, buffer + f->partial_len,
                                 RELAY_BUFFER_BYTES - HEADROOM - f->partial_len, &len);
        if (rc != IO_OK)
            return rc;
        f->has_begun = true;
        if (f->partial_len != 0)
            memcpy(buffer, f->partial, f->partial_len);
        struct str bytes = {buffer, f->partial_len + len};
        rc = scan(f, bytes, limit, fault);
        if (rc != IO_AGAIN)
            return rc;
    }
}
