/* SPDX-License-Identifier: MIT */
/* stream_tls.c - TLS over a stream; see stream_tls.h. */
#include "proxy/net/stream_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "proxy/net/tls_wire.h"
#include "util/mem.h"

/* A record of the upper of two layers goes into one of the lower. */
#define INNER_FRAGMENT (SSL3_RT_MAX_PLAIN_LENGTH - 512)

/* How much is read ahead in a handshake. */
#define FLIGHT (16 * 1024)

/* Towards an origin: where its sessions go. */
struct keeping {
    struct sessions *store;
    uint32_t generation;
    int64_t chain_end; /* of the session that was offered */
    size_t key_len;
    char key[];
};

struct stream_tls {
    SSL *ssl;
    struct stream_tls *below; /* NULL: the socket */
    struct tls_wire wire;
    struct keeping *keeping;    /* NULL: sessions are not kept */
    unsigned long fault;        /* OpenSSL's code of the first error; 0: none */
    uint8_t alert;              /* the last fatal one; see has_alert */
    bool has_alert, is_alert_ours;
    bool is_asked_anew;         /* a new handshake was asked for, and refused */
    bool is_begun, waits_write; /* the handshake */
};

/* ---- what OpenSSL says ---- */

/* A short handshake sees no chain: what it gives is good for as long as what it was made from. */
static int64_t end_of_chain(const SSL *ssl, const struct keeping *k)
{
    return SSL_session_reused(ssl) ? k->chain_end : sessions_end_of(SSL_get0_verified_chain(ssl));
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct stream_tls *t = SSL_get_app_data(ssl);
    const struct keeping *k = t != NULL ? t->keeping : NULL;
    if (k != NULL)
        sessions_put(k->store, k->generation, (struct str){k->key, k->key_len}, session,
                     end_of_chain(ssl, k));
    return 0; /* the reference stays OpenSSL's */
}

void stream_tls_prepare(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
}

static void on_info(const SSL *ssl, int where, int value)
{
    struct stream_tls *t = SSL_get_app_data(ssl);
    bool is_fatal = value >> 8 == SSL3_AL_FATAL;
    if (!(where & SSL_CB_ALERT) || t == NULL)
        return;
    if ((where & SSL_CB_WRITE) && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
        t->is_asked_anew = true;
    if (!is_fatal)
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

/* 0: none is known. */
static int socket_error(const struct stream_tls *t)
{
    return t->wire.recv_error != 0 ? t->wire.recv_error : t->wire.bottom->send_error;
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
    else if (socket_error(t) != 0)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "%s", strerror(socket_error(t)));
    else if (t->wire.has_fin)
        snprintf(out, STREAM_TLS_FAULT_SIZE, "the peer closed in the middle");
    else
        snprintf(out, STREAM_TLS_FAULT_SIZE, "%s", why != NULL ? why : "no reason is known");
    return out;
}

/* ---- the operations ---- */

static enum io cannot_recv(struct stream *s, int why)
{
    const struct stream_tls *t = s->tls;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        s->is_readable = false;
        s->recv_waits_write = why == SSL_ERROR_WANT_WRITE;
        return IO_AGAIN;
    }
    if (why == SSL_ERROR_ZERO_RETURN) {
        s->is_eof = true;
        s->is_cut = t->wire.has_fin; /* close_notify is found before the FIN behind it */
        return IO_EOF;
    }
    s->error = t->wire.recv_error != 0 ? t->wire.recv_error : EPROTO;
    s->is_readable = false;
    s->is_recv_broken = true;
    return IO_ERR;
}

/* Where nothing of a record is there: a ticket or new keys leave the buffer behind, which
 * SSL_MODE_RELEASE_BUFFERS frees behind data alone. Some releases of OpenSSL 3.0 would free it
 * too where the head of a record waits in it. */
static void give_back_buffer(struct stream_tls *t)
{
    if (strcmp(SSL_rstate_string(t->ssl), "RH") == 0)
        (void)SSL_free_buffers(t->ssl);
}

static enum io read_all(struct stream *s, char *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    size_t got;
    while (*len < size) {
        t->wire.pool->room = size - *len;
        if (SSL_read_ex(t->ssl, bytes + *len, size - *len, &got) == 1) {
            *len += got;
            if (tls_wire_is_used_up(&t->wire))
                return IO_OK;
            continue;
        }
        int why = explain(t, 0);
        bool is_waiting = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        if (why == SSL_ERROR_WANT_READ)
            give_back_buffer(t);
        /* An end or a fault behind bytes is told again by the next call. */
        if (*len != 0 && !is_waiting)
            return IO_OK;
        enum io rc = cannot_recv(s, why);
        return *len != 0 ? IO_OK : rc;
    }
    return IO_OK;
}

