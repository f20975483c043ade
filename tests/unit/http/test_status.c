/* SPDX-License-Identifier: MIT */
/* test_status.c - reason phrases against the RFCs that register them. */
#include "tests/unit/http/suites.h"

#include "proxy/http/reply_page.h"
#include "proxy/http/status.h"

static const struct {
    unsigned status;
    const char *phrase;
} PHRASES[] = {
    {400, "Bad Request"},                     /* RFC 9110 section 15.5.1 */
    {403, "Forbidden"},                       /* 15.5.4 */
    {408, "Request Timeout"},                 /* 15.5.9 */
    {431, "Request Header Fields Too Large"}, /* RFC 6585 section 5 */
    {500, "Internal Server Error"},           /* RFC 9110 section 15.6.1 */
    {501, "Not Implemented"},                 /* 15.6.2 */
    {502, "Bad Gateway"},                     /* 15.6.3 */
    {503, "Service Unavailable"},             /* 15.6.4 */
    {504, "Gateway Timeout"},                 /* 15.6.5 */
    {508, "Loop Detected"},                   /* RFC 5842 section 7.2 */
};

START_TEST(phrase_is_registered_and_fits)
{
    const struct status_words *words = status_words(PHRASES[_i].status);
    ck_assert_uint_eq(words->status, PHRASES[_i].status);
    ck_assert_str_eq(words->phrase, PHRASES[_i].phrase);
    ck_assert_uint_le(strlen(words->phrase), REPLY_PAGE_WORD_MAX);
    ck_assert_uint_gt(strlen(words->title), 0);
    ck_assert_uint_le(strlen(words->title), REPLY_PAGE_WORD_MAX);
}
END_TEST

START_TEST(unknown_status_is_500)
{
    ck_assert_uint_eq(status_words(0)->status, 500);
    ck_assert_uint_eq(status_words(599)->status, 500);
}
END_TEST

Suite *status_suite(void)
{
    Suite *suite = suite_create("status");
    TCase *tc = tcase_create("words");
    tcase_add_loop_test(tc, phrase_is_registered_and_fits, 0, (int)ARRAY_LEN(PHRASES));
    tcase_add_test(tc, unknown_status_is_500);
    suite_add_tcase(suite, tc);
    return suite;
}
