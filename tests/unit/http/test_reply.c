/* SPDX-License-Identifier: MIT */
/* test_reply.c - framing, escaping and choice of the answers, byte by byte. */
#include "tests/unit/http/suites.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/http/reply.h"
#include "proxy/http/reply_page.h"

static const char BROWSER[] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
static const char CSP[] =
    "\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";

static char out[REPLY_MAX + 1];

static struct reply make_reply(void)
{
    return (struct reply){
        .status = 403,
        .reason = "Forbidden",
        .error = "http_request_denied",
        .title = "Not allowed here",
        .text = "The policy of this network does not allow it.",
        .details = STR_LIT("no rule allows it"),
        .host = STR_LIT("origin.test"),
        .id = STR_LIT("01hzy-7"),
        .accept = STR_LIT("*/*"),
    };
}

/* Writes the reply, checks its framing and returns the page; out is NUL terminated
 * and the head is cut off with a NUL behind its last CR LF. */
static struct str write_reply(const struct reply *r)
{
    size_t len = reply_write(r, out, REPLY_MAX);
    ck_assert_uint_le(len, REPLY_MAX);
    out[len] = '\0';
    ck_assert_uint_eq(strlen(out), len);
    char *end = strstr(out, "\r\n\r\n");
    ck_assert_ptr_nonnull(end);
    struct str page = {end + 4, len - (size_t)(end + 4 - out)};
    end[2] = '\0';
    const char *field = strstr(out, "\r\nContent-Length: ");
    ck_assert_ptr_nonnull(field);
    ck_assert_ptr_null(strstr(field + 3, "Content-Length"));
    unsigned long declared = strtoul(field + 18, NULL, 10);
    if (r->is_head)
        ck_assert_uint_eq(page.len, 0);
    else
        ck_assert_uint_eq(declared, page.len);
    ck_assert_ptr_null(strstr(out, "Transfer-Encoding"));
    return page;
}

/* The lines of the head: each ends with CR LF, holds no other control byte. */
static size_t count_lines(void)
{
    size_t count = 0;
    for (const char *at = out; *at; count++) {
        const char *cr = strchr(at, '\r');
        ck_assert(cr && cr[1] == '\n');
        for (const char *c = at; c < cr; c++)
            ck_assert(*c >= 0x20 && *c <= 0x7e);
        at = cr + 2;
    }
    return count;
}

START_TEST(plain_answer_is_as_documented)
{
    struct reply r = make_reply();
    struct str page = write_reply(&r);
    char *date = strstr(out, "Date: ");
    ck_assert_ptr_nonnull(date);
    memcpy(date + 6, "Thu, 01 Jan 1970 00:00:00 GMT", 29);
    static const char text[] = "403 Not allowed here\n"
                               "The policy of this network does not allow it.\n"
                               "\n"
                               "Asked for:  origin.test\n"
                               "Details:    no rule allows it\n"
                               "Error:      http_request_denied\n"
                               "Request id: 01hzy-7\n"
                               "\n"
                               "This answer comes from the proxy of your network (Sallyport), "
                               "not from the site.\n";
    char expected[1024];
    snprintf(expected, sizeof(expected),
             "HTTP/1.1 403 Forbidden\r\n"
             "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
             "Proxy-Status: sallyport; error=http_request_denied; details=\"no rule allows it\"\r\n"
             "X-Request-Id: 01hzy-7\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: %zu\r\n"
             "Content-Language: en\r\n"
             "Cache-Control: no-store\r\n"
             "X-Content-Type-Options: nosniff\r\n"
             "Connection: close\r\n",
             sizeof(text) - 1);
    ck_assert_str_eq(out, expected);
    ck_assert_str_eq(page.ptr, text);
}
END_TEST