static enum io tls_recv(struct stream *s, void *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    forget_errors();
    s->recv_waits_write = false;
    tls_wire_begin(&t->wire, s, size);
    enum io rc = read_all(s, bytes, size, len);
    (void)tls_wire_end(&t->wire); /* answers to the peer; a fault is for who sends */
    forget_errors();
    return rc;
}

static enum io cannot_send(struct stream *s, int why)
{
    const struct stream_tls *t = s->tls;
    s->is_writable = false;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        s->send_waits_recv = why == SSL_ERROR_WANT_READ;
        return IO_AGAIN;
    }
    s->error = t->wire.bottom->send_error != 0 ? t->wire.bottom->send_error : EPROTO;
    s->is_send_broken = true;
    s->is_readable = true; /* as in a plain stream */
    return IO_ERR;
}

static enum io write_all(struct stream *s, const char *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    size_t put;
    while (*len < size && tls_wire_has_room(&t->wire)) {
        size_t left = size - *len;
        if (left > SSL3_RT_MAX_PLAIN_LENGTH)
            left = SSL3_RT_MAX_PLAIN_LENGTH;
        if (SSL_write_ex(t->ssl, bytes + *len, left, &put) != 1) {
            enum io rc = cannot_send(s, explain(t, 0));
            return *len != 0 ? IO_OK : rc;
        }
        *len += put;
    }
    return *len != 0 ? IO_OK : IO_AGAIN;
}

static enum io tls_send(struct stream *s, const void *bytes, size_t size, size_t *len)
{
    struct stream_tls *t = s->tls;
    forget_errors();
    s->send_waits_recv = false;
    tls_wire_begin(&t->wire, s, 0);
    enum io rc = write_all(s, bytes, size, len);
    if (tls_wire_end(&t->wire) == IO_ERR)
        rc = IO_ERR;
    forget_errors();
    return rc;
}

/* Where TLS is broken, or the end is not to be a good one, the FIN alone is what is left to
 * say; a layer below says its own all the same. */
static bool has_last_word(const struct stream *s, const struct stream_tls *t)
{
    return !t->wire.is_closed && !(s->ends_cut && t == s->tls);
}

/* What waits goes out first: then there is room for the last word of each layer, and OpenSSL
 * need not be asked again. */
static enum io send_last_words(struct stream *s)
{
    struct stream_tls *t = s->tls;
    tls_wire_begin(&t->wire, s, 0);
    if (tls_wire_has_room(&t->wire)) {
        for (; t != NULL; t = t->below) {
            forget_errors();
            if (has_last_word(s, t))
                (void)SSL_shutdown(t->ssl);
            t->wire.is_closed = true;
        }
        t = s->tls;
    }
    enum io rc = tls_wire_end(&t->wire);
    forget_errors();
    return rc == IO_OK && !t->wire.bottom->is_closed ? IO_AGAIN : rc;
}

static enum io tls_shut(struct stream *s)
{
    enum io rc = send_last_words(s);
    return rc == IO_AGAIN ? rc : STREAM_PLAIN.shut(s);
}

/* What the socket did not take goes out as soon as it can. */
static void tls_flush(struct stream *s)
{
    struct stream_tls *t = s->tls;
    if (t->wire.bottom->sealed == NULL)
        return;
    tls_wire_begin(&t->wire, s, 0);
    (void)tls_wire_end(&t->wire);
}

/* The upper layer goes; what is below stays. */
static void drop_layer(struct stream *s)
{
    struct stream_tls *t = s->tls;
    s->tls = t->below;
    /* OpenSSL spoils the session of a connection that ends without close_notify. Since TLS 1.1
     * it need not (RFC 4346 section 7.2.1). Behind a fault it is spoilt already. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    ERR_clear_error();
    tls_wire_fini(&t->wire);
    mem_free(t->keeping);
    mem_free(t);
    s->recv_waits_write = s->send_waits_recv = s->ends_cut = false;
    if (s->tls == NULL)
        s->ops = &STREAM_PLAIN;
    else
        s->is_readable = true; /* bytes may wait in it */
}

static void tls_fini(struct stream *s)
{
    while (s->tls != NULL)
        drop_layer(s);
}

static const struct stream_ops STREAM_TLS = {tls_recv,  tls_send, tls_shut, tls_flush,
                                             tls_fini, false};

/* ---- the beginning ---- */

static SSL *make_ssl(struct stream_tls *t, SSL_CTX *ctx, enum stream_tls_side side)
{
    SSL *ssl = SSL_new(ctx);
    BIO *bio = ssl != NULL ? tls_wire_bio(&t->wire) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, t);
    SSL_set_info_callback(ssl, on_info);
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (t->below != NULL)
        SSL_set_max_send_fragment(ssl, INNER_FRAGMENT);
    if (side == STREAM_TLS_SERVER)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

