/* SPDX-License-Identifier: MIT */
/* tls_wire.c - between OpenSSL and a socket; see tls_wire.h. */
#include "proxy/net/tls_wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/net/stream_tls.h"
#include "util/mem.h"

/* The larger the pieces, the fewer wake-ups of both peers, which cost more than copying. For a
 * peer that is slower than the other the pieces are small: what it does not take is kept. */
#define SLOW_BYTES (64 * 1024)
#define IN_BYTES (256 * 1024)
#define HELD_READS 4 /* into a buffer that is held, before others have a turn */
#define OUT_BYTES (IN_BYTES + TLS_WIRE_RECORD) /* and room for a record to be asked for */

_Static_assert(OUT_BYTES + TLS_WIRE_RECORD <= TLS_WIRE_KEPT, "all that is gathered can be kept");

/* ---- in ---- */

static int take_early(struct tls_wire *w, char *out, size_t size)
{
    size_t len = w->early_len - w->early_at;
    if (len > size)
        len = size;
    memcpy(out, w->early + w->early_at, len);
    w->early_at += (uint32_t)len;
    if (w->early_at == w->early_len) {
        mem_free(w->early);
        w->early = NULL;
    }
    return (int)len;
}

static int take_ahead(struct stream_tls_pool *p, char *out, size_t size)
{
    size_t len = p->in_len - p->in_at;
    if (len > size)
        len = size;
    memcpy(out, p->in + p->in_at, len);
    p->in_at += (uint32_t)len;
    return (int)len;
}

/* How much may be read ahead of this wire now. */
static size_t room_ahead(struct tls_wire *w)
{
    struct stream_tls_pool *p = w->pool;
    if (p->in_of == NULL)
        return p->room < IN_BYTES ? p->room : IN_BYTES;
    if (p->in_of != w || p->reads_left == 0)
        return 0;
    return p->out_of->is_slow ? SLOW_BYTES : IN_BYTES;
}

static ssize_t recv_some(struct tls_wire *w, char *out, size_t size)
{
    struct stream_tls_pool *p = w->pool;
    ssize_t got;
    do
        got = recv(w->fd, out, size, 0);
    while (got < 0 && errno == EINTR);
    /* As in a plain stream: less than was asked for, so the socket is empty, and whatever
     * comes later makes an edge of its own. */
    p->is_drained = got > 0 && (size_t)got < size && !p->stream->is_ending &&
                    !p->stream->is_send_broken;
    if (got > 0)
        return got;
    /* The kernel tells a reset once. Where a send has met it, it looks like a FIN here. */
    if (got == 0 && w->send_error == ECONNRESET)
        w->recv_error = ECONNRESET;
    else if (got == 0)
        w->has_fin = true;
    else if (errno == EAGAIN)
        p->is_drained = true;
    else
        w->recv_error = errno;
    return got == 0 && w->recv_error == 0 ? 0 : -1;
}

static int read_socket(struct tls_wire *w, BIO *bio, char *out, size_t size)
{
    struct stream_tls_pool *p = w->pool;
    size_t ahead = room_ahead(w);
    ssize_t got = -1;
    if (p->in_at < p->in_len && (p->in_of == NULL || p->in_of == w))
        return take_ahead(p, out, size);
    if (w->recv_error != 0)
        return -1;
    if (!p->is_drained)
        got = recv_some(w, size < ahead ? p->in : out, size < ahead ? ahead : size);
    if (got > 0 && size < ahead) {
        p->in_at = 0;
        p->in_len = (uint32_t)got;
        if (p->in_of == w)
            p->reads_left--;
        return take_ahead(p, out, size);
    }
    if (got < 0 && p->is_drained)
        BIO_set_retry_read(bio);
    return (int)got;
}

/* OpenSSL finds faults by its queue of errors, so nothing may be left there. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static int read_below(struct tls_wire *w, BIO *bio, char *out, size_t size)
{
    size_t got;
    forget_errors();
    if (SSL_read_ex(w->below, out, size, &got) == 1)
        return (int)got;
    switch (SSL_get_error(w->below, 0)) {
    case SSL_ERROR_WANT_READ:
        BIO_set_retry_read(bio);
        return -1;
    case SSL_ERROR_WANT_WRITE:
        BIO_set_retry_write(bio);
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        w->has_fin = true;
        return 0;
    default:
        w->recv_error = w->bottom->recv_error != 0 ? w->bottom->recv_error : EPROTO;
        return -1;
    }
}

static int on_read(BIO *bio, char *out, int size)
{
    struct tls_wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (w->early != NULL)
        return take_early(w, out, (size_t)size);
    if (w->below != NULL)
        return read_below(w, bio, out, (size_t)size);
    return read_socket(w, bio, out, (size_t)size);
}

/* ---- out ---- */

static void drop_sealed(struct tls_wire *b)
{
    mem_free(b->sealed);
    b->sealed = NULL;
    b->sealed_at = b->sealed_len = b->sealed_size = 0;
}

