/* SPDX-License-Identifier: MIT */
/* test_source.c - includes, places, and what the parser would accept in silence. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/source.h"
#include "util/mem.h"

struct reading {
    struct source source;
    struct errlist faults;
    int result;
};

static void read_source(struct reading *r, struct str text)
{
    ck_assert_int_eq(chdir(project_path("tests/data/conf")), 0);
    errlist_init(&r->faults);
    r->result = source_read(&r->source, "t.conf", &text, &r->faults);
}

static void forget(struct reading *r)
{
    source_fini(&r->source);
    errlist_fini(&r->faults);
}

/* The place of the line of the whole text that contains word. */
static void check_place(const struct source *s, const char *word, const char *file, unsigned line)
{
    unsigned at = 1;
    const char *hit = strstr(s->text, word);
    ck_assert_msg(hit != NULL, "'%s' is not in the text", word);
    for (const char *p = s->text; p < hit; p++)
        at += *p == '\n';
    struct place place = source_place(s, at);
    ck_assert_str_eq(place.file, file);
    ck_assert_uint_eq(place.line, line);
}

START_TEST(every_line_knows_its_file)
{
    struct reading r;
    read_source(&r, STR_LIT("a = 1; # one\n"
                            "@include \"inc/down.conf\"\n"
                            "/* two\nlines */ b = 2;\n"
                            "  @include \"inc/good.conf\" c = 3;\n"
                            "d = \"multi\nline\"; e = 4;\n"));
    ck_assert_int_eq(r.result, 0);
    ck_assert_uint_eq(r.faults.count, 0);
    check_place(&r.source, "a = 1", "t.conf", 1);
    check_place(&r.source, "deeep", "inc/deep/bad.conf", 2);
    check_place(&r.source, "b = 2", "t.conf", 4);
    check_place(&r.source, "workers", "inc/good.conf", 2);
    check_place(&r.source, "c = 3", "t.conf", 5);
    check_place(&r.source, "e = 4", "t.conf", 7);
    ck_assert_uint_eq(r.source.file_count, 4);
    ck_assert_str_eq(r.source.files[0], "t.conf");
    ck_assert_str_eq(r.source.files[2], "inc/deep/bad.conf");
    ck_assert_uint_eq(source_place(&r.source, 0).line, 0);
    forget(&r);
}
END_TEST

START_TEST(a_file_is_included_as_often_as_it_is_named)
{
    struct reading r;
    read_source(&r, STR_LIT("a = {\n@include \"inc/good.conf\"\n};\nb = {\n"
                            "@include \"inc/good.conf\"\n};\n"));
    ck_assert_int_eq(r.result, 0);
    ck_assert_uint_eq(r.faults.count, 0);
    forget(&r);
}
END_TEST

START_TEST(an_absolute_path_is_taken_as_it_is)
{
    struct reading r;
    char text[4200];
    snprintf(text, sizeof(text), "@include \"%s\"\n",
             project_path("tests/data/conf/inc/down.conf"));
    read_source(&r, str_of(text));
    ck_assert_int_eq(r.result, 0);
    ck_assert_uint_eq(r.source.file_count, 3);
    forget(&r);
}
END_TEST

START_TEST(a_byte_order_mark_and_cr_lf_are_taken)
{
    struct reading r;
    read_source(&r, STR_LIT("\xef\xbb\xbf" "a = 1;\r\n@include \"inc/good.conf\"\r\nb = 2;\r\n"));
    ck_assert_int_eq(r.result, 0);
    ck_assert_int_eq(strncmp(r.source.text, "a = 1;", 6), 0);
    check_place(&r.source, "b = 2", "t.conf", 3);
    forget(&r);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    struct reading r;
    read_source(&r, STR_LIT("a = 1;\0b = 2;"));
    ck_assert_int_eq(r.result, -1);
    ck_assert_uint_eq(r.faults.errors, 1);
    ck_assert_str_eq(r.faults.items[0].text, "contains a NUL byte");
    forget(&r);
}
END_TEST

START_TEST(a_name_set_again_is_marked)
{
    struct reading r;
    read_source(&r, STR_LIT("a = 1;\na = 2;\nb = { a = 1; };\nc = ( { a = 1; }, { a = 2; } );\n"
                            "a /* x */ : 3;"));
    ck_assert_int_eq(r.result, 0);
    ck_assert_uint_eq(r.faults.errors, 2);
    ck_assert_uint_eq(r.faults.items[0].line, 2);
    ck_assert_uint_eq(r.faults.items[1].line, 5);
    const char *second = strchr(r.source.text, '\n') + 1;
    ck_assert_int_eq(second[0], '*');
    ck_assert(source_is_reported("*12*a"));
    ck_assert(!source_is_reported("a"));
    forget(&r);
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
    struct source s;
    struct errlist faults;
    errlist_init(&faults);
    ck_assert_int_eq(source_read(&s, "/nonexistent/a.conf", NULL, &faults), -1);
    ck_assert(s.is_unreadable);
    ck_assert_uint_eq(faults.errors, 1);
    ck_assert_str_eq(faults.items[0].file, "/nonexistent/a.conf");
    source_fini(&s);
    errlist_fini(&faults);
}
END_TEST

static const struct {
    const char *text;
    bool fits;
} numbers[] = {
    {"0", true},           {"2147483647", true},  {"2147483648", false}, {"-2147483648", true},
    {"-2147483649", false}, {"0x7FFFFFFF", true}, {"0x80000000", false}, {"2147483648L", true},
    {"9223372036854775807L", true}, {"9223372036854775808L", false},
    {"00000000000000000000000000000000000000001", false}, {"1.5", true}, {".5", true},
    {"-1.", true}, {"+7", true}, {".", false}, {"-", false}, {"0x", false}, {"5LL", true},
    {"5LLL", false}, {"-0x5", false}, {"1.2.3", false}, {"0x1G", false},
};

START_TEST(numbers_that_do_not_fit_are_reported)
{
    struct reading r;
    char text[80];
    snprintf(text, sizeof(text), "a = %s;", numbers[_i].text);
    read_source(&r, str_of(text));
    ck_assert_int_eq(r.result, numbers[_i].fits ? 0 : -1);
    ck_assert_uint_eq(r.faults.errors, numbers[_i].fits ? 0 : 1);
    forget(&r);
}
END_TEST

Suite *source_suite(void)
{
    Suite *s = suite_create("source");
    TCase *t = tcase_create("text");
    tcase_add_test(t, every_line_knows_its_file);
    tcase_add_test(t, a_file_is_included_as_often_as_it_is_named);
    tcase_add_test(t, an_absolute_path_is_taken_as_it_is);
    tcase_add_test(t, a_byte_order_mark_and_cr_lf_are_taken);
    tcase_add_test(t, a_nul_byte_is_refused);
    tcase_add_test(t, a_name_set_again_is_marked);
    tcase_add_test(t, a_file_that_is_not_there);
    tcase_add_loop_test(t, numbers_that_do_not_fit_are_reported, 0, ARRAY_LEN(numbers));
    suite_add_tcase(s, t);
    return s;
}
