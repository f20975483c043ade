/* SPDX-License-Identifier: MIT */
/* test_units.c - durations and sizes as text, there and back. */
#include "tests/unit/conf/suites.h"

#include "conf/units.h"

static const struct {
    const char *text;
    uint64_t value;
} durations[] = {
    {"250ms", 250},         {"0ms", 0},           {"10s", 10000},  {"5m", 300000},
    {"1h", 3600000},        {"1d", 86400000},     {"007s", 7000},  {"90m", 5400000},
    {"18446744073709551615ms", UINT64_MAX},
};

static const struct {
    const char *text;
    uint64_t value;
} sizes[] = {
    {"0B", 0},       {"1B", 1},          {"64KiB", 65536},      {"1MiB", 1048576},
    {"10kB", 10000}, {"2MB", 2000000},   {"1GB", 1000000000},   {"3GiB", UINT64_C(3221225472)},
};

static const char *const no_durations[] = {
    "", "s", "10", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "10S", "10sec", "10MS", "1h30m",
    "0x10s", "18446744073709551616ms", "18446744073709551615s", "1KiB",
};

static const char *const no_sizes[] = {
    "", "KiB", "64", "64 KiB", "64K", "64KB", "64kib", "64Ki", "-1B", "1.5MiB", "1s",
    "18446744073709551615KiB", "1TiB",
};

START_TEST(durations_are_milliseconds)
{
    uint64_t ms;
    ck_assert_int_eq(units_duration(str_of(durations[_i].text), &ms), 0);
    ck_assert_uint_eq(ms, durations[_i].value);
}
END_TEST

START_TEST(sizes_are_bytes)
{
    uint64_t bytes;
    ck_assert_int_eq(units_size(str_of(sizes[_i].text), &bytes), 0);
    ck_assert_uint_eq(bytes, sizes[_i].value);
}
END_TEST

START_TEST(what_is_no_duration)
{
    uint64_t ms;
    ck_assert_int_eq(units_duration(str_of(no_durations[_i]), &ms), -1);
}
END_TEST

START_TEST(what_is_no_size)
{
    uint64_t bytes;
    ck_assert_int_eq(units_size(str_of(no_sizes[_i]), &bytes), -1);
}
END_TEST

START_TEST(format_takes_the_largest_whole_unit)
{
    char out[UNITS_TEXT_SIZE];
    ck_assert_str_eq(units_format_duration(0, out), "0ms");
    ck_assert_str_eq(units_format_duration(1500, out), "1500ms");
    ck_assert_str_eq(units_format_duration(90000, out), "90s");
    ck_assert_str_eq(units_format_duration(3600000, out), "1h");
    ck_assert_str_eq(units_format_duration(172800000, out), "2d");
    ck_assert_str_eq(units_format_duration(UINT64_MAX, out), "18446744073709551615ms");
    ck_assert_str_eq(units_format_size(0, out), "0B");
    ck_assert_str_eq(units_format_size(1000, out), "1000B");
    ck_assert_str_eq(units_format_size(65536, out), "64KiB");
    ck_assert_str_eq(units_format_size(UINT64_C(1) << 30, out), "1GiB");
}
END_TEST

Suite *units_suite(void)
{
    Suite *s = suite_create("units");
    TCase *t = tcase_create("text");
    tcase_add_loop_test(t, durations_are_milliseconds, 0, ARRAY_LEN(durations));
    tcase_add_loop_test(t, sizes_are_bytes, 0, ARRAY_LEN(sizes));
    tcase_add_loop_test(t, what_is_no_duration, 0, ARRAY_LEN(no_durations));
    tcase_add_loop_test(t, what_is_no_size, 0, ARRAY_LEN(no_sizes));
    tcase_add_test(t, format_takes_the_largest_whole_unit);
    suite_add_tcase(s, t);
    return s;
}
