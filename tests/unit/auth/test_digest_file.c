/* SPDX-License-Identifier: MIT */
/* test_digest_file.c - htdigest files, and what is offered for them. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/auth/digest_fixture.h"

static size_t offered(const char *text, enum digest_algorithm out[DIGEST_ALGORITHMS])
{
    errlist_fini(&fixture.faults);
    errlist_init(&fixture.faults);
    ck_assert_ptr_nonnull(digest_load(REALM, text));
    ck_assert_uint_eq(fixture.faults.errors, 0);
    return digest_offered(fixture.digest, out);
}

static bool warns(const char *text)
{
    for (size_t i = 0; i < fixture.faults.count; i++) {
        if (strcmp(fixture.faults.items[i].text, text) == 0)
            return fixture.faults.items[i].is_warning &&
                   strcmp(fixture.faults.items[i].file, "users.htdigest") == 0;
    }
    return false;
}

START_TEST(offers_what_everybody_can_answer)
{
    enum digest_algorithm out[DIGEST_ALGORITHMS];
    ck_assert_uint_eq(offered(EVERYBODY, out), 2);
    ck_assert(out[0] == DIGEST_SHA256 && out[1] == DIGEST_MD5);
    ck_assert_uint_eq(fixture.faults.count, 0);
    ck_assert_uint_eq(offered(ALICE_MD5 BOB_MD5 BOB_SHA JOES_MD5, out), 1);
    ck_assert_int_eq(out[0], DIGEST_MD5);
    ck_assert_uint_eq(fixture.faults.count, 1);
    ck_assert(warns("alice has no SHA-256 line: SHA-256 is not offered"));
    ck_assert_uint_eq(offered(ALICE_SHA, out), 1);
    ck_assert_int_eq(out[0], DIGEST_SHA256);
    ck_assert(warns("alice has no MD5 line: MD5 is not offered"));
    /* Who has a line of it can still use what is not offered. */
    ck_assert_uint_eq(offered(ALICE_MD5 BOB_MD5 BOB_SHA, out), 1);
    struct digest_client c = digest_alice(DIGEST_SHA256);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
    c.user = "bob";
    c.password = "pass word";
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
}
END_TEST

START_TEST(offers_something_in_any_case)
{
    enum digest_algorithm out[DIGEST_ALGORITHMS];
    ck_assert_uint_eq(offered(ALICE_MD5 BOB_SHA, out), 1);
    ck_assert_int_eq(out[0], DIGEST_SHA256);
    ck_assert_uint_eq(fixture.faults.count, 2);
    ck_assert(warns("bob has no MD5 line: MD5 is not offered"));
    ck_assert_uint_eq(offered("", out), 2);
    ck_assert_uint_eq(fixture.faults.count, 1);
    ck_assert(warns("no line is of the realm \"" REALM "\": nobody can use digest"));
    ck_assert_uint_eq(offered("alice:Corporate:e7fc8173824cb19f1e2da75acc9824d6\n", out), 2);
    ck_assert(warns("no line is of the realm \"" REALM "\": nobody can use digest"));
}
END_TEST

START_TEST(takes_only_algorithms_of_the_settings)
{
    enum digest_algorithm out[DIGEST_ALGORITHMS];
    struct digest_settings settings = {.realm = REALM,
                                       .algorithms = {DIGEST_SHA256},
                                       .algorithm_count = 1,
                                       .nonce_lifetime_s = LIFETIME};
    struct digest_client c = digest_alice(DIGEST_MD5);
    digest_free(fixture.digest);
    fixture.digest = digest_new(&settings, STR_LIT(EVERYBODY), "users.htdigest", &fixture.faults);
    ck_assert_ptr_nonnull(fixture.digest);
    ck_assert_uint_eq(digest_offered(fixture.digest, out), 1);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_BAD);
    c = digest_alice(DIGEST_SHA256);
    ck_assert_int_eq(
        digest_judge(CONNECT, digest_alter(digest_answer(&c), ", algorithm=SHA-256", "")),
        DIGEST_BAD);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
    /* Only MD5 lines: SHA-256 is all there is to offer. */
    digest_free(fixture.digest);
    fixture.digest = digest_new(&settings, STR_LIT(ALICE_MD5), "users.htdigest", &fixture.faults);
    ck_assert_ptr_nonnull(fixture.digest);
    ck_assert_uint_eq(digest_offered(fixture.digest, out), 1);
    ck_assert_int_eq(out[0], DIGEST_SHA256);
    ck_assert_uint_eq(fixture.faults.count, 1);
    ck_assert_uint_eq(fixture.faults.errors, 0);
}
END_TEST

