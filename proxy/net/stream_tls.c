/* SPDX-License-Identifier: MIT */
/* stream_tls.c - TLS over a stream; see stream_tls.h. */
#include "proxy/net/stream_tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "util/mem.h"

struct stream_tls {
    SSL *ssl;
    int fd;
    int recv_error, send_error; /* errno of the socket; it is told again at each call */
    unsigned long fault;        /* OpenSSL's code of the first error; 0: none */
    char *early;                /* read before; NULL: none is left */
    uint32_t early_at, early_len;
    uint16_t offered;           /* of a record that waits for the socket; 0: none does */
    uint8_t alert;              /* the last fatal one; see has_alert */
    bool has_alert, is_alert_ours;
    bool has_fin;               /* the peer's FIN was read from the socket */
    bool is_begun, waits_write; /* the handshake */
    bool has_said_all;          /* our close_notify was sent */
};

/* ---- the socket, as OpenSSL sees it ---- */

static size_t take_early(struct stream_tls *t, char *out, size_t size)
{
    size_t len = t->early_len - t->early_at;
    if (len > size)
        len = size;
    memcpy(out, t->early + t->early_at, len);
    t->early_at += (uint32_t)len;
    if (t->early_at == t->early_len) {
        mem_free(t->early);
        t->early = NULL;
    }
    return len;
}

static int on_read(BIO *bio, char *out, int size)
{
    struct stream_tls *t = BIO_get_data(bio);
    ssize_t got;
    BIO_clear_retry_flags(bio);
    if (t->early != NULL)
        return (int)take_early(t, out, (size_t)size);
    if (t->recv_error != 0)
        return -1;
    do
        got = recv(t->fd, out, (size_t)size, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return (int)got;
    /* The kernel tells a reset once. Where a send has met it, it looks like a FIN here. */
    if (got == 0 && t->send_error == ECONNRESET) {
        t->recv_error = ECONNRESET;
        return -1;
    }
    if (got == 0)
        t->has_fin = true;
    else if (errno == EAGAIN)
        BIO_set_retry_read(bio);
    else
        t->recv_error = errno;
    return got == 0 ? 0 : -1;
}

static int on_write(BIO *bio, const char *bytes, int size)
{
    struct stream_tls *t = BIO_get_data(bio);
    ssize_t put;
    BIO_clear_retry_flags(bio);
    /* Behind our FIN a peer that asks for new keys gets no answer, and needs none. */
    if (t->has_said_all)
        return size;
    if (t->send_error != 0)
        return -1;
    do
        put = send(t->fd, bytes, (size_t)size, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return (int)put;
    if (errno == EAGAIN)
        BIO_set_retry_write(bio);
    else
        t->send_error = errno;
    return -1;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct stream_tls *t = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return t->has_fin;
    return command == BIO_CTRL_FLUSH;
}

static int on_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *stream_tls_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
    if (m != NULL && BIO_meth_set_create(m, on_create) == 1 && BIO_meth_set_read(m, on_read) == 1 &&
        BIO_meth_set_write(m, on_write) == 1 && BIO_meth_set_ctrl(m, on_ctrl) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ---- what OpenSSL says ---- */

static void on_info(const SSL *ssl, int where, int value)
{
    struct stream_tls *t = SSL_get_app_data(ssl);
    bool is_fatal = value >> 8 == SSL3_AL_FATAL;
    if (!(where & SSL_CB_ALERT) || !is_fatal || t == NULL)
        return;
    t->has_alert = true;
    t->is_alert_ours = (where & SSL_CB_READ) == 0;
    t->alert = (uint8_t)value;
}

/* Before a call, for others may have left something; and behind one, for OpenSSL leaves
 * faults that it got over. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* Why a call did not succeed, and the queue of errors emptied. */
static int explain(struct stream_tls *t, int rc)
{
    int why = SSL_get_error(t->ssl, rc);
    if (t->fault == 0 && (why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL))
        t->fault = ERR_peek_error();
    ERR_clear_error();
    return why;
}

const char *stream_tls_fault(const struct stream *s, char out[STREAM_TLS_FAULT_SIZE])
{
    const struct stream_tls *t = s->tls;
    const char *why = t->fault != 0 ? ERR_reason_error_string(t->fault) : NULL;
    char unknown[sizeof("alert 255")];
    const char *alert = SSL_alert_desc_string_long(t->alert);
    if (t->has_alert && strcmp(alert, "unknown") == 0) {
        snprintf(unknown, sizeof(unknown), "alert %u", (unsigned)t->alert);
        alert = unknown;
    }
    if (t->has_alert && !t->is_alert_ours)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "the peer sent the alert '%s'", alert);
    else if (t->has_alert)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "%s; it was sent the alert '%s'",
                 why != NULL ? why : "the peer broke the protocol", alert);
    else if (t->recv_error != 0 || t->send_error != 0)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "%s",
                 strerror(t->recv_error != 0 ? t->recv_error : t->send_error));
    else if (t->has_fin)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "the peer closed in the middle");
    else
        snprintf(out, STREAM_TLS_FAULT_SIZE, "%s", why != NULL ? why : "no reason is known");
    return out;
}

/* ---- the operations ---- */

static enum io cannot_recv(struct stream *s, int why)
{
    struct stream_tls *t = s->tls;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        s->is_readable = false;
        s->recv_waits_write = why == SSL_ERROR_WANT_WRITE;
        return IO_AGAIN;
    }
    if (why == SSL_ERROR_ZERO_RETURN) {
        s->is_eof = true;
        s->is_cut = t->has_fin; /* close_notify is found before the FIN behind it */
        return IO_EOF;
    }
    s->error = t->recv_error != 0 ? t->recv_error : EPROTO;
    s->is_readable = false;
    s->is_recv_broken = true;
    return IO_ERR;
}

