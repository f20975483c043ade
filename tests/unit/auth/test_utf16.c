/* SPDX-License-Identifier: MIT */
/* test_utf16.c - UTF-16LE to and from UTF-8, and its capitals. */
#include <check.h>
#include <locale.h>
#include <string.h>
#include <wctype.h>

#include "auth/utf16.h"

struct pair {
    const char *utf8;
    struct str units;
};

/* RFC 3629 section 7 and RFC 2781 section 5 (U+12345), and each edge of a range. */
static const struct pair pairs[] = {
    {"", {NULL, 0}},
    {"A\xE2\x89\xA2\xCE\x91.", {"A\0\x62\x22\x91\x03.\0", 8}},
    {"\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4", {"\x5c\xd5\x6d\xad\xb4\xc5", 6}},
    {"\xF0\xA3\x8E\xB4", {"\x4c\xd8\xb4\xdf", 4}},
    {"\xF0\x92\x8D\x85=Ra", {"\x08\xd8\x45\xdf=\0R\0a\0", 10}},
    {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80", {"\x7f\0\x80\0\xff\x07\0\x08", 8}},
    {"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", {"\xff\xd7\x00\xe0\xff\xff", 6}},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", {"\x00\xd8\x00\xdc\xff\xdb\xff\xdf", 8}},
};

START_TEST(converts_both_ways)
{
    const struct pair *p = &pairs[_i];
    unsigned char units[64];
    char text[64];
    size_t len;
    ck_assert_int_eq(utf16_from_utf8(str_of(p->utf8), units, sizeof(units), &len), 0);
    ck_assert(str_eq((struct str){(char *)units, len}, p->units));
    ck_assert_int_eq(utf16_to_utf8(p->units, text, sizeof(text), &len), 0);
    ck_assert(str_eq((struct str){text, len}, str_of(p->utf8)));
}
END_TEST

/* RFC 3629 sections 3 and 10: overlong, surrogates, beyond the end, torn. */
static const char *const bad_utf8[] = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xe0\x80\xaf",
    "\xe0\x9f\xbf",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x80\x80\xaf",
    "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xf8\x88\x80\x80\x80",
    "\xfe",
    "\xff",
    "\xc2",
    "\xe2\x89",
    "\xf0\xa3\x8e",
    "\xc2\x41",
    "\xe2\x89\x41",
    "a\xf0\xa3\x8e\xff",
};

START_TEST(refuses_what_is_not_utf8)
{
    unsigned char units[64];
    size_t len;
    ck_assert_int_eq(utf16_from_utf8(str_of(bad_utf8[_i]), units, sizeof(units), &len), -1);
}
END_TEST

/* RFC 2781 section 2.2: surrogates come in pairs, the high one first. */
static const struct str bad_utf16[] = {
    {"a", 1},
    {"\x00\xd8", 2},
    {"\x00\xdc", 2},
    {"\x00\xdc\x00\xd8", 4},
    {"a\0b", 3},
    {"\x00\xd8\x00\xd8", 4},
    {"\x00\xd8"
     "a\0",
     4},
    {"\xff\xdb\xff", 3},
};

START_TEST(refuses_what_is_not_utf16)
{
    char text[64];
    size_t len;
    ck_assert_int_eq(utf16_to_utf8(bad_utf16[_i], text, sizeof(text), &len), -1);
}
END_TEST

START_TEST(stops_where_there_is_no_room)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        unsigned char units[64];
        char text[64];
        size_t len;
        for (size_t room = 0; room < pairs[i].units.len; room++)
            ck_assert_int_eq(utf16_from_utf8(str_of(pairs[i].utf8), units, room, &len), -1);
        for (size_t room = 0; room < strlen(pairs[i].utf8); room++)
            ck_assert_int_eq(utf16_to_utf8(pairs[i].units, text, room, &len), -1);
    }
}
END_TEST

