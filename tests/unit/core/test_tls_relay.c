/* SPDX-License-Identifier: MIT */
/* test_tls_relay.c - relays from TLS into TLS, which hold the worker's buffers over many calls. */
#include "tests/unit/core/tls_suites.h"

#include <malloc.h>
#include <openssl/err.h>

#include "proxy/net/relay.h"
#include "proxy/net/stream_tls.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_peer.h"
#include "util/clock.h"
#include "util/mem.h"

#define CHUNK 65536

/* What one peer sends and the other gets. */
struct way {
    uint64_t to_send, sent, received;
    bool has_shut, has_eof;
};

/* client (peers[0]) <-> sides[0] | relays | sides[1] <-> origin (peers[1]) */
static struct {
    struct event_base *base;
    struct stream_tls_pool *tls;
    struct relay_pool pool;
    struct tls_pair pair;
    SSL_CTX *server, *clients[2]; /* clients: of 1.2, of 1.3 */
    struct stream sides[2];
    struct tls_peer peers[2];
    struct relay relays[2]; /* up, down */
    struct way ways[2];     /* likewise */
    enum io rcs[2];
    bool are_running, is_deaf; /* the relays; the origin */
    bool is_short;             /* of memory, OpenSSL too, while the loop turns */
    uint64_t random;
} r;

static char bytes[CHUNK];

static char byte_at(uint64_t place, unsigned way)
{
    return (char)(place * 31 + (place >> 8) + way * 7);
}

static size_t portion(size_t most)
{
    uint64_t x = flow_random(&r.random);
    return 1 + (size_t)(x >> 8) % (size_t)(1U << (x % 17)) % most;
}

/* ---- in between ---- */

static void step(void)
{
    for (unsigned i = 0; r.are_running && i < 2; i++) {
        r.rcs[i] = relay_run(&r.relays[i]);
        MUST(ERR_peek_error() == 0);
        if (r.rcs[i] == IO_YIELD)
            stream_wake(&r.sides[i]);
    }
}

static void on_ready(struct stream *s)
{
    if (!r.are_running)
        (void)!stream_tls_handshake(s);
    step();
}

static void set_up(void)
{
    r.base = flow_base();
    r.tls = stream_tls_pool_new();
    ck_assert_ptr_nonnull(r.tls);
    ck_assert_int_eq(relay_pool_init(&r.pool), 0);
    tls_pair_make(&r.pair);
    r.server = tls_server_context(&r.pair, STR_LIT("test"));
    r.clients[0] = tls_client_context(TLS1_2_VERSION);
    r.clients[1] = tls_client_context(TLS1_3_VERSION);
    for (unsigned i = 0; i < 2; i++) {
        stream_init(&r.sides[i]);
        r.peers[i] = (struct tls_peer){.fd = -1};
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (r.are_running)
            relay_fini(&r.relays[i]);
        stream_close(&r.sides[i]);
        tls_peer_close(&r.peers[i]);
    }
    r.are_running = false;
}