static enum io tls_recv(struct stream *s, void *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    size_t got;
    forget_errors();
    s->recv_waits_write = false;
    while (*len < size) {
        if (SSL_read_ex(t->ssl, (char *)bytes + *len, size - *len, &got) == 1) {
            *len += got;
            continue;
        }
        int why = explain(t, 0);
        bool is_waiting = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        /* An end or a fault behind bytes is told again by the next call. */
        if (*len != 0 && !is_waiting)
            return IO_OK;
        enum io rc = cannot_recv(s, why);
        return *len != 0 ? IO_OK : rc;
    }
    forget_errors();
    return IO_OK;
}

static enum io cannot_send(struct stream *s, int why)
{
    struct stream_tls *t = s->tls;
    s->is_writable = false;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        s->send_waits_recv = why == SSL_ERROR_WANT_READ;
        return IO_AGAIN;
    }
    s->error = t->send_error != 0 ? t->send_error : EPROTO;
    s->is_send_broken = true;
    s->is_readable = true; /* as in a plain stream */
    return IO_ERR;
}

/* A record at a time: where OpenSSL is given more and is stopped in the middle, it keeps
 * count of what it has sent, and forgets the count when new keys are due. What it was
 * stopped at is offered again as it was. */
static size_t next_offer(struct stream_tls *t, size_t left)
{
    size_t size = left < SSL3_RT_MAX_PLAIN_LENGTH ? left : SSL3_RT_MAX_PLAIN_LENGTH;
    ASSERT(t->offered <= size);
    if (t->offered != 0)
        size = t->offered;
    t->offered = (uint16_t)size;
    return size;
}

static enum io tls_send(struct stream *s, const void *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    size_t put;
    forget_errors();
    s->send_waits_recv = false;
    while (*len < size) {
        size_t offer = next_offer(t, size - *len);
        if (SSL_write_ex(t->ssl, (const char *)bytes + *len, offer, &put) == 1) {
            *len += put;
            t->offered = 0;
            continue;
        }
        int why = explain(t, 0);
        bool is_waiting = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        if (*len != 0 && !is_waiting)
            return IO_OK;
        enum io rc = cannot_send(s, why);
        return *len != 0 ? IO_OK : rc;
    }
    forget_errors();
    return IO_OK;
}

static enum io tls_shut(struct stream *s)
{
    struct stream_tls *t = s->tls;
    if (!t->has_said_all) {
        forget_errors();
        int rc = SSL_shutdown(t->ssl);
        int why = rc < 0 ? explain(t, rc) : SSL_ERROR_NONE;
        forget_errors();
        if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
            return cannot_send(s, why);
        /* Where TLS is broken the FIN alone is what is left to say. */
        t->has_said_all = true;
    }
    return STREAM_PLAIN.shut(s);
}

static void tls_fini(struct stream *s)
{
    struct stream_tls *t = s->tls;
    SSL_free(t->ssl);
    ERR_clear_error();
    mem_free(t->early);
    mem_free(t);
    s->tls = NULL;
    s->ops = &STREAM_PLAIN;
    s->recv_waits_write = s->send_waits_recv = false;
}

static const struct stream_ops STREAM_TLS = {tls_recv, tls_send, tls_shut, tls_fini, false};

/* ---- the beginning ---- */

static SSL *make_ssl(struct stream_tls *t, const BIO_METHOD *method, SSL_CTX *ctx,
                     enum stream_tls_side side)
{
    SSL *ssl = SSL_new(ctx);
    BIO *bio = ssl != NULL ? BIO_new(method) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, t);
    SSL_set_info_callback(ssl, on_info);
    if (side == STREAM_TLS_SERVER)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

int stream_tls_start(struct stream *s, const BIO_METHOD *method, SSL_CTX *ctx,
                     enum stream_tls_side side, struct str early)
{
    struct stream_tls *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return -1;
    t->fd = s->fd;
    if (early.len != 0) {
        t->early = mem_dup(early.ptr, early.len);
        t->early_len = (uint32_t)early.len;
    }
    if (early.len == 0 || t->early != NULL)
        t->ssl = make_ssl(t, method, ctx, side);
    ERR_clear_error();
    if (t->ssl == NULL) {
        mem_free(t->early);
        mem_free(t);
        return -1;
    }
    s->tls = t;
    s->ops = &STREAM_TLS;
    return 0;
}

enum io stream_tls_handshake(struct stream *s)
{
    struct stream_tls *t = s->tls;
    if (t->is_begun && !(t->waits_write ? s->is_writable : s->is_readable))
        return IO_AGAIN;
    forget_errors();
    t->is_begun = true;
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        forget_errors();
        /* What followed the handshake may wait in `early`, for which no event comes. */
        s->is_readable = s->is_writable = true;
        return IO_OK;
    }
    int why = explain(t, rc);
    t->waits_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_WRITE)
        s->is_writable = false;
    if (why == SSL_ERROR_WANT_READ)
        s->is_readable = false;
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        return IO_AGAIN;
    if (t->has_fin && !t->has_alert)
        return IO_EOF;
    s->error = t->recv_error != 0 ? t->recv_error : t->send_error != 0 ? t->send_error : EPROTO;
    return IO_ERR;
}

void stream_tls_drop(struct stream *s)
{
    tls_fini(s);
}
