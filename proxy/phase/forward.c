/* SPDX-License-Identifier: MIT */
/*
 * forward.c - the phase that takes a plain request to its origin and the response
 * back.
 *
 * A connection that came from the pool may have died without our knowing. A request
 * that can be repeated (idempotent, without content) is then sent once more over a
 * fresh one (RFC 9112 section 9.3.2); any other is answered with 502.
 */
#include "proxy/phase/forward.h"

#include <stdio.h>
#include <string.h>

#include "proxy/inspected.h"
#include "proxy/net/pool.h"
#include "proxy/net/stream_tls.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"
#include "util/mem.h"

enum parse forward_filter_chunks(void *chunked, struct str in, size_t *used, char *out, size_t size,
                                 size_t *len)
{
    const char *fault; /* the peer who sent it is cut off, whatever it is */
    return chunked_run(chunked, in, used, out, size, len, &fault);
}

static int forward_enter(struct conn *c)
{
    struct forward *f = mem_zalloc(sizeof(*f));
    if (f == NULL)
        return -1;
    c->state = f;
    f->conn = c;
    relay_init(&f->up, &c->worker->pool, &c->client, &c->origin);
    relay_init(&f->down, &c->worker->pool, &c->origin, &c->client);
    conn_set_deadline(c, c->txn->pin->config->limits.response_timeout_ms);
    /* It was read from just now. A reset in the same moment is for the check-up to find. */
    c->has_client_stirred = false;
    c->txn->forwarding = END_DONE;
    c->txn->forwarding = forward_send_head(f);
    return 0;
}

static void forward_leave(struct conn *c)
{
    struct forward *f = c->state;
    if (f == NULL)
        return;
    relay_fini(&f->up);
    relay_fini(&f->down);
    chunked_fini(&f->up_chunks);
    chunked_fini(&f->down_chunks);
    mem_free(f->partial);
    mem_free(f);
    c->state = NULL;
}

#define ASKS_ANEW "asks for a new handshake, as origins do that want a client certificate,"

/* An origin inside TLS may have its reason for what it did in TLS. Where it was refused a new
 * handshake nobody can know that it wanted a certificate in it, but hardly any does for another
 * reason, and none that can go on without would have ended. */
static enum end_reason look_into_tls(struct conn *c, struct forward *f, enum end_reason reason)
{
    struct txn *t = c->txn;
    char fault[STREAM_TLS_FAULT_SIZE];
    if (stream_tls_is_asked_anew(&c->origin)) {
        inside_propose_exemption(c, ASKS_ANEW);
        if (f->has_head || f->down.pending != NULL)
            return reason;
        snprintf(t->details, sizeof(t->details), "the origin %.*s",
                 (int)sizeof(ASKS_ANEW) - 2, ASKS_ANEW);
        return END_CLIENT_CERTIFICATE_WANTED;
    }
    if (reason != END_ORIGIN_CLOSED || !stream_tls_is_at_fault(&c->origin))
        return reason;
    snprintf(t->details, sizeof(t->details), "behind the handshake with the origin: %s",
             stream_tls_fault(&c->origin, fault));
    return END_ORIGIN_TLS_FAILED;
}

static bool is_origins_doing(enum end_reason reason)
{
    return reason == END_ORIGIN_CLOSED || reason == END_ORIGIN_RESET ||
           reason == END_RESPONSE_TIMEOUT || reason == END_RESPONSE_CUT ||
           reason == END_BAD_RESPONSE;
}

/* Before the final head has gone out the client can still be told; afterwards a
 * reset says that what it got is not all. */