static void tear_down(void)
{
    stop();
    SSL_CTX_free(r.server);
    SSL_CTX_free(r.clients[0]);
    SSL_CTX_free(r.clients[1]);
    relay_pool_fini(&r.pool);
    stream_tls_pool_free(r.tls);
    ck_assert_int_eq(event_base_get_num_events(r.base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(r.base);
}

/* The client's connection is taken, the origin's is made: as in an inspected tunnel. */
static void open_side(unsigned i, enum flow_kind kind, int send_bytes, unsigned version)
{
    int fds[2];
    flow_pair(kind, send_bytes, fds);
    stream_init(&r.sides[i]);
    ck_assert_int_eq(stream_open(&r.sides[i], r.base, fds[0], true, on_ready), 0);
    tls_peer_open(&r.peers[i], fds[1], i == 0 ? r.clients[version] : r.server, i == 1);
    ck_assert_int_eq(stream_tls_start(&r.sides[i], r.tls, i == 0 ? r.server : r.clients[version],
                                      i == 0 ? STREAM_TLS_SERVER : STREAM_TLS_CLIENT,
                                      (struct str){NULL, 0}),
                     0);
}

static void shake_hands(unsigned i)
{
    uint64_t until = clock_usec() + 20000000;
    bool is_done = false;
    while (!is_done) {
        ck_assert(clock_usec() < until);
        bool is_near_done = stream_tls_handshake(&r.sides[i]) == IO_OK;
        is_done = SSL_do_handshake(r.peers[i].ssl) == 1 && is_near_done;
        ERR_clear_error();
        tls_peer_pump(&r.peers[i], CHUNK);
        ck_assert_int_ge(event_base_loop(r.base, EVLOOP_NONBLOCK), 0);
    }
}

static void nest_client(unsigned version)
{
    tls_peer_nest(&r.peers[0], r.clients[version], false);
    ck_assert_int_eq(stream_tls_start(&r.sides[0], r.tls, r.server, STREAM_TLS_SERVER,
                                      (struct str){NULL, 0}),
                     0);
    shake_hands(0);
}

static void start(enum flow_kind kind, int send_bytes, unsigned version, bool is_nested)
{
    r.is_deaf = r.is_short = false;
    r.random = 77;
    r.rcs[0] = r.rcs[1] = IO_AGAIN;
    r.ways[0] = r.ways[1] = (struct way){.to_send = 0};
    for (unsigned i = 0; i < 2; i++) {
        open_side(i, kind, send_bytes, version);
        shake_hands(i);
    }
    if (is_nested)
        nest_client(version);
    for (unsigned i = 0; i < 2; i++)
        relay_init(&r.relays[i], &r.pool, &r.sides[i], &r.sides[1 - i]);
    r.are_running = true;
}

/* ---- the peers ---- */

static void receive(unsigned way)
{
    struct way *w = &r.ways[way];
    SSL *ssl = r.peers[1 - way].ssl;
    size_t len;
    while (!w->has_eof && SSL_read_ex(ssl, bytes, portion(CHUNK), &len) == 1) {
        for (size_t i = 0; i < len; i++)
            MUST(bytes[i] == byte_at(w->received + i, way));
        w->received += len;
    }
    w->has_eof = w->has_eof || (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static void send_some(unsigned way, size_t most)
{
    struct way *w = &r.ways[way];
    struct tls_peer *p = &r.peers[way];
    size_t len;
    while (w->sent < w->to_send && BIO_pending(p->out) < 4 * CHUNK) {
        uint64_t left = w->to_send - w->sent;
        size_t size = portion(left < most ? (size_t)left : most);
        for (size_t i = 0; i < size; i++)
            bytes[i] = byte_at(w->sent + i, way);
        MUST(SSL_write_ex(p->ssl, bytes, size, &len) == 1);
        w->sent += len;
    }
    if (w->sent == w->to_send && w->to_send != 0 && !w->has_shut)
        w->has_shut = SSL_shutdown(p->ssl) >= 0;
}

/* most: of a record, and of what goes over a socket at once. */
static void turn(size_t most_written, size_t most_moved)
{
    tls_is_failing = r.is_short;
    MUST(event_base_loop(r.base, EVLOOP_NONBLOCK) >= 0);
    tls_is_failing = false;
    for (unsigned i = 0; i < 2; i++) {
        send_some(i, most_written);
        if (i == 1 && r.is_deaf)
            continue;
        tls_peer_pump(&r.peers[i], most_moved == 0 ? portion(CHUNK) : most_moved);
        receive(1 - i);
        ERR_clear_error();
    }
}

static bool is_over(void)
{
    return r.ways[0].has_eof && r.ways[1].has_eof && r.relays[0].state == RELAY_DONE &&
           r.relays[1].state == RELAY_DONE;
}

static void finish(size_t most_written, size_t most_moved, bool asks_for_keys)
{
    uint64_t until = clock_usec() + 30000000;
    unsigned turns = 0;
    step();
    while (!is_over()) {
        ck_assert_msg(clock_usec() < until, "stalled: up %llu of %llu, down %llu of %llu",
                      (unsigned long long)r.ways[0].received,
                      (unsigned long long)r.ways[0].sent,
                      (unsigned long long)r.ways[1].received,
                      (unsigned long long)r.ways[1].sent);
        ck_assert(r.rcs[0] != IO_ERR && r.rcs[1] != IO_ERR);
        turn(most_written, most_moved);
        if (asks_for_keys && ++turns % 20 == 0 && !r.ways[turns / 20 % 2].has_shut)
            (void)SSL_key_update(r.peers[turns / 20 % 2].ssl, SSL_KEY_UPDATE_REQUESTED);
        ERR_clear_error();
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(r.ways[i].received, r.ways[i].to_send);
        ck_assert_uint_eq(r.relays[i].bytes, r.ways[i].to_send);
        ck_assert(!r.sides[i].is_cut);
    }
}

/* ---- tests ---- */

START_TEST(both_ways_in_bulk)
{
    start(_i & 1 ? FLOW_TCP : FLOW_UNIX, 0, (unsigned)(_i >> 1) & 1, (_i & 4) != 0);
    r.ways[0].to_send = 6000000;
    r.ways[1].to_send = 7000001;
    finish(CHUNK, CHUNK, false);
}
END_TEST

START_TEST(random_portions_arrive_byte_for_byte)
{
    start(_i & 1 ? FLOW_TCP : FLOW_UNIX, _i & 2 ? 4096 : 0, 1, (_i & 4) != 0);
    r.ways[0].to_send = 900000;
    r.ways[1].to_send = 1200000;
    finish(CHUNK, 0, true);
}
END_TEST

/* Many records in one read, each with a byte or some. */
START_TEST(small_records_go_through_in_large_reads)
{
    start(FLOW_TCP, 0, (unsigned)_i, false);
    r.ways[0].to_send = 60000;
    r.ways[1].to_send = 60000;
    finish(40, CHUNK, _i == 1);
}
END_TEST

/* So long as the origin takes nothing, what is kept for it has a bound, and the client is held
 * back; then all of it arrives. */
START_TEST(a_deaf_peer_costs_so_much_and_no_more)
{
    start(FLOW_TCP, 8192, (unsigned)_i, false);
    size_t before = mallinfo2().uordblks;
    r.is_deaf = true;
    r.ways[0].to_send = 20000000;
    r.ways[1].to_send = 1;
    for (unsigned i = 0; i < 3000; i++)
        turn(CHUNK, CHUNK);
    ck_assert_int_eq(r.rcs[0], IO_AGAIN);
    ck_assert_uint_lt(r.ways[0].sent, 20000000);
    /* Two buffers of the wires, a piece of the relay, and what the peer of the test keeps. */
    size_t kept_by_peer = (size_t)BIO_pending(r.peers[0].out);
    ck_assert_uint_lt(mallinfo2().uordblks, before + 2 * kept_by_peer + 700000);
    r.is_deaf = false;
    finish(CHUNK, CHUNK, false);
}
END_TEST

/* Half a record is there when all that was read ahead is used up. */
START_TEST(a_record_that_comes_in_pieces_waits_for_its_end)
{
    start(FLOW_UNIX, 0, (unsigned)_i, false);
    r.ways[0].to_send = r.ways[1].to_send = 100000;
    finish(CHUNK, 1000, false);
}
END_TEST

/* There was no memory for close_notify: the FIN came alone, as from whoever is cut. */
static bool is_cut(unsigned i)
{
    return r.peers[i].is_fd_eof && !r.ways[1 - i].has_eof;
}

/* A whole life with the nth allocation failing, ours or OpenSSL's. Allocations seen. */
static unsigned long live(unsigned long nth, int repeat)
{
    uint64_t until = clock_usec() + 20000000;
    bool is_broken = false;
    start(FLOW_UNIX, 4096, 1, false);
    r.ways[0].to_send = r.ways[1].to_send = 70000;
    (void)mem_fail_at(nth, repeat);
    r.is_short = true;
    while (!is_over() && !is_broken) {
        ck_assert_msg(clock_usec() < until, "hangs at %lu", nth);
        turn(CHUNK, CHUNK);
        is_broken = r.rcs[0] == IO_ERR || r.rcs[1] == IO_ERR || is_cut(0) || is_cut(1);
    }
    unsigned long seen = mem_fail_at(0, 0);
    stop();
    return seen;
}

START_TEST(memory_runs_out_at_every_place)
{
    unsigned long nth = 0, seen;
    (void)live((unsigned long)-1, 0);
    ck_assert(is_over());
    do {
        seen = live(++nth, _i);
    } while (seen >= nth);
    ck_assert_uint_gt(nth, 20);
    ck_assert(is_over());
}
END_TEST

Suite *tls_relay_suite(void)
{
    Suite *suite = suite_create("tls_relay");
    TCase *tc = tcase_create("tls_relay");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, both_ways_in_bulk, 0, 8);
    tcase_add_loop_test(tc, random_portions_arrive_byte_for_byte, 0, 8);
    tcase_add_loop_test(tc, small_records_go_through_in_large_reads, 0, 2);
    tcase_add_loop_test(tc, a_deaf_peer_costs_so_much_and_no_more, 0, 2);
    tcase_add_loop_test(tc, a_record_that_comes_in_pieces_waits_for_its_end, 0, 2);
    tcase_add_loop_test(tc, memory_runs_out_at_every_place, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
