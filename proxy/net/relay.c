/* SPDX-License-Identifier: MIT */
/* relay.c - moves bytes one way between two streams; see relay.h. */
#include "proxy/net/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/mem.h"

#define ROUNDS 8              /* of reading and writing, before others have a turn */
#define LARGE_READ (64 * 1024) /* a read of that much belongs to a bulk flow ... */
#define LARGE_READS 3          /* ... when so many come in a row */
#define SMALL_SPLICE (16 * 1024)
#define SMALL_SPLICES 8

int relay_pool_init(struct relay_pool *p)
{
    p->buffer = mem_alloc(RELAY_BUFFER_BYTES);
    pipes_init(&p->pipes);
    return p->buffer != NULL ? 0 : -1;
}

void relay_pool_fini(struct relay_pool *p)
{
    mem_free(p->buffer);
    pipes_fini(&p->pipes);
}

void relay_init(struct relay *r, struct relay_pool *pool, struct stream *from, struct stream *to)
{
    *r = (struct relay){.from = from, .to = to, .pool = pool};
}

void relay_fini(struct relay *r)
{
    mem_free(r->pending);
    r->pending = NULL;
    pipes_put(&r->pool->pipes, r->pipe);
    r->pipe = NULL;
}

int relay_put(struct relay *r, struct str bytes)
{
    ASSERT(bytes.len <= RELAY_MAX_PENDING && r->pending == NULL);
    if (bytes.len == 0)
        return 0;
    r->pending = mem_dup(bytes.ptr, bytes.len);
    if (r->pending == NULL)
        return -1;
    r->pending_at = 0;
    r->pending_len = (uint32_t)bytes.len;
    return 0;
}

static enum io flush_pending(struct relay *r)
{
    while (r->pending_at < r->pending_len) {
        size_t len;
        enum io rc = stream_send(r->to, r->pending + r->pending_at,
                                 r->pending_len - r->pending_at, &len);
        if (rc != IO_OK)
            return rc;
        r->pending_at += (uint32_t)len;
        r->bytes += len;
    }
    mem_free(r->pending);
    r->pending = NULL;
    return IO_OK;
}

static enum io splice_out(struct relay *r)
{
    while (r->pipe->filled > 0) {
        if (!r->to->is_writable)
            return r->to->is_send_broken ? IO_ERR : IO_AGAIN;
        ssize_t put = splice(r->pipe->read_fd, NULL, r->to->fd, NULL, r->pipe->filled,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (put > 0) {
            r->pipe->filled -= (size_t)put;
            r->bytes += (uint64_t)put;
            continue;
        }
        if (put < 0 && errno == EINTR)
            continue;
        r->to->is_writable = false;
        if (put < 0 && errno == EAGAIN)
            return IO_AGAIN;
        r->to->error = put < 0 ? errno : EPIPE;
        r->to->is_send_broken = true;
        r->to->is_readable = true; /* as in a failing send: see stream.c */
        return IO_ERR;
    }
    return IO_OK;
}

/* Everything that waits here goes out, and the pipe back to the pool. */
static enum io flush(struct relay *r)
{
    if (r->pending != NULL) {
        enum io rc = flush_pending(r);
        if (rc != IO_OK)
            return rc;
    }
    if (r->pipe != NULL) {
        enum io rc = splice_out(r);
        if (rc != IO_OK)
            return rc;
        pipes_put(&r->pool->pipes, r->pipe);
        r->pipe = NULL;
    }
    return IO_OK;
}

static void note_read(struct relay *r, size_t len)
{
    if (len < LARGE_READ) {
        r->large_reads = 0;
        return;
    }
    if (++r->large_reads < LARGE_READS)
        return;
    r->large_reads = 0;
    r->small_splices = 0;
    r->is_bulk = !r->is_splice_refused && r->from->ops->can_splice && r->to->ops->can_splice;
}

static enum io copy_some(struct relay *r)
{
    size_t len, put;
    char *buffer = r->pool->buffer;
    enum io rc = stream_recv(r->from, buffer, RELAY_BUFFER_BYTES, &len);
    if (rc != IO_OK)
        return rc;
    note_read(r, len);
    rc = stream_send(r->to, buffer, len, &put);
    if (rc == IO_ERR)
        return rc;
    r->bytes += put;
    if (put < len && relay_put(r, (struct str){buffer + put, len - put}) != 0) {
        r->from->error = ENOMEM;
        r->from->is_recv_broken = true;
        return IO_ERR;
    }
    return IO_OK;
}

/* One splice into an empty pipe: so EAGAIN means that the socket is empty. */
static enum io splice_some(struct relay *r)
{
    if (!r->from->is_readable)
        return IO_AGAIN;
    r->pipe = pipes_get(&r->pool->pipes);
    if (r->pipe == NULL)
        return copy_some(r);
    ssize_t got;
    do
        got = splice(r->from->fd, NULL, r->pipe->write_fd, NULL, PIPES_WANTED_BYTES,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        r->pipe->filled = (size_t)got;
        r->small_splices = got < SMALL_SPLICE ? (uint8_t)(r->small_splices + 1) : 0;
        if (r->small_splices >= SMALL_SPLICES)
            r->is_bulk = false;
        return IO_OK;
    }
    int error = got < 0 ? errno : 0;
    pipes_put(&r->pool->pipes, r->pipe);
    r->pipe = NULL;
    if (error == EAGAIN) {
        r->from->is_readable = false;
        return IO_AGAIN;
    }
    r->is_bulk = false;
    if (error != 0 && error != EINVAL) {
        /* The kernel tells a fault once: reading would now find a good end. */
        r->from->error = error;
        r->from->is_recv_broken = true;
        return IO_ERR;
    }
    r->is_splice_refused = error == EINVAL;
    return copy_some(r);
}

static enum io pass_end_on(struct relay *r)
{
    enum io rc = stream_shut(r->to);
    if (rc == IO_OK)
        r->state = RELAY_DONE;
    return rc;
}

static enum io run_rounds(struct relay *r)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum io rc = flush(r);
        if (rc != IO_OK)
            return rc;
        if (r->state == RELAY_DRAIN)
            return pass_end_on(r);
        if (!r->to->is_writable)
            return r->to->is_send_broken ? IO_ERR : IO_AGAIN;
        rc = r->is_bulk ? splice_some(r) : copy_some(r);
        if (rc == IO_EOF)
            r->state = RELAY_DRAIN;
        else if (rc != IO_OK)
            return rc;
    }
    return IO_YIELD;
}

enum io relay_run(struct relay *r)
{
    if (r->state == RELAY_DONE)
        return IO_OK;
    enum io rc = r->state == RELAY_FAILED ? IO_ERR : run_rounds(r);
    if (rc == IO_ERR)
        r->state = RELAY_FAILED;
    return rc;
}
