/* SPDX-License-Identifier: MIT */
/* test_file_line.c - the lines of files of accounts, and the names that they can hold. */
#include <check.h>
#include <string.h>

#include "auth/accounts.h"
#include "auth/file_line.h"

static void expect(struct file_lines *l, unsigned number, const char *text)
{
    struct str line;
    ck_assert(file_lines_next(l, &line));
    ck_assert_uint_eq(l->number, number);
    ck_assert_uint_eq(line.len, strlen(text));
    ck_assert_int_eq(memcmp(line.ptr, text, line.len), 0);
}

START_TEST(gives_lines)
{
    struct str line;
    struct file_lines l = file_lines_of(STR_LIT("\xef\xbb\xbf" "one\r\n\n# no\n  \t\n two \r\n"
                                                " #no\nthree # yes\r"));
    expect(&l, 1, "one");
    expect(&l, 5, "two");
    expect(&l, 7, "three # yes");
    ck_assert(!file_lines_next(&l, &line));
    ck_assert(!file_lines_next(&l, &line));
    l = file_lines_of(STR_LIT(""));
    ck_assert(!file_lines_next(&l, &line));
    l = file_lines_of(STR_LIT("\n\n"));
    ck_assert(!file_lines_next(&l, &line));
}
END_TEST

START_TEST(knows_names)
{
    char longest[ACCOUNT_NAME_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    ck_assert_ptr_null(file_line_name_fault((struct str){longest, ACCOUNT_NAME_MAX}));
    ck_assert_ptr_nonnull(file_line_name_fault((struct str){longest, ACCOUNT_NAME_MAX + 1}));
    ck_assert_ptr_null(file_line_name_fault(STR_LIT("J\xc3\xbcrgen Klein")));
    ck_assert_ptr_null(file_line_name_fault(STR_LIT("CORP\\alice#1@x")));
    static const char *const bad[] = {"",     "a:b",  "#a",   " a",   "a\t",
                                      "a\nb", "a\rb", "\x7f", "a\x1f"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(file_line_name_fault(str_of(bad[i])) != NULL, "%zu", i);
    ck_assert_ptr_nonnull(file_line_name_fault((struct str){"a\0b", 3}));
}
END_TEST

Suite *file_line_suite(void);

Suite *file_line_suite(void)
{
    Suite *suite = suite_create("file_line");
    TCase *cases = tcase_create("file_line");
    tcase_add_test(cases, gives_lines);
    tcase_add_test(cases, knows_names);
    suite_add_tcase(suite, cases);
    return suite;
}
