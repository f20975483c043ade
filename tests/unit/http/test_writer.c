/* SPDX-License-Identifier: MIT */
/* test_writer.c - escaping for each context, and a full buffer. */
#include "tests/unit/http/suites.h"

#include <string.h>

#include "proxy/http/writer.h"

static char room[64];

static struct writer make_writer(size_t size)
{
    memset(room, '#', sizeof(room));
    return (struct writer){room, 0, size, false};
}

static void assert_written(const struct writer *w, const char *expected)
{
    ck_assert_uint_eq(w->len, strlen(expected));
    ck_assert_mem_eq(room, expected, w->len);
    ck_assert_int_eq(room[w->len], '#');
}

START_TEST(html_has_no_markup_left)
{
    struct writer w = make_writer(sizeof(room) - 1);
    writer_put_html(&w, STR_LIT("<a b=\"c\">'&amp;\r\n\x80\x7f"));
    assert_written(&w, "&lt;a b=&#34;c&#34;&gt;&#39;&amp;amp;????");
    ck_assert(!w.is_cut);
}
END_TEST

/* RFC 8941 section 3.3.3: only '"' and '\' are escaped, only 0x20 to 0x7e stand. */
START_TEST(quoted_is_a_structured_string)
{
    struct writer w = make_writer(sizeof(room) - 1);
    writer_put_quoted(&w, STR_LIT("a\"b\\c\r\nX: y\0\xc3\xa9~ "));
    assert_written(&w, "\"a\\\"b\\\\c??X: y???~ \"");
}
END_TEST

START_TEST(plain_is_printable)
{
    struct writer w = make_writer(sizeof(room) - 1);
    writer_put_plain(&w, STR_LIT("a<b>\x1b[31m\n"));
    assert_written(&w, "a<b>?[31m?");
}
END_TEST

START_TEST(number_is_decimal)
{
    struct writer w = make_writer(sizeof(room) - 1);
    writer_put_u64(&w, 0);
    writer_put(&w, STR_LIT(" "));
    writer_put_u64(&w, UINT64_MAX);
    assert_written(&w, "0 18446744073709551615");
}
END_TEST

START_TEST(piece_that_does_not_fit_is_left_out)
{
    struct writer w = make_writer(5);
    writer_put(&w, STR_LIT("abc"));
    writer_put(&w, STR_LIT("def"));
    ck_assert(w.is_cut);
    writer_put(&w, STR_LIT("gh"));
    writer_put(&w, (struct str){NULL, 0});
    assert_written(&w, "abcgh");
    w = make_writer(3);
    writer_put_plain(&w, STR_LIT("abcd"));
    ck_assert(w.is_cut);
    assert_written(&w, "abc");
    w = make_writer(6);
    writer_put_html(&w, STR_LIT("a<<<b"));
    ck_assert(w.is_cut);
    assert_written(&w, "a&lt;b");
}
END_TEST

Suite *writer_suite(void)
{
    Suite *suite = suite_create("writer");
    TCase *tc = tcase_create("contexts");
    tcase_add_test(tc, html_has_no_markup_left);
    tcase_add_test(tc, quoted_is_a_structured_string);
    tcase_add_test(tc, plain_is_printable);
    tcase_add_test(tc, number_is_decimal);
    tcase_add_test(tc, piece_that_does_not_fit_is_left_out);
    suite_add_tcase(suite, tc);
    return suite;
}
