/* SPDX-License-Identifier: MIT */
/* test_connector_faults.c - dialling without memory or descriptors, and giving up. */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/core/dialling.h"
#include "tests/unit/core/flow.h"
#include "util/mem.h"

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

static void turn_for(unsigned ms)
{
    dialling_reset_clock(&d);
    while (dialling_ms(&d) < ms) {
        ck_assert_int_ge(event_base_loop(d.base, EVLOOP_NONBLOCK), 0);
        usleep(1000);
    }
}

/* Given up with one attempt under way, and with several; tear_down counts. */
START_TEST(giving_up_closes_every_attempt)
{
    for (unsigned i = 1; i <= 4; i++) {
        char address[16];
        snprintf(address, sizeof(address), "127.0.0.%u", i);
        dialling_place(&d, SPOT_SILENT, address);
    }
    dialling_step(&d);
    dialling_await_delays(&d, (unsigned)_i);
    ck_assert_int_eq(d.rc, IO_AGAIN);
    ck_assert(connector_is_trying(&d.connector));
    ck_assert_uint_eq(strlen(d.order), 1 + (unsigned)_i);
    connector_fini(&d.connector);
    connector_fini(&d.connector); /* harmless */
    unsigned wakes = d.wakes;
    turn_for(CONNECTOR_DELAY_MS + 50);
    ck_assert_uint_eq(d.wakes, wakes);
}
END_TEST

START_TEST(attempts_at_a_time_are_limited)
{
    for (unsigned i = 1; i <= CONNECTOR_MAX_ATTEMPTS + 3; i++) {
        char address[16];
        snprintf(address, sizeof(address), "127.0.0.%u", i);
        dialling_place(&d, SPOT_SILENT, address);
    }
    unsigned fds = flow_open_fds();
    dialling_step(&d);
    dialling_await_delays(&d, CONNECTOR_MAX_ATTEMPTS);
    turn_for(2 * CONNECTOR_DELAY_MS);
    ck_assert_int_eq(d.rc, IO_AGAIN);
    ck_assert_uint_eq(flow_open_fds(), fds + CONNECTOR_MAX_ATTEMPTS);
    /* The others keep their turn: none has failed. */
    ck_assert(connector_has_addresses(&d.connector));
    ck_assert_int_eq(d.connector.error, 0);
    ck_assert_uint_lt(d.wakes, 2 * CONNECTOR_MAX_ATTEMPTS + 6); /* and nothing spins */
}
END_TEST

START_TEST(without_descriptors_it_fails_at_once)
{
    struct rlimit old, none;
    dialling_place(&d, SPOT_ANSWERS, "127.0.0.1");
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){1, old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    dialling_step(&d);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_int_eq(d.rc, IO_ERR);
    ck_assert_int_eq(d.connector.error, EMFILE);
}
END_TEST

START_TEST(without_memory_the_first_attempt_goes_on)
{
    dialling_place(&d, SPOT_SILENT, "127.0.0.1");
    dialling_place(&d, SPOT_ANSWERS, "127.0.0.2");
    dialling_step(&d);
    (void)mem_fail_at(1, 1);
    dialling_await_delays(&d, 1);
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(d.rc, IO_AGAIN);
    ck_assert(connector_is_trying(&d.connector));
    ck_assert_int_eq(d.connector.error, ENOMEM);
}
END_TEST

/* What is wrong here is more telling than what the origin said. */
START_TEST(the_most_telling_error_is_kept)
{
    struct rlimit old, none;
    dialling_place(&d, SPOT_REFUSES, "127.0.0.1");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.2");
    dialling_place(&d, SPOT_REFUSES, "127.0.0.3");
    dialling_step(&d);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){1, old.rlim_max};
    /* The first is refused, the second has no descriptor and gives way to the third. */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (d.connector.v4.tried < 3 && d.rc == IO_AGAIN)
        ck_assert_int_ge(event_base_loop(d.base, EVLOOP_ONCE), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_int_eq(d.rc, IO_ERR);
    ck_assert_int_eq(d.connector.error, EMFILE);
}
END_TEST

START_TEST(more_addresses_than_fit_are_dropped)
{
    struct addr v4, v6;
    ck_assert_int_eq(addr_parse(&v4, STR_LIT("127.0.0.1")), 0);
    ck_assert_int_eq(addr_parse(&v6, STR_LIT("::1")), 0);
    for (unsigned i = 0; i < 3 * DNS_MAX_ADDRESSES; i++) {
        connector_add(&d.connector, &v4);
        connector_add(&d.connector, &v6);
    }
    ck_assert_uint_eq(d.connector.v4.count, DNS_MAX_ADDRESSES);
    ck_assert_uint_eq(d.connector.v6.count, DNS_MAX_ADDRESSES);
    ck_assert_int_eq(dialling_run(&d), IO_ERR);
    ck_assert_uint_eq(strlen(d.order), 2 * DNS_MAX_ADDRESSES);
    ck_assert_int_eq(d.connector.error, ECONNREFUSED);
}
END_TEST

Suite *connector_faults_suite(void)
{
    Suite *suite = suite_create("connector_faults");
    TCase *tc = tcase_create("connector_faults");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, giving_up_closes_every_attempt, 0, 4);
    tcase_add_test(tc, attempts_at_a_time_are_limited);
    tcase_add_test(tc, without_descriptors_it_fails_at_once);
    tcase_add_test(tc, without_memory_the_first_attempt_goes_on);
    tcase_add_test(tc, the_most_telling_error_is_kept);
    tcase_add_test(tc, more_addresses_than_fit_are_dropped);
    suite_add_tcase(suite, tc);
    return suite;
}
