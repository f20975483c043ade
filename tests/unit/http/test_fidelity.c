/* SPDX-License-Identifier: MIT */
/* test_fidelity.c - the second opinion must object to every alteration there is. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <string.h>

#include "proxy/http/fidelity.h"

struct row {
    const char *out;
    const char *fault; /* NULL: fine */
};

static const char REQUEST[] = "OPTIONS http://h:81/a?b HTTP/1.1\r\n"
                              "Host: h:81\r\n"
                              "User-Agent: u  v\r\n"
                              "Cookie: a\r\n"
                              "Cookie: b\r\n"
                              "Via: 1.0 x\r\n"
                              "X-Forwarded-For: 198.51.100.1\r\n"
                              "Connection: X-Hop, upgrade\r\n"
                              "X-Hop: 1\r\n"
                              "Upgrade: websocket\r\n"
                              "Max-Forwards: 3\r\n"
                              "Content-Length: 3\r\n"
                              "\r\n";

#define LINE "OPTIONS /a?b HTTP/1.1\r\n"
#define HOST "Host: h:81\r\n"
#define UA "User-Agent: u  v\r\n"
#define COOKIES "Cookie: a\r\nCookie: b\r\n"
#define VIA "Via: 1.0 x\r\n"
#define XFF "X-Forwarded-For: 198.51.100.1\r\n"
#define MF "Max-Forwards: 3\r\n"
#define CL "Content-Length: 3\r\n"
#define OURS "X-Forwarded-For: 192.0.2.9\r\nVia: 1.1 px1\r\n"
#define ALL UA COOKIES VIA XFF MF CL

