/* SPDX-License-Identifier: MIT */
/* test_err.c - sentences with a place, and lists of them. */
#include "tests/unit/util/suites.h"

#include <stdio.h>
#include <string.h>

#include "util/err.h"

START_TEST(set_returns_minus_one_and_keeps_the_sentence)
{
    struct err e;
    struct place place = {"sallyport.conf", 12};
    char out[128];
    ck_assert_int_eq(err_set(&e, &place, "port %d is above %s", 70000, "65535"), -1);
    ck_assert_str_eq(e.text, "port 70000 is above 65535");
    ck_assert_str_eq(e.file, "sallyport.conf");
    ck_assert_uint_eq(e.line, 12);
    ck_assert(!e.is_warning);
    ck_assert_ptr_eq(err_format(&e, out, sizeof(out)), out);
    ck_assert_str_eq(out, "sallyport.conf:12: port 70000 is above 65535");
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    ck_assert_int_eq(err_set(NULL, NULL, "lost"), -1);
}
END_TEST

START_TEST(what_has_no_place_is_printed_without)
{
    struct err e;
    struct place nowhere = {NULL, 7}, whole_file = {"a.conf", 0};
    char out[64];
    (void)err_set(&e, NULL, "no place");
    ck_assert_str_eq(err_format(&e, out, sizeof(out)), "no place");
    (void)err_set(&e, &nowhere, "no file");
    ck_assert_str_eq(err_format(&e, out, sizeof(out)), "no file");
    ck_assert_uint_eq(e.line, 0);
    (void)err_set(&e, &whole_file, "cannot be read");
    ck_assert_str_eq(err_format(&e, out, sizeof(out)), "a.conf: cannot be read");
}
END_TEST

START_TEST(a_second_set_forgets_the_first)
{
    struct err e;
    struct place place = {"a.conf", 3};
    char out[64];
    (void)err_set(&e, &place, "first and rather long");
    (void)err_set(&e, NULL, "second");
    ck_assert_str_eq(err_format(&e, out, sizeof(out)), "second");
}
END_TEST

START_TEST(an_err_can_be_wrapped_into_itself)
{
    struct err e;
    struct place place = {"a.conf", 3};
    char out[64];
    (void)err_set(&e, &place, "no such file");
    struct place same = {e.file, 4};
    (void)err_set(&e, &same, "certificate: %s", e.text);
    ck_assert_str_eq(err_format(&e, out, sizeof(out)), "a.conf:4: certificate: no such file");
}
END_TEST

START_TEST(long_texts_are_cut_not_overrun)
{
    struct err e;
    char name[1000], out[16];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct place place = {name, 1};
    (void)err_set(&e, &place, "%s", name);
    ck_assert_uint_eq(strlen(e.file), sizeof(e.file) - 1);
    ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
    err_format(&e, out, sizeof(out));
    ck_assert_uint_eq(strlen(out), sizeof(out) - 1);
}
END_TEST

START_TEST(lists_keep_order_and_count_errors)
{
    struct errlist list;
    struct place place = {"a.conf", 1};
    struct err third;
    char out[64];
    errlist_init(&list);
    ck_assert_uint_eq(list.count, 0);
    errlist_add(&list, &place, "error %d", 1);
    errlist_warn(&list, &place, "warning %d", 2);
    (void)err_set(&third, NULL, "error 3");
    errlist_add_err(&list, &third);
    errlist_add_err(&list, &list.items[1]);
    ck_assert_uint_eq(list.count, 4);
    ck_assert_uint_eq(list.errors, 2);
    ck_assert_str_eq(err_format(&list.items[0], out, sizeof(out)), "a.conf:1: error 1");
    ck_assert_str_eq(err_format(&list.items[1], out, sizeof(out)), "a.conf:1: warning: warning 2");
    ck_assert_str_eq(err_format(&list.items[2], out, sizeof(out)), "error 3");
    ck_assert(list.items[3].is_warning);
    ck_assert_str_eq(list.items[3].text, "warning 2");
    errlist_fini(&list);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_uint_eq(list.errors, 0);
}
END_TEST

START_TEST(a_list_is_bounded_but_counts_on)
{
    struct errlist list;
    char want[32];
    errlist_init(&list);
    for (int i = 1; i <= 1500; i++)
        errlist_add(&list, NULL, "error %d", i);
    ck_assert_uint_eq(list.count, 1000);
    ck_assert_uint_eq(list.errors, 1500);
    snprintf(want, sizeof(want), "error %d", 1000);
    ck_assert_str_eq(list.items[999].text, want);
    errlist_fini(&list);
}
END_TEST

Suite *err_suite(void)
{
    Suite *suite = suite_create("err");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, set_returns_minus_one_and_keeps_the_sentence);
    tcase_add_test(tc, nobody_has_to_listen);
    tcase_add_test(tc, what_has_no_place_is_printed_without);
    tcase_add_test(tc, a_second_set_forgets_the_first);
    tcase_add_test(tc, an_err_can_be_wrapped_into_itself);
    tcase_add_test(tc, long_texts_are_cut_not_overrun);
    tcase_add_test(tc, lists_keep_order_and_count_errors);
    tcase_add_test(tc, a_list_is_bounded_but_counts_on);
    suite_add_tcase(suite, tc);
    return suite;
}
