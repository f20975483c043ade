/* SPDX-License-Identifier: MIT */
/* test_accept.c - HTML or plain text, from Accept values that clients send. */
#include "tests/unit/http/suites.h"

#include "proxy/http/accept.h"

static const struct {
    const char *accept;
    bool is_html;
} VALUES[] = {
    {"", false},
    {"*/*", false}, /* curl, wget */
    {"text/html", true},
    {"TEXT/HTML", true},
    /* Firefox, Chromium, Safari */
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
     "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
     true},
    {"application/json", false},
    {"application/json, text/plain, */*", false}, /* axios */
    {"text/*", false},
    {"text/plain", false},
    {"text/html, text/plain", true},
    {"text/html;q=0.5, text/plain;q=0.5", true},
    {"text/html;q=0.5, text/plain;q=0.6", false},
    {"text/html;q=0.5, text/plain", false},
    {"text/html;q=0, text/plain;q=0", false},
    {"text/html;q=0", false},
    {"text/html;q=0.000", false},
    {"text/html;q=0.001", true},
    {"text/html;q=1.000", true},
    {"text/html;Q=0.5", true},
    {"text/html ; q=0.5 , text/plain ;q=0.4", true},
    /* RFC 9110 section 12.5.1: the more specific range counts. */
    {"text/html;q=0.5, */*;q=0.8", false},
    {"text/html;q=0.5, text/*;q=0.8", false},
    {"text/html;q=0.5, text/*;q=0.3, */*;q=0.8", true},
    {"text/html;q=0.5, text/plain;q=0.3, text/*", true},
    {"text/html;q=0.5, text/plain;q=0, text/*", true},
    {"text/html;charset=utf-8", true},
    {"text/html;charset=\"UTF-8\";q=0.5", true},
    {"text/html;level=1", false},
    {"text/html;level=\"1,text/html\"", false},
    {"text/html;level=\"\\\",text/html,\\\"\"", false},
    {"text/html;q=0.4, text/html;q=0.9, text/plain;q=0.5", true},
    /* Faulty weights count for nothing. */
    {"text/html;q=", false},
    {"text/html;q", false},
    {"text/html;q=2", false},
    {"text/html;q=a", false},
    {"text/html;q=0.x", false},
    {"text/html;q=1.001", false},
    {"text/html;q=0.0001", false},
    {"text/html;q=.5", false},
    {"text/html;q=0,5", false},
    {"text/html;q=-1", false},
    {"text/html;q=0x1", false},
    {"text/html;q=1 0", false},
    /* Faulty members do not hide sound ones; empty ones are fine. */
    {",,text/html,,", true},
    {";;;,text/html", true},
    {"text/plain;q=abc, text/html;q=0.1", true},
    {"text/html;", true},
    {"text / html", false},
    {"text/htmlx, xtext/html, html", false},
    {"\"text/html", false},
    {"text/html;charset=\"", false},
};

START_TEST(value_is_read)
{
    const char *accept = VALUES[_i].accept;
    ck_assert_msg(accept_prefers_html(str_of(accept)) == VALUES[_i].is_html, "Accept: %s", accept);
}
END_TEST

START_TEST(no_value_is_plain)
{
    ck_assert(!accept_prefers_html((struct str){NULL, 0}));
}
END_TEST

Suite *accept_suite(void)
{
    Suite *suite = suite_create("accept");
    TCase *tc = tcase_create("values");
    tcase_add_loop_test(tc, value_is_read, 0, sizeof(VALUES) / sizeof(VALUES[0]));
    tcase_add_test(tc, no_value_is_plain);
    suite_add_tcase(suite, tc);
    return suite;
}
