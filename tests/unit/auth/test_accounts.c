/* SPDX-License-Identifier: MIT */
/* test_accounts.c - names and their values. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/accounts.h"

static void add(struct accounts *a, const char *name, int value)
{
    bool is_new;
    int *slot = accounts_add(a, str_of(name), &is_new);
    ck_assert(is_new);
    *slot = value;
}

START_TEST(finds_what_was_added)
{
    struct accounts *a = accounts_new(sizeof(int), false);
    char name[32];
    const char *written = NULL;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "user%d", i * 7919 % 1000);
        add(a, name, i);
    }
    accounts_seal(a);
    ck_assert_uint_eq(accounts_count(a), 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "user%d", i * 7919 % 1000);
        const int *value = accounts_find(a, str_of(name), &written);
        ck_assert_ptr_nonnull(value);
        ck_assert_int_eq(*value, i);
        ck_assert_str_eq(written, name);
    }
    ck_assert_ptr_null(accounts_find(a, STR_LIT("user"), NULL));
    ck_assert_ptr_null(accounts_find(a, STR_LIT("User1"), NULL));
    ck_assert_ptr_null(accounts_find(a, STR_LIT(""), NULL));
    for (size_t i = 1; i < 1000; i++)
        ck_assert_int_lt(strcmp(accounts_name(a, i - 1), accounts_name(a, i)), 0);
    accounts_free(a);
}
END_TEST

START_TEST(knows_a_name_that_comes_again)
{
    struct accounts *a = accounts_new(sizeof(int), false);
    bool is_new;
    add(a, "alice", 1);
    add(a, "Alice", 2);
    int *value = accounts_add(a, STR_LIT("alice"), &is_new);
    ck_assert(!is_new);
    ck_assert_int_eq(*value, 1);
    accounts_free(a);
}
END_TEST

START_TEST(folded_names_keep_their_spelling)
{
    struct accounts *a = accounts_new(sizeof(int), true);
    bool is_new;
    const char *written = NULL;
    add(a, "Alice", 1);
    accounts_add(a, STR_LIT("aLICE"), &is_new);
    ck_assert(!is_new);
    accounts_seal(a);
    ck_assert_ptr_nonnull(accounts_find(a, STR_LIT("ALICE"), &written));
    ck_assert_str_eq(written, "Alice");
    accounts_free(a);
}
END_TEST

START_TEST(holds_nobody)
{
    struct accounts *a = accounts_new(sizeof(int), false);
    accounts_seal(a);
    ck_assert_ptr_null(accounts_find(a, STR_LIT("alice"), NULL));
    accounts_free(a);
    accounts_free(NULL);
}
END_TEST

Suite *accounts_suite(void);

Suite *accounts_suite(void)
{
    Suite *suite = suite_create("accounts");
    TCase *cases = tcase_create("accounts");
    tcase_add_test(cases, finds_what_was_added);
    tcase_add_test(cases, knows_a_name_that_comes_again);
    tcase_add_test(cases, folded_names_keep_their_spelling);
    tcase_add_test(cases, holds_nobody);
    suite_add_tcase(suite, cases);
    return suite;
}
