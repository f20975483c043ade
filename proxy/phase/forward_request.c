/* SPDX-License-Identifier: MIT */
/* forward_request.c - the request on its way to the origin; see forward.h. */
#include "proxy/phase/forward.h"

#include <stdio.h>
#include <string.h>

#include "proxy/http/fidelity.h"
#include "proxy/http/hop.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"
#include "util/mem.h"

static bool is_method(const struct request_head *h, const char *name)
{
    return str_eq(h->method, str_of(name));
}

/* RFC 9110 section 9.2.2; one without content can be sent again as it was. */
static bool is_idempotent(const struct request_head *h)
{
    static const char *const NAMES[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (is_method(h, NAMES[i]))
            return true;
    return false;
}

static void note_request(struct forward *f, const struct request_head *h)
{
    f->is_head = is_method(h, "HEAD");
    f->is_client_10 = h->minor == 0;
    f->is_upgrade = h->minor == 1 && hop_wants_websocket(h);
    f->is_bound = hop_has_connection_auth(h->fields, h->field_count);
    f->has_content = f->request_body.kind != BODY_NONE;
    f->can_repeat = is_idempotent(h) && !f->has_content;
    f->client_closes = h->minor == 0 || hop_wants_close(h->fields, h->field_count, h->minor) ||
                       (f->conn->inspected != NULL && inside_is_outdated(f->conn));
}

/* The target to write (RFC 9112 section 3.2): origin form, or '*' for the OPTIONS
 * of a whole origin; to a parent the absolute form as it came. */
static struct str target_to_write(const struct txn *t, const struct request_head *h, char *room,
                                  size_t size)
{
    if (t->parent != NULL && !t->is_inside)
        return h->target;
    struct str path = str_of(t->path);
    if (path.len == 0)
        return is_method(h, "OPTIONS") ? STR_LIT("*") : STR_LIT("/");
    if (path.ptr[0] == '/')
        return path;
    int len = snprintf(room, size, "/%s", t->path); /* "?query" */
    return (struct str){room, (size_t)len};
}

/* The authority as the client wrote it: between "//" and the path. Inside TLS it is in Host,
 * unless the target has it; room is for one that the client did not write at all. */
static struct str authority_of(const struct txn *t, const struct request_head *h, char *room,
                               size_t size)
{
    struct str target = h->target;
    if (t->is_inside && (target.ptr[0] == '/' || target.ptr[0] == '*')) {
        const struct head_field *host = head_find(h, STR_LIT("Host"));
        bool has_brackets = t->host.is_address && !addr_is_v4(&t->host.addr);
        if (host != NULL && host->value.len != 0)
            return host->value;
        int len = snprintf(room, size, t->port == 443 ? "%s%s%s" : "%s%s%s:%u",
                           has_brackets ? "[" : "", t->host.name, has_brackets ? "]" : "",
                           (unsigned)t->port);
        return (struct str){room, (size_t)len};
    }
    size_t from = str_find(target, '/') + 2;
    return (struct str){target.ptr + from, target.len - from - strlen(t->path)};
}

/* Behind the head come bytes that the client sent with it: of the body, or of the
 * next request. */
static enum end_reason set_up_body(struct forward *f, const struct request_head *h)
{
    struct conn *c = f->conn;
    switch (f->request_body.kind) {
    case BODY_LENGTH:
        relay_limit(&f->up, f->request_body.length);
        break;
    case BODY_CHUNKED:
        chunked_init(&f->up_chunks, true);
        f->up_chunks.ledger = &f->trailers;
        if (chunked_drop_named(&f->up_chunks, h->fields, h->field_count) != 0)
            return END_NO_MEMORY;
        relay_set_filter(&f->up, forward_filter_chunks, &f->up_chunks);
        break;
    default:
        relay_limit(&f->up, 0);
        break;
    }
    relay_carry(&f->up, c->early, c->early_len);
    c->early = NULL;
    c->early_len = 0;
    return END_DONE;
}

static enum end_reason send_bytes(struct forward *f, struct str bytes)
{
    size_t len = 0;
    enum io rc = stream_send(&f->conn->origin, bytes.ptr, bytes.len, &len);
    if (rc == IO_OK && len == bytes.len)
        return END_DONE;
    /* What broke the connection shows when the answer is awaited. */
    if (relay_put(&f->up, (struct str){bytes.ptr + len, bytes.len - len}) != 0)
        return END_NO_MEMORY;
    return END_DONE;
}

static size_t write_head(struct forward *f, const struct request_head *h,
                         struct header_ledger *ledger)
{
    struct txn *t = f->conn->txn;
    const struct config *config = t->pin->config;
    char client[ADDR_TEXT_SIZE], hops[24], authority[HOST_MAX + 16];
    char *room = f->conn->worker->pool.buffer;
    struct request_rewrite r = {
        .target = target_to_write(t, h, room, RELAY_BUFFER_BYTES),
        .host = authority_of(t, h, authority, sizeof(authority)),
        .client = str_of(addr_format(&t->client.addr, client)),
        .via = str_of(config->headers.via),
        .adds_forwarded_for = config->headers.forwarded_for,
        .is_upgrade = f->is_upgrade,
        .parent_authorization =
            t->parent != NULL && !t->is_inside ? t->parent->authorization : NULL,
    };
    if (t->has_max_forwards) {
        int len = snprintf(hops, sizeof(hops), "%llu", (unsigned long long)t->max_forwards - 1);
        r.max_forwards = (struct str){hops, (size_t)len};
    }
    return rewrite_request(h, &r, f->conn->worker->pool.out, RELAY_OUT_BYTES, ledger);
}

enum end_reason forward_send_head(struct forward *f)
{
    struct conn *c = f->conn;
    struct txn *t = c->txn;
    struct request_head h;
    const char *fault = NULL;
    unsigned status = 400;
    if (head_parse(&h, (struct str){t->head, t->head_len}, &fault) != PARSE_OK)
        return END_INTERNAL;
    fault = framing_of_request(&h, &f->request_body, &status);
    if (fault != NULL)
        return status == 501 ? END_UNKNOWN_CODING : END_BAD_REQUEST;
    note_request(f, &h);
    struct header_ledger ledger;
    ledger.count = 0;
    size_t len = write_head(f, &h, &ledger);
    if (len == 0)
        return END_HEADER_TOO_LARGE;
    struct str out = {c->worker->pool.out, len};
    if (t->pin->config->headers.strict) {
        const char *change = fidelity_check_request(&h, out);
        if (change != NULL) {
            snprintf(t->details, sizeof(t->details), "%s", change);
            return END_NOT_FAITHFUL;
        }
    }
    worker_count_header_changes(c->worker, &ledger);
    enum end_reason reason = send_bytes(f, out);
    return reason == END_DONE ? set_up_body(f, &h) : reason;
}
