/* SPDX-License-Identifier: MIT */
/*
 * test_stream_tls.c - TLS over a stream against OpenSSL itself, with portions of every
 * size, both sides, both versions.
 */
#include "tests/unit/core/tls_suites.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_flow.h"
#include "util/clock.h"
#include "util/mem.h"

/* All kinds of sockets, small buffers, both sides, both versions, first bytes handed in. */
START_TEST(random_portions_both_ways_arrive_byte_for_byte)
{
    bool serves = _i & 1;
    unsigned version = 1 + (unsigned)(_i >> 1 & 1);
    enum flow_kind kind = _i & 4 ? FLOW_TCP : FLOW_UNIX;
    tf.portions = (uint64_t)_i * 77 + 1;
    tls_flow_start(kind, _i & 8 ? 2048 : 0, serves, version, serves ? (size_t)_i : 0);
    tf.near_end.to_send = 400000 + (uint64_t)_i * 1013;
    tf.far_end.to_send = 500000 - (uint64_t)_i * 3001;
    tls_flow_finish(0, version == 2);
}
END_TEST

START_TEST(one_byte_at_a_time_is_enough)
{
    tls_flow_start(FLOW_UNIX, 2048, _i & 1, 1 + (unsigned)(_i >> 1), 1 * (_i & 1));
    tf.near_end.to_send = 3000;
    tf.far_end.to_send = 3000;
    tls_flow_finish(1, false);
}
END_TEST

/* The peer has said its last word long before we have: what is left of ours goes out. */
START_TEST(each_direction_ends_for_itself)
{
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    tf.far_end.to_send = 10;
    tls_flow_shake_hands();
    for (unsigned i = 0; i < 20; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert(tf.near_end.has_eof);
    ck_assert(!tf.near.is_cut);
    tf.near_end.to_send = 200000;
    tls_flow_step();
    tls_flow_finish(0, false);
}
END_TEST

START_TEST(our_end_leaves_the_other_direction_open)
{
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    tf.near_end.to_send = 10;
    tls_flow_shake_hands();
    tls_flow_step();
    for (unsigned i = 0; i < 20; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert(tf.near_end.has_shut && tf.far_end.has_eof && tf.far.is_fd_eof);
    tf.far_end.to_send = 200000;
    tls_flow_finish(0, _i == 1);
}
END_TEST

/* Nobody reads: the sender must stop, and go on when somebody does, by events alone. */
START_TEST(a_reader_that_pauses_holds_the_sender_back)
{
    tls_flow_start(FLOW_UNIX, 4096, true, 1 + (unsigned)_i, 0);
    tls_flow_shake_hands();
    tf.is_paused = true;
    tf.far_end.to_send = 2000000;
    tf.near_end.to_send = 1;
    for (unsigned i = 0; i < 300; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert_uint_lt(tf.far_end.sent, 300000);
    ck_assert_uint_eq(tf.near_end.received, 0);
    tf.is_paused = false;
    tls_flow_step();
    tls_flow_finish(0, _i == 1);
}
END_TEST

START_TEST(an_end_without_close_notify_is_known)
{
    bool is_inside = _i & 1; /* of a record */
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)(_i >> 1), 0);
    tls_flow_shake_hands();
    tls_flow_fill(0, 100, false);
    ck_assert_int_eq(SSL_write(tf.far.ssl, tls_flow_bytes, 100), 100);
    tls_peer_pump(&tf.far, is_inside ? 40 : TLS_FLOW_CHUNK);
    ck_assert_int_eq(shutdown(tf.far.fd, SHUT_WR), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert(tf.near_end.has_eof && tf.near.is_eof && tf.near.is_cut && !tf.near_end.is_broken);
    ck_assert_uint_eq(tf.near_end.received, is_inside ? 0 : 100);
    /* It can still be spoken to. */
    tf.near_end.to_send = 50000;
    tls_flow_step();
    for (unsigned i = 0; i < 200 && !tf.far_end.has_eof; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert_uint_eq(tf.far_end.received, 50000);
}
END_TEST

START_TEST(garbage_is_a_fault_and_nothing_of_it_is_delivered)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    tls_flow_shake_hands();
    static const char GARBAGE[] = "\x17\x03\x03\x00\x20 this is no record of ours!!!!!!";
    ck_assert_int_eq(send(tf.far.fd, GARBAGE, 37, 0), 37);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert(tf.near_end.is_broken && tf.near.is_recv_broken);
    ck_assert_int_eq(tf.near.error, EPROTO);
    ck_assert_uint_eq(tf.near_end.received, 0);
    ck_assert_ptr_nonnull(strstr(stream_tls_fault(&tf.near, fault), "bad record mac"));
}
END_TEST

START_TEST(a_reset_is_a_fault_of_the_socket)
{
    tls_flow_start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    tls_flow_shake_hands();
    struct flow_end end = {.fd = tf.far.fd};
    flow_reset(&end);
    tf.far.fd = -1;
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert(tf.near_end.is_broken);
    ck_assert_int_eq(tf.near.error, ECONNRESET);
}
END_TEST

/* Bytes as a client's first that cannot become a handshake, and what is said of them. */
static const struct {
    struct str bytes;
    enum io rc;
    const char *fault;
} REFUSED[] = {
    {{"", 0}, IO_EOF, "the peer closed in the middle"},
    {{"\x16", 1}, IO_EOF, "the peer closed in the middle"},
    {{"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10}, IO_ERR, "alert"},
    {{"\x80\x03 no TLS at all", 16}, IO_ERR, "alert"},
    {{"\x15\x03\x03\x00\x02\x02\x30", 7}, IO_ERR, "unexpected"},
};

START_TEST(what_is_no_handshake_is_named)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    tls_flow_open(FLOW_TCP, 0);
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, tf.server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}), 0);
    ck_assert_int_eq(send(tf.far.fd, REFUSED[_i].bytes.ptr, REFUSED[_i].bytes.len, 0),
                     (ssize_t)REFUSED[_i].bytes.len);
    ck_assert_int_eq(shutdown(tf.far.fd, SHUT_WR), 0);
    tls_flow_step();
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
    ck_assert_int_eq(tf.handshake, REFUSED[_i].rc);
    stream_tls_fault(&tf.near, fault);
    ck_assert_msg(strstr(fault, REFUSED[_i].fault) != NULL, "'%s'", fault);
    stream_tls_drop(&tf.near);
    ck_assert(tf.near.ops == &STREAM_PLAIN && tf.near.fd >= 0);
}
END_TEST

