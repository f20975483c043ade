/* SPDX-License-Identifier: MIT */
/* test_log_threads.c - threads write while the log is opened anew: no line is
 * lost, none is torn. Run under ThreadSanitizer; its own program, no forks. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/util/logfile.h"
#include "util/log.h"

#define WRITERS 4
#define LINES 500

static void *write_lines(void *number)
{
    for (int i = 0; i < LINES; i++)
        log_line(LOG_WARNING, "writer %d line %d end", *(const int *)number, i);
    return NULL;
}

/* Counts a file's lines by writer; each writer's lines come in their order. */
static void count_lines(const char *path, int next[WRITERS])
{
    char *text = logfile_read(path), *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
        int writer, number, end = 0;
        sscanf(logfile_text(line, "warning"), "writer %d line %d end%n", &writer, &number, &end);
        ck_assert_msg(end > 0 && logfile_text(line, "warning")[end] == '\0', "torn: %s", line);
        ck_assert(writer >= 0 && writer < WRITERS);
        ck_assert_int_eq(number, next[writer]++);
    }
    free(text);
}

START_TEST(no_line_is_lost_or_torn)
{
    struct logfile file;
    struct err e;
    pthread_t threads[WRITERS];
    int numbers[WRITERS], next[WRITERS] = {0};
    logfile_init(&file);
    ck_assert_int_eq(log_open(file.path, &e), 0);
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    ck_assert_int_eq(rename(file.path, file.rotated), 0);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(log_open(file.path, &e), 0);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    count_lines(file.rotated, next);
    count_lines(file.path, next);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(next[i], LINES);
    ck_assert_int_eq(log_open("stderr", &e), 0);
    logfile_fini(&file);
}
END_TEST

/* Standard error is where the log starts; another thread may be writing when a
 * configuration names a file for the first time. */
START_TEST(the_first_file_can_be_opened_under_way)
{
    struct logfile file;
    struct err e;
    pthread_t thread;
    int number = 0;
    logfile_init(&file);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_lines, &number), 0);
    ck_assert_int_eq(log_open(file.path, &e), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(log_open("stderr", &e), 0);
    logfile_fini(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log-threads");
    TCase *tc = tcase_create("all");
    /* First: in one process the log starts on standard error only once. */
    tcase_add_test(tc, the_first_file_can_be_opened_under_way);
    tcase_add_test(tc, no_line_is_lost_or_torn);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
