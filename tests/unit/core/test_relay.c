/* SPDX-License-Identifier: MIT */
/* test_relay.c - bytes both ways at once over real sockets. */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/mem.h"

static struct event_base *base;
static unsigned fds_before;
static struct flow f;

static void set_up(void)
{
    fds_before = flow_open_fds();
    base = flow_base();
}

static void tear_down(void)
{
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

/* Every kind, with buffers as they are and as small as can be, many seeds. */
START_TEST(random_portions_both_ways_arrive_byte_for_byte)
{
    for (unsigned kind = 0; kind < FLOW_KINDS; kind++)
        for (int send_bytes = 0; send_bytes <= 4096; send_bytes += 2048) {
            flow_start(&f, base, (enum flow_kind)kind, send_bytes);
            f.client.to_send = 300000 + (uint64_t)_i * 70001;
            f.origin.to_send = 700000 - (uint64_t)_i * 60013;
            flow_finish(&f, (uint64_t)_i * 31 + kind);
            flow_check_done(&f);
            flow_stop(&f);
        }
}
END_TEST

static void pass(struct flow_end *from, struct flow_end *to, uint64_t bytes)
{
    uint64_t until = clock_usec() + 20000000, want = to->received + bytes;
    from->to_send += bytes;
    while (to->received < want) {
        if (clock_usec() > until)
            ck_abort_msg("%llu bytes short", (unsigned long long)(want - to->received));
        flow_send(from, (size_t)-1, false);
        flow_turn(&f);
        flow_receive(to, (size_t)-1);
    }
}

START_TEST(a_quiet_relay_holds_nothing)
{
    flow_start(&f, base, (enum flow_kind)_i, 2048);
    for (unsigned i = 0; i < 20; i++) {
        pass(&f.client, &f.origin, 1 + i * 10007);
        flow_turn(&f);
        flow_check_quiet(&f);
        pass(&f.origin, &f.client, 1 + i * 20011);
        flow_turn(&f);
        flow_check_quiet(&f);
    }
    flow_finish(&f, 1);
    flow_check_done(&f);
    flow_stop(&f);
}
END_TEST

/* Nobody receives: the relay takes a bounded amount and no more. */
START_TEST(a_stalled_receiver_stops_the_sender)
{
    unsigned idle = 0;
    flow_start(&f, base, (enum flow_kind)_i, 4096);
    f.client.to_send = 1ULL << 40;
    while (idle < 50) {
        idle = flow_send(&f.client, 65536, false) > 0 ? 0 : idle + 1;
        flow_turn(&f);
        MUST(f.client.sent < 64 * 1024 * 1024);
        MUST(f.up.pending == NULL || f.up.pending_len <= RELAY_MAX_PENDING);
    }
    ck_assert_int_eq(f.up_rc, IO_AGAIN);
    ck_assert(f.up.pending != NULL || f.up.pipe != NULL || f.left.is_readable);
    /* The other way is not held up. */
    pass(&f.origin, &f.client, 100000);
    for (unsigned i = 0; i < 100; i++)
        flow_turn(&f);
    unsigned steps = f.steps;
    for (unsigned i = 0; i < 100; i++)
        flow_turn(&f);
    ck_assert_uint_eq(f.steps, steps); /* waiting costs no turn */
    f.client.to_send = f.client.sent;
    flow_finish(&f, 2);
    flow_check_done(&f);
    flow_stop(&f);
}
END_TEST

START_TEST(bytes_put_in_front_come_first)
{
    char got[64];
    static const char FIRST[] = "read before";
    flow_start(&f, base, (enum flow_kind)_i, 0);
    ck_assert_int_eq(relay_put(&f.up, STR_LIT("")), 0);
    ck_assert_ptr_null(f.up.pending);
    ck_assert_int_eq(relay_put(&f.up, str_of(FIRST)), 0);
    ck_assert_int_eq(send(f.client.fd, " and after", 10, 0), 10);
    size_t len = 0, want = sizeof(FIRST) - 1 + 10;
    for (unsigned i = 0; i < 100000 && len < want; i++) {
        flow_turn(&f);
        ssize_t n = recv(f.origin.fd, got + len, sizeof(got) - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_eq(len, want);
    ck_assert_mem_eq(got, "read before and after", want);
    ck_assert_uint_eq(f.up.bytes, want);
    flow_check_quiet(&f);
    flow_stop(&f);
}
END_TEST

static struct {
    char bytes[64];
    size_t len, wants, calls;
} seen;

static bool on_seen(struct relay *r, struct str in)
{
    ck_assert_ptr_eq(r, &f.up);
    ck_assert_uint_le(seen.len + in.len, sizeof(seen.bytes));
    memcpy(seen.bytes + seen.len, in.ptr, in.len);
    seen.len += in.len;
    return ++seen.calls < seen.wants;
}

/* It sees what is read, as often as it wants, and what was put in front it does not. */
START_TEST(an_observer_sees_what_is_read)
{
    char got[64];
    size_t len = 0;
    memset(&seen, 0, sizeof(seen));
    seen.wants = 2;
    flow_start(&f, base, (enum flow_kind)_i, 0);
    ck_assert_int_eq(relay_put(&f.up, STR_LIT("put ")), 0);
    relay_observe(&f.up, on_seen);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(send(f.client.fd, "part ", 5, 0), 5);
        for (unsigned k = 0; k < 100000 && len < 4 + 5 * (i + 1); k++) {
            flow_turn(&f);
            ssize_t n = recv(f.origin.fd, got + len, sizeof(got) - len, 0);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    ck_assert_uint_eq(len, 19);
    ck_assert_mem_eq(got, "put part part part ", 19);
    ck_assert_uint_eq(seen.calls, 2);
    ck_assert_mem_eq(seen.bytes, "part part ", 10);
    ck_assert_ptr_null(f.up.observer);
    flow_stop(&f);
}
END_TEST

static bool on_any(struct relay *r, struct str in)
{
    (void)r;
    seen.len += in.len;
    return true;
}

/* While somebody looks nothing is spliced past him; then a flood is as before. */
START_TEST(an_observer_sees_a_flood)
{
    memset(&seen, 0, sizeof(seen));
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_observe(&f.up, on_any);
    pass(&f.client, &f.origin, 8000000);
    ck_assert(!f.was_bulk_up);
    ck_assert_uint_eq(seen.len, f.origin.received);
    relay_observe(&f.up, NULL);
    for (unsigned i = 0; i < 50 && !f.was_bulk_up; i++)
        pass(&f.client, &f.origin, 8000000);
    ck_assert(f.was_bulk_up);
    ck_assert_uint_eq(seen.len, 8000000);
    flow_stop(&f);
}
END_TEST

/* As many bytes as relay_put takes, to a receiver with a tiny buffer. */
START_TEST(a_mebibyte_put_in_front_goes_out_in_pieces)
{
    char *bytes = malloc(RELAY_MAX_PENDING);
    char *got = malloc(RELAY_MAX_PENDING);
    uint64_t state = 7;
    size_t len = 0;
    for (size_t i = 0; i < RELAY_MAX_PENDING; i++)
        bytes[i] = (char)flow_random(&state);
    flow_start(&f, base, (enum flow_kind)_i, 2048);
    ck_assert_int_eq(relay_put(&f.up, (struct str){bytes, RELAY_MAX_PENDING}), 0);
    uint64_t until = clock_usec() + 20000000;
    while (len < RELAY_MAX_PENDING && clock_usec() < until) {
        flow_turn(&f);
        ssize_t n = recv(f.origin.fd, got + len, RELAY_MAX_PENDING - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_eq(len, RELAY_MAX_PENDING);
    ck_assert_int_eq(memcmp(got, bytes, len), 0);
    flow_turn(&f);
    flow_check_quiet(&f);
    flow_stop(&f);
    free(bytes);
    free(got);
}
END_TEST

START_TEST(without_memory_a_put_changes_nothing)
{
    flow_start(&f, base, FLOW_UNIX, 0);
    (void)mem_fail_at(1, 0);
    int rc = relay_put(&f.up, STR_LIT("x"));
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(rc, -1);
    ck_assert_ptr_null(f.up.pending);
    f.client.to_send = f.origin.to_send = 1000;
    flow_finish(&f, 3);
    flow_check_done(&f);
    flow_stop(&f);
}
END_TEST

/* What the destination does not take needs memory; without, the flow breaks. */
START_TEST(without_memory_for_the_rest_the_source_breaks)
{
    flow_start(&f, base, FLOW_UNIX, 2048);
    f.client.to_send = 10000000;
    (void)mem_fail_at(1, 1);
    for (unsigned i = 0; i < 10000 && f.up_rc != IO_ERR; i++) {
        flow_send(&f.client, 65536, false);
        flow_turn(&f);
    }
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert_int_eq(f.up.state, RELAY_FAILED);
    ck_assert(f.left.is_recv_broken && !f.right.is_send_broken);
    ck_assert_int_eq(f.left.error, ENOMEM);
    ck_assert_int_eq(relay_run(&f.up), IO_ERR);
    while (flow_receive(&f.origin, 65536) > 0)
        ;
    ck_assert_uint_eq(f.origin.received, f.up.bytes);
    flow_stop(&f);
}
END_TEST

/* A flood on one flow; a byte on the other is answered within a few turns. */
START_TEST(a_flood_leaves_others_their_turn)
{
    static struct flow flood;
    flow_start(&flood, base, FLOW_TCP, 0);
    flow_start(&f, base, FLOW_TCP, 0);
    flood.client.to_send = 1ULL << 40;
    for (unsigned i = 0; i < 200; i++) {
        while (flow_send(&flood.client, (size_t)-1, false) > 0)
            ;
        f.client.to_send++;
        ck_assert_uint_eq(flow_send(&f.client, 1, false), 1);
        unsigned turns = 0;
        while (flow_receive(&f.origin, 1) == 0 && turns++ < 10) {
            flow_turn(&f);
            while (flow_receive(&flood.origin, (size_t)-1) > 0)
                ;
        }
        ck_assert_uint_eq(f.origin.received, f.client.sent);
    }
    /* A flood it was; not in every round, for the kernel may open a window late. */
    ck_assert_uint_gt(flood.up.bytes, 20000000);
    flow_stop(&flood);
    flow_stop(&f);
}
END_TEST

Suite *relay_suite(void)
{
    Suite *suite = suite_create("relay");
    TCase *tc = tcase_create("relay");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, random_portions_both_ways_arrive_byte_for_byte, 0, 8);
    tcase_add_loop_test(tc, a_quiet_relay_holds_nothing, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_stalled_receiver_stops_the_sender, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, bytes_put_in_front_come_first, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_mebibyte_put_in_front_goes_out_in_pieces, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, an_observer_sees_what_is_read, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, an_observer_sees_a_flood, 0, FLOW_KINDS);
    tcase_add_test(tc, without_memory_a_put_changes_nothing);
    tcase_add_test(tc, without_memory_for_the_rest_the_source_breaks);
    tcase_add_test(tc, a_flood_leaves_others_their_turn);
    suite_add_tcase(suite, tc);
    return suite;
}