START_TEST(old_versions_get_an_alert)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    SSL_CTX *old = tls_client_context(TLS1_1_VERSION);
    tls_flow_open(FLOW_TCP, 0);
    tls_peer_open(&tf.far, tf.far.fd, old, false);
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, tf.server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}), 0);
    tls_flow_step();
    for (unsigned i = 0; i < 20 && tf.handshake == IO_AGAIN; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert_int_eq(tf.handshake, IO_ERR);
    ck_assert_ptr_nonnull(strstr(stream_tls_fault(&tf.near, fault), "protocol version"));
    SSL_CTX_free(old);
}
END_TEST

START_TEST(http_1_1_is_the_only_protocol)
{
    static const struct {
        struct str offer;
        bool is_fine;
    } OFFERS[] = {{{"\x02h2\x08http/1.1", 12}, true}, {{"\x02h2", 3}, false}};
    const unsigned char *chosen;
    unsigned len;
    SSL_CTX_set_alpn_protos(tf.clients[0], (const unsigned char *)OFFERS[_i].offer.ptr,
                            (unsigned)OFFERS[_i].offer.len);
    tls_flow_start(FLOW_TCP, 0, true, 0, 0);
    for (unsigned i = 0; i < 20; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert(tf.is_done == OFFERS[_i].is_fine);
    SSL_get0_alpn_selected(tf.far.ssl, &chosen, &len);
    ck_assert(str_eq((struct str){(const char *)chosen, len},
                     OFFERS[_i].is_fine ? STR_LIT("http/1.1") : (struct str){NULL, 0}));
}
END_TEST

static void on_moved(struct stream *s)
{
    (void)s;
}

START_TEST(a_stream_that_moves_takes_its_tls_along)
{
    struct stream home;
    size_t len;
    tls_flow_start(FLOW_TCP, 0, true, 2, 0);
    tls_flow_shake_hands();
    stream_init(&home);
    ck_assert_int_eq(stream_move(&home, &tf.near, on_moved), 0);
    ck_assert_ptr_null(tf.near.tls);
    stream_close(&tf.near);
    ck_assert_int_eq(SSL_write(tf.far.ssl, "moved", 5), 5);
    tls_peer_pump(&tf.far, TLS_FLOW_CHUNK);
    enum io rc = IO_AGAIN;
    for (unsigned i = 0; i < 20 && rc == IO_AGAIN; i++) {
        ck_assert_int_ge(event_base_loop(tf.base, EVLOOP_NONBLOCK), 0);
        rc = stream_recv(&home, tls_flow_bytes, sizeof(tls_flow_bytes), &len);
    }
    ck_assert_int_eq(rc, IO_OK);
    ck_assert(len == 5 && memcmp(tls_flow_bytes, "moved", 5) == 0);
    stream_close(&home);
}
END_TEST

static void ignore(struct stream *s)
{
    (void)s;
}

/* Nobody calls the stream any more, and the peer gets all that was taken: what the socket did
 * not take goes out at events alone. It is never more than so much. */
START_TEST(what_the_socket_did_not_take_goes_out_by_itself)
{
    size_t len, all = 0;
    enum io rc;
    tls_flow_start(FLOW_UNIX, 4096, _i & 1, 1 + (unsigned)(_i >> 1), 0);
    tls_flow_shake_hands();
    tf.near.on_ready = ignore;
    do {
        tls_flow_fill(all, TLS_FLOW_CHUNK, true);
        rc = stream_send(&tf.near, tls_flow_bytes, TLS_FLOW_CHUNK, &len);
        all += len;
    } while (rc == IO_OK);
    ck_assert_int_eq(rc, IO_AGAIN);
    ck_assert(!tf.near.is_writable);
    ck_assert_uint_gt(all, 10000);
    ck_assert_uint_lt(all, 300000);
    ck_assert_int_eq(stream_shut(&tf.near), IO_AGAIN);
    for (unsigned i = 0; i < 2000 && tf.far_end.received < all; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert_uint_eq(tf.far_end.received, all);
    ck_assert(tf.near.is_writable);
    ck_assert_int_eq(stream_shut(&tf.near), IO_OK);
    for (unsigned i = 0; i < 20 && !tf.far_end.has_eof; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    ck_assert(tf.far_end.has_eof && tf.far.is_fd_eof);
}
END_TEST

/* A peer that asks for new keys for ever and takes no answer costs no more than is kept. */
START_TEST(answers_that_nobody_takes_are_bounded)
{
    tls_flow_start(FLOW_UNIX, 2048, _i, 2, 0);
    tls_flow_shake_hands();
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < 40000; i++) {
        char bytes[4096], *waiting;
        (void)SSL_key_update(tf.far.ssl, SSL_KEY_UPDATE_REQUESTED);
        (void)SSL_do_handshake(tf.far.ssl);
        long there = BIO_get_mem_data(tf.far.out, &waiting);
        ssize_t put = send(tf.far.fd, waiting, (size_t)there, MSG_NOSIGNAL);
        if (put > 0)
            MUST(BIO_read(tf.far.out, bytes, (int)put) == (int)put);
        ERR_clear_error();
        MUST(event_base_loop(tf.base, EVLOOP_NONBLOCK) >= 0);
        if (there > 65536)
            break; /* it is held back */
    }
    ck_assert_uint_gt(BIO_pending(tf.far.out), 65536);
    ck_assert(!tf.near_end.is_broken && !tf.near.is_readable && tf.near.recv_waits_write);
    ck_assert_uint_lt(mallinfo2().uordblks, before + 600000);
    /* And then it goes on. */
    tf.near_end.to_send = tf.far_end.to_send = 100000;
    tls_flow_step();
    tls_flow_finish(0, false);
}
END_TEST

/* What this end alone holds; 0 where the heap does not tell. */
static size_t weigh(void)
{
    size_t with = mallinfo2().uordblks;
    stream_close(&tf.near);
    return with - mallinfo2().uordblks;
}

START_TEST(a_quiet_stream_holds_no_buffer)
{
    bool serves = _i & 1;
    unsigned version = 1 + (unsigned)(_i >> 1);
    size_t weights[2];
    for (unsigned round = 0; round < 2; round++) {
        tls_flow_start(FLOW_TCP, 0, serves, version, 0);
        tls_flow_shake_hands();
        for (unsigned i = 0; i < 10; i++)
            tls_flow_turn(TLS_FLOW_CHUNK);
        tf.near_end.to_send = tf.far_end.to_send = round == 0 ? 0 : 3000000;
        tf.near_end.has_shut = tf.far_end.has_shut = true; /* both stay open */
        tls_flow_step();
        for (unsigned i = 0; i < 20000 && (tf.near_end.received < tf.far_end.to_send ||
                                           tf.far_end.received < tf.near_end.to_send); i++)
            tls_flow_turn(TLS_FLOW_CHUNK);
        ck_assert_uint_eq(tf.near_end.received, tf.far_end.to_send);
        ck_assert_uint_eq(tf.far_end.received, tf.near_end.to_send);
        weights[round] = weigh();
        tls_peer_close(&tf.far);
    }
    if (getenv("STREAM_TLS_WEIGHTS") != NULL)
        fprintf(stderr, "%s, 1.%u: %zu bytes, %zu behind a bulk flow\n",
                serves ? "server" : "client", version + 1, weights[0], weights[1]);
    ck_assert_uint_lt(weights[0], 24 * 1024);
    ck_assert_uint_lt(weights[1], weights[0] + 1024);
}
END_TEST

/* A whole life with the nth allocation failing, ours or OpenSSL's. Allocations seen. */
static unsigned long live(unsigned long nth, int repeat, bool serves, unsigned version)
{
    uint64_t until = clock_usec() + 10000000;
    bool has_started;
    tls_flow_open(FLOW_UNIX, 0);
    tls_peer_open(&tf.far, tf.far.fd, serves ? tf.clients[version] : tf.server, !serves);
    (void)mem_fail_at(nth, repeat);
    tls_is_failing = true;
    has_started = stream_tls_start(&tf.near, tf.pool, serves ? tf.server : tf.clients[version],
                                   serves ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT,
                                   (struct str){NULL, 0}) == 0;
    tls_is_failing = false;
    tf.near_end.to_send = tf.far_end.to_send = 20000;
    while (has_started && !tls_flow_is_over() && !tf.near_end.is_broken && clock_usec() < until) {
        tls_is_failing = true;
        MUST(event_base_loop(tf.base, EVLOOP_NONBLOCK) >= 0);
        tls_is_failing = false;
        MUST(ERR_peek_error() == 0);
        if (tf.handshake == IO_ERR || tf.handshake == IO_EOF)
            break;
        tls_flow_step_far(TLS_FLOW_CHUNK);
    }
    ck_assert_msg(clock_usec() < until, "hangs at %lu", nth);
    tls_is_failing = true;
    stream_close(&tf.near);
    tls_is_failing = false;
    unsigned long seen = mem_fail_at(0, 0);
    tls_peer_close(&tf.far);
    return seen;
}

START_TEST(memory_runs_out_at_every_place)
{
    bool serves = _i & 1;
    unsigned version = 1 + (unsigned)(_i >> 1 & 1);
    unsigned long nth = 0, seen;
    (void)live((unsigned long)-1, 0, serves, version); /* what is made once only */
    ck_assert(tls_flow_is_over());
    do {
        seen = live(++nth, _i >> 2, serves, version);
    } while (seen >= nth);
    ck_assert_uint_gt(nth, 100);
    ck_assert(tls_flow_is_over());
}
END_TEST

Suite *stream_tls_suite(void)
{
    Suite *suite = suite_create("stream_tls");
    TCase *tc = tcase_create("stream_tls");
    tcase_set_timeout(tc, 200);
    tcase_add_checked_fixture(tc, tls_flow_set_up, tls_flow_tear_down);
    tcase_add_loop_test(tc, random_portions_both_ways_arrive_byte_for_byte, 0, 16);
    tcase_add_loop_test(tc, one_byte_at_a_time_is_enough, 0, 4);
    tcase_add_loop_test(tc, each_direction_ends_for_itself, 0, 2);
    tcase_add_loop_test(tc, our_end_leaves_the_other_direction_open, 0, 2);
    tcase_add_loop_test(tc, a_reader_that_pauses_holds_the_sender_back, 0, 2);
    tcase_add_loop_test(tc, an_end_without_close_notify_is_known, 0, 4);
    tcase_add_loop_test(tc, garbage_is_a_fault_and_nothing_of_it_is_delivered, 0, 2);
    tcase_add_loop_test(tc, a_reset_is_a_fault_of_the_socket, 0, 2);
    tcase_add_loop_test(tc, what_is_no_handshake_is_named, 0, (int)ARRAY_LEN(REFUSED));
    tcase_add_test(tc, old_versions_get_an_alert);
    tcase_add_loop_test(tc, http_1_1_is_the_only_protocol, 0, 2);
    tcase_add_test(tc, a_stream_that_moves_takes_its_tls_along);
    tcase_add_loop_test(tc, memory_runs_out_at_every_place, 0, 8);
    suite_add_tcase(suite, tc);
    TCase *kept = tcase_create("what is kept");
    tcase_set_timeout(kept, 200);
    tcase_add_checked_fixture(kept, tls_flow_set_up, tls_flow_tear_down);
    tcase_add_loop_test(kept, what_the_socket_did_not_take_goes_out_by_itself, 0, 4);
    tcase_add_loop_test(kept, answers_that_nobody_takes_are_bounded, 0, 2);
    tcase_add_loop_test(kept, a_quiet_stream_holds_no_buffer, 0, 4);
    suite_add_tcase(suite, kept);
    return suite;
}
