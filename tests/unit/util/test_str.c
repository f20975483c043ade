/* SPDX-License-Identifier: MIT */
/* test_str.c - slices: comparing, cutting, trimming, numbers. */
#include "tests/unit/util/suites.h"

#include <stdint.h>
#include <string.h>

#include "util/str.h"

static const struct str NOTHING = {NULL, 0};

START_TEST(equal_needs_same_bytes_and_length)
{
    ck_assert(str_eq(STR_LIT("abc"), str_of("abc")));
    ck_assert(!str_eq(STR_LIT("abc"), STR_LIT("abd")));
    ck_assert(!str_eq(STR_LIT("abc"), STR_LIT("ab")));
    ck_assert(!str_eq(STR_LIT("a\0b"), STR_LIT("a\0c")));
    ck_assert(str_eq(STR_LIT("a\0b"), STR_LIT("a\0b")));
}
END_TEST

START_TEST(empty_slices_are_equal_whatever_they_point_to)
{
    ck_assert(str_eq(NOTHING, STR_LIT("")));
    ck_assert(str_eq(NOTHING, str_of(NULL)));
    ck_assert(str_ieq(NOTHING, STR_LIT("")));
    ck_assert(str_starts(NOTHING, NOTHING));
    ck_assert(str_ends(NOTHING, NOTHING));
    ck_assert(str_starts(STR_LIT("x"), NOTHING));
    ck_assert(str_ends(STR_LIT("x"), NOTHING));
    ck_assert(!str_starts(NOTHING, STR_LIT("x")));
    ck_assert(!str_ends(NOTHING, STR_LIT("x")));
    ck_assert_uint_eq(str_trim(NOTHING).len, 0);
    ck_assert_uint_eq(str_find(NOTHING, 'x'), 0);
}
END_TEST

START_TEST(case_is_folded_for_ascii_letters_only)
{
    ck_assert(str_ieq(STR_LIT("WebEx.COM"), STR_LIT("wEBeX.com")));
    ck_assert(!str_ieq(STR_LIT("a"), STR_LIT("b")));
    ck_assert(!str_ieq(STR_LIT("ab"), STR_LIT("a")));
    ck_assert(!str_ieq(STR_LIT("a"), STR_LIT("ab")));
    /* The bytes around the letters differ from them in the same bit. */
    ck_assert(!str_ieq(STR_LIT("@"), STR_LIT("`")));
    ck_assert(!str_ieq(STR_LIT("["), STR_LIT("{")));
    ck_assert(!str_ieq(STR_LIT("\xc4"), STR_LIT("\xe4")));
    for (int c = 0; c < 256; c++) {
        char want = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        ck_assert_int_eq(str_lower((char)c), want);
    }
}
END_TEST

START_TEST(starts_and_ends)
{
    struct str host = STR_LIT("media.webex.com");
    ck_assert(str_starts(host, STR_LIT("media.")));
    ck_assert(str_starts(host, host));
    ck_assert(!str_starts(host, STR_LIT("edia")));
    ck_assert(!str_starts(host, STR_LIT("media.webex.com.")));
    ck_assert(str_ends(host, STR_LIT(".com")));
    ck_assert(str_ends(host, host));
    ck_assert(!str_ends(host, STR_LIT(".co")));
    ck_assert(!str_ends(host, STR_LIT("x.media.webex.com")));
}
END_TEST

static const struct {
    const char *in, *out;
} TRIMS[] = {
    {"abc", "abc"},       {" abc", "abc"},      {"abc\t ", "abc"}, {" \t a b \t", "a b"},
    {"\t", ""},           {"", ""},             {"\nabc\r", "\nabc\r"},
    {"\v a \f", "\v a \f"},
};

START_TEST(trim_takes_spaces_and_tabs_only)
{
    struct str got = str_trim(str_of(TRIMS[_i].in));
    ck_assert_msg(str_eq(got, str_of(TRIMS[_i].out)), "got '%.*s'", STR_ARG(got));
}
END_TEST

START_TEST(trim_stays_inside_the_slice)
{
    const char *text = " a ";
    struct str got = str_trim((struct str){text + 1, 1});
    ck_assert_ptr_eq(got.ptr, text + 1);
    ck_assert_uint_eq(got.len, 1);
}
END_TEST

