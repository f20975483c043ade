/* SPDX-License-Identifier: MIT */
/* test_relay_bulk.c - flows that fill the buffer go through a pipe, and back. */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <sys/resource.h>

#include "tests/unit/core/flow.h"
#include "util/clock.h"

#define BULK (24ULL << 20)

static struct event_base *base;
static struct flow f;
static unsigned fds_before;

static void set_up(void)
{
    fds_before = flow_open_fds();
    base = flow_base();
    flow_start(&f, base, FLOW_TCP, 0);
}

static void tear_down(void)
{
    flow_stop(&f);
    event_base_free(base);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

static void send_all_now(struct flow_end *e)
{
    while (flow_send(e, (size_t)-1, false) > 0)
        ;
}

static void receive_all_now(struct flow_end *e)
{
    while (flow_receive(e, (size_t)-1) > 0)
        ;
}

/* bytes more from one end to the other, in large pieces. */
static void pass(struct flow_end *from, struct flow_end *to, uint64_t bytes)
{
    uint64_t until = clock_usec() + 20000000;
    from->to_send += bytes;
    while (to->received < from->to_send) {
        if (clock_usec() > until)
            ck_abort_msg("stuck behind %llu of %llu bytes", (unsigned long long)to->received,
                         (unsigned long long)from->to_send);
        send_all_now(from);
        flow_turn(&f);
        receive_all_now(to);
    }
}

START_TEST(a_bulk_flow_is_spliced_and_a_slow_one_is_not)
{
    for (unsigned round = 0; round < 3; round++) {
        f.was_bulk_up = false;
        pass(&f.client, &f.origin, BULK);
        ck_assert(f.was_bulk_up);
        ck_assert_uint_gt(f.pool.pipes.free_count, 0);
        flow_turn(&f);
        flow_check_quiet(&f);
        for (unsigned i = 0; i < 20; i++) {
            pass(&f.client, &f.origin, 1 + i);
            pass(&f.origin, &f.client, 1 + i);
        }
        ck_assert(!f.up.is_bulk);
        ck_assert(!f.was_bulk_down);
        flow_check_quiet(&f);
    }
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

START_TEST(both_ways_in_bulk)
{
    f.client.to_send = BULK;
    f.origin.to_send = BULK + 12345;
    uint64_t until = clock_usec() + 30000000;
    while (!f.client.has_eof || !f.origin.has_eof) {
        ck_assert(clock_usec() < until);
        flow_send(&f.client, (size_t)-1, true);
        flow_send(&f.origin, (size_t)-1, true);
        flow_turn(&f);
        flow_receive(&f.client, (size_t)-1);
        flow_receive(&f.origin, (size_t)-1);
    }
    ck_assert(f.was_bulk_up && f.was_bulk_down);
    flow_check_done(&f);
}
END_TEST

/* Until bytes stand in the pipe and nothing moves any more. */
static void fill_pipe(void)
{
    unsigned idle = 0;
    pass(&f.client, &f.origin, BULK);
    ck_assert(f.up.is_bulk);
    f.client.to_send += 1ULL << 32;
    while (idle < 20 || f.up_rc == IO_YIELD) {
        idle = flow_send(&f.client, (size_t)-1, false) > 0 ? 0 : idle + 1;
        flow_turn(&f);
    }
    f.client.to_send = f.client.sent;
    ck_assert_ptr_nonnull(f.up.pipe);
    ck_assert_uint_gt(f.up.pipe->filled, 0);
    ck_assert_ptr_null(f.up.pending);
    ck_assert_int_eq(f.up_rc, IO_AGAIN);
}

START_TEST(a_fin_behind_a_full_pipe_comes_last)
{
    fill_pipe();
    if (_i == 1) /* the other side has ended before */
        flow_send(&f.origin, 1, true);
    flow_send(&f.client, 1, true);
    for (unsigned i = 0; i < 20; i++)
        flow_turn(&f);
    ck_assert_ptr_nonnull(f.up.pipe);
    ck_assert_int_eq(f.up.state, RELAY_OPEN);
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

START_TEST(a_full_pipe_does_not_hold_up_the_other_way)
{
    fill_pipe();
    pass(&f.origin, &f.client, 3000000);
    ck_assert_uint_eq(f.origin.received, BULK); /* it still takes nothing */
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

START_TEST(a_full_pipe_is_delivered_before_the_reset_behind_it)
{
    fill_pipe();
    uint64_t at_least = f.up.bytes + f.up.pipe->filled, until = clock_usec() + 20000000;
    flow_reset(&f.client);
    while (f.up_rc != IO_ERR && clock_usec() < until) {
        flow_turn(&f);
        receive_all_now(&f.origin);
    }
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.left.is_recv_broken);
    ck_assert_int_eq(f.left.error, ECONNRESET);
    flow_turn(&f);
    receive_all_now(&f.origin);
    ck_assert_uint_ge(f.up.bytes, at_least);
    ck_assert_uint_eq(f.origin.received, f.up.bytes);
    ck_assert(!f.origin.has_eof); /* not to be taken for a good end */
}
END_TEST

START_TEST(a_reset_of_the_receiver_closes_a_full_pipe)
{
    fill_pipe();
    uint64_t until = clock_usec() + 20000000;
    flow_reset(&f.origin);
    while (f.up_rc != IO_ERR && clock_usec() < until)
        flow_turn(&f);
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.right.is_send_broken);
    ck_assert_ptr_nonnull(f.up.pipe);
    unsigned count = f.pool.pipes.count;
    relay_fini(&f.up);
    ck_assert_uint_eq(f.pool.pipes.count, count - 1); /* it was not empty */
}
END_TEST

/* Nothing on the way: the fault itself is all that the splice meets. */
START_TEST(a_reset_of_a_bulk_flow_is_no_end_of_file)
{
    uint64_t until = clock_usec() + 20000000;
    pass(&f.client, &f.origin, BULK);
    ck_assert(f.up.is_bulk);
    flow_turn(&f);
    flow_reset(&f.client);
    while (f.up_rc == IO_AGAIN || f.up_rc == IO_YIELD) {
        ck_assert(clock_usec() < until);
        flow_turn(&f);
    }
    ck_assert_int_eq(f.up_rc, IO_ERR);
    ck_assert(f.left.is_recv_broken);
    ck_assert_int_eq(f.left.error, ECONNRESET);
    flow_turn(&f);
    receive_all_now(&f.origin);
    ck_assert(!f.origin.has_eof);
}
END_TEST

START_TEST(a_fin_of_a_bulk_flow_is_one)
{
    pass(&f.client, &f.origin, BULK);
    ck_assert(f.up.is_bulk);
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

START_TEST(without_pipes_a_bulk_flow_is_copied)
{
    f.pool.pipes.count = PIPES_MAX; /* as if all were out */
    pass(&f.client, &f.origin, BULK);
    f.pool.pipes.count = 0;
    ck_assert(f.was_bulk_up);
    ck_assert_uint_gt(f.pool.pipes.refused, 0);
    flow_turn(&f);
    flow_check_quiet(&f);
    pass(&f.client, &f.origin, BULK); /* and spliced as soon as there are some */
    ck_assert_uint_gt(f.pool.pipes.count, 0);
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

START_TEST(without_descriptors_a_bulk_flow_is_copied)
{
    struct rlimit old, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){1, old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    pass(&f.client, &f.origin, BULK);
    ck_assert_uint_eq(f.pool.pipes.count, 0);
    ck_assert_uint_gt(f.pool.pipes.refused, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    flow_finish(&f, 1);
    flow_check_done(&f);
}
END_TEST

Suite *relay_bulk_suite(void)
{
    Suite *suite = suite_create("relay_bulk");
    TCase *tc = tcase_create("relay_bulk");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_bulk_flow_is_spliced_and_a_slow_one_is_not);
    tcase_add_test(tc, both_ways_in_bulk);
    tcase_add_loop_test(tc, a_fin_behind_a_full_pipe_comes_last, 0, 2);
    tcase_add_test(tc, a_full_pipe_does_not_hold_up_the_other_way);
    tcase_add_test(tc, a_full_pipe_is_delivered_before_the_reset_behind_it);
    tcase_add_test(tc, a_reset_of_the_receiver_closes_a_full_pipe);
    tcase_add_test(tc, a_reset_of_a_bulk_flow_is_no_end_of_file);
    tcase_add_test(tc, a_fin_of_a_bulk_flow_is_one);
    tcase_add_test(tc, without_pipes_a_bulk_flow_is_copied);
    tcase_add_test(tc, without_descriptors_a_bulk_flow_is_copied);
    suite_add_tcase(suite, tc);
    return suite;
}