START_TEST(browser_gets_a_page)
{
    struct reply r = make_reply();
    r.accept = str_of(BROWSER);
    struct str page = write_reply(&r);
    ck_assert_ptr_nonnull(strstr(out, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
    ck_assert_ptr_nonnull(strstr(out, CSP));
    ck_assert(str_starts(page, STR_LIT("<!doctype html>\n<html lang=\"en\">")));
    ck_assert(str_ends(page, STR_LIT("</html>\n")));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<title>403 Forbidden</title>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<h1>Not allowed here</h1>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<dt>Asked for<dd>origin.test<dt>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<dd>no rule allows it<dt>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<code>01hzy-7</code>"));
    ck_assert_ptr_null(strstr(page.ptr, "<script"));
    ck_assert_ptr_null(strstr(page.ptr, "url("));
    ck_assert_ptr_null(strstr(page.ptr, "http://"));
    ck_assert_ptr_null(strstr(page.ptr, "https://"));
}
END_TEST

START_TEST(date_is_now)
{
    struct reply r = make_reply();
    time_t before = time(NULL);
    (void)write_reply(&r);
    time_t after = time(NULL);
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    const char *date = strstr(out, "\r\nDate: ");
    ck_assert_ptr_nonnull(date);
    const char *end = strptime(date + 8, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    ck_assert_ptr_eq(end, date + 8 + 29);
    ck_assert_mem_eq(end, "\r\n", 2);
    int weekday = tm.tm_wday;
    time_t said = timegm(&tm);
    ck_assert_int_ge(said, before);
    ck_assert_int_le(said, after);
    ck_assert_int_eq(tm.tm_wday, weekday);
}
END_TEST

START_TEST(head_has_the_same_fields_and_no_page)
{
    static char whole[REPLY_MAX + 1];
    struct reply r = make_reply();
    for (int html = 0; html < 2; html++) {
        r.accept = html ? str_of(BROWSER) : STR_LIT("");
        r.is_head = false;
        (void)write_reply(&r);
        memcpy(whole, out, sizeof(out));
        r.is_head = true;
        (void)write_reply(&r);
        /* The seconds may have moved on in between. */
        memcpy(strstr(whole, "Date: "), strstr(out, "Date: "), 6 + 29);
        ck_assert_str_eq(out, whole);
    }
}
END_TEST

START_TEST(optional_fields_come_and_go)
{
    struct reply r = make_reply();
    r.keeps_connection = true;
    r.retry_after = 30;
    r.details = (struct str){NULL, 0};
    struct str page = write_reply(&r);
    ck_assert_ptr_nonnull(strstr(out, "\r\nConnection: keep-alive\r\n"));
    ck_assert_ptr_null(strstr(out, "close"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nRetry-After: 30\r\n"));
    ck_assert_ptr_nonnull(
        strstr(out, "\r\nProxy-Status: sallyport; error=http_request_denied\r\n"));
    ck_assert_ptr_null(strstr(page.ptr, "Details"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "\nTry again:  in 30 seconds\n"));
    r.error = NULL;
    r.retry_after = 0;
    r.host = (struct str){NULL, 0};
    r.accept = str_of(BROWSER);
    page = write_reply(&r);
    ck_assert_ptr_null(strstr(out, "Retry-After"));
    ck_assert_ptr_null(strstr(out, "Proxy-Status"));
    ck_assert_ptr_null(strstr(page.ptr, "Asked for"));
    ck_assert_ptr_null(strstr(page.ptr, "<dt>Error"));
    ck_assert_ptr_null(strstr(page.ptr, "Try again"));
}
END_TEST

/* The page never names less time than Retry-After. */
START_TEST(page_says_when_to_try_again)
{
    static const struct {
        unsigned seconds;
        const char *text;
    } CASES[] = {{1, "1 second"},     {2, "2 seconds"},   {119, "119 seconds"},
                 {120, "2 minutes"},  {121, "3 minutes"}, {600, "10 minutes"},
                 {7200, "2 hours"},   {7201, "3 hours"},  {UINT_MAX, "1193047 hours"}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char row[64], line[64];
        struct reply r = make_reply();
        r.retry_after = CASES[i].seconds;
        snprintf(line, sizeof(line), "\nTry again:  in %s\n", CASES[i].text);
        snprintf(row, sizeof(row), "<dt>Try again<dd>in %s<dt>", CASES[i].text);
        struct str page = write_reply(&r);
        ck_assert_ptr_nonnull(strstr(page.ptr, line));
        r.accept = str_of(BROWSER);
        page = write_reply(&r);
        ck_assert_ptr_nonnull(strstr(page.ptr, row));
    }
}
END_TEST

/* What a client can put into a page, a field or a structured string stays text. */
START_TEST(hostile_text_is_escaped)
{
    struct reply r = make_reply();
    r.host = STR_LIT("<script>alert(1)</script>\"'&\xff\0");
    r.details = STR_LIT("a\"b\\c\r\nSet-Cookie: x=1\r\n\r\n<b>");
    r.id = STR_LIT("1\r\nX-Evil: 1\n<i>");
    struct str page = write_reply(&r);
    ck_assert_uint_eq(count_lines(), 10);
    ck_assert_ptr_nonnull(strstr(out, "; details=\"a\\\"b\\\\c?"
                                      "?Set-Cookie: x=1???"
                                      "?<b>\"\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nX-Request-Id: 1?"
                                      "?X-Evil: 1?<i>\r\n"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "\nAsked for:  <script>alert(1)</script>\"'&?"
                                           "?\nDetails:"));
    r.accept = str_of(BROWSER);
    page = write_reply(&r);
    ck_assert_uint_eq(count_lines(), 11);
    ck_assert_ptr_nonnull(strstr(page.ptr, "<dd>&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"
                                           "&amp;?"
                                           "?<dt>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<dd>a&#34;b\\c?"
                                           "?Set-Cookie: x=1???"
                                           "?&lt;b&gt;<dt>"));
    ck_assert_ptr_nonnull(strstr(page.ptr, "<code>1?"
                                           "?X-Evil: 1?&lt;i&gt;</code>"));
    ck_assert_ptr_null(strstr(page.ptr, "<script"));
    ck_assert_ptr_null(strstr(page.ptr, "<b>?"));
    ck_assert_ptr_null(strstr(page.ptr, "<i>"));
}
END_TEST

/* The longest of everything, all bytes of the kind that grows most, fits. */
START_TEST(longest_reply_fits)
{
    static char amps[1001], quotes[1001];
    memset(amps, '&', sizeof(amps) - 1);
    memset(quotes, '"', sizeof(quotes) - 1);
    struct reply r = make_reply();
    r.reason = r.error = r.title = r.text = amps;
    r.host = r.id = str_of(amps);
    r.details = str_of(quotes);
    r.retry_after = 4000000000U;
    r.keeps_connection = true;
    r.accept = str_of(BROWSER);
    struct str page = write_reply(&r);
    ck_assert(str_ends(page, STR_LIT("</html>\n")));
    const char *details = strstr(out, "; details=\"");
    ck_assert_ptr_nonnull(details);
    ck_assert_uint_eq(strcspn(details, "\r"), 11 + 2 * REPLY_PAGE_DETAILS_MAX + 1);
    r.accept = STR_LIT("");
    page = write_reply(&r);
    ck_assert(str_ends(page, STR_LIT("not from the site.\n")));
}
END_TEST

Suite *reply_suite(void)
{
    Suite *suite = suite_create("reply");
    TCase *tc = tcase_create("answers");
    tcase_add_test(tc, plain_answer_is_as_documented);
    tcase_add_test(tc, browser_gets_a_page);
    tcase_add_test(tc, date_is_now);
    tcase_add_test(tc, head_has_the_same_fields_and_no_page);
    tcase_add_test(tc, optional_fields_come_and_go);
    tcase_add_test(tc, page_says_when_to_try_again);
    tcase_add_test(tc, hostile_text_is_escaped);
    tcase_add_test(tc, longest_reply_fits);
    suite_add_tcase(suite, tc);
    return suite;
}
