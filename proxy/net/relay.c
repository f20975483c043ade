/* SPDX-License-Identifier: MIT */
/* relay.c - moves bytes one way between two streams; see relay.h. */
#include "proxy/net/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "proxy/net/stream_tls.h"
#include "util/mem.h"

#define ROUNDS 8              /* of reading and writing, before others have a turn */
#define ROUNDS_OF_RECORDS 2    /* each is several reads */
#define LARGE_READ (64 * 1024) /* a read of that much belongs to a bulk flow ... */
#define LARGE_READS 3          /* ... when so many come in a row */
#define SMALL_SPLICE (16 * 1024)
#define SMALL_SPLICES 8
#define TLS_PIECE (2 * SSL3_RT_MAX_PLAIN_LENGTH) /* of TLS into TLS */
#define CHUNK_HEAD 64 /* and more that a filter puts around a piece */

int relay_pool_init(struct relay_pool *p)
{
    p->buffer = mem_alloc(RELAY_BUFFER_BYTES);
    p->out = mem_alloc(RELAY_OUT_BYTES);
    pipes_init(&p->pipes);
    return p->buffer != NULL && p->out != NULL ? 0 : -1;
}

void relay_pool_fini(struct relay_pool *p)
{
    mem_free(p->buffer);
    mem_free(p->out);
    pipes_fini(&p->pipes);
}

void relay_init(struct relay *r, struct relay_pool *pool, struct stream *from, struct stream *to)
{
    *r = (struct relay){.from = from, .to = to, .pool = pool, .left = RELAY_EVERYTHING,
                        .passes_end = true};
}

void relay_fini(struct relay *r)
{
    mem_free(r->pending);
    mem_free(r->carry);
    r->pending = r->carry = NULL;
    pipes_put(&r->pool->pipes, r->pipe);
    r->pipe = NULL;
}

void relay_limit(struct relay *r, uint64_t bytes)
{
    r->passes_end = false;
    r->left = bytes;
    if (bytes == 0)
        r->state = RELAY_DRAIN;
}

void relay_keep_open(struct relay *r)
{
    r->passes_end = false;
}

void relay_set_filter(struct relay *r, relay_filter_fn *filter, void *arg)
{
    r->passes_end = false;
    r->filter = filter;
    r->filter_arg = arg;
}

void relay_observe(struct relay *r, relay_observer_fn *observer)
{
    r->observer = observer;
}

void relay_carry(struct relay *r, char *bytes, uint32_t len)
{
    ASSERT(r->carry == NULL);
    r->carry = bytes;
    r->carry_at = 0;
    r->carry_len = len;
}

char *relay_take_carry(struct relay *r, uint32_t *len)
{
    char *bytes = r->carry;
    r->carry = NULL;
    *len = 0;
    if (bytes == NULL || r->carry_at == r->carry_len) {
        mem_free(bytes);
        return NULL;
    }
    *len = r->carry_len - r->carry_at;
    memmove(bytes, bytes + r->carry_at, *len);
    return bytes;
}

int relay_put(struct relay *r, struct str bytes)
{
    size_t waiting = r->pending != NULL ? r->pending_len - r->pending_at : 0;
    if (bytes.len == 0)
        return 0;
    if (bytes.len > RELAY_MAX_PENDING - waiting)
        return -1;
    char *all = mem_alloc(waiting + bytes.len);
    if (all == NULL)
        return -1;
    if (waiting != 0)
        memcpy(all, r->pending + r->pending_at, waiting);
    memcpy(all + waiting, bytes.ptr, bytes.len);
    mem_free(r->pending);
    r->pending = all;
    r->pending_at = 0;
    r->pending_len = (uint32_t)(waiting + bytes.len);
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
enum io relay_flush(struct relay *r)
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
    r->is_bulk = !r->is_splice_refused && r->filter == NULL && r->observer == NULL &&
                 r->from->ops->can_splice && r->to->ops->can_splice;
}

static bool is_tls_to_tls(const struct relay *r)
{
    return r->from->tls != NULL && r->to->tls != NULL;
}

/* How much is moved at a time. Full records come out where full records went in. */
static size_t piece_size(const struct relay *r)
{
    size_t most = RELAY_BUFFER_BYTES;
    if (is_tls_to_tls(r))
        most = r->filter == NULL ? TLS_PIECE : TLS_PIECE - CHUNK_HEAD;
    return r->left < most ? (size_t)r->left : most;
}

/* The next input: what was carried over first, then what the source has. */
static enum io next_input(struct relay *r, struct str *in)
{
    size_t size = piece_size(r);
    if (r->carry != NULL && r->carry_at < r->carry_len) {
        *in = (struct str){r->carry + r->carry_at, r->carry_len - r->carry_at};
        if (in->len > size)
            in->len = size;
        return IO_OK;
    }
    in->ptr = r->pool->buffer;
    enum io rc = stream_recv(r->from, r->pool->buffer, size, &in->len);
    if (rc != IO_OK)
        return rc;
    note_read(r, in->len);
    if (r->observer != NULL && !r->observer(r, *in))
        r->observer = NULL;
    return IO_OK;
}

