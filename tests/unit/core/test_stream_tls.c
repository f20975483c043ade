/* SPDX-License-Identifier: MIT */
/*
 * test_stream_tls.c - TLS over a stream against OpenSSL itself, with portions of every
 * size, both sides, both versions. The stream is only used when an event says so.
 */
#include "tests/unit/core/tls_suites.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/net/stream_tls.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_peer.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/mem.h"

#define CHUNK 65536

/* One direction, as one end sees it: bytes are a function of their place. */
struct end {
    uint64_t to_send, sent, received;
    bool has_shut, has_eof, is_broken;
};

static struct event_base *base;
static BIO_METHOD *method;
static struct tls_pair pair;
static SSL_CTX *server, *clients[3]; /* clients: any, 1.2, 1.3 */
static struct stream near;
static struct tls_peer far;
static struct end near_end, far_end;
static bool is_done, is_paused;
static enum io handshake;
static uint64_t portions; /* random state */
static char bytes[CHUNK];

static const int VERSIONS[] = {0, TLS1_2_VERSION, TLS1_3_VERSION};

static char byte_at(uint64_t place, bool of_near)
{
    return (char)(place * 31 + (place >> 8) + (of_near ? 7 : 0));
}

static void fill(uint64_t from, size_t len, bool of_near)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(from + i, of_near);
}

static void check(uint64_t from, size_t len, bool of_near)
{
    for (size_t i = 0; i < len; i++)
        MUST(bytes[i] == byte_at(from + i, of_near));
}

static size_t portion(size_t most)
{
    uint64_t r = flow_random(&portions);
    return 1 + (size_t)(r >> 8) % (size_t)(1U << (r % 17)) % most;
}

static void recv_all(void)
{
    enum io rc = IO_OK;
    size_t len;
    while (rc == IO_OK && !near_end.has_eof && !near_end.is_broken && !is_paused) {
        rc = stream_recv(&near, bytes, portion(CHUNK), &len);
        MUST((rc == IO_OK) == (len > 0));
        MUST(ERR_peek_error() == 0);
        check(near_end.received, len, false);
        near_end.received += len;
        near_end.has_eof = rc == IO_EOF;
        near_end.is_broken = rc == IO_ERR;
    }
}

static void send_all(void)
{
    enum io rc = IO_OK;
    size_t len;
    while (rc == IO_OK && near_end.sent < near_end.to_send) {
        uint64_t left = near_end.to_send - near_end.sent;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;
        fill(near_end.sent, size, true);
        rc = stream_send(&near, bytes, size, &len);
        MUST(ERR_peek_error() == 0);
        near_end.sent += len;
        if (rc == IO_ERR)
            near_end.is_broken = true;
    }
    if (near_end.sent == near_end.to_send && near_end.to_send != 0 && !near_end.has_shut)
        near_end.has_shut = stream_shut(&near) == IO_OK;
}

static void step(void)
{
    if (!is_done) {
        handshake = stream_tls_handshake(&near);
        MUST(ERR_peek_error() == 0);
        is_done = handshake == IO_OK;
    }
    if (is_done) {
        recv_all();
        send_all();
    }
}

static void on_ready(struct stream *s)
{
    (void)s;
    if (near.tls != NULL && (is_done || handshake == IO_AGAIN))
        step();
}