static const struct row REQUESTS[] = {
    {LINE HOST ALL OURS "\r\n", NULL},
    {LINE HOST ALL "\r\n", NULL},
    {LINE ALL "Via: 1.1 px1\r\n" HOST "\r\n", NULL},
    {LINE HOST UA COOKIES VIA XFF "Upgrade: websocket\r\n" MF CL OURS "Connection: Upgrade\r\n\r\n",
     NULL},
    {LINE HOST UA COOKIES VIA XFF "Max-Forwards:  2\r\n" CL OURS "\r\n", NULL},
    {"OPTIONS http://h:81/a?b HTTP/1.1\r\n" HOST ALL OURS "Proxy-Authorization: x\r\n\r\n", NULL},
    {LINE HOST ALL OURS "Connection: close, Upgrade\r\n\r\n", NULL},
    /* the first line */
    {"GET /a?b HTTP/1.1\r\n" HOST ALL "\r\n", "another method"},
    {"options /a?b HTTP/1.1\r\n" HOST ALL "\r\n", "another method"},
    {"OPTIONS /a?B HTTP/1.1\r\n" HOST ALL "\r\n", "another target"},
    {"OPTIONS /a HTTP/1.1\r\n" HOST ALL "\r\n", "another target"},
    {"OPTIONS * HTTP/1.1\r\n" HOST ALL "\r\n", "another target"},
    {"OPTIONS http://h/a?b HTTP/1.1\r\n" HOST ALL "\r\n", "another target"},
    {"OPTIONS /a?b HTTP/1.0\r\n" HOST ALL "\r\n", "another version than HTTP/1.1"},
    {"OPTIONS /a?b  HTTP/1.1\r\n" HOST ALL "\r\n", "another version than HTTP/1.1"},
    /* Host */
    {LINE ALL "\r\n", "a head without its Host field"},
    {LINE "Host: h\r\n" ALL "\r\n", "an altered Host field"},
    {LINE HOST HOST ALL "\r\n", "an added Host field"},
    /* fields deleted */
    {LINE HOST COOKIES VIA XFF MF CL "\r\n", "a head without its User-Agent field"},
    {LINE HOST UA "Cookie: a\r\n" VIA XFF MF CL "\r\n", "a head without its Cookie field"},
    {LINE HOST UA COOKIES XFF MF CL "\r\n", "a head without its Via field"},
    {LINE HOST UA COOKIES XFF MF CL "Via: 1.1 px1\r\n\r\n", "a Via field out of its order"},
    {LINE HOST UA COOKIES VIA MF CL "\r\n", "a head without its X-Forwarded-For field"},
    {LINE HOST UA COOKIES VIA XFF CL "\r\n", "a head without its Max-Forwards field"},
    {LINE HOST UA COOKIES VIA XFF MF "\r\n", "a head without its Content-Length field"},
    {LINE HOST "\r\n", "a head without its User-Agent field"},
    /* added */
    {LINE HOST ALL "Accept: x\r\n" OURS "\r\n", "an added Accept field"},
    {LINE HOST "Forwarded: for=192.0.2.9\r\n" ALL "\r\n", "an added unknown field"},
    {LINE HOST "X-Device-User-Agent: u\r\n" ALL "\r\n", "an added unknown field"},
    {LINE HOST ALL "X-Hop: 1\r\n\r\n", "an added unknown field"},
    {LINE HOST ALL "Cookie: c\r\n\r\n", "an added Cookie field"},
    {LINE HOST ALL "Date: now\r\n\r\n", "an added Date field"},
    {LINE HOST ALL OURS "Via: 1.1 px1\r\n\r\n", "an added Via field"},
    {LINE HOST ALL OURS "X-Forwarded-For: 192.0.2.9\r\n\r\n", "an added X-Forwarded-For field"},
    {LINE HOST ALL "Via: 1.0 px1\r\n\r\n", "an added Via field"},
    {LINE HOST ALL "Connection: x-hop\r\n\r\n", "an added Connection field"},
    {LINE HOST ALL "Connection: close\r\nConnection: close\r\n\r\n", "an added Connection field"},
    {LINE HOST ALL "Keep-Alive: 1\r\n\r\n", "an added Keep-Alive field"},
    {LINE HOST ALL "TE: trailers\r\n\r\n", "an added TE field"},
    {LINE HOST ALL "Upgrade: h2c\r\n\r\n", "an added Upgrade field"},
    {LINE HOST ALL "Upgrade: websocket\r\nUpgrade: websocket\r\n\r\n", "an added Upgrade field"},
    {LINE HOST ALL "Transfer-Encoding: chunked\r\n\r\n", "an added Transfer-Encoding field"},
    {LINE HOST ALL "Proxy-Authorization: x\r\nProxy-Authorization: x\r\n\r\n",
     "an added Proxy-Authorization field"},
    /* out of order */
    {LINE HOST UA "Cookie: b\r\nCookie: a\r\n" VIA XFF MF CL "\r\n", "an altered Cookie field"},
    {LINE HOST COOKIES UA VIA XFF MF CL "\r\n", "a User-Agent field out of its order"},
    {LINE HOST UA COOKIES "Via: 1.1 px1\r\n" VIA XFF MF CL "\r\n", "an altered Via field"},
    /* respelled, altered */
    {LINE HOST "user-agent: u  v\r\n" COOKIES VIA XFF MF CL "\r\n", "a respelled User-Agent field"},
    {LINE HOST "User-Agent: u v\r\n" COOKIES VIA XFF MF CL "\r\n", "an altered User-Agent field"},
    {LINE HOST UA "Cookie: a; b\r\n" VIA XFF MF CL "\r\n", "an altered Cookie field"},
    {LINE HOST UA COOKIES "Via: 1.0 x, 1.1 px1\r\n" XFF MF CL "\r\n", "an altered Via field"},
    {LINE HOST UA COOKIES VIA XFF "Max-Forwards: 4\r\n" CL "\r\n", "an altered Max-Forwards field"},
    {LINE HOST UA COOKIES VIA XFF "Max-Forwards: x\r\n" CL "\r\n", "an altered Max-Forwards field"},
    {LINE HOST UA COOKIES VIA XFF MF "Content-Length: 4\r\n\r\n",
     "an altered Content-Length field"},
    /* no head at all */
    {LINE HOST ALL, "a head without an end"},
    {LINE HOST "\r\n" ALL "\r\n", "a head with an empty line in it"},
    {LINE HOST "User-Agent\r\n\r\n", "a line that is no field"},
    {LINE HOST "User-Agent : u\r\n\r\n", "a line that is no field"},
    {LINE HOST " folded: u\r\n\r\n", "a line that is no field"},
    {LINE HOST "User-Agent: u\n\r\n", "a head without an end"},
    {LINE HOST "User-Agent: u\rv\r\n\r\n", "a head without an end"},
    {"", "a head that has no first line"},
};

