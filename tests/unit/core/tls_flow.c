/* SPDX-License-Identifier: MIT */
/* tls_flow.c - a TLS stream and its peer; see tls_flow.h. */
#include "tests/unit/core/tls_flow.h"

#include <openssl/err.h>

#include "tests/unit/core/must.h"
#include "util/clock.h"

struct tls_flow tf;
char tls_flow_bytes[TLS_FLOW_CHUNK];

static const int VERSIONS[] = {0, TLS1_2_VERSION, TLS1_3_VERSION};

static char byte_at(uint64_t place, bool of_near)
{
    return (char)(place * 31 + (place >> 8) + (of_near ? 7 : 0));
}

void tls_flow_fill(uint64_t from, size_t len, bool of_near)
{
    for (size_t i = 0; i < len; i++)
        tls_flow_bytes[i] = byte_at(from + i, of_near);
}

static void check(uint64_t from, size_t len, bool of_near)
{
    for (size_t i = 0; i < len; i++)
        MUST(tls_flow_bytes[i] == byte_at(from + i, of_near));
}

static size_t portion(size_t most)
{
    uint64_t r = flow_random(&tf.portions);
    return 1 + (size_t)(r >> 8) % (size_t)(1U << (r % 17)) % most;
}

static void recv_all(void)
{
    enum io rc = IO_OK;
    size_t len;
    while (rc == IO_OK && !tf.near_end.has_eof && !tf.near_end.is_broken && !tf.is_paused) {
        rc = stream_recv(&tf.near, tls_flow_bytes, portion(TLS_FLOW_CHUNK), &len);
        MUST((rc == IO_OK) == (len > 0));
        MUST(ERR_peek_error() == 0);
        check(tf.near_end.received, len, false);
        tf.near_end.received += len;
        tf.near_end.has_eof = rc == IO_EOF;
        tf.near_end.is_broken = rc == IO_ERR;
    }
}

static void send_all(void)
{
    enum io rc = IO_OK;
    size_t len;
    while (rc == IO_OK && tf.near_end.sent < tf.near_end.to_send) {
        uint64_t left = tf.near_end.to_send - tf.near_end.sent;
        size_t size = left < TLS_FLOW_CHUNK ? (size_t)left : TLS_FLOW_CHUNK;
        tls_flow_fill(tf.near_end.sent, size, true);
        rc = stream_send(&tf.near, tls_flow_bytes, size, &len);
        MUST(ERR_peek_error() == 0);
        tf.near_end.sent += len;
        if (rc == IO_ERR)
            tf.near_end.is_broken = true;
    }
    if (tf.near_end.sent == tf.near_end.to_send && tf.near_end.to_send != 0 &&
        !tf.near_end.has_shut)
        tf.near_end.has_shut = stream_shut(&tf.near) == IO_OK;
}

void tls_flow_step(void)
{
    if (!tf.is_done) {
        tf.handshake = stream_tls_handshake(&tf.near);
        MUST(ERR_peek_error() == 0);
        tf.is_done = tf.handshake == IO_OK;
    }
    if (tf.is_done) {
        recv_all();
        send_all();
    }
}

static void on_ready(struct stream *s)
{
    (void)s;
    if (tf.near.tls != NULL && (tf.is_done || tf.handshake == IO_AGAIN))
        tls_flow_step();
}

void tls_flow_set_up(void)
{
    tf.base = flow_base();
    tf.pool = stream_tls_pool_new();
    ck_assert_ptr_nonnull(tf.pool);
    tls_pair_make(&tf.pair);
    tf.server = tls_server_context(&tf.pair, STR_LIT("test"));
    for (unsigned i = 0; i < ARRAY_LEN(tf.clients); i++)
        tf.clients[i] = tls_client_context(VERSIONS[i]);
    stream_init(&tf.near);
    tf.far.fd = -1;
    tf.far.ssl = NULL;
}

void tls_flow_open(enum flow_kind kind, int send_bytes)
{
    int fds[2];
    flow_pair(kind, send_bytes, fds);
    tf.near_end = tf.far_end = (struct tls_flow_end){.to_send = 0};
    tf.is_done = tf.is_paused = false;
    tf.handshake = IO_AGAIN;
    stream_init(&tf.near);
    ck_assert_int_eq(stream_open(&tf.near, tf.base, fds[0], true, on_ready), 0);
    tf.far.fd = fds[1];
}

/* early: of the peer's first tls_flow_bytes, at most so many are read before TLS begins. */
void tls_flow_start(enum flow_kind kind, int send_bytes, bool near_serves, unsigned version,
                  size_t early)
{
    struct str first = {tls_flow_bytes, 0};
    tls_flow_open(kind, send_bytes);
    tls_peer_open(&tf.far, tf.far.fd, near_serves ? tf.clients[version] : tf.server, !near_serves);
    if (early != 0) {
        (void)SSL_do_handshake(tf.far.ssl);
        tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
        while (first.len == 0) {
            ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
            (void)!stream_recv(&tf.near, tls_flow_bytes, early, &first.len);
        }
    }
    SSL_CTX *ctx = near_serves ? tf.server : tf.clients[version];
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, ctx,
                                      near_serves ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT, first),
                     0);
    tls_flow_step();
}