static void set_up(void)
{
    base = flow_base();
    method = stream_tls_method();
    ck_assert_ptr_nonnull(method);
    tls_pair_make(&pair);
    server = tls_server_context(&pair, STR_LIT("test"));
    for (unsigned i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = tls_client_context(VERSIONS[i]);
    stream_init(&near);
    far.fd = -1;
    far.ssl = NULL;
}

static void open_near(enum flow_kind kind, int send_bytes)
{
    int fds[2];
    flow_pair(kind, send_bytes, fds);
    near_end = far_end = (struct end){.to_send = 0};
    is_done = is_paused = false;
    handshake = IO_AGAIN;
    stream_init(&near);
    ck_assert_int_eq(stream_open(&near, base, fds[0], true, on_ready), 0);
    far.fd = fds[1];
}

/* early: of the peer's first bytes, at most so many are read before TLS begins. */
static void start(enum flow_kind kind, int send_bytes, bool near_serves, unsigned version,
                  size_t early)
{
    struct str first = {bytes, 0};
    open_near(kind, send_bytes);
    tls_peer_open(&far, far.fd, near_serves ? clients[version] : server, !near_serves);
    if (early != 0) {
        (void)SSL_do_handshake(far.ssl);
        tls_peer_pump(&far, CHUNK);
        while (first.len == 0) {
            ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
            (void)!stream_recv(&near, bytes, early, &first.len);
        }
    }
    ck_assert_int_eq(stream_tls_start(&near, method, near_serves ? server : clients[version],
                                      near_serves ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT, first),
                     0);
    step();
}

static void stop(void)
{
    stream_close(&near);
    ck_assert_ptr_null(near.tls);
    tls_peer_close(&far);
}

static void tear_down(void)
{
    stop();
    for (unsigned i = 0; i < ARRAY_LEN(clients); i++)
        SSL_CTX_free(clients[i]);
    SSL_CTX_free(server);
    BIO_meth_free(method);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
}

/* What the peer does in one turn: OpenSSL's calls, with portions of its own. */
static void step_far(size_t most)
{
    size_t len;
    tls_peer_pump(&far, most);
    if (SSL_do_handshake(far.ssl) != 1) {
        ERR_clear_error();
        tls_peer_pump(&far, most);
        return;
    }
    while (!far_end.has_eof && SSL_read_ex(far.ssl, bytes, portion(CHUNK), &len) == 1) {
        check(far_end.received, len, true);
        far_end.received += len;
    }
    if (SSL_get_shutdown(far.ssl) & SSL_RECEIVED_SHUTDOWN)
        far_end.has_eof = true;
    if (far_end.sent < far_end.to_send && BIO_pending(far.out) < CHUNK) {
        uint64_t left = far_end.to_send - far_end.sent;
        size_t size = portion(left < CHUNK ? (size_t)left : CHUNK);
        fill(far_end.sent, size, false);
        if (SSL_write_ex(far.ssl, bytes, size, &len) == 1)
            far_end.sent += len;
    }
    if (far_end.sent == far_end.to_send && far_end.to_send != 0 && !far_end.has_shut)
        far_end.has_shut = SSL_shutdown(far.ssl) >= 0;
    ERR_clear_error();
    tls_peer_pump(&far, most);
}

static void turn(size_t most)
{
    MUST(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    step_far(most);
}

static void finish_handshake(void)
{
    uint64_t until = clock_usec() + 10000000;
    while (!is_done || SSL_do_handshake(far.ssl) != 1) {
        if (clock_usec() > until || handshake == IO_ERR || handshake == IO_EOF)
            ck_abort_msg("no handshake");
        turn(CHUNK);
    }
}

static bool is_all_there(void)
{
    return near_end.has_eof && near_end.has_shut && far_end.has_eof && far.is_fd_eof;
}

static void run_to_the_end(size_t most, bool asks_for_keys)
{
    uint64_t until = clock_usec() + 20000000;
    unsigned turns = 0;
    while (!is_all_there()) {
        ck_assert_msg(!near_end.is_broken, "error %d", near.error);
        if (clock_usec() > until)
            ck_abort_msg("stalled: near %llu sent, %llu received; far %llu, %llu",
                         (unsigned long long)near_end.sent,
                         (unsigned long long)near_end.received,
                         (unsigned long long)far_end.sent, (unsigned long long)far_end.received);
        turn(most == 0 ? portion(CHUNK) : most);
        if (asks_for_keys && is_done && ++turns % 50 == 0 && !far_end.has_shut)
            (void)SSL_key_update(far.ssl, SSL_KEY_UPDATE_REQUESTED);
        ERR_clear_error();
    }
    ck_assert(!near_end.is_broken);
    ck_assert(!near.is_cut);
    ck_assert_uint_eq(near_end.received, far_end.to_send);
    ck_assert_uint_eq(far_end.received, near_end.to_send);
}

/* All kinds of sockets, small buffers, both sides, both versions, first bytes handed in. */
START_TEST(random_portions_both_ways_arrive_byte_for_byte)
{
    bool serves = _i & 1;
    unsigned version = 1 + (unsigned)(_i >> 1 & 1);
    enum flow_kind kind = _i & 4 ? FLOW_TCP : FLOW_UNIX;
    portions = (uint64_t)_i * 77 + 1;
    start(kind, _i & 8 ? 2048 : 0, serves, version, serves ? (size_t)_i : 0);
    near_end.to_send = 400000 + (uint64_t)_i * 1013;
    far_end.to_send = 500000 - (uint64_t)_i * 3001;
    run_to_the_end(0, version == 2);
}
END_TEST

START_TEST(one_byte_at_a_time_is_enough)
{
    start(FLOW_UNIX, 2048, _i & 1, 1 + (unsigned)(_i >> 1), 1 * (_i & 1));
    near_end.to_send = 3000;
    far_end.to_send = 3000;
    run_to_the_end(1, false);
}
END_TEST

/* The peer has said its last word long before we have: what is left of ours goes out. */
START_TEST(each_direction_ends_for_itself)
{
    start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    far_end.to_send = 10;
    finish_handshake();
    for (unsigned i = 0; i < 20; i++)
        turn(CHUNK);
    ck_assert(near_end.has_eof);
    ck_assert(!near.is_cut);
    near_end.to_send = 200000;
    step();
    run_to_the_end(0, false);
}
END_TEST

START_TEST(our_end_leaves_the_other_direction_open)
{
    start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    near_end.to_send = 10;
    finish_handshake();
    step();
    for (unsigned i = 0; i < 20; i++)
        turn(CHUNK);
    ck_assert(near_end.has_shut && far_end.has_eof && far.is_fd_eof);
    far_end.to_send = 200000;
    run_to_the_end(0, _i == 1);
}
END_TEST

/* Nobody reads: the sender must stop, and go on when somebody does, by events alone. */
START_TEST(a_reader_that_pauses_holds_the_sender_back)
{
    start(FLOW_UNIX, 4096, true, 1 + (unsigned)_i, 0);
    finish_handshake();
    is_paused = true;
    far_end.to_send = 2000000;
    near_end.to_send = 1;
    for (unsigned i = 0; i < 300; i++)
        turn(CHUNK);
    ck_assert_uint_lt(far_end.sent, 300000);
    ck_assert_uint_eq(near_end.received, 0);
    is_paused = false;
    step();
    run_to_the_end(0, _i == 1);
}
END_TEST

START_TEST(an_end_without_close_notify_is_known)
{
    bool is_inside = _i & 1; /* of a record */
    start(FLOW_TCP, 0, true, 1 + (unsigned)(_i >> 1), 0);
    finish_handshake();
    fill(0, 100, false);
    ck_assert_int_eq(SSL_write(far.ssl, bytes, 100), 100);
    tls_peer_pump(&far, is_inside ? 40 : CHUNK);
    ck_assert_int_eq(shutdown(far.fd, SHUT_WR), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    ck_assert(near_end.has_eof && near.is_eof && near.is_cut && !near_end.is_broken);
    ck_assert_uint_eq(near_end.received, is_inside ? 0 : 100);
    /* It can still be spoken to. */
    near_end.to_send = 50000;
    step();
    for (unsigned i = 0; i < 200 && !far_end.has_eof; i++)
        turn(CHUNK);
    ck_assert_uint_eq(far_end.received, 50000);
}
END_TEST

START_TEST(garbage_is_a_fault_and_nothing_of_it_is_delivered)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    finish_handshake();
    ck_assert_int_eq(send(far.fd, "\x17\x03\x03\x00\x20 this is no record of ours!!!!!!", 37, 0), 37);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    ck_assert(near_end.is_broken && near.is_recv_broken);
    ck_assert_int_eq(near.error, EPROTO);
    ck_assert_uint_eq(near_end.received, 0);
    ck_assert_ptr_nonnull(strstr(stream_tls_fault(&near, fault), "bad record mac"));
}
END_TEST

START_TEST(a_reset_is_a_fault_of_the_socket)
{
    start(FLOW_TCP, 0, true, 1 + (unsigned)_i, 0);
    finish_handshake();
    struct flow_end end = {.fd = far.fd};
    flow_reset(&end);
    far.fd = -1;
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    ck_assert(near_end.is_broken);
    ck_assert_int_eq(near.error, ECONNRESET);
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
    open_near(FLOW_TCP, 0);
    ck_assert_int_eq(stream_tls_start(&near, method, server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}), 0);
    ck_assert_int_eq(send(far.fd, REFUSED[_i].bytes.ptr, REFUSED[_i].bytes.len, 0),
                     (ssize_t)REFUSED[_i].bytes.len);
    ck_assert_int_eq(shutdown(far.fd, SHUT_WR), 0);
    step();
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
    ck_assert_int_eq(handshake, REFUSED[_i].rc);
    stream_tls_fault(&near, fault);
    ck_assert_msg(strstr(fault, REFUSED[_i].fault) != NULL, "'%s'", fault);
    stream_tls_drop(&near);
    ck_assert(near.ops == &STREAM_PLAIN && near.fd >= 0);
}
END_TEST

START_TEST(old_versions_get_an_alert)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    SSL_CTX *old = tls_client_context(TLS1_1_VERSION);
    open_near(FLOW_TCP, 0);
    tls_peer_open(&far, far.fd, old, false);
    ck_assert_int_eq(stream_tls_start(&near, method, server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}), 0);
    step();
    for (unsigned i = 0; i < 20 && handshake == IO_AGAIN; i++)
        turn(CHUNK);
    ck_assert_int_eq(handshake, IO_ERR);
    ck_assert_ptr_nonnull(strstr(stream_tls_fault(&near, fault), "protocol version"));
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
    SSL_CTX_set_alpn_protos(clients[0], (const unsigned char *)OFFERS[_i].offer.ptr,
                            (unsigned)OFFERS[_i].offer.len);
    start(FLOW_TCP, 0, true, 0, 0);
    for (unsigned i = 0; i < 20; i++)
        turn(CHUNK);
    ck_assert(is_done == OFFERS[_i].is_fine);
    SSL_get0_alpn_selected(far.ssl, &chosen, &len);
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
    start(FLOW_TCP, 0, true, 2, 0);
    finish_handshake();
    stream_init(&home);
    ck_assert_int_eq(stream_move(&home, &near, on_moved), 0);
    ck_assert_ptr_null(near.tls);
    stream_close(&near);
    ck_assert_int_eq(SSL_write(far.ssl, "moved", 5), 5);
    tls_peer_pump(&far, CHUNK);
    enum io rc = IO_AGAIN;
    for (unsigned i = 0; i < 20 && rc == IO_AGAIN; i++) {
        ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
        rc = stream_recv(&home, bytes, sizeof(bytes), &len);
    }
    ck_assert_int_eq(rc, IO_OK);
    ck_assert(len == 5 && memcmp(bytes, "moved", 5) == 0);
    stream_close(&home);
}
END_TEST