static void assert_says(const char *fault, const struct row *row)
{
    if (row->fault)
        ck_assert_msg(fault && strcmp(fault, row->fault) == 0, "%s\nfor\n%s", fault ? fault : "ok",
                      row->out);
    else
        ck_assert_msg(!fault, "%s\nfor\n%s", fault, row->out);
}

START_TEST(request_is_compared)
{
    static struct request_head h;
    const char *fault = NULL;
    ck_assert_int_eq(head_parse(&h, STR_LIT(REQUEST), &fault), PARSE_OK);
    assert_says(fidelity_check_request(&h, str_of(REQUESTS[_i].out)), &REQUESTS[_i]);
}
END_TEST

/* Rules that need another request. */
START_TEST(request_of_another_kind_is_compared)
{
    static const struct {
        const char *in;
        struct row row;
    } rows[] = {
        {"GET http://h HTTP/1.0\r\n\r\n",
         {"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 p\r\n\r\n", NULL}},
        {"GET http://h HTTP/1.0\r\n\r\n",
         {"GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 p\r\n\r\n", "an added Via field"}},
        {"GET http://h?x HTTP/1.0\r\n\r\n", {"GET /?x HTTP/1.1\r\nHost: h\r\n\r\n", NULL}},
        {"GET http://h?x HTTP/1.0\r\n\r\n",
         {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "another target"}},
        {"OPTIONS http://h HTTP/1.0\r\n\r\n", {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", NULL}},
        {"OPTIONS http://h HTTP/1.0\r\n\r\n",
         {"OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n", "another target"}},
        {"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", {"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", NULL}},
        {"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
         {"GET /x HTTP/1.1\r\nHost: i\r\n\r\n", "an altered Host field"}},
        {"GET http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n",
         {"GET / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 2\r\n\r\n", "an altered Max-Forwards field"}},
        {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
         {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", NULL}},
        {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
         {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
          "an added Transfer-Encoding field"}},
        {"POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
         {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
          "an added Content-Length field"}},
    };
    static struct request_head h;
    const char *fault = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(head_parse(&h, str_of(rows[i].in), &fault), PARSE_OK);
        assert_says(fidelity_check_request(&h, str_of(rows[i].row.out)), &rows[i].row);
    }
}
END_TEST

static const char RESPONSE[] = "HTTP/1.1 200 Fine\r\n"
                               "Set-Cookie: a\r\n"
                               "Set-Cookie: b\r\n"
                               "Server : s\r\n"
                               "Proxy-Authenticate: p\r\n"
                               "Content-Length: 3\r\n"
                               "\r\n";

#define OK "HTTP/1.1 200 Fine\r\n"
#define SET "Set-Cookie: a\r\nSet-Cookie: b\r\n"
#define SERVER "Server: s\r\n"
#define REST SET SERVER CL

static const struct row RESPONSES[] = {
    {OK REST "Date: d\r\nVia: 1.1 px1\r\nConnection: close\r\n\r\n", NULL},
    {OK REST "Proxy-Authenticate: p\r\n\r\n", NULL},
    {OK SET SERVER "Via: 1.1 px1\r\nTransfer-Encoding: chunked\r\n\r\n", NULL},
    {"HTTP/1.1 201 Fine\r\n" REST "\r\n", "another status"},
    {"HTTP/1.1 200 OK\r\n" REST "\r\n", "another reason phrase"},
    {"HTTP/1.1 200\r\n" REST "\r\n", "another reason phrase"},
    {"HTTP/1.0 200 Fine\r\n" REST "\r\n", "another version than HTTP/1.1"},
    {OK SET CL "\r\n", "a head without its Server field"},
    {OK "Set-Cookie: a, b\r\n" SERVER CL "\r\n", "an altered Set-Cookie field"},
    {OK "Set-Cookie: b\r\nSet-Cookie: a\r\n" SERVER CL "\r\n", "an altered Set-Cookie field"},
    {OK "Set-Cookie: a\r\n" SERVER CL "\r\n", "a head without its Set-Cookie field"},
    {OK SET "server: s\r\n" CL "\r\n", "a respelled Server field"},
    {OK SET SERVER "\r\n", "a head without its Content-Length field"},
    {OK REST "Transfer-Encoding: chunked\r\n\r\n", "an added Transfer-Encoding field"},
    {OK REST "Warning: 214 px1 x\r\n\r\n", "an added Warning field"},
    {OK REST "X-Forwarded-For: 192.0.2.9\r\n\r\n", "an added X-Forwarded-For field"},
    {OK REST "Date: d\r\nDate: d\r\n\r\n", "an added Date field"},
    {OK REST "Proxy-Authenticate: q\r\n\r\n", "an added Proxy-Authenticate field"},
    {OK REST "Proxy-Authorization: q\r\n\r\n", "an added Proxy-Authorization field"},
    {OK REST "Age: 1\r\n\r\n", "an added unknown field"},
    {OK REST "Host: h\r\n\r\n", "an added Host field"},
};

START_TEST(response_is_compared)
{
    static struct response_head h;
    const char *fault = NULL;
    ck_assert_int_eq(response_parse(&h, STR_LIT(RESPONSE), &fault), PARSE_OK);
    assert_says(fidelity_check_response(&h, str_of(RESPONSES[_i].out)), &RESPONSES[_i]);
}
END_TEST

START_TEST(response_of_another_kind_is_compared)
{
    static const struct {
        const char *in;
        struct row row;
    } rows[] = {
        {"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", {"HTTP/1.1 204 X\r\n\r\n", NULL}},
        {"HTTP/1.1 204 X\r\n\r\n",
         {"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n",
          "an added Transfer-Encoding field"}},
        {"HTTP/1.1 103 X\r\n\r\n", {"HTTP/1.1 103 X\r\nDate: d\r\n\r\n", "an added Date field"}},
        {"HTTP/1.1 200 X\r\nDate: yesterday\r\n\r\n",
         {"HTTP/1.1 200 X\r\nDate: d\r\n\r\n", "an altered Date field"}},
        {"HTTP/1.1 200 X\r\nDate: e\r\n\r\n",
         {"HTTP/1.1 200 X\r\nDate: e\r\nDate: d\r\n\r\n", "an added Date field"}},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n",
         {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", NULL}},
        {"HTTP/1.1 200 X\r\nHost: a\r\n\r\n",
         {"HTTP/1.1 200 X\r\n\r\n", "a head without its Host field"}},
    };
    static struct response_head h;
    const char *fault = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(response_parse(&h, str_of(rows[i].in), &fault), PARSE_OK);
        assert_says(fidelity_check_response(&h, str_of(rows[i].row.out)), &rows[i].row);
    }
}
END_TEST

START_TEST(head_that_grew_too_much_is_refused)
{
    static struct request_head h;
    static char out[16384];
    const char *fault = NULL;
    size_t len = (size_t)snprintf(out, sizeof(out), "GET /x HTTP/1.1\r\nHost: h\r\n");
    ck_assert_int_eq(head_parse(&h, STR_LIT("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), &fault),
                     PARSE_OK);
    for (int i = 0; i < HEAD_MAX_FIELDS + 8; i++)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "Connection: close\r\n");
    len += (size_t)snprintf(out + len, sizeof(out) - len, "\r\n");
    ck_assert_str_eq(fidelity_check_request(&h, (struct str){out, len}),
                     "a head with more fields than it had");
}
END_TEST

Suite *fidelity_suite(void)
{
    Suite *suite = suite_create("fidelity");
    TCase *tc = tcase_create("mutations");
    tcase_add_loop_test(tc, request_is_compared, 0, (int)ARRAY_LEN(REQUESTS));
    tcase_add_test(tc, request_of_another_kind_is_compared);
    tcase_add_loop_test(tc, response_is_compared, 0, (int)ARRAY_LEN(RESPONSES));
    tcase_add_test(tc, response_of_another_kind_is_compared);
    tcase_add_test(tc, head_that_grew_too_much_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
