/* SPDX-License-Identifier: MIT */
/*
 * request.c - the phase that reads one request head.
 *
 * A head that arrives whole, as nearly all do, is read into the worker's buffer
 * and taken apart there. Only one that comes in pieces gets memory of its own.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "proxy/conn.h"
#include "proxy/http/framing.h"
#include "proxy/http/head.h"
#include "proxy/http/hop.h"
#include "proxy/http/target.h"
#include "proxy/inspected.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"
#include "util/base64.h"
#include "util/mem.h"

/* A head that is still arriving: the phase's state. */
struct reading {
    struct head_scanner scanner;
    size_t len, size;
    char *bytes;
};

/* There may be credentials in it. */
static void free_head(char *bytes, size_t len)
{
    if (bytes != NULL)
        OPENSSL_cleanse(bytes, len);
    mem_free(bytes);
}

static void request_leave(struct conn *c)
{
    struct reading *r = c->state;
    if (r == NULL)
        return;
    free_head(r->bytes, r->len);
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
static const char *note_request(struct conn *c, const struct request_head *h)
{
    struct txn *t = c->txn;
    const struct head_field *accept = head_find(h, STR_LIT("Accept"));
    struct target target;
    const char *fault;
    if (h->method.len >= sizeof(t->method))
        return "stands behind a method that is too long";
    memcpy(t->method, h->method.ptr, h->method.len);
    t->method[h->method.len] = '\0';
    if (accept != NULL)
        snprintf(t->accept, sizeof(t->accept), "%.*s", STR_ARG(accept->value));
    if (c->inspected != NULL)
        return inside_note_target(c, h);
    t->is_connect = str_eq(h->method, STR_LIT("CONNECT"));
    if (str_eq(h->method, STR_LIT("OPTIONS")) && str_eq(h->target, STR_LIT("*"))) {
        t->local = LOCAL_SELF;
        return NULL;
    }
    fault = t->is_connect ? target_parse_authority(&target, h->target)
                          : target_parse_absolute(&target, h->target);
    if (fault != NULL)
        return fault;
    t->host = target.host;
    t->port = target.port;
    if (!t->is_connect)
        t->path = mem_dup(target.path.ptr, target.path.len);
    return NULL;
}

/* OPTIONS and TRACE count the proxies they may pass (RFC 9110 section 7.6.2). NULL,
 * or what is wrong with the field. */
static const char *note_max_forwards(struct txn *t, const struct request_head *h)
{
    bool is_trace = str_eq(h->method, STR_LIT("TRACE"));
    const struct head_field *f = head_find(h, STR_LIT("Max-Forwards"));
    if (f == NULL || !(is_trace || str_eq(h->method, STR_LIT("OPTIONS"))))
        return NULL;
    if (str_to_u64(f->value, UINT32_MAX, &t->max_forwards) != 0)
        return "a Max-Forwards that is no number";
    t->has_max_forwards = t->max_forwards > 0;
    if (!t->has_max_forwards)
        t->local = is_trace ? LOCAL_TRACE : LOCAL_OPTIONS;
    return NULL;
}

/* What is checked of a message that will be passed on. NULL, or what it has that it
 * must not. */
static const char *check_forwarding(struct txn *t, const struct request_head *h, unsigned *status)
{
    const char *fault = hop_fault_of_request(h);
    *status = 400;
    if (fault == NULL)
        fault = note_max_forwards(t, h);
    return fault == NULL ? framing_of_request(h, &t->content, status) : fault;
}

/* For whoever sends it on: a CONNECT is only sent to a parent. */
static int keep_head(struct txn *t, struct str whole)
{
    if (t->is_connect && t->pin->config->parent_count == 0)
        return 0;
    t->head = mem_dup(whole.ptr, whole.len);
    t->head_len = whole.len;
    return t->head != NULL ? 0 : -1;
}

/* What authentication needs of a request: who it claims to be, over what, and whether
 * it can be asked again on this connection. */
static int note_authorization(struct txn *t, const struct request_head *h)
{
    if (t->pin->config->auth == NULL || t->is_inside) /* who it is, the CONNECT has told */
        return 0;
    t->is_10 = h->minor == 0;
    t->keeps_connection = !hop_wants_close(h->fields, h->field_count, h->minor) ||
                          hop_keeps_proxy_connection(h);
    t->expects_continue = hop_expects_continue(h);
    const struct head_field *f = head_find(h, STR_LIT("Proxy-Authorization"));
    if (f == NULL)
        return 0;
    t->authorization = mem_dup(f->value.ptr, f->value.len);
    t->target = mem_dup(h->target.ptr, h->target.len);
    return t->authorization != NULL && t->target != NULL ? 0 : -1;
}

/* Whether it is without its credentials. */
static bool is_too_large(const struct txn *t, const struct request_head *h, size_t len)
{
    size_t limit = t->pin->config->limits.header_bytes;
    if (len <= limit) /* with them as well: nearly always */
        return false;
    const struct head_field *f = head_find(h, STR_LIT("Proxy-Authorization"));
    return len - (f != NULL ? f->value.len : 0) > limit;
}

static enum next take_head(struct conn *c, struct str bytes, const struct head_scanner *scanner)
{
    struct request_head head;
    struct str rest = {bytes.ptr + scanner->len, bytes.len - scanner->len};
    const char *fault = NULL;
    struct str whole = {bytes.ptr + scanner->skipped, scanner->len - scanner->skipped};
    enum parse rc = head_parse(&head, whole, &fault);
    if (!conn_begin_txn(c))
        return conn_end(c, END_NO_MEMORY);
    if (rc != PARSE_OK)
        return reject(c, rc, "the request has", fault);
    if (c->inspected != NULL)
        inspected_note_request(c->inspected, c->worker);
    fault = note_request(c, &head);
    if (fault != NULL)
        return reject(c, PARSE_BAD, "the target", fault);
    if (c->inspected != NULL && inside_is_refused(c))
        return inside_refuse(c);
    if (hop_has_via(&head, str_of(c->txn->pin->config->headers.via)))
        return conn_fail(c, END_LOOP, "Via names this proxy");
    if (is_too_large(c->txn, &head, whole.len))
        return conn_fail(c, END_HEADER_TOO_LARGE, NULL);
    if (keep_head(c->txn, whole) != 0 || note_authorization(c->txn, &head) != 0)
        return conn_fail(c, END_NO_MEMORY, NULL);
    if (!c->txn->is_connect) {
        unsigned status;
        fault = check_forwarding(c->txn, &head, &status);
        if (fault != NULL && status == 501)
            return conn_fail(c, END_UNKNOWN_CODING, fault);
        if (fault != NULL)
            return reject(c, PARSE_BAD, "the request has", fault);
        c->txn->bytes_in = whole.len;
        if (c->txn->path == NULL && c->txn->port != 0)
            return conn_fail(c, END_NO_MEMORY, NULL);
    }
    if (conn_keep_early(c, rest) != 0)
        return conn_fail(c, END_NO_MEMORY, NULL);
    return conn_enter(c, &PHASE_ADMIT);
}

/* The first request's header has the deadline of the connection; a later one's
 * begins with its first byte. */
static void begin_header(struct conn *c)
{
    if (c->is_kept_alive)
        conn_set_deadline(c, c->worker->pin->config->limits.header_timeout_ms);
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
    begin_header(c);
    conn_watch(c);
    return NEXT_PHASE;
}

/* What the client sent behind an earlier request. */
static enum next read_early(struct conn *c, size_t limit)
{
    struct head_scanner scanner = {0};
    struct str bytes = {c->early, c->early_len};
    const char *fault = NULL;
    c->early = NULL;
    c->early_len = 0;
    enum parse found = head_scan(&scanner, bytes, limit, &fault);
    enum next next;
    if (found == PARSE_OK)
        next = take_head(c, bytes, &scanner);
    else if (found == PARSE_MORE)
        next = keep_piece(c, bytes, &scanner);
    else
        next = reject(c, found, "the request has", fault);
    free_head((char *)(uintptr_t)bytes.ptr, bytes.len);
    return next;
}

/* Between two requests: a good end, which TLS says in so many words. */
static enum next end_idle(struct conn *c, enum end_reason reason)
{
    if (stream_shut(&c->client) == IO_AGAIN) /* the end of an answer is still on its way */
        return conn_enter(c, &PHASE_LINGER);
    return conn_end(c, reason);
}

static enum next no_more(struct conn *c, enum io rc)
{
    enum end_reason idle = END_CLIENT_IDLE;
    if (rc != IO_AGAIN && c->state == NULL && c->inspected != NULL)
        idle = inside_note_end(c);
    if (rc == IO_AGAIN && c->state == NULL && c->inspected != NULL && inside_is_outdated(c))
        return end_idle(c, END_RELOADED);
    if (rc == IO_AGAIN)
        return c->state == NULL && c->worker->is_draining ? end_idle(c, END_DRAINED) : NEXT_AGAIN;
    if (c->state == NULL && rc == IO_EOF)
        return end_idle(c, idle);
    if (c->state == NULL)
        return conn_end(c, idle == END_LEAF_REFUSED ? idle : END_CLIENT_RESET);
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
    char *bytes = mem_alloc(size);
    if (bytes == NULL)
        return -1;
    memcpy(bytes, r->bytes, r->len);
    free_head(r->bytes, r->len);
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
    conn_watch(c);
    struct str bytes = {r->bytes, r->len};
    enum parse found = head_scan(&r->scanner, bytes, limit, &fault);
    if (found == PARSE_OK)
        return take_head(c, bytes, &r->scanner);
    return found == PARSE_MORE ? NEXT_PHASE : reject(c, found, "the request has", fault);
}

/* A Kerberos ticket of a user in many groups counts beside the rest of the header: it
 * may have 64 KiB, and base64 makes them 86. */
static size_t head_limit(const struct config *config)
{
    bool has_tickets = config->auth != NULL && config->auth->kerberos != NULL;
    return config->limits.header_bytes + (has_tickets ? BASE64_SIZE(KERBEROS_TOKEN_MAX) : 0);
}

static enum next request_step(struct conn *c)
{
    size_t limit = head_limit(c->worker->pin->config);
    if (c->is_expired)
        return c->state == NULL ? end_idle(c, END_CLIENT_IDLE)
                                : conn_fail(c, END_HEADER_TIMEOUT, NULL);
    if (c->state == NULL && c->worker->is_draining && !c->client.is_readable)
        return end_idle(c, END_DRAINED);
    if (c->inspected != NULL)
        inside_look_at_origin(c);
    if (c->early != NULL && c->state == NULL)
        return read_early(c, limit);
    return c->state == NULL ? read_first(c, limit) : read_on(c, limit);
}

/* The first request has the deadline of the connection, and what is left of it behind a
 * handshake. Without TLS its phase is entered by conn_accept. */
static int request_enter(struct conn *c)
{
    if (c->is_new) {
        c->is_new = false;
        return 0;
    }
    c->is_kept_alive = true;
    c->is_logged = false;
    c->end = END_DONE; /* not that of the request before */
    conn_set_deadline(c, c->worker->pin->config->limits.client_idle_ms);
    return 0;
}

static void request_check_up(struct conn *c)
{
    stream_probe(&c->client);
    conn_run(c);
}

const struct phase PHASE_REQUEST = {"request", request_enter, request_step, request_leave,
                                    request_check_up};
