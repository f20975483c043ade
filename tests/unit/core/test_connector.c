/* SPDX-License-Identifier: MIT */
/* test_connector.c - the quickest of several addresses (RFC 8305). */
#include "tests/unit/core/suites.h"

#include <errno.h>

#include "tests/unit/core/dialling.h"
#include "tests/unit/core/flow.h"

static struct dialling d;
static unsigned fds_before;

static void set_up(void)
{
    fds_before = flow_open_fds();
    dialling_start(&d);
}

static void tear_down(void)
{
    dialling_stop(&d);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

static void check_connected_to(unsigned place)
{
    ck_assert_int_eq(d.rc, IO_OK);
    ck_assert(addr_eq(&d.connector.connected, &d.at[place].addr));
    ck_assert(stream_is_open(&d.stream));
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct endpoint peer;
    ck_assert_int_eq(getpeername(d.stream.fd, (struct sockaddr *)&sa, &len), 0);
    ck_assert_int_eq(addr_from_sockaddr(&peer, (struct sockaddr *)&sa), 0);
    ck_assert(addr_eq(&peer.addr, &d.at[place].addr));
    size_t sent;
    ck_assert_int_eq(stream_send(&d.stream, "x", 1, &sent), IO_OK);
    ck_assert(dialling_was_reached(&d, place));
}

START_TEST(one_address_is_dialled_at_once)
{
    unsigned place = dialling_place(&d, SPOT_ANSWERS, _i == 0 ? "127.0.0.1" : "::1");
    ck_assert(connector_has_addresses(&d.connector));
    ck_assert(!connector_is_trying(&d.connector));
    dialling_run(&d);
    ck_assert_uint_eq(d.delays, 0);
    check_connected_to(place);
    ck_assert(!connector_has_addresses(&d.connector));
}
END_TEST

START_TEST(nothing_to_try_is_an_error_without_a_cause)
{
    ck_assert_int_eq(dialling_run(&d), IO_ERR);
    ck_assert_int_eq(d.connector.error, 0);
    ck_assert(!stream_is_open(&d.stream));
}
END_TEST

START_TEST(a_refusal_starts_the_next_at_once)
{
    dialling_place(&d, SPOT_REFUSES, "127.0.0.1");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.2");
    unsigned place = dialling_place(&d, SPOT_ANSWERS, "127.0.0.3");
    dialling_run(&d);
    ck_assert_uint_eq(d.delays, 0);
    check_connected_to(place);
}
END_TEST

START_TEST(silence_starts_the_next_after_the_delay)
{
    dialling_place(&d, SPOT_SILENT, "127.0.0.1");
    unsigned place = dialling_place(&d, SPOT_ANSWERS, "127.0.0.2");
    dialling_reset_clock(&d);
    dialling_run(&d);
    ck_assert_uint_ge(dialling_ms(&d), CONNECTOR_DELAY_MS - 2);
    ck_assert_uint_eq(d.delays, 1);
    check_connected_to(place);
    /* The silent one was dropped, and the timer with it. */
    ck_assert(!d.connector.is_timer_on);
    for (size_t i = 0; i < ARRAY_LEN(d.connector.attempts); i++)
        ck_assert_ptr_null(d.connector.attempts[i]);
}
END_TEST

START_TEST(a_refusal_behind_a_silent_one_starts_the_next_at_once)
{
    dialling_place(&d, SPOT_SILENT, "127.0.0.1");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.2");
    unsigned place = dialling_place(&d, SPOT_ANSWERS, "127.0.0.3");
    dialling_reset_clock(&d);
    dialling_run(&d);
    ck_assert_uint_ge(dialling_ms(&d), CONNECTOR_DELAY_MS - 2);
    ck_assert_uint_eq(d.delays, 1);
    check_connected_to(place);
}
END_TEST

START_TEST(all_refused_is_an_error_that_says_so)
{
    dialling_place(&d, SPOT_REFUSES, "127.0.0.1");
    dialling_place(&d, SPOT_REFUSES, "::1");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.2");
    ck_assert_int_eq(dialling_run(&d), IO_ERR);
    ck_assert_int_eq(d.connector.error, ECONNREFUSED);
    ck_assert_uint_eq(d.delays, 0);
    ck_assert(!stream_is_open(&d.stream));
    ck_assert(!connector_is_trying(&d.connector));
}
END_TEST

/* RFC 8305 section 4: IPv6 first, then in turns, whatever the order in which they
 * came; each family in its own order. */
START_TEST(families_take_turns)
{
    dialling_place(&d, SPOT_REFUSES, "127.0.0.1");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.2");
    unsigned last = dialling_place(&d, SPOT_ANSWERS, "127.0.0.3");
    dialling_place(&d, SPOT_REFUSES, "::1");
    dialling_place(&d, SPOT_REFUSES, "::1");
    dialling_run(&d);
    ck_assert_str_eq(d.order, "64644");
    check_connected_to(last);
}
END_TEST

START_TEST(ipv6_wins_where_both_answer)
{
    dialling_place(&d, SPOT_ANSWERS, "127.0.0.1");
    unsigned v6 = dialling_place(&d, SPOT_ANSWERS, "::1");
    dialling_run(&d);
    ck_assert_str_eq(d.order, "6");
    check_connected_to(v6);
}
END_TEST

/* An address that comes while another is being tried waits for its turn. */
START_TEST(addresses_may_come_later)
{
    dialling_place(&d, SPOT_SILENT, "127.0.0.1");
    dialling_reset_clock(&d);
    ck_assert_int_eq(dialling_step(&d), IO_AGAIN);
    unsigned place = dialling_place(&d, SPOT_ANSWERS, "::1");
    dialling_run(&d);
    ck_assert_uint_ge(dialling_ms(&d), CONNECTOR_DELAY_MS - 2);
    ck_assert_uint_eq(d.delays, 1);
    check_connected_to(place);
}
END_TEST

START_TEST(nothing_starts_before_it_may)
{
    unsigned place = dialling_place(&d, SPOT_ANSWERS, "127.0.0.1");
    ck_assert_int_eq(connector_run(&d.connector, false, NULL), IO_AGAIN);
    ck_assert(!connector_is_trying(&d.connector));
    ck_assert(!stream_is_open(&d.stream));
    dialling_run(&d);
    check_connected_to(place);
}
END_TEST

Suite *connector_suite(void)
{
    Suite *suite = suite_create("connector");
    TCase *tc = tcase_create("connector");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, one_address_is_dialled_at_once, 0, 2);
    tcase_add_test(tc, nothing_to_try_is_an_error_without_a_cause);
    tcase_add_test(tc, a_refusal_starts_the_next_at_once);
    tcase_add_test(tc, silence_starts_the_next_after_the_delay);
    tcase_add_test(tc, a_refusal_behind_a_silent_one_starts_the_next_at_once);
    tcase_add_test(tc, all_refused_is_an_error_that_says_so);
    tcase_add_test(tc, families_take_turns);
    tcase_add_test(tc, ipv6_wins_where_both_answer);
    tcase_add_test(tc, addresses_may_come_later);
    tcase_add_test(tc, nothing_starts_before_it_may);
    suite_add_tcase(suite, tc);
    return suite;
}