int stream_tls_start(struct stream *s, struct stream_tls_pool *pool, SSL_CTX *ctx,
                     enum stream_tls_side side, struct str early)
{
    struct stream_tls *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return -1;
    t->below = s->tls;
    if (tls_wire_init(&t->wire, pool, s->fd, s->tls != NULL ? &s->tls->wire : NULL,
                      s->tls != NULL ? s->tls->ssl : NULL, early) == 0)
        t->ssl = make_ssl(t, ctx, side);
    ERR_clear_error();
    if (t->ssl == NULL) {
        tls_wire_fini(&t->wire);
        mem_free(t);
        return -1;
    }
    s->tls = t;
    s->ops = &STREAM_TLS;
    return 0;
}

SSL *stream_tls_ssl(const struct stream *s)
{
    return s->tls->ssl;
}

static struct keeping *make_keeping(struct sessions *store, struct str key)
{
    struct keeping *k = mem_alloc(sizeof(*k) + key.len);
    if (k == NULL)
        return NULL;
    *k = (struct keeping){.store = store, .generation = sessions_generation(store),
                          .key_len = key.len};
    if (key.len != 0)
        memcpy(k->key, key.ptr, key.len);
    return k;
}

int stream_tls_resume(struct stream *s, struct sessions *store, struct str key)
{
    struct stream_tls *t = s->tls;
    struct keeping *k = make_keeping(store, key);
    if (k == NULL)
        return -1;
    SSL_SESSION *session = sessions_find(store, key, &k->chain_end);
    int rc = session == NULL || SSL_set_session(t->ssl, session) == 1 ? 0 : -1;
    SSL_SESSION_free(session);
    ERR_clear_error();
    if (rc != 0) {
        mem_free(k);
        return -1;
    }
    mem_free(t->keeping);
    t->keeping = k;
    return 0;
}

int stream_tls_peer_alert(const struct stream *s)
{
    const struct stream_tls *t = s->tls;
    return t != NULL && t->has_alert && !t->is_alert_ours ? t->alert : -1;
}

bool stream_tls_is_asked_anew(const struct stream *s)
{
    return s->tls != NULL && s->tls->is_asked_anew;
}

bool stream_tls_is_at_fault(const struct stream *s)
{
    return s->tls != NULL && s->tls->has_alert;
}

size_t stream_tls_unsent(const struct stream *s)
{
    const struct tls_wire *bottom = s->tls != NULL ? s->tls->wire.bottom : NULL;
    return bottom != NULL && bottom->sealed != NULL ? bottom->sealed_len - bottom->sealed_at : 0;
}

static enum io judge_handshake(struct stream *s, int why)
{
    struct stream_tls *t = s->tls;
    t->waits_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_WRITE)
        s->is_writable = false;
    if (why == SSL_ERROR_WANT_READ)
        s->is_readable = false;
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        return IO_AGAIN;
    if (t->wire.has_fin && !t->has_alert)
        return IO_EOF;
    s->error = socket_error(t) != 0 ? socket_error(t) : EPROTO;
    return IO_ERR;
}

/* What followed the handshake and was read with it, for which no event comes. */
static bool has_rest(const struct stream_tls *t)
{
    for (; t != NULL; t = t->below)
        if (t->wire.early != NULL || SSL_has_pending(t->ssl) == 1)
            return true;
    return false;
}

enum io stream_tls_handshake(struct stream *s)
{
    struct stream_tls *t = s->tls;
    if (SSL_is_init_finished(t->ssl))
        return IO_OK;
    if (t->is_begun && !(t->waits_write ? s->is_writable : s->is_readable))
        return IO_AGAIN;
    forget_errors();
    t->is_begun = true;
    tls_wire_begin(&t->wire, s, FLIGHT);
    int done = SSL_do_handshake(t->ssl);
    enum io rc = done == 1 ? IO_OK : judge_handshake(s, explain(t, done));
    (void)tls_wire_end(&t->wire);
    forget_errors();
    if (rc == IO_OK)
        s->is_readable = !t->wire.pool->is_drained || has_rest(t);
    return rc;
}

void stream_tls_hold(struct stream *from, struct stream *to)
{
    tls_wire_hold(&from->tls->wire, &to->tls->wire);
}

bool stream_tls_has_ahead(const struct stream *from)
{
    return tls_wire_has_ahead(&from->tls->wire);
}

void stream_tls_release(struct stream *from, struct stream *to)
{
    tls_wire_release(&from->tls->wire, &to->tls->wire, to);
}

void stream_tls_drop(struct stream *s)
{
    drop_layer(s);
}
