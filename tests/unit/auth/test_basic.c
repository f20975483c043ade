/* SPDX-License-Identifier: MIT */
/* test_basic.c - the names of schemes, and Basic with the vectors of RFC 7617. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth/basic.h"
#include "auth/scheme.h"
#include "util/mem.h"

START_TEST(basic_as_in_the_rfc)
{
    /* RFC 7617 section 2 and section 2.1 (the pound sign as UTF-8). */
    char *plain = basic_credentials(STR_LIT("Aladdin"), STR_LIT("open sesame"));
    char *utf8 = basic_credentials(STR_LIT("test"), STR_LIT("123\xc2\xa3"));
    ck_assert_str_eq(plain, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    ck_assert_str_eq(utf8, "Basic dGVzdDoxMjPCow==");
    mem_free(plain);
    mem_free(utf8);
}
END_TEST

START_TEST(basic_refuses)
{
    char long_password[BASIC_MAX];
    memset(long_password, 'x', sizeof(long_password));
    ck_assert_ptr_null(basic_credentials(STR_LIT("a:b"), STR_LIT("c")));
    ck_assert_ptr_null(
        basic_credentials(STR_LIT("a"), (struct str){long_password, BASIC_MAX - 1}));
    char *longest = basic_credentials(STR_LIT("a"), (struct str){long_password, BASIC_MAX - 2});
    ck_assert_ptr_nonnull(longest);
    ck_assert_uint_eq(strlen(longest), 6 + (BASIC_MAX + 2) / 3 * 4);
    mem_free(longest);
    char *empty = basic_credentials(STR_LIT(""), STR_LIT(""));
    ck_assert_str_eq(empty, "Basic Og==");
    mem_free(empty);
}
END_TEST

START_TEST(schemes_have_names)
{
    enum auth_scheme scheme;
    for (unsigned i = 0; i < AUTH_SCHEME_COUNT; i++) {
        const char *name = scheme_name((enum auth_scheme)i);
        ck_assert_int_eq(scheme_parse(&scheme, str_of(name)), 0);
        ck_assert_uint_eq(scheme, i);
        ck_assert_ptr_nonnull(strstr(scheme_names(), name));
    }
    ck_assert_int_eq(scheme_parse(&scheme, STR_LIT("kerberos")), -1);
    ck_assert_int_eq(scheme_parse(&scheme, STR_LIT("Basic")), -1);
    ck_assert_int_eq(scheme_parse(&scheme, STR_LIT("")), -1);
}
END_TEST

Suite *basic_suite(void);

Suite *basic_suite(void)
{
    Suite *suite = suite_create("basic");
    TCase *cases = tcase_create("basic");
    tcase_add_test(cases, basic_as_in_the_rfc);
    tcase_add_test(cases, basic_refuses);
    tcase_add_test(cases, schemes_have_names);
    suite_add_tcase(suite, cases);
    return suite;
}
