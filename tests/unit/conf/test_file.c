/* SPDX-License-Identifier: MIT */
/* test_file.c - whole files, and paths relative to a file. */
#include "tests/unit/conf/suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "util/mem.h"

static char folder[64];

static void enter_folder(void)
{
    snprintf(folder, sizeof(folder), "%s", "/tmp/sallyport-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    (void)unlink("file");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *bytes, size_t len)
{
    FILE *f = fopen("file", "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_file_is_read_whole_up_to_the_limit)
{
    char *text;
    size_t len;
    struct err e;
    write_file("a\0bcd", 5);
    ck_assert_int_eq(file_read("file", 5, NULL, &text, &len, &e), 0);
    ck_assert_uint_eq(len, 5);
    ck_assert_mem_eq(text, "a\0bcd\0", 6);
    mem_free(text);
    ck_assert_int_eq(file_read("file", 4, NULL, &text, &len, &e), -1);
    ck_assert_str_eq(e.text, "is too large");
    ck_assert_str_eq(e.file, "file");
    write_file("", 0);
    ck_assert_int_eq(file_read("file", 4, NULL, &text, &len, &e), 0);
    ck_assert_uint_eq(len, 0);
    mem_free(text);
}
END_TEST

START_TEST(what_is_no_file_is_refused_without_waiting)
{
    char *text;
    size_t len;
    struct err e;
    struct place at = {"a.conf", 7};
    ck_assert_int_eq(mkfifo("file", 0600), 0);
    ck_assert_int_eq(file_read("file", 9, &at, &text, &len, &e), -1);
    ck_assert_str_eq(e.text, "file: is not a regular file");
    ck_assert_str_eq(e.file, "a.conf");
    ck_assert_uint_eq(e.line, 7);
    ck_assert_int_eq(file_read("/dev/zero", 9, NULL, &text, &len, &e), -1);
    ck_assert_int_eq(file_read(folder, 9, NULL, &text, &len, &e), -1);
    ck_assert_int_eq(file_read("nothing", 9, NULL, &text, &len, &e), -1);
    ck_assert_str_eq(e.text, "No such file or directory");
}
END_TEST

/* /proc says that its files are empty; the limit holds for them all the same. */
START_TEST(a_file_larger_than_its_size_is_bounded)
{
    char *text;
    size_t len;
    struct err e;
    ck_assert_int_eq(file_read("/proc/self/status", 16, NULL, &text, &len, &e), -1);
    ck_assert_int_eq(file_read("/proc/self/status", 1 << 20, NULL, &text, &len, &e), 0);
    ck_assert_uint_gt(len, 100);
    ck_assert_uint_eq(strlen(text), len);
    mem_free(text);
}
END_TEST

static const struct {
    const char *base, *path, *expected;
} paths[] = {
    {"sallyport.conf", "webex.conf", "webex.conf"},
    {"conf/sallyport.conf", "webex.conf", "conf/webex.conf"},
    {"conf/sallyport.conf", "../hosts", "conf/../hosts"},
    {"/etc/sallyport/a.conf", "d/b.conf", "/etc/sallyport/d/b.conf"},
    {"/etc/sallyport/a.conf", "/srv/b", "/srv/b"},
    {"/a.conf", "b", "/b"},
};

START_TEST(paths_are_relative_to_the_file_that_names_them)
{
    char *joined = file_relative(paths[_i].base, paths[_i].path);
    ck_assert_str_eq(joined, paths[_i].expected);
    mem_free(joined);
}
END_TEST

Suite *file_suite(void)
{
    Suite *s = suite_create("file");
    TCase *t = tcase_create("reading");
    tcase_add_checked_fixture(t, enter_folder, leave_folder);
    tcase_add_test(t, a_file_is_read_whole_up_to_the_limit);
    tcase_add_test(t, what_is_no_file_is_refused_without_waiting);
    tcase_add_test(t, a_file_larger_than_its_size_is_bounded);
    suite_add_tcase(s, t);
    TCase *p = tcase_create("paths");
    tcase_add_loop_test(p, paths_are_relative_to_the_file_that_names_them, 0, ARRAY_LEN(paths));
    suite_add_tcase(s, p);
    return s;
}
