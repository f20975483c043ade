/* SPDX-License-Identifier: MIT */
/* test_base64.c - the vectors of RFC 4648 section 10, and what is no base64. */
#include <check.h>
#include <string.h>

#include "tests/unit/util/suites.h"
#include "util/base64.h"

static const struct {
    const char *plain, *coded;
} VECTORS[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

START_TEST(vectors_both_ways)
{
    char out[16];
    size_t len;
    struct str plain = str_of(VECTORS[_i].plain), coded = str_of(VECTORS[_i].coded);
    len = base64_encode(plain, out);
    ck_assert_uint_eq(len, BASE64_SIZE(plain.len));
    ck_assert(str_eq((struct str){out, len}, coded));
    ck_assert_int_eq(base64_decode(coded, out, &len), 0);
    ck_assert(str_eq((struct str){out, len}, plain));
}
END_TEST

static const char *const BAD[] = {
    "Z",    "Zg",   "Zg=",   "Zh==",     "Zm9=",     "====",     "=Zg=", "Zg==Zg==",
    "Zm9v ", "Zm-v", "Z\ng==", "Zm9vYg=v", "Zm9vY===", "Zm9v\xc3\xa4YmF",
};

START_TEST(anything_else_is_refused)
{
    char out[16];
    size_t len;
    ck_assert_int_eq(base64_decode(str_of(BAD[_i]), out, &len), -1);
}
END_TEST

START_TEST(decodes_in_place)
{
    char text[] = "Zm9vYmFy";
    size_t len;
    ck_assert_int_eq(base64_decode((struct str){text, 8}, text, &len), 0);
    ck_assert_uint_eq(len, 6);
    ck_assert_int_eq(memcmp(text, "foobar", 6), 0);
}
END_TEST

Suite *base64_suite(void)
{
    Suite *suite = suite_create("base64");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, vectors_both_ways, 0, ARRAY_LEN(VECTORS));
    tcase_add_loop_test(tc, anything_else_is_refused, 0, ARRAY_LEN(BAD));
    tcase_add_test(tc, decodes_in_place);
    suite_add_tcase(suite, tc);
    return suite;
}
