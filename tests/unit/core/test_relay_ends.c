/* SPDX-License-Identifier: MIT */
/* test_relay_ends.c - FIN and reset in every order and state. */
#include "tests/unit/core/suites.h"

#include <errno.h>

#include "tests/unit/core/flow.h"
#include "util/clock.h"

static struct event_base *base;
static struct flow f;
static unsigned fds_before;

static void set_up(void)
{
    fds_before = flow_open_fds();
    base = flow_base();
}

static void tear_down(void)
{
    flow_stop(&f);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

static const uint64_t AMOUNTS[] = {0, 1, 5000, 400000};
static const int BUFFERS[] = {0, 8192};

enum { ENDS_CASES = FLOW_KINDS * 4 * 4 * 2 };

/* Test number to kind, amounts of both sides and size of buffers. */
static void start_case(int number)
{
    unsigned n = (unsigned)number;
    flow_start(&f, base, (enum flow_kind)(n % FLOW_KINDS), BUFFERS[n / FLOW_KINDS % 2]);
    f.client.to_send = AMOUNTS[n / (2 * FLOW_KINDS) % 4];
    f.origin.to_send = AMOUNTS[n / (8 * FLOW_KINDS) % 4];
}

/* Until `to` has the end of `from`, which sends all and ends. */
static void finish_one(struct flow_end *from, struct flow_end *to)
{
    uint64_t until = clock_usec() + 20000000;
    while (!to->has_eof) {
        if (clock_usec() > until)
            ck_abort_msg("no end after %llu of %llu bytes", (unsigned long long)to->received,
                         (unsigned long long)from->to_send);
        flow_send(from, (size_t)-1, true);
        flow_turn(&f);
        flow_receive(to, (size_t)-1);
    }
    ck_assert_uint_eq(to->received, from->to_send);
}

START_TEST(the_client_ends_first)
{
    start_case(_i);
    finish_one(&f.client, &f.origin);
    flow_turn(&f);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    ck_assert_int_eq(f.up_rc, IO_OK);
    ck_assert_int_eq(f.down.state, RELAY_OPEN);
    ck_assert(!f.client.has_eof);
    flow_check_quiet(&f);
    finish_one(&f.origin, &f.client);
    flow_check_done(&f);
}
END_TEST

START_TEST(the_origin_ends_first)
{
    start_case(_i);
    finish_one(&f.origin, &f.client);
    flow_turn(&f);
    ck_assert_int_eq(f.down.state, RELAY_DONE);
    ck_assert_int_eq(f.up.state, RELAY_OPEN);
    ck_assert(!f.origin.has_eof);
    finish_one(&f.client, &f.origin);
    flow_check_done(&f);
}
END_TEST

START_TEST(both_end_at_once)
{
    start_case(_i);
    flow_send(&f.client, (size_t)-1, true);
    flow_send(&f.origin, (size_t)-1, true);
    flow_finish(&f, (uint64_t)_i);
    flow_check_done(&f);
}
END_TEST

/* Nobody receives before both have sent all they can; so data stands in every
 * buffer on the way when the ends arrive. */
START_TEST(both_end_before_anybody_receives)
{
    unsigned idle = 0;
    start_case(_i);
    while (idle < 20) {
        size_t moved = flow_send(&f.client, (size_t)-1, true);
        moved += flow_send(&f.origin, (size_t)-1, true);
        flow_turn(&f);
        idle = moved > 0 ? 0 : idle + 1;
    }
    flow_finish(&f, (uint64_t)_i);
    flow_check_done(&f);
}
END_TEST

/* The client ends; the origin goes on sending in answer to each part it gets. */
START_TEST(a_half_closed_flow_lives_on)
{
    flow_start(&f, base, (enum flow_kind)_i, 4096);
    f.client.to_send = 10;
    finish_one(&f.client, &f.origin);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t until = clock_usec() + 20000000;
        f.origin.to_send += 3001;
        while (f.client.received < f.origin.to_send && clock_usec() < until) {
            flow_send(&f.origin, (size_t)-1, false);
            flow_turn(&f);
            flow_receive(&f.client, (size_t)-1);
        }
        ck_assert_uint_eq(f.client.received, f.origin.to_send);
        flow_check_quiet(&f);
    }
    finish_one(&f.origin, &f.client);
    flow_check_done(&f);
}
END_TEST

/* Turns until one of the relays has failed. */
static void turn_until_failed(void)
{
    uint64_t until = clock_usec() + 20000000;
    while (f.up_rc != IO_ERR && f.down_rc != IO_ERR) {
        if (clock_usec() > until)
            ck_abort_msg("no fault was seen in 20 s");
        flow_turn(&f);
        flow_receive(&f.origin, (size_t)-1);
    }
}

START_TEST(a_client_resets_a_quiet_flow)
{
    flow_start(&f, base, FLOW_TCP, 0);
    if (_i == 1) { /* after bytes went both ways */
        f.client.to_send = f.origin.to_send = 1000;
        while (f.client.received < 1000 || f.origin.received < 1000) {
            flow_send(&f.client, 1000, false);
            flow_send(&f.origin, 1000, false);
            flow_turn(&f);
            flow_receive(&f.client, 1000);
            flow_receive(&f.origin, 1000);
        }
    }
    flow_turn(&f);
    flow_reset(&f.client);
    turn_until_failed();
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.left.is_recv_broken);
    ck_assert_int_eq(f.left.error, ECONNRESET);
    ck_assert(!f.right.is_recv_broken && !f.right.is_send_broken);
}
END_TEST