/* A whole life with the nth allocation failing, ours or OpenSSL's. Allocations seen. */
static unsigned long live(unsigned long nth, int repeat, bool serves, unsigned version)
{
    uint64_t until = clock_usec() + 10000000;
    bool has_started;
    open_near(FLOW_UNIX, 0);
    tls_peer_open(&far, far.fd, serves ? clients[version] : server, !serves);
    (void)mem_fail_at(nth, repeat);
    tls_is_failing = true;
    has_started = stream_tls_start(&near, method, serves ? server : clients[version],
                                   serves ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT,
                                   (struct str){NULL, 0}) == 0;
    tls_is_failing = false;
    near_end.to_send = far_end.to_send = 20000;
    while (has_started && !is_all_there() && !near_end.is_broken && clock_usec() < until) {
        tls_is_failing = true;
        MUST(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
        tls_is_failing = false;
        MUST(ERR_peek_error() == 0);
        if (handshake == IO_ERR || handshake == IO_EOF)
            break;
        step_far(CHUNK);
    }
    ck_assert_msg(clock_usec() < until, "hangs at %lu", nth);
    tls_is_failing = true;
    stream_close(&near);
    tls_is_failing = false;
    unsigned long seen = mem_fail_at(0, 0);
    tls_peer_close(&far);
    return seen;
}

START_TEST(memory_runs_out_at_every_place)
{
    bool serves = _i & 1;
    unsigned version = 1 + (unsigned)(_i >> 1 & 1);
    unsigned long nth = 0, seen;
    (void)live((unsigned long)-1, 0, serves, version); /* what is made once only */
    ck_assert(is_all_there());
    do {
        seen = live(++nth, _i >> 2, serves, version);
    } while (seen >= nth);
    ck_assert_uint_gt(nth, 100);
    ck_assert(is_all_there());
}
END_TEST

Suite *stream_tls_suite(void)
{
    Suite *suite = suite_create("stream_tls");
    TCase *tc = tcase_create("stream_tls");
    tcase_set_timeout(tc, 200);
    tcase_add_checked_fixture(tc, set_up, tear_down);
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
    return suite;
}
