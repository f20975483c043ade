/* SPDX-License-Identifier: MIT */
/* test_chars.c - the byte classes against the grammar of the RFCs. */
#include "tests/unit/http/suites.h"

#include <string.h>

#include "proxy/http/chars.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

static const struct {
    unsigned class;
    const char *members;
} CLASSES[] = {
    {CHARS_TOKEN, "!#$%&'*+-.^_`|~" DIGIT ALPHA}, /* RFC 9110 section 5.6.2 */
    {CHARS_DIGIT, DIGIT},                         /* RFC 5234 appendix B.1 */
    {CHARS_HEX, DIGIT "ABCDEFabcdef"},            /* RFC 5234, section 2.3: any case */
    {CHARS_REG_NAME, ALPHA DIGIT "-._~"
                                 "!$&'()*+,;="}, /* RFC 3986 sections 2.2 and 2.3 */
    {CHARS_SCHEME, ALPHA DIGIT "+-."},           /* RFC 3986 section 3.1 */
    {CHARS_BLANK, " \t"},                        /* WSP */
};

START_TEST(class_is_as_in_rfc)
{
    for (int c = 0; c < 256; c++) {
        bool expected = c != 0 && strchr(CLASSES[_i].members, c) != NULL;
        ck_assert_msg(chars_is((char)c, CLASSES[_i].class) == expected, "class 0x%02x, byte 0x%02x",
                      CLASSES[_i].class, (unsigned)c);
    }
}
END_TEST

START_TEST(visible_is_vchar)
{
    for (int c = 0; c < 256; c++)
        ck_assert_int_eq(chars_is((char)c, CHARS_VISIBLE), c >= 0x21 && c <= 0x7e);
}
END_TEST

START_TEST(skip_stops_at_the_first_other_byte)
{
    const char text[] = "abc 12";
    ck_assert_ptr_eq(chars_skip(text, text + 6, CHARS_TOKEN), text + 3);
    ck_assert_ptr_eq(chars_skip(text, text + 2, CHARS_TOKEN), text + 2);
    ck_assert_ptr_eq(chars_skip(text, text + 6, CHARS_TOKEN | CHARS_BLANK), text + 6);
    ck_assert_ptr_eq(chars_skip(text, text, CHARS_TOKEN), text);
}
END_TEST

Suite *chars_suite(void)
{
    Suite *suite = suite_create("chars");
    TCase *tc = tcase_create("classes");
    tcase_add_loop_test(tc, class_is_as_in_rfc, 0, sizeof(CLASSES) / sizeof(CLASSES[0]));
    tcase_add_test(tc, visible_is_vchar);
    tcase_add_test(tc, skip_stops_at_the_first_other_byte);
    suite_add_tcase(suite, tc);
    return suite;
}
