/* SPDX-License-Identifier: MIT */
/* test_tls_nested.c - TLS inside TLS over one stream, against OpenSSL twice. */
#include "tests/unit/core/tls_suites.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_flow.h"
#include "util/clock.h"

/* i: whether we serve, and the versions of the outer and of the inner layer. */
static void start(enum flow_kind kind, int send_bytes, int i)
{
    tls_flow_start(kind, send_bytes, true, 1 + (unsigned)(i >> 1 & 1), 0);
    tls_flow_nest(i & 1, 1 + (unsigned)(i >> 2 & 1));
}

static void turn(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
}

START_TEST(random_portions_both_ways_arrive_byte_for_byte)
{
    bool has_new_keys = (_i >> 1 & 3) == 3;
    tf.portions = (uint64_t)_i * 31 + 5;
    start(_i & 8 ? FLOW_TCP : FLOW_UNIX, _i & 16 ? 2048 : 0, _i);
    tf.near_end.to_send = 400000 + (uint64_t)_i * 1013;
    tf.far_end.to_send = 500000 - (uint64_t)_i * 3001;
    tls_flow_finish(0, has_new_keys);
    ck_assert(SSL_get_shutdown(tf.far.outer) & SSL_RECEIVED_SHUTDOWN);
}
END_TEST

START_TEST(one_byte_at_a_time_is_enough)
{
    start(FLOW_UNIX, 2048, _i);
    tf.near_end.to_send = 3000;
    tf.far_end.to_send = 3000;
    tls_flow_finish(1, false);
}
END_TEST

/* The end of the inner layer is the peer's word; that of the outer one, or of the socket, is
 * not. Either way it can still be spoken to. */