static enum next give_up(struct conn *c, struct forward *f, enum end_reason reason,
                         const char *fault)
{
    struct txn *t = c->txn;
    bool is_parents = t->parent != NULL && !t->is_inside;
    if (t->is_inside && fault == NULL && is_origins_doing(reason))
        reason = look_into_tls(c, f, reason);
    if (fault != NULL)
        snprintf(t->details, sizeof(t->details), "%s%s%s sent %s",
                 is_parents ? "the parent '" : "the origin", is_parents ? t->parent->name : "",
                 is_parents ? "'" : "", fault);
    else if (t->parent != NULL && t->details[0] == '\0')
        snprintf(t->details, sizeof(t->details), "by way of the parent '%s'", t->parent->name);
    if (f->has_head || f->down.pending != NULL) {
        t->status = f->status;
        t->bytes_in += f->up.bytes;
        t->bytes_out = f->down.bytes;
        if (c->inspected != NULL)
            inspected_count(c->inspected, t->bytes_in, t->bytes_out);
        stream_abort(&c->client);
        stream_abort(&c->origin);
        return conn_end(c, reason);
    }
    stream_abort(&c->origin);
    conn_drop_origin(c);
    return conn_fail(c, reason, t->details);
}

static bool can_retry(const struct conn *c, const struct forward *f)
{
    return c->txn->is_reused && !f->has_begun && f->can_repeat && !c->client.is_recv_broken;
}

/* Once more, over a fresh connection. What the client sent behind this request is
 * kept. */
static enum next retry(struct conn *c, struct forward *f)
{
    conn_drop_origin(c);
    c->early = relay_take_carry(&f->up, &c->early_len);
    c->txn->is_reused = false;
    return conn_enter(c, &PHASE_DIAL);
}

static enum next origin_is_gone(struct conn *c, struct forward *f, const char *fault)
{
    if (f->has_parent_refused)
        return give_up(c, f, END_PARENT_REFUSED, fault);
    if (fault != NULL)
        return give_up(c, f, END_BAD_RESPONSE, fault);
    if (can_retry(c, f))
        return retry(c, f);
    return give_up(c, f, f->has_begun ? END_BAD_RESPONSE : END_ORIGIN_CLOSED, NULL);
}

static void release_origin(struct conn *c, struct forward *f)
{
    char key[TXN_KEY_SIZE];
    bool has_more = f->down.carry != NULL && f->down.carry_at < f->down.carry_len;
    bool is_usable = !f->origin_closes && !has_more && f->up.state == RELAY_DONE &&
                     !c->origin.is_ending && c->origin.error == 0;
    if (!is_usable) {
        conn_drop_origin(c);
        return;
    }
    if (c->txn->is_inside)
        return; /* it stays with its client */
    struct str name = txn_key(c->txn, key);
    if (!f->is_bound && c->bound_key == NULL) {
        pool_put(c->txn->pin->pool, name, &c->origin, &c->txn->dialled);
        return;
    }
    /* Once bound, always bound: what authenticated stays with who did. */
    mem_free(c->bound_key);
    c->bound_to = c->txn->dialled;
    c->bound_key = mem_dup(name.ptr, name.len);
    if (c->bound_key == NULL)
        conn_drop_origin(c);
}

/* RFC 9112 section 9.8: what ends with the connection and without close_notify may have been
 * cut. So the client's TLS ends without one too. */
static void end_alike(struct conn *c, const struct forward *f)
{
    c->client.ends_cut =
        c->origin.is_cut && f->down.left == RELAY_EVERYTHING && f->down.filter == NULL;
}

static enum next finish(struct conn *c, struct forward *f)
{
    struct txn *t = c->txn;
    bool is_whole = f->up.state == RELAY_DONE;
    bool closes = f->client_closes || !is_whole || c->client.is_recv_broken;
    t->status = f->status;
    t->bytes_in += f->up.bytes;
    t->bytes_out = f->down.bytes;
    worker_count_header_changes(c->worker, &f->trailers);
    txn_forwarded(t);
    c->is_logged = true;
    end_alike(c, f);
    if (c->inspected != NULL)
        inspected_count(c->inspected, t->bytes_in, t->bytes_out);
    release_origin(c, f);
    if (is_whole)
        c->early = relay_take_carry(&f->up, &c->early_len);
    if (closes)
        return conn_enter(c, &PHASE_LINGER);
    txn_free(t);
    c->txn = NULL;
    return conn_enter(c, &PHASE_REQUEST);
}