/* What Windows leaves alone and Unicode does not: see utf16.h. */
static bool is_left_alone(uint16_t unit)
{
    static const uint16_t single[] = {0x00b5, 0x0131, 0x017f, 0x01c5, 0x01c8, 0x01cb,
                                      0x01f2, 0x0345, 0x03d0, 0x03d1, 0x03d5, 0x03d6,
                                      0x03f0, 0x03f1, 0x03f5, 0x1e9b, 0x1fbe};
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        if (unit == single[i])
            return true;
    return (unit >= 0x10d0 && unit <= 0x10ff) || (unit >= 0x13f8 && unit <= 0x13fd) ||
           (unit >= 0x1c80 && unit <= 0x1c88) || (unit >= 0xab70 && unit <= 0xabbf);
}

START_TEST(capitals_are_those_of_the_c_library)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    unsigned changed = 0;
    for (unsigned unit = 0; unit <= 0xffff; unit++) {
        wint_t want = towupper((wint_t)unit);
        if (want > 0xffff || is_left_alone((uint16_t)unit))
            want = (wint_t)unit;
        ck_assert_msg(utf16_upper_unit((uint16_t)unit) == want, "U+%04X gives U+%04X, not U+%04X",
                      unit, utf16_upper_unit((uint16_t)unit), (unsigned)want);
        changed += want != (wint_t)unit;
    }
    ck_assert_uint_gt(changed, 1000);
}
END_TEST

/* From the up-case table that Microsoft publishes with the exFAT specification (section
 * 7.2.5.1): what it says of the letters that names have, and of the odd ones. */
START_TEST(capitals_are_those_of_windows)
{
    static const uint16_t table[][2] = {
        {'a', 'A'},       {'z', 'Z'},       {'{', '{'},       {0xb5, 0xb5},     {0xdf, 0xdf},
        {0xe0, 0xc0},     {0xf7, 0xf7},     {0xfe, 0xde},     {0xff, 0x178},    {0x131, 0x131},
        {0x17e, 0x17d},   {0x17f, 0x17f},   {0x1c5, 0x1c5},   {0x1c6, 0x1c4},   {0x259, 0x18f},
        {0x390, 0x390},   {0x3ac, 0x386},   {0x3c2, 0x3a3},   {0x3c3, 0x3a3},   {0x3ce, 0x38f},
        {0x3d0, 0x3d0},   {0x3f2, 0x3f9},   {0x430, 0x410},   {0x44f, 0x42f},   {0x45f, 0x40f},
        {0x491, 0x490},   {0x4cf, 0x4c0},   {0x561, 0x531},   {0x586, 0x556},   {0x587, 0x587},
        {0x1e01, 0x1e00}, {0x1e9b, 0x1e9b}, {0x1ef9, 0x1ef8}, {0x1f00, 0x1f08}, {0x1f51, 0x1f59},
        {0x1fbe, 0x1fbe}, {0x2170, 0x2160}, {0x24d0, 0x24b6}, {0x2c30, 0x2c00}, {0xff41, 0xff21},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ck_assert_uint_eq(utf16_upper_unit(table[i][0]), table[i][1]);
}
END_TEST

START_TEST(raises_names_in_place)
{
    unsigned char name[] = "j\0\xfc\0r\0g\0e\0n\0.\0\x3d\xd8\x00\xde";
    utf16_upper(name, sizeof(name) - 1);
    ck_assert_mem_eq(name, "J\0\xdc\0R\0G\0E\0N\0.\0\x3d\xd8\x00\xde", sizeof(name) - 1);
    unsigned char odd[] = "a\0b";
    utf16_upper(odd, 3);
    ck_assert_mem_eq(odd, "A\0b", 3);
}
END_TEST

Suite *utf16_suite(void);

Suite *utf16_suite(void)
{
    Suite *suite = suite_create("utf16");
    TCase *cases = tcase_create("utf16");
    tcase_add_loop_test(cases, converts_both_ways, 0, (int)ARRAY_LEN(pairs));
    tcase_add_loop_test(cases, refuses_what_is_not_utf8, 0, (int)ARRAY_LEN(bad_utf8));
    tcase_add_loop_test(cases, refuses_what_is_not_utf16, 0, (int)ARRAY_LEN(bad_utf16));
    tcase_add_test(cases, stops_where_there_is_no_room);
    tcase_add_test(cases, capitals_are_those_of_the_c_library);
    tcase_add_test(cases, capitals_are_those_of_windows);
    tcase_add_test(cases, raises_names_in_place);
    suite_add_tcase(suite, cases);
    return suite;
}