void tls_flow_nest(bool near_serves, unsigned version)
{
    SSL_CTX *ctx = near_serves ? tf.server : tf.clients[version];
    tls_flow_shake_hands();
    tls_peer_nest(&tf.far, near_serves ? tf.clients[version] : tf.server, !near_serves);
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, ctx,
                                      near_serves ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT,
                                      (struct str){NULL, 0}),
                     0);
    tf.is_done = false;
    tf.handshake = IO_AGAIN;
    tls_flow_step();
}

static void stop(void)
{
    stream_close(&tf.near);
    ck_assert_ptr_null(tf.near.tls);
    tls_peer_close(&tf.far);
}

void tls_flow_tear_down(void)
{
    stop();
    for (unsigned i = 0; i < ARRAY_LEN(tf.clients); i++)
        SSL_CTX_free(tf.clients[i]);
    SSL_CTX_free(tf.server);
    stream_tls_pool_free(tf.pool);
    ck_assert_int_eq(event_base_get_num_events(tf.base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(tf.base);
}

/* What the peer does in one turn: OpenSSL's calls, with portions of its own. */
void tls_flow_step_far(size_t most)
{
    size_t len;
    tls_peer_pump(&tf.far, most);
    if (SSL_do_handshake(tf.far.ssl) != 1) {
        ERR_clear_error();
        tls_peer_pump(&tf.far, most);
        return;
    }
    while (!tf.far_end.has_eof &&
           SSL_read_ex(tf.far.ssl, tls_flow_bytes, portion(TLS_FLOW_CHUNK), &len) == 1) {
        check(tf.far_end.received, len, true);
        tf.far_end.received += len;
    }
    if (SSL_get_shutdown(tf.far.ssl) & SSL_RECEIVED_SHUTDOWN)
        tf.far_end.has_eof = true;
    if (tf.far_end.sent < tf.far_end.to_send && BIO_pending(tf.far.out) < TLS_FLOW_CHUNK) {
        uint64_t left = tf.far_end.to_send - tf.far_end.sent;
        size_t size = portion(left < TLS_FLOW_CHUNK ? (size_t)left : TLS_FLOW_CHUNK);
        tls_flow_fill(tf.far_end.sent, size, false);
        if (SSL_write_ex(tf.far.ssl, tls_flow_bytes, size, &len) == 1)
            tf.far_end.sent += len;
    }
    if (tf.far_end.sent == tf.far_end.to_send && tf.far_end.to_send != 0 && !tf.far_end.has_shut)
        tf.far_end.has_shut = SSL_shutdown(tf.far.ssl) >= 0;
    ERR_clear_error();
    tls_peer_pump(&tf.far, most);
}

void tls_flow_turn(size_t most)
{
    MUST(event_base_loop(tf.base, EVLOOP_NONBLOCK) >= 0);
    tls_flow_step_far(most);
}

void tls_flow_shake_hands(void)
{
    uint64_t until = clock_usec() + 10000000;
    while (!tf.is_done || SSL_do_handshake(tf.far.ssl) != 1) {
        if (clock_usec() > until || tf.handshake == IO_ERR || tf.handshake == IO_EOF)
            ck_abort_msg("no handshake");
        tls_flow_turn(TLS_FLOW_CHUNK);
    }
    ck_assert_int_eq(stream_tls_handshake(&tf.near), IO_OK); /* however often it is asked */
}

bool tls_flow_is_over(void)
{
    return tf.near_end.has_eof && tf.near_end.has_shut && tf.far_end.has_eof && tf.far.is_fd_eof;
}

void tls_flow_finish(size_t most, bool asks_for_keys)
{
    uint64_t until = clock_usec() + 20000000;
    unsigned turns = 0;
    while (!tls_flow_is_over()) {
        ck_assert_msg(!tf.near_end.is_broken, "error %d", tf.near.error);
        if (clock_usec() > until)
            ck_abort_msg("stalled: near %llu sent, %llu received; far %llu, %llu",
                         (unsigned long long)tf.near_end.sent,
                         (unsigned long long)tf.near_end.received,
                         (unsigned long long)tf.far_end.sent,
                         (unsigned long long)tf.far_end.received);
        tls_flow_turn(most == 0 ? portion(TLS_FLOW_CHUNK) : most);
        if (asks_for_keys && tf.is_done && ++turns % 50 == 0 && !tf.far_end.has_shut)
            (void)SSL_key_update(turns % 100 == 0 && tf.far.outer != NULL ? tf.far.outer
                                                                          : tf.far.ssl,
                                 SSL_KEY_UPDATE_REQUESTED);
        ERR_clear_error();
    }
    ck_assert(!tf.near_end.is_broken);
    ck_assert(!tf.near.is_cut);
    ck_assert_uint_eq(tf.near_end.received, tf.far_end.to_send);
    ck_assert_uint_eq(tf.far_end.received, tf.near_end.to_send);
}