/* 101 has gone out: from here on bytes are bytes. */
static enum next switch_over(struct conn *c, struct forward *f)
{
    c->txn->status = f->status;
    c->early = relay_take_carry(&f->up, &c->early_len);
    return conn_enter(c, &PHASE_TUNNEL);
}

static enum next run_up(struct conn *c, struct forward *f, enum io *up)
{
    *up = relay_run(&f->up);
    if (*up == IO_EOF && c->client.is_eof)
        return give_up(c, f, END_CLIENT_GONE, NULL);
    if (*up == IO_EOF)
        return give_up(c, f, END_BAD_REQUEST, NULL);
    if (*up == IO_ERR && c->client.is_recv_broken)
        return give_up(c, f, END_CLIENT_RESET, NULL);
    return NEXT_AGAIN;
}

static enum next run_head(struct conn *c, struct forward *f)
{
    const char *fault = NULL;
    if (f->down.pending != NULL && relay_flush(&f->down) == IO_ERR)
        return give_up(c, f, END_CLIENT_RESET, NULL);
    if (f->has_head)
        return NEXT_AGAIN;
    enum io rc = forward_read_head(f, &fault);
    if (rc == IO_AGAIN || rc == IO_OK)
        return NEXT_AGAIN;
    return c->client.is_recv_broken ? give_up(c, f, END_NO_MEMORY, NULL)
                                    : origin_is_gone(c, f, fault);
}

static enum next run_down(struct conn *c, struct forward *f, enum io *down)
{
    *down = relay_run(&f->down);
    if (*down == IO_EOF)
        return give_up(c, f, END_RESPONSE_CUT, NULL);
    if (*down == IO_ERR)
        return give_up(c, f, c->client.is_send_broken ? END_CLIENT_RESET : END_ORIGIN_RESET, NULL);
    return *down == IO_OK ? finish(c, f) : NEXT_AGAIN;
}

static void note_progress(struct conn *c, struct forward *f)
{
    uint64_t progress = f->up.bytes + f->down.bytes;
    if (progress == f->progress)
        return;
    f->progress = progress;
    conn_watch(c);
    c->deadline.deadline_ms =
        worker_now_ms() + c->txn->pin->config->limits.response_timeout_ms;
}

static enum next forward_step(struct conn *c)
{
    struct forward *f = c->state;
    enum io up = IO_AGAIN, down = IO_AGAIN;
    if (c->txn->forwarding != END_DONE)
        return give_up(c, f, c->txn->forwarding, NULL);
    if (c->is_expired)
        return give_up(c, f, f->has_head ? END_RESPONSE_CUT : END_RESPONSE_TIMEOUT, NULL);
    if (c->has_client_stirred && stream_is_broken(&c->client))
        return give_up(c, f, END_CLIENT_RESET, NULL);
    c->has_client_stirred = false;
    enum next next = run_up(c, f, &up);
    if (next == NEXT_AGAIN)
        next = run_head(c, f);
    if (next != NEXT_AGAIN)
        return next;
    if (f->is_switching)
        return f->down.pending == NULL ? switch_over(c, f) : NEXT_AGAIN;
    if (f->has_head)
        next = run_down(c, f, &down);
    if (next != NEXT_AGAIN)
        return next;
    note_progress(c, f);
    if (up == IO_YIELD || down == IO_YIELD)
        stream_wake(&c->client);
    return NEXT_AGAIN;
}

static void forward_check_up(struct conn *c)
{
    stream_probe(&c->client);
    stream_probe(&c->origin);
    c->has_client_stirred = true;
    conn_run(c);
}

const struct phase PHASE_FORWARD = {"forward", forward_enter, forward_step, forward_leave,
                                    forward_check_up};