START_TEST(an_origin_resets_a_quiet_flow)
{
    flow_start(&f, base, FLOW_TCP, 0);
    flow_turn(&f);
    flow_reset(&f.origin);
    turn_until_failed();
    ck_assert_int_eq(f.down_rc, IO_ERR);
    ck_assert(f.right.is_recv_broken);
    ck_assert_int_eq(f.right.error, ECONNRESET);
    ck_assert(!f.left.is_recv_broken && !f.left.is_send_broken);
}
END_TEST

/* The client sends while the origin does not receive, until nothing moves. */
static void stall(void)
{
    unsigned idle = 0;
    f.client.to_send = 1ULL << 40;
    while (idle < 50) {
        idle = flow_send(&f.client, 20000, false) > 0 ? 0 : idle + 1;
        flow_turn(&f);
    }
    ck_assert_ptr_nonnull(f.up.pending);
}

/* A reset that comes with data may stay unseen by reading (see stream.h), but not
 * when asked for. */
START_TEST(what_was_sent_before_a_reset_is_delivered)
{
    uint64_t until = clock_usec() + 20000000;
    unsigned idle = 0;
    flow_start(&f, base, FLOW_TCP, 65536);
    stall();
    uint64_t at_least = f.up.bytes + f.up.pending_len - f.up.pending_at;
    flow_reset(&f.client);
    for (unsigned i = 0; i < 20; i++)
        flow_turn(&f);
    ck_assert_ptr_nonnull(f.up.pending); /* waits for the origin, not dropped */
    while (f.up.pending != NULL || f.up.pipe != NULL || idle < 100) {
        if (clock_usec() > until)
            ck_abort_msg("not delivered in 20 s");
        flow_turn(&f);
        idle = flow_receive(&f.origin, (size_t)-1) > 0 ? 0 : idle + 1;
    }
    ck_assert(stream_is_broken(&f.left));
    ck_assert_int_eq(f.left.error, ECONNRESET);
    flow_step(&f);
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert_uint_ge(f.up.bytes, at_least);
    ck_assert_uint_eq(f.origin.received, f.up.bytes);
    ck_assert(!f.origin.has_eof);
}
END_TEST

START_TEST(a_receiver_resets_with_data_on_the_way)
{
    flow_start(&f, base, FLOW_TCP, 65536);
    stall();
    flow_reset(&f.origin);
    turn_until_failed();
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.right.is_send_broken || f.right.is_recv_broken);
    flow_step(&f);
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.right.is_send_broken);
    ck_assert(!f.left.is_recv_broken && !f.left.is_send_broken);
    ck_assert_ptr_nonnull(f.up.pending); /* relay_fini, in tear_down, frees it */
}
END_TEST

START_TEST(a_half_closed_client_resets)
{
    flow_start(&f, base, FLOW_TCP, 0);
    f.client.to_send = 100;
    finish_one(&f.client, &f.origin);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    flow_reset(&f.client);
    f.origin.to_send = 1ULL << 40;
    uint64_t until = clock_usec() + 20000000;
    while (f.down_rc != IO_ERR && clock_usec() < until) {
        flow_send(&f.origin, 1000, false);
        flow_turn(&f);
    }
    ck_assert_int_eq(f.down_rc, IO_ERR);
    ck_assert(f.left.is_send_broken);
    ck_assert_int_eq(f.up_rc, IO_OK);
    ck_assert(!f.right.is_send_broken && !f.right.is_recv_broken);
}
END_TEST

/* Found without traffic, as the check-up of a quiet tunnel does. */
START_TEST(a_half_closed_client_resets_in_silence)
{
    flow_start(&f, base, FLOW_TCP, 0);
    finish_one(&f.client, &f.origin);
    flow_reset(&f.client);
    for (unsigned i = 0; i < 20; i++)
        flow_turn(&f);
    ck_assert_int_eq(f.down_rc, IO_AGAIN);
    ck_assert(!f.left.is_recv_broken);
    ck_assert(stream_is_broken(&f.left));
    ck_assert(f.left.is_recv_broken && f.left.is_send_broken);
}
END_TEST

Suite *relay_ends_suite(void)
{
    Suite *suite = suite_create("relay_ends");
    TCase *tc = tcase_create("relay_ends");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, the_client_ends_first, 0, ENDS_CASES);
    tcase_add_loop_test(tc, the_origin_ends_first, 0, ENDS_CASES);
    tcase_add_loop_test(tc, both_end_at_once, 0, ENDS_CASES);
    tcase_add_loop_test(tc, both_end_before_anybody_receives, 0, ENDS_CASES);
    tcase_add_loop_test(tc, a_half_closed_flow_lives_on, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_client_resets_a_quiet_flow, 0, 2);
    tcase_add_test(tc, an_origin_resets_a_quiet_flow);
    tcase_add_test(tc, what_was_sent_before_a_reset_is_delivered);
    tcase_add_test(tc, a_receiver_resets_with_data_on_the_way);
    tcase_add_test(tc, a_half_closed_client_resets);
    tcase_add_test(tc, a_half_closed_client_resets_in_silence);
    suite_add_tcase(suite, tc);
    return suite;
}