START_TEST(only_the_inner_end_is_the_peers_own)
{
    enum { INNER, OUTER, SOCKET } which = _i % 3;
    start(FLOW_TCP, 0, _i / 3);
    tls_flow_shake_hands();
    turn(5);
    tls_flow_fill(0, 100, false);
    ck_assert_int_eq(SSL_write(tf.far.ssl, tls_flow_bytes, 100), 100);
    tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
    if (which == INNER)
        ck_assert_int_eq(SSL_shutdown(tf.far.ssl), 0);
    else if (which == OUTER)
        ck_assert_int_eq(SSL_shutdown(tf.far.outer), 0);
    tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
    if (which == SOCKET)
        ck_assert_int_eq(shutdown(tf.far.fd, SHUT_WR), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert_uint_eq(tf.near_end.received, 100);
    ck_assert(tf.near_end.has_eof && tf.near.is_eof && !tf.near_end.is_broken);
    ck_assert(tf.near.is_cut == (which != INNER));
    tf.near_end.to_send = 50000;
    tls_flow_step();
    for (unsigned i = 0; i < 200 && !tf.far_end.has_eof; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert_uint_eq(tf.far_end.received, 50000);
}
END_TEST

/* Our own end can be told from a cut, or is to look like one; what is below ends well. */
START_TEST(an_end_that_is_to_look_cut)
{
    bool ends_cut = _i % 2 == 1;
    start(FLOW_TCP, 0, _i / 2);
    tls_flow_shake_hands();
    turn(5);
    tf.near.ends_cut = ends_cut;
    tf.near_end.to_send = 50000;
    tls_flow_step();
    for (unsigned i = 0; i < 200 && !tf.far.is_fd_eof; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert(tf.far.is_fd_eof && tf.near.is_shut);
    ck_assert_uint_eq(tf.far_end.received, 50000);
    ck_assert_int_eq(SSL_get_shutdown(tf.far.ssl) & SSL_RECEIVED_SHUTDOWN,
                     ends_cut ? 0 : SSL_RECEIVED_SHUTDOWN);
    ck_assert_int_eq(SSL_get_shutdown(tf.far.outer) & SSL_RECEIVED_SHUTDOWN,
                     SSL_RECEIVED_SHUTDOWN);
}
END_TEST

START_TEST(a_fault_inside_is_a_fault)
{
    static const char GARBAGE[] = "\x17\x03\x03\x00\x20 this is no record of ours!!!!!!";
    start(FLOW_TCP, 0, _i);
    tls_flow_shake_hands();
    ck_assert_int_eq(SSL_write(tf.far.outer, GARBAGE, 37), 37);
    tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert(tf.near_end.is_broken && tf.near.is_recv_broken);
    ck_assert_int_eq(tf.near.error, EPROTO);
}
END_TEST

START_TEST(a_fault_below_is_a_fault)
{
    static const char GARBAGE[] = "\x17\x03\x03\x00\x20 this is no record of ours!!!!!!";
    start(FLOW_TCP, 0, _i);
    tls_flow_shake_hands();
    ck_assert_int_eq(send(tf.far.fd, GARBAGE, 37, 0), 37);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert(tf.near_end.is_broken && tf.near.is_recv_broken);
    ck_assert_int_eq(tf.near.error, EPROTO);
}
END_TEST

static void on_ready(struct stream *s)
{
    (void)s;
}

/* The handshake inside fails; the layer below lives on, and carries words both ways. */
START_TEST(the_upper_layer_alone_is_dropped)
{
    char got[200], ours[200];
    size_t len, read = 0, ours_len = 0;
    enum io rc = IO_AGAIN;
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    tls_flow_shake_hands();
    ck_assert_int_eq(SSL_write(tf.far.ssl, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, tf.server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}), 0);
    tf.near.on_ready = on_ready;
    for (unsigned i = 0; i < 50 && rc == IO_AGAIN; i++) {
        tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
        rc = stream_tls_handshake(&tf.near);
    }
    ck_assert_int_eq(rc, IO_ERR);
    stream_tls_drop(&tf.near);
    ck_assert(tf.near.tls != NULL && tf.near.ops != &STREAM_PLAIN);
    ck_assert_int_eq(stream_send(&tf.near, "below", 5, &len), IO_OK);
    ck_assert_int_eq(SSL_write(tf.far.ssl, "fine", 4), 4);
    /* What the upper layer did not read of the first words comes first. */
    for (unsigned i = 0; i < 50; i++) {
        tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
        if (stream_recv(&tf.near, ours + ours_len, sizeof(ours) - ours_len, &len) == IO_OK)
            ours_len += len;
        if (SSL_read_ex(tf.far.ssl, got + read, sizeof(got) - read, &len) == 1)
            read += len;
    }
    ck_assert(ours_len >= 4 && memcmp(ours + ours_len - 4, "fine", 4) == 0);
    ck_assert(read >= 5 && memcmp(got + read - 5, "below", 5) == 0);
}
END_TEST

START_TEST(a_moved_stream_takes_both_layers_along)
{
    struct stream home;
    size_t len;
    start(FLOW_TCP, 0, _i);
    tls_flow_shake_hands();
    turn(5);
    stream_init(&home);
    ck_assert_int_eq(stream_move(&home, &tf.near, on_ready), 0);
    stream_close(&tf.near);
    ck_assert_int_eq(SSL_write(tf.far.ssl, "moved", 5), 5);
    enum io rc = IO_AGAIN;
    for (unsigned i = 0; i < 20 && rc == IO_AGAIN; i++) {
        tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
        rc = stream_recv(&home, tls_flow_bytes, sizeof(tls_flow_bytes), &len);
    }
    ck_assert_int_eq(rc, IO_OK);
    ck_assert(len == 5 && memcmp(tls_flow_bytes, "moved", 5) == 0);
    stream_close(&home);
    ck_assert_ptr_null(home.tls);
}
END_TEST

Suite *tls_nested_suite(void)
{
    Suite *suite = suite_create("tls_nested");
    TCase *tc = tcase_create("tls_nested");
    tcase_set_timeout(tc, 200);
    tcase_add_checked_fixture(tc, tls_flow_set_up, tls_flow_tear_down);
    tcase_add_loop_test(tc, random_portions_both_ways_arrive_byte_for_byte, 0, 32);
    tcase_add_loop_test(tc, one_byte_at_a_time_is_enough, 0, 8);
    tcase_add_loop_test(tc, only_the_inner_end_is_the_peers_own, 0, 24);
    tcase_add_loop_test(tc, an_end_that_is_to_look_cut, 0, 16);
    tcase_add_loop_test(tc, a_fault_inside_is_a_fault, 0, 8);
    tcase_add_loop_test(tc, a_fault_below_is_a_fault, 0, 8);
    tcase_add_loop_test(tc, the_upper_layer_alone_is_dropped, 0, 2);
    tcase_add_loop_test(tc, a_moved_stream_takes_both_layers_along, 0, 8);
    suite_add_tcase(suite, tc);
    return suite;
}