/* What of it the socket took; less than all: it is full, and an edge will tell. */
static size_t send_some(struct tls_wire *b, const char *bytes, size_t size)
{
    struct stream *s = b->pool->stream;
    ssize_t put;
    do
        put = send(b->fd, bytes, size, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0 && errno != EAGAIN)
        b->send_error = errno;
    if (put < (ssize_t)size)
        s->is_writable = false;
    return put > 0 ? (size_t)put : 0;
}

/* So much more behind what is kept; by doubling, for answers to the peer come one by one. */
static int grow_sealed(struct tls_wire *b, size_t more)
{
    size_t size = b->sealed_size, waiting = b->sealed_len - b->sealed_at;
    if (b->sealed_at != 0)
        memmove(b->sealed, b->sealed + b->sealed_at, waiting);
    b->sealed_at = 0;
    b->sealed_len = (uint32_t)waiting;
    if (waiting + more <= size)
        return 0;
    while (size < waiting + more)
        size = size == 0 ? more : size * 2;
    char *grown = mem_resize(b->sealed, size);
    if (grown == NULL)
        return -1;
    b->sealed = grown;
    b->sealed_size = (uint32_t)size;
    return 0;
}

/* Keeps bytes behind what is kept already. */
static void keep(struct tls_wire *b, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    if (grow_sealed(b, len) != 0) {
        b->send_error = ENOMEM;
        return;
    }
    memcpy(b->sealed + b->sealed_len, bytes, len);
    b->sealed_len += (uint32_t)len;
}

static void send_kept(struct tls_wire *b)
{
    if (b->sealed == NULL || !b->pool->stream->is_writable)
        return;
    b->sealed_at +=
        (uint32_t)send_some(b, b->sealed + b->sealed_at, b->sealed_len - b->sealed_at);
    if (b->sealed_at == b->sealed_len || b->send_error != 0)
        drop_sealed(b);
}

/* Whether what is gathered, or will be, is of this wire. */
static bool may_gather(const struct tls_wire *b)
{
    return b->pool->out_of == NULL || b->pool->out_of == b;
}

static void send_gathered(struct tls_wire *b)
{
    struct stream_tls_pool *p = b->pool;
    size_t sent = 0;
    send_kept(b);
    if (!may_gather(b))
        return;
    if (b->sealed == NULL && b->send_error == 0 && p->out_len != 0) {
        sent = send_some(b, p->out, p->out_len);
        b->is_slow = sent < p->out_len;
    }
    if (b->send_error == 0)
        keep(b, p->out + sent, p->out_len - sent);
    if (b->send_error != 0)
        drop_sealed(b);
    p->out_len = 0;
}

static bool make_room(struct tls_wire *b, size_t size)
{
    struct stream_tls_pool *p = b->pool;
    size_t most = b->is_slow ? SLOW_BYTES + TLS_WIRE_RECORD : OUT_BYTES;
    size_t gathered = may_gather(b) ? p->out_len : 0;
    if (gathered + size > most) {
        send_gathered(b);
        gathered = may_gather(b) ? p->out_len : 0;
    }
    return b->send_error == 0 && gathered + size <= OUT_BYTES &&
           b->sealed_len - b->sealed_at + gathered + size <= TLS_WIRE_KEPT;
}

bool tls_wire_has_room(struct tls_wire *w)
{
    return make_room(w->bottom, TLS_WIRE_RECORD) && w->bottom->sealed == NULL;
}

static int write_below(const struct tls_wire *w, const char *bytes, size_t size)
{
    size_t put, done = 0;
    forget_errors();
    while (done < size) {
        if (SSL_write_ex(w->below, bytes + done, size - done, &put) != 1)
            return -1;
        done += put;
    }
    return (int)size;
}

/* Some bytes more than a record: sealing it once more must not find less room. */
static int on_write(BIO *bio, const char *bytes, int size)
{
    struct tls_wire *w = BIO_get_data(bio);
    struct stream_tls_pool *p = w->pool;
    BIO_clear_retry_flags(bio);
    /* Behind our end a peer that asks for new keys gets no answer, and needs none. */
    if (w->is_closed)
        return size;
    if (w->send_error == 0 && w->bottom->send_error == 0 &&
        !make_room(w->bottom, (size_t)size + 512) && w->bottom->send_error == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    if (w->bottom->send_error != 0)
        return -1;
    if (w->below != NULL)
        return write_below(w, bytes, (size_t)size);
    if (!may_gather(w)) { /* an answer to the peer that a held read has met */
        keep(w, bytes, (size_t)size);
        return w->send_error == 0 ? size : -1;
    }
    memcpy(p->out + p->out_len, bytes, (size_t)size);
    p->out_len += (uint32_t)size;
    return size;
}

/* ---- the BIO ---- */

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_wire *w = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return w->has_fin;
    return command == BIO_CTRL_FLUSH;
}

