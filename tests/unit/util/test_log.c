/* SPDX-License-Identifier: MIT */
/* test_log.c - the error log: its lines, reopening, and files that cannot be. */
#include "tests/unit/util/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/util/logfile.h"
#include "util/log.h"

static struct logfile file;

static void set_up(void)
{
    logfile_init(&file);
}

static void tear_down(void)
{
    struct err e;
    (void)!log_open("stderr", &e);
    logfile_fini(&file);
}

START_TEST(lines_have_stamp_and_level)
{
    struct err e;
    ck_assert_int_eq(log_open(file.path, &e), 0);
    log_line(LOG_ERROR, "first %d", 1);
    log_line(LOG_WARNING, "second %s", "line");
    log_line(LOG_NOTICE, "third");
    char *text = logfile_read(file.path), *rest = text;
    ck_assert_str_eq(logfile_text(strsep(&rest, "\n"), "error"), "first 1");
    ck_assert_str_eq(logfile_text(strsep(&rest, "\n"), "warning"), "second line");
    ck_assert_str_eq(logfile_text(strsep(&rest, "\n"), "notice"), "third");
    ck_assert_str_eq(rest, "");
    free(text);
}
END_TEST

START_TEST(a_long_message_is_cut_and_still_one_line)
{
    struct err e;
    char message[3000];
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    ck_assert_int_eq(log_open(file.path, &e), 0);
    log_line(LOG_NOTICE, "%s", message);
    char *text = logfile_read(file.path);
    ck_assert_uint_eq(strlen(text), 1000);
    ck_assert_ptr_eq(strchr(text, '\n'), text + 999);
    ck_assert_uint_eq(strspn(logfile_text(text, "notice"), "x"), 1000 - 24 - 20 - 1);
    free(text);
}
END_TEST

START_TEST(a_moved_file_is_opened_anew)
{
    struct err e;
    ck_assert_int_eq(log_open(file.path, &e), 0);
    log_line(LOG_NOTICE, "before");
    ck_assert_int_eq(rename(file.path, file.rotated), 0);
    log_line(LOG_NOTICE, "moved");
    ck_assert_int_eq(log_open(file.path, &e), 0);
    log_line(LOG_NOTICE, "after");
    char *old = logfile_read(file.rotated), *fresh = logfile_read(file.path);
    ck_assert_ptr_nonnull(strstr(old, "before\n"));
    ck_assert_ptr_nonnull(strstr(old, "moved\n"));
    ck_assert_ptr_null(strstr(old, "after"));
    ck_assert_str_eq(logfile_text(fresh, "notice"), "after\n");
    free(old);
    free(fresh);
}
END_TEST

START_TEST(what_is_there_is_kept)
{
    struct err e;
    FILE *there = fopen(file.path, "w");
    ck_assert_ptr_nonnull(there);
    fputs("old\n", there);
    fclose(there);
    ck_assert_int_eq(log_open(file.path, &e), 0);
    log_line(LOG_NOTICE, "new");
    char *text = logfile_read(file.path);
    ck_assert_int_eq(strncmp(text, "old\n", 4), 0);
    ck_assert_str_eq(logfile_text(text + 4, "notice"), "new\n");
    free(text);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_changes_nothing)
{
    struct err e;
    ck_assert_int_eq(log_open(file.path, &e), 0);
    ck_assert_int_eq(log_open("/nowhere/at/all/log", &e), -1);
    ck_assert_str_eq(e.text, "error log '/nowhere/at/all/log': No such file or directory");
    log_line(LOG_NOTICE, "still here");
    char *text = logfile_read(file.path);
    ck_assert_str_eq(logfile_text(text, "notice"), "still here\n");
    free(text);
}
END_TEST

START_TEST(back_to_standard_error)
{
    struct err e;
    ck_assert_int_eq(log_open(file.path, &e), 0);
    ck_assert_int_eq(log_open("stderr", &e), 0);
    log_line(LOG_NOTICE, "this line belongs on standard error");
    char *text = logfile_read(file.path);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, lines_have_stamp_and_level);
    tcase_add_test(tc, a_long_message_is_cut_and_still_one_line);
    tcase_add_test(tc, a_moved_file_is_opened_anew);
    tcase_add_test(tc, what_is_there_is_kept);
    tcase_add_test(tc, a_file_that_cannot_be_opened_changes_nothing);
    tcase_add_test(tc, back_to_standard_error);
    suite_add_tcase(suite, tc);
    return suite;
}