START_TEST(reads_files_of_all_kinds)
{
    enum digest_algorithm out[DIGEST_ALGORITHMS];
    ck_assert_uint_eq(offered("# users\r\n\r\n\nalice:other:00000000000000000000000000000000\r\n"
                              "alice:" REALM ":E7FC8173824CB19F1E2DA75ACC9824D6\r\n"
                              "#bob:" REALM ":nothing",
                              out),
                      1);
    struct digest_client c = digest_alice(DIGEST_MD5);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
    ck_assert_ptr_nonnull(digest_load("a:b", "alice:a:b:e7fc8173824cb19f1e2da75acc9824d6"));
    ck_assert_uint_eq(digest_offered(fixture.digest, out), 1);
}
END_TEST

/* Each with its line, and never with the hash. */
START_TEST(reports_every_fault_of_a_file)
{
    char text[2048];
    snprintf(text, sizeof(text),
             ALICE_MD5 "alice\nalice:" REALM "\n:" REALM ":e7fc8173824cb19f1e2da75acc9824d6\n"
                       "carol:" REALM ":e7fc8173824cb19f1e2da75acc9824d\n"
                       "dave:" REALM ":e7fc8173824cb19f1e2da75acc9824dg\n" ALICE_MD5 "%0256d:" REALM
                       ":e7fc8173824cb19f1e2da75acc9824d6\n"
                       "a\tb:" REALM ":e7fc8173824cb19f1e2da75acc9824d6\n",
             0);
    ck_assert_ptr_null(digest_load(REALM, text));
    ck_assert_uint_eq(fixture.faults.errors, 8);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_uint_eq(fixture.faults.items[i].line, i + 2);
        ck_assert_str_eq(fixture.faults.items[i].file, "users.htdigest");
        ck_assert_ptr_null(strstr(fixture.faults.items[i].text, "e7fc"));
    }
}
END_TEST

START_TEST(reports_faults_of_the_settings)
{
    struct digest_settings settings = {.realm = "a\nb",
                                       .algorithms = {DIGEST_MD5},
                                       .algorithm_count = 1,
                                       .secret = STR_LIT("fifteen bytes..")};
    ck_assert_ptr_null(digest_new(&settings, STR_LIT(""), "users.htdigest", &fixture.faults));
    ck_assert_uint_eq(fixture.faults.errors, 2);
    char realm[257];
    memset(realm, 'a', 256);
    realm[256] = '\0';
    settings = (struct digest_settings){.realm = realm, .algorithm_count = 1};
    ck_assert_ptr_null(digest_new(&settings, STR_LIT(""), "users.htdigest", &fixture.faults));
    ck_assert_uint_eq(fixture.faults.errors, 3);
    digest_free(NULL);
}
END_TEST

Suite *digest_file_suite(void);

Suite *digest_file_suite(void)
{
    Suite *suite = suite_create("digest_file");
    TCase *cases = tcase_create("digest_file");
    tcase_add_checked_fixture(cases, digest_setup, digest_teardown);
    tcase_add_test(cases, offers_what_everybody_can_answer);
    tcase_add_test(cases, offers_something_in_any_case);
    tcase_add_test(cases, takes_only_algorithms_of_the_settings);
    tcase_add_test(cases, reads_files_of_all_kinds);
    tcase_add_test(cases, reports_every_fault_of_a_file);
    tcase_add_test(cases, reports_faults_of_the_settings);
    suite_add_tcase(suite, cases);
    return suite;
}