static int on_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
    if (m != NULL && BIO_meth_set_create(m, on_create) == 1 && BIO_meth_set_read(m, on_read) == 1 &&
        BIO_meth_set_write(m, on_write) == 1 && BIO_meth_set_ctrl(m, on_ctrl) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

BIO *tls_wire_bio(struct tls_wire *w)
{
    BIO *bio = BIO_new(w->pool->method);
    if (bio != NULL)
        BIO_set_data(bio, w);
    return bio;
}

struct stream_tls_pool *stream_tls_pool_new(void)
{
    struct stream_tls_pool *p = mem_zalloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    p->method = make_method();
    p->in = mem_alloc(IN_BYTES);
    p->out = mem_alloc(OUT_BYTES);
    if (p->method != NULL && p->in != NULL && p->out != NULL)
        return p;
    stream_tls_pool_free(p);
    return NULL;
}

void stream_tls_pool_free(struct stream_tls_pool *p)
{
    if (p == NULL)
        return;
    BIO_meth_free(p->method);
    mem_free(p->in);
    mem_free(p->out);
    mem_free(p);
}

/* ---- life ---- */

int tls_wire_init(struct tls_wire *w, struct stream_tls_pool *pool, int fd,
                  const struct tls_wire *below, SSL *ssl_below, struct str early)
{
    *w = (struct tls_wire){.pool = pool, .fd = fd, .below = ssl_below};
    w->bottom = below != NULL ? below->bottom : w;
    if (early.len == 0)
        return 0;
    w->early = mem_dup(early.ptr, early.len);
    w->early_len = (uint32_t)early.len;
    return w->early != NULL ? 0 : -1;
}

void tls_wire_fini(struct tls_wire *w)
{
    mem_free(w->early);
    w->early = NULL;
    drop_sealed(w);
}

void tls_wire_begin(const struct tls_wire *w, struct stream *s, size_t room)
{
    struct stream_tls_pool *p = w->pool;
    ASSERT(p->stream == NULL);
    p->stream = s;
    p->room = room;
    if (p->in_of != NULL)
        return;
    ASSERT(p->in_at == p->in_len && p->out_len == 0);
    p->is_drained = !s->is_readable; /* an event will tell */
}

/* What was read ahead and not used comes first in the next call. */
static void keep_ahead(struct tls_wire *b)
{
    struct stream_tls_pool *p = b->pool;
    ASSERT(b->early == NULL);
    b->early = mem_dup(p->in + p->in_at, p->in_len - p->in_at);
    b->early_at = 0;
    b->early_len = p->in_len - p->in_at;
    if (b->early == NULL)
        b->recv_error = ENOMEM;
}

static void end_reading(struct tls_wire *b)
{
    struct stream_tls_pool *p = b->pool;
    if (p->in_at < p->in_len)
        keep_ahead(b);
    p->in_at = p->in_len = 0;
}

enum io tls_wire_end(struct tls_wire *w)
{
    struct tls_wire *b = w->bottom;
    struct stream_tls_pool *p = b->pool;
    struct stream *s = p->stream;
    if (p->in_of == NULL)
        end_reading(b);
    if (p->out_of == NULL && (p->out_len != 0 || b->sealed != NULL))
        send_gathered(b);
    else if (p->out_of != b)
        send_kept(b);
    p->stream = NULL;
    if (b->send_error == 0)
        return b->sealed == NULL ? IO_OK : IO_AGAIN;
    s->is_writable = false;
    if (!s->is_send_broken) {
        s->error = b->send_error;
        s->is_send_broken = true;
        s->is_readable = true; /* as in a plain stream */
    }
    return IO_ERR;
}

/* ---- held over many calls ---- */

void tls_wire_hold(struct tls_wire *from, struct tls_wire *to)
{
    struct stream_tls_pool *p = from->pool;
    ASSERT(p->stream == NULL && p->in_of == NULL && p->in_at == p->in_len && p->out_len == 0);
    p->in_of = from->bottom;
    p->out_of = to->bottom;
    p->reads_left = HELD_READS;
    p->is_drained = false;
}

bool tls_wire_has_ahead(const struct tls_wire *from)
{
    const struct stream_tls_pool *p = from->pool;
    return p->in_of == from->bottom && p->in_at < p->in_len;
}

bool tls_wire_is_used_up(const struct tls_wire *from)
{
    const struct stream_tls_pool *p = from->pool;
    return p->in_of == from->bottom && p->reads_left == 0 && p->in_at == p->in_len;
}

void tls_wire_release(struct tls_wire *from, struct tls_wire *to, struct stream *to_stream)
{
    struct stream_tls_pool *p = from->pool;
    ASSERT(p->in_of == from->bottom && p->out_of == to->bottom);
    end_reading(from->bottom);
    p->in_of = p->out_of = NULL;
    p->stream = to_stream;
    (void)tls_wire_end(to);
}
