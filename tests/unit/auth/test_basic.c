/* SPDX-License-Identifier: MIT */
/* test_basic.c - the names of schemes, and Basic with the vectors of RFC 7617. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/basic.h"
#include "auth/scheme.h"
#include "util/base64.h"
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

/* Both parts as text with a '|' between; "-" where they are refused. */
static const char *parse(struct str base64, char out[600])
{
    struct basic_secret secret;
    snprintf(out, 600, "-");
    if (basic_parse(base64, &secret) == 0)
        snprintf(out, 600, "%s|%s", secret.user, secret.password);
    basic_secret_fini(&secret);
    return out;
}

static const char *parse_plain(struct str plain, char out[600])
{
    char coded[BASE64_SIZE(1024)];
    return parse((struct str){coded, base64_encode(plain, coded)}, out);
}

START_TEST(basic_is_read)
{
    char out[600];
    /* RFC 7617 sections 2 and 2.1. */
    ck_assert_str_eq(parse(STR_LIT("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), out), "Aladdin|open sesame");
    ck_assert_str_eq(parse(STR_LIT("dGVzdDoxMjPCow=="), out), "test|123\xc2\xa3");
    ck_assert_str_eq(parse_plain(STR_LIT("alice:a:b:"), out), "alice|a:b:");
    ck_assert_str_eq(parse_plain(STR_LIT("alice:"), out), "alice|");
    ck_assert_str_eq(parse_plain(STR_LIT("J\xc3\xbcrgen Klein: x "), out),
                     "J\xc3\xbcrgen Klein| x ");
}
END_TEST

/* The same names and passwords from clients that send Latin-1: each part for itself. */
START_TEST(latin_1_becomes_utf_8)
{
    char out[600], plain[BASIC_PASSWORD_MAX + 2] = "a:";
    ck_assert_str_eq(parse_plain(STR_LIT("zo\xeb:P\xe4ssw\xf6rd \xff"), out),
                     "zo\xc3\xab|P\xc3\xa4ssw\xc3\xb6rd \xc3\xbf");
    ck_assert_str_eq(parse_plain(STR_LIT("zo\xc3\xab:\xe9\x41"), out), "zo\xc3\xab|\xc3\xa9\x41");
    memset(plain + 2, 0xe9, BASIC_PASSWORD_MAX / 2);
    ck_assert_str_ne(parse_plain((struct str){plain, 2 + BASIC_PASSWORD_MAX / 2}, out), "-");
    plain[2 + BASIC_PASSWORD_MAX / 2] = 'x';
    ck_assert_str_eq(parse_plain((struct str){plain, 3 + BASIC_PASSWORD_MAX / 2}, out), "-");
}
END_TEST

START_TEST(basic_that_is_none)
{
    static const char *const coded[] = {
        "", "=", "QWxhZGRpbjpvcGVuIHNlc2FtZQ", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=", "QWxhZGRpbg==",
        "QWxhZGRpbjpvcGVuIHNlc2FtZR==", " QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjp-",
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ== ", "QWxhZGRp\r\nbjpv", "QWxh====", "Og==", "OnB3",
    };
    static const struct str plain[] = {
        {"Secret1\0x:pw", 12}, {"alice:Secret1\0x", 15}, {"alice:Secret1\0", 14}, {"al\nice:pw", 9},
        {"alice:p\x7fw", 9}, {"alice:p\tw", 9}, {"alice:\r", 7}, {"\0:x", 3}, {"alice", 5},
    };
    char out[600];
    for (size_t i = 0; i < ARRAY_LEN(coded); i++)
        ck_assert_msg(strcmp(parse(str_of(coded[i]), out), "-") == 0, "%s: %s", coded[i], out);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        ck_assert_msg(strcmp(parse_plain(plain[i], out), "-") == 0, "%zu: %s", i, out);
}
END_TEST

START_TEST(basic_has_its_limits)
{
    char text[ACCOUNT_NAME_MAX + BASIC_PASSWORD_MAX + 3], out[600];
    const size_t longest = ACCOUNT_NAME_MAX + 1 + BASIC_PASSWORD_MAX;
    memset(text, 'a', sizeof(text));
    text[ACCOUNT_NAME_MAX] = ':';
    ck_assert_uint_eq(strlen(parse_plain((struct str){text, longest}, out)), longest);
    ck_assert_str_eq(parse_plain((struct str){text, longest + 1}, out), "-");
    ck_assert_str_eq(parse_plain((struct str){text, longest + 2}, out), "-");
    text[ACCOUNT_NAME_MAX] = 'a';
    text[ACCOUNT_NAME_MAX + 1] = ':';
    ck_assert_str_eq(parse_plain((struct str){text, ACCOUNT_NAME_MAX + 10}, out), "-");
}
END_TEST

START_TEST(basic_secrets_go)
{
    static const struct basic_secret zero;
    struct basic_secret secret;
    ck_assert_int_eq(basic_parse(STR_LIT("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), &secret), 0);
    basic_secret_fini(&secret);
    ck_assert_int_eq(memcmp(&secret, &zero, sizeof(zero)), 0);
    memset(&secret, 'x', sizeof(secret));
    ck_assert_int_eq(basic_parse(STR_LIT("QWxhZGRpbjpvcGVuIAo="), &secret), -1);
    ck_assert_int_eq(memcmp(&secret, &zero, sizeof(zero)), 0);
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
    tcase_add_test(cases, basic_is_read);
    tcase_add_test(cases, latin_1_becomes_utf_8);
    tcase_add_test(cases, basic_that_is_none);
    tcase_add_test(cases, basic_has_its_limits);
    tcase_add_test(cases, basic_secrets_go);
    tcase_add_test(cases, schemes_have_names);
    suite_add_tcase(suite, cases);
    return suite;
}
