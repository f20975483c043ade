/* SPDX-License-Identifier: MIT */
/* test_clock.c - timestamps as RFC 3339 has them; a clock that goes forward. */
#include "tests/unit/util/suites.h"

#include <string.h>

#include "util/attr.h"
#include "util/clock.h"

/* The UTC examples of RFC 3339 section 5.8, and the edges of the calendar. */
static const struct {
    uint64_t wall_ms;
    const char *text;
} STAMPS[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {482196050520, "1985-04-12T23:20:50.520Z"},
    {662687999000, "1990-12-31T23:59:59.000Z"},
    {851042397000, "1996-12-20T00:39:57.000Z"},
    {951825600000, "2000-02-29T12:00:00.000Z"},
    {1767942300123, "2026-01-09T07:05:00.123Z"},
    {2147483648000, "2038-01-19T03:14:08.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

START_TEST(stamps_are_rfc_3339)
{
    char out[CLOCK_TEXT_SIZE];
    ck_assert_ptr_eq(clock_format(STAMPS[_i].wall_ms, out), out);
    ck_assert_str_eq(out, STAMPS[_i].text);
}
END_TEST

START_TEST(the_monotonic_clock_counts_microseconds)
{
    struct timespec pause = {0, 20 * 1000 * 1000};
    uint64_t before = clock_usec();
    ck_assert_int_eq(nanosleep(&pause, NULL), 0);
    uint64_t took = clock_usec() - before;
    ck_assert_uint_ge(took, 20000);
    ck_assert_uint_lt(took, 20000000);
}
END_TEST

START_TEST(the_wall_clock_is_the_calendar)
{
    uint64_t before = (uint64_t)time(NULL), now = clock_wall_ms() / 1000;
    ck_assert_uint_ge(now + 1, before);
    ck_assert_uint_le(now, before + 20);
}
END_TEST

Suite *clock_suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, stamps_are_rfc_3339, 0, ARRAY_LEN(STAMPS));
    tcase_add_test(tc, the_monotonic_clock_counts_microseconds);
    tcase_add_test(tc, the_wall_clock_is_the_calendar);
    suite_add_tcase(suite, tc);
    return suite;
}
