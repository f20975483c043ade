/* SPDX-License-Identifier: MIT */
/*
 * discard.c - the phase that reads a request's content past, so that the next request
 * can be heard: the request was answered with 407, and its client is expected to come
 * again on this connection.
 */
#include "proxy/phase/discard.h"

#include "proxy/http/chunked.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define DISCARD_MS 30000

struct discard {
    bool is_chunked, is_done;
    uint64_t left, seen;
    struct chunked chunks;
};

static int discard_enter(struct conn *c)
{
    c->state = mem_zalloc(sizeof(struct discard));
    conn_set_deadline(c, DISCARD_MS);
    return c->state != NULL ? 0 : -1;
}

static void discard_leave(struct conn *c)
{
    struct discard *d = c->state;
    if (d != NULL && d->is_chunked)
        chunked_fini(&d->chunks);
    mem_free(d);
    c->state = NULL;
}

enum next discard_enter_for(struct conn *c, struct framing content)
{
    if (content.kind == BODY_NONE || (content.kind == BODY_LENGTH && content.length == 0))
        return conn_enter(c, &PHASE_REQUEST);
    if (content.kind == BODY_LENGTH && content.length > DISCARD_BYTES)
        return conn_enter(c, &PHASE_LINGER);
    enum next next = conn_enter(c, &PHASE_DISCARD);
    if (next != NEXT_PHASE)
        return next;
    struct discard *d = c->state;
    d->is_chunked = content.kind == BODY_CHUNKED;
    d->left = content.length;
    if (d->is_chunked)
        chunked_init(&d->chunks, true);
    return next;
}

/* How much of the bytes is content. -1: it is malformed. */
static int skip(struct conn *c, struct discard *d, struct str bytes, size_t *used)
{
    const char *fault;
    size_t len;
    if (!d->is_chunked) {
        *used = bytes.len < d->left ? bytes.len : (size_t)d->left;
        d->left -= *used;
        d->is_done = d->left == 0;
        return 0;
    }
    enum parse rc = chunked_run(&d->chunks, bytes, used, c->worker->pool.out, RELAY_OUT_BYTES,
                                &len, &fault);
    d->is_done = rc == PARSE_OK;
    return rc == PARSE_OK || rc == PARSE_MORE ? 0 : -1;
}

static enum next take(struct conn *c, struct discard *d, struct str bytes)
{
    size_t used = 0;
    if (skip(c, d, bytes, &used) != 0)
        return conn_enter(c, &PHASE_LINGER);
    d->seen += used;
    if (!d->is_done)
        return d->seen > DISCARD_BYTES ? conn_enter(c, &PHASE_LINGER) : NEXT_AGAIN;
    if (conn_keep_early(c, (struct str){bytes.ptr + used, bytes.len - used}) != 0)
        return conn_end(c, END_NO_MEMORY);
    return conn_enter(c, &PHASE_REQUEST);
}

/* What came with the head. */
static enum next take_early(struct conn *c, struct discard *d)
{
    char *early = c->early;
    struct str bytes = {early, c->early_len};
    c->early = NULL;
    c->early_len = 0;
    enum next next = take(c, d, bytes);
    mem_free(early);
    return next;
}

static enum next discard_step(struct conn *c)
{
    struct discard *d = c->state;
    if (c->is_expired)
        return conn_end(c, END_CLIENT_STALLED);
    enum next next = c->early != NULL ? take_early(c, d) : NEXT_AGAIN;
    while (next == NEXT_AGAIN) {
        char *buffer = c->worker->pool.buffer;
        size_t len;
        enum io rc = stream_recv(&c->client, buffer, RELAY_BUFFER_BYTES, &len);
        if (rc == IO_AGAIN)
            break;
        if (rc != IO_OK)
            return conn_end(c, rc == IO_EOF ? END_CLIENT_GONE : END_CLIENT_RESET);
        next = take(c, d, (struct str){buffer, len});
    }
    if (next == NEXT_AGAIN)
        conn_watch(c);
    return next;
}

static void discard_check_up(struct conn *c)
{
    stream_probe(&c->client);
    conn_run(c);
}

const struct phase PHASE_DISCARD = {"discard", discard_enter, discard_step, discard_leave,
                                    discard_check_up};
