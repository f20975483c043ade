/* SPDX-License-Identifier: MIT */
/* test_framing.c - RFC 9112 section 6.3, rule by rule; refusals are in tests/data/http. */
#include "tests/unit/http/suites.h"

#include <stdio.h>

#include "proxy/http/framing.h"

static const struct {
    const char *line, *fields;
    enum body_kind kind;
    uint64_t length;
} REQUESTS[] = {
    {"GET http://h/ HTTP/1.1", "", BODY_NONE, 0},
    {"POST http://h/ HTTP/1.1", "", BODY_NONE, 0},
    {"POST http://h/ HTTP/1.1", "Content-Length: 0\r\n", BODY_LENGTH, 0},
    {"GET http://h/ HTTP/1.1", "content-length:\t7 \r\n", BODY_LENGTH, 7},
    {"POST http://h/ HTTP/1.0", "Content-Length: 9223372036854775807\r\n", BODY_LENGTH, INT64_MAX},
    {"POST http://h/ HTTP/1.1", "TRANSFER-encoding: CHUNKED\r\n", BODY_CHUNKED, 0},
    {"POST http://h/ HTTP/1.1", "Transfer-Encoding: ,chunked\r\n", BODY_CHUNKED, 0},
    {"TRACE http://h/ HTTP/1.1", "Content-Length: 0\r\n", BODY_LENGTH, 0},
    {"trace http://h/ HTTP/1.1", "Content-Length: 1\r\n", BODY_LENGTH, 1}, /* another method */
};

START_TEST(request_ends_where_the_rfc_says)
{
    static struct request_head h;
    char head[512];
    const char *fault = NULL;
    struct framing f;
    unsigned status;
    int len = snprintf(head, sizeof(head), "%s\r\nHost: h\r\n%s\r\n", REQUESTS[_i].line,
                       REQUESTS[_i].fields);
    ck_assert_int_eq(head_parse(&h, (struct str){head, (size_t)len}, &fault), PARSE_OK);
    ck_assert_ptr_null(framing_of_request(&h, &f, &status));
    ck_assert_int_eq(f.kind, REQUESTS[_i].kind);
    ck_assert_uint_eq(f.length, REQUESTS[_i].length);
}
END_TEST

#define CL "Content-Length: 5\r\n"
#define TE "Transfer-Encoding: chunked\r\n"
#define BOTH "Content-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: x\r\n"

static const struct {
    unsigned status;
    const char *fields;
    bool is_reply_to_head, is_reply_to_connect;
    enum body_kind kind;
    uint64_t length;
} RESPONSES[] = {
    {200, "", false, false, BODY_UNTIL_CLOSE, 0},
    {500, "", false, false, BODY_UNTIL_CLOSE, 0},
    {200, CL, false, false, BODY_LENGTH, 5},
    {200, "Content-Length: 0\r\n", false, false, BODY_LENGTH, 0},
    {200, TE, false, false, BODY_CHUNKED, 0},
    {200, "transfer-encoding: , Chunked ,\r\n", false, false, BODY_CHUNKED, 0},
    {200, CL, true, false, BODY_NONE, 0},
    {200, TE, true, false, BODY_NONE, 0},
    {404, CL, true, false, BODY_NONE, 0},
    {100, CL, false, false, BODY_NONE, 0},
    {101, "", false, false, BODY_NONE, 0},
    {199, TE, false, false, BODY_NONE, 0},
    {204, CL, false, false, BODY_NONE, 0},
    {304, CL, false, false, BODY_NONE, 0},
    {205, CL, false, false, BODY_LENGTH, 5},
    {200, BOTH, false, true, BODY_NONE, 0}, /* RFC 9110 section 9.3.6: ignored */
    {299, TE, false, true, BODY_NONE, 0},
    {300, CL, false, true, BODY_LENGTH, 5},
    {407, TE, false, true, BODY_CHUNKED, 0},
};

START_TEST(response_ends_where_the_rfc_says)
{
    static struct response_head h;
    char head[512];
    const char *fault = NULL;
    struct framing f;
    int len = snprintf(head, sizeof(head), "HTTP/1.1 %u X\r\n%s\r\n", RESPONSES[_i].status,
                       RESPONSES[_i].fields);
    ck_assert_int_eq(response_parse(&h, (struct str){head, (size_t)len}, &fault), PARSE_OK);
    ck_assert_ptr_null(framing_of_response(&h, RESPONSES[_i].is_reply_to_head,
                                           RESPONSES[_i].is_reply_to_connect, &f));
    ck_assert_int_eq(f.kind, RESPONSES[_i].kind);
    ck_assert_uint_eq(f.length, RESPONSES[_i].length);
}
END_TEST

Suite *framing_suite(void)
{
    Suite *suite = suite_create("framing");
    TCase *tc = tcase_create("lengths");
    tcase_add_loop_test(tc, request_ends_where_the_rfc_says, 0, (int)ARRAY_LEN(REQUESTS));
    tcase_add_loop_test(tc, response_ends_where_the_rfc_says, 0, (int)ARRAY_LEN(RESPONSES));
    suite_add_tcase(suite, tc);
    return suite;
}