static enum io lack_memory(struct relay *r)
{
    r->from->error = ENOMEM;
    r->from->is_recv_broken = true;
    return IO_ERR;
}

/* Takes note of what became of the input; what is behind the end is kept. */
static enum io use_input(struct relay *r, struct str in, size_t used, bool is_over)
{
    bool is_carried = r->carry != NULL && r->carry_at < r->carry_len;
    if (r->left != RELAY_EVERYTHING)
        r->left -= used;
    if (is_over || r->left == 0)
        r->state = RELAY_DRAIN;
    if (is_carried) {
        r->carry_at += (uint32_t)used;
    } else if (used < in.len) {
        mem_free(r->carry);
        r->carry = mem_dup(in.ptr + used, in.len - used);
        r->carry_at = 0;
        r->carry_len = (uint32_t)(in.len - used);
        if (r->carry == NULL)
            return lack_memory(r);
    }
    return IO_OK;
}

static enum io send_some(struct relay *r, struct str out)
{
    size_t put;
    enum io rc = out.len == 0 ? IO_AGAIN : stream_send(r->to, out.ptr, out.len, &put);
    if (out.len == 0)
        return IO_OK;
    if (rc == IO_ERR)
        return rc;
    r->bytes += put;
    if (put < out.len && relay_put(r, (struct str){out.ptr + put, out.len - put}) != 0)
        return lack_memory(r);
    return IO_OK;
}

static enum io copy_some(struct relay *r)
{
    struct str in, out;
    enum parse parsed = PARSE_MORE;
    enum io rc = next_input(r, &in);
    if (rc != IO_OK)
        return rc;
    size_t used = in.len;
    out = in;
    if (r->filter != NULL) {
        out.ptr = r->pool->out;
        parsed = r->filter(r->filter_arg, in, &used, r->pool->out, RELAY_OUT_BYTES, &out.len);
        if (parsed == PARSE_BAD || parsed == PARSE_TOO_LARGE)
            return IO_EOF;
    }
    rc = send_some(r, out);
    return rc == IO_OK ? use_input(r, in, used, parsed == PARSE_OK) : rc;
}

/* Record by record, but through the kernel in large pieces. */
static enum io copy_records(struct relay *r)
{
    enum io rc;
    stream_tls_hold(r->from, r->to);
    do
        rc = copy_some(r);
    while (rc == IO_OK && r->state == RELAY_OPEN && r->pending == NULL &&
           stream_tls_has_ahead(r->from));
    stream_tls_release(r->from, r->to);
    return r->to->is_send_broken ? IO_ERR : rc;
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
        got = splice(r->from->fd, NULL, r->pipe->write_fd, NULL,
                     r->left < PIPES_WANTED_BYTES ? (size_t)r->left : PIPES_WANTED_BYTES,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        r->pipe->filled = (size_t)got;
        if (r->left != RELAY_EVERYTHING && (r->left -= (uint64_t)got) == 0)
            r->state = RELAY_DRAIN;
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

/* What was cut must not look whole to whom it goes on to (RFC 8446 section 6.1). */
static enum io finish(struct relay *r)
{
    r->to->ends_cut = r->to->ends_cut || (r->passes_end && r->from->is_cut);
    enum io rc = r->passes_end ? stream_shut(r->to) : IO_OK;
    if (rc == IO_OK)
        r->state = RELAY_DONE;
    return rc;
}

static enum io run_rounds(struct relay *r)
{
    unsigned rounds = is_tls_to_tls(r) ? ROUNDS_OF_RECORDS : ROUNDS;
    for (unsigned round = 0; round < rounds; round++) {
        enum io rc = relay_flush(r);
        if (rc != IO_OK)
            return rc;
        if (r->state == RELAY_DRAIN)
            return finish(r);
        if (!r->to->is_writable)
            return r->to->is_send_broken ? IO_ERR : IO_AGAIN;
        rc = is_tls_to_tls(r) ? copy_records(r) : r->is_bulk ? splice_some(r) : copy_some(r);
        if (rc == IO_EOF && r->left == RELAY_EVERYTHING && r->filter == NULL)
            r->state = RELAY_DRAIN;
        else if (rc != IO_OK)
            return rc;
    }
    return IO_YIELD;
}

enum io relay_run(struct relay *r)
{
    if (relay_is_over(r))
        return r->state == RELAY_DONE ? IO_OK : r->state == RELAY_CUT ? IO_EOF : IO_ERR;
    enum io rc = run_rounds(r);
    if (rc == IO_ERR)
        r->state = RELAY_FAILED;
    if (rc == IO_EOF)
        r->state = RELAY_CUT;
    return rc;
}