START_TEST(cut_walks_a_list)
{
    struct str rest = STR_LIT("a,,b,");
    ck_assert(str_eq(str_cut(&rest, ','), STR_LIT("a")));
    ck_assert(str_eq(str_cut(&rest, ','), STR_LIT("")));
    ck_assert(str_eq(str_cut(&rest, ','), STR_LIT("b")));
    /* A separator at the end leaves an empty part, told apart by its pointer. */
    ck_assert_ptr_nonnull(rest.ptr);
    ck_assert_uint_eq(rest.len, 0);
    ck_assert(str_eq(str_cut(&rest, ','), STR_LIT("")));
    ck_assert_ptr_null(rest.ptr);
    ck_assert(str_eq(str_cut(&rest, ','), STR_LIT("")));
    ck_assert_ptr_null(rest.ptr);
}
END_TEST

START_TEST(cut_without_separator_takes_all)
{
    struct str rest = STR_LIT("whole");
    ck_assert(str_eq(str_cut(&rest, ':'), STR_LIT("whole")));
    ck_assert_ptr_null(rest.ptr);
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(find_gives_the_first_place_or_the_length)
{
    ck_assert_uint_eq(str_find(STR_LIT("a:b:c"), ':'), 1);
    ck_assert_uint_eq(str_find(STR_LIT("abc"), ':'), 3);
    ck_assert_uint_eq(str_find(STR_LIT("ab\0c"), 'c'), 3);
    ck_assert_uint_eq(str_find((struct str){"ab:", 2}, ':'), 2);
}
END_TEST

START_TEST(range_spans_two_pointers)
{
    const char *text = "hello";
    ck_assert(str_eq(str_range(text + 1, text + 4), STR_LIT("ell")));
    ck_assert_uint_eq(str_range(text, text).len, 0);
}
END_TEST

static const struct {
    const char *text;
    uint64_t max;
    int result;
    uint64_t value;
} NUMBERS[] = {
    {"0", 0, 0, 0},
    {"443", 65535, 0, 443},
    {"65535", 65535, 0, 65535},
    {"65536", 65535, -1, 0},
    {"655350", 65535, -1, 0},
    {"00080", 65535, 0, 80},
    {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, -1, 0},
    {"18446744073709551620", UINT64_MAX, -1, 0},
    {"99999999999999999999999", UINT64_MAX, -1, 0},
    {"9", 9, 0, 9},
    {"9", 8, -1, 0},
    {"10", 9, -1, 0},
    {"", 9, -1, 0},
    {"+1", 9, -1, 0},
    {"-1", UINT64_MAX, -1, 0},
    {" 1", 9, -1, 0},
    {"1 ", 9, -1, 0},
    {"0x10", 100, -1, 0},
    {"1e1", 100, -1, 0},
    {"1:", 100, -1, 0},
    {"1/", 100, -1, 0},
};

START_TEST(numbers_are_plain_digits_up_to_max)
{
    uint64_t value = 12345;
    int result = str_to_u64(str_of(NUMBERS[_i].text), NUMBERS[_i].max, &value);
    ck_assert_int_eq(result, NUMBERS[_i].result);
    ck_assert_uint_eq(value, result == 0 ? NUMBERS[_i].value : 12345);
}
END_TEST

START_TEST(number_ends_with_the_slice)
{
    uint64_t value = 0;
    ck_assert_int_eq(str_to_u64((struct str){"4433", 3}, 65535, &value), 0);
    ck_assert_uint_eq(value, 443);
}
END_TEST

Suite *str_suite(void)
{
    Suite *suite = suite_create("str");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, equal_needs_same_bytes_and_length);
    tcase_add_test(tc, empty_slices_are_equal_whatever_they_point_to);
    tcase_add_test(tc, case_is_folded_for_ascii_letters_only);
    tcase_add_test(tc, starts_and_ends);
    tcase_add_loop_test(tc, trim_takes_spaces_and_tabs_only, 0, ARRAY_LEN(TRIMS));
    tcase_add_test(tc, trim_stays_inside_the_slice);
    tcase_add_test(tc, cut_walks_a_list);
    tcase_add_test(tc, cut_without_separator_takes_all);
    tcase_add_test(tc, find_gives_the_first_place_or_the_length);
    tcase_add_test(tc, range_spans_two_pointers);
    tcase_add_loop_test(tc, numbers_are_plain_digits_up_to_max, 0, ARRAY_LEN(NUMBERS));
    tcase_add_test(tc, number_ends_with_the_slice);
    suite_add_tcase(suite, tc);
    return suite;
}
