/* SPDX-License-Identifier: MIT */
/* test_hop.c - what a head says about its connection. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <string.h>

#include "proxy/http/hop.h"

static struct request_head head;

static void parse(const char *line, const char *fields)
{
    static char text[65536];
    const char *fault = NULL;
    int len = snprintf(text, sizeof(text), "%s\r\nHost: h\r\n%s\r\n", line, fields);
    ck_assert_int_lt(len, (int)sizeof(text));
    enum parse result = head_parse(&head, (struct str){text, (size_t)len}, &fault);
    ck_assert_msg(result == PARSE_OK, "%s", fault);
}

#define GET "GET http://h/ HTTP/1.1"

START_TEST(every_name_is_known_in_any_case)
{
    static const char *const others[] = {"",
                                         "t",
                                         "From",
                                         "Dates",
                                         "hos",
                                         "User-Agent",
                                         "viA2",
                                         "Accept-Encoding",
                                         "X-Via",
                                         "Keep_Alive",
                                         "Trailers",
                                         "Content-Lengths",
                                         "\xff",
                                         "X-Forwarded",
                                         "proxy-authentication-infos"};
    for (int f = 0; f < HEADER_OTHER; f++) {
        char name[64];
        struct str token = str_of(ledger_field_token((enum header_field)f));
        ck_assert_int_eq(hop_field(token), f);
        for (size_t i = 0; i <= token.len; i++)
            name[i] = (char)(token.ptr[i] >= 'a' ? token.ptr[i] - 32 : token.ptr[i]);
        ck_assert_int_eq(hop_field((struct str){name, token.len}), f);
        ck_assert_int_eq(hop_field((struct str){name, token.len - 1}), HEADER_OTHER);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        ck_assert_int_eq(hop_field(str_of(others[i])), HEADER_OTHER);
}
END_TEST

static const struct {
    const char *fields;
    bool closes_11, closes_10;
} CLOSES[] = {
    {"", false, true},
    {"Connection: close\r\n", true, true},
    {"connection: CLOSE\r\n", true, true},
    {"Connection: keep-alive\r\n", false, false},
    {"Connection: x , Keep-Alive ,\r\n", false, false},
    {"Connection: keep-alive\r\nConnection: x,close\r\n", true, true},
    {"Connection: closed\r\n", false, true},
    {"Connection: \"close\"\r\n", false, true},
    {"Proxy-Connection: close\r\n", true, true},
    {"Proxy-Connection: keep-alive\r\n", false, true},
    {"X-Connection: close\r\n", false, true},
};

START_TEST(close_is_seen)
{
    parse(GET, CLOSES[_i].fields);
    ck_assert_int_eq(hop_wants_close(head.fields, head.field_count, 1), CLOSES[_i].closes_11);
    ck_assert_int_eq(hop_wants_close(head.fields, head.field_count, 0), CLOSES[_i].closes_10);
}
END_TEST

#define WS "Connection: Upgrade\r\nUpgrade: websocket\r\n"

static const struct {
    const char *line, *fields;
    bool wants;
} WEBSOCKETS[] = {
    {GET, WS, true},
    {GET, "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n", true},
    {GET, WS "Content-Length: 0\r\n", true},
    {GET, WS "Content-Length: 1\r\n", false},
    {GET, WS "Transfer-Encoding: chunked\r\n", false},
    {GET, WS "Upgrade: h2c\r\n", false},
    {GET, WS "Upgrade: websocket\r\n", false},
    {GET, "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", false},
    {GET, "Connection: Upgrade\r\nUpgrade: h2c\r\n", false},
    {GET, "Connection: Upgrade\r\nUpgrade: websocket/13\r\n", false},
    {GET, "Connection: close\r\nUpgrade: websocket\r\n", false},
    {GET, "Connection: Upgrade\r\n", false},
    {GET, "", false},
    {"POST http://h/ HTTP/1.1", WS, false},
    {"get http://h/ HTTP/1.1", WS, false},
    {"GET http://h/ HTTP/1.0", WS, false},
};

START_TEST(websocket_is_wanted)
{
    parse(WEBSOCKETS[_i].line, WEBSOCKETS[_i].fields);
    ck_assert_int_eq(hop_wants_websocket(&head), WEBSOCKETS[_i].wants);
}
END_TEST

START_TEST(websocket_is_given)
{
    static const struct {
        const char *text;
        bool gives;
    } rows[] = {
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", true},
        {"HTTP/1.1 101 X\r\nUpgrade : websocket\r\nConnection : upgrade\r\n\r\n", true},
        {"HTTP/1.1 200 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", false},
        {"HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", false},
        {"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", false},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", false},
        {"HTTP/1.1 101 X\r\n\r\n", false},
    };
    static struct response_head h;
    const char *fault = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(response_parse(&h, str_of(rows[i].text), &fault), PARSE_OK);
        ck_assert_int_eq(hop_gives_websocket(&h), rows[i].gives);
    }
}
END_TEST

static const struct {
    const char *fields;
    bool has;
} VIAS[] = {
    {"", false},
    {"Via: 1.1 px1\r\n", true},
    {"Via: 1.1 PX1\r\n", true},
    {"via: HTTP/1.1\t px1\r\n", true},
    {"Via: 1.0 fred, 1.1 px1\r\n", true},
    {"Via: 1.0 fred\r\nVia: 1.1 px1 (a comment)\r\n", true},
    {"Via: 1.1 px1(a)\r\n", true},
    {"Via: , ,1.1 px1,\r\n", true},
    {"Via: 1.1 a (b (c), \\) d), 1.1 px1\r\n", true},
    {"Via: 1.1 a (say \"x), 1.1 px1\r\n", true},
    {"Via: 1.1 a (\r\nVia: 1.1 px1\r\n", true},
    {"Via: 1.1 a ), 1.1 px1\r\n", true},
    {"Via: 1.1 a (b, 1.1 px1)\r\n", false},
    {"Via: 1.1 a (px1)\r\n", false},
    {"Via: 1.1 a (\\), 1.1 px1)\r\n", false},
    {"Via: 1.1 px11\r\n", false},
    {"Via: 1.1 px1:80\r\n", false},
    {"Via: 1.1 a px1\r\n", false},
    {"Via: px1\r\n", false},
    {"Via: px1 a\r\n", false},
    {"Via: (\\\r\n", false},
    {"X-Via: 1.1 px1\r\n", false},
};

START_TEST(own_via_is_found)
{
    parse(GET, VIAS[_i].fields);
    ck_assert_msg(hop_has_via(&head, STR_LIT("px1")) == VIAS[_i].has, "%s", VIAS[_i].fields);
}
END_TEST

static const struct {
    const char *fields;
    bool has;
} AUTHS[] = {
    {"", false},
    {"Authorization: Basic dTpw\r\n", false},
    {"Authorization: NTLM TlRMTVNTUAAB\r\n", true},
    {"authorization: negotiate YII=\r\n", true},
    {"Authorization: Negotiate\tYII=\r\n", true},
    {"Authorization: Bearer NTLM\r\n", false},
    {"Authorization: NTLMv2 x\r\n", false},
    {"WWW-Authenticate: Negotiate\r\n", true},
    {"WWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: ntlm\r\n", true},
    {"WWW-Authenticate: Basic realm=\"a, b\", NTLM, Digest x=y\r\n", true},
    {"WWW-Authenticate: Basic realm=\"NTLM\"\r\n", false},
    {"Proxy-Authorization: NTLM x\r\n", false},
};

START_TEST(authentication_of_connections_is_seen)
{
    parse(GET, AUTHS[_i].fields);
    ck_assert_int_eq(hop_has_connection_auth(head.fields, head.field_count), AUTHS[_i].has);
}
END_TEST

START_TEST(expectation_is_seen)
{
    static const struct {
        const char *line, *fields;
        bool expects;
    } rows[] = {
        {GET, "Expect: 100-continue\r\n", true},
        {GET, "EXPECT: 100-Continue\r\n", true},
        {GET, "Expect: x, 100-continue\r\n", true},
        {GET, "Expect: 100\r\n", false},
        {GET, "", false},
        {"GET http://h/ HTTP/1.0", "Expect: 100-continue\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(rows[i].line, rows[i].fields);
        ck_assert_int_eq(hop_expects_continue(&head), rows[i].expects);
    }
}
END_TEST

START_TEST(names_are_collected_once)
{
    struct hop_names n;
    parse(GET, "Connection: a, B\r\nconnection: A,,b , keep-alive, upgrade, Te\r\n");
    ck_assert_int_eq(hop_collect(&n, head.fields, head.field_count), 0);
    ck_assert_uint_eq(n.count, 2);
    ck_assert(hop_is_named(&n, STR_LIT("A")));
    ck_assert(hop_is_named(&n, STR_LIT("b")));
    ck_assert(!hop_is_named(&n, STR_LIT("c")));
}
END_TEST

Suite *hop_suite(void)
{
    Suite *suite = suite_create("hop");
    TCase *tc = tcase_create("options");
    tcase_add_test(tc, every_name_is_known_in_any_case);
    tcase_add_loop_test(tc, close_is_seen, 0, (int)ARRAY_LEN(CLOSES));
    tcase_add_loop_test(tc, websocket_is_wanted, 0, (int)ARRAY_LEN(WEBSOCKETS));
    tcase_add_test(tc, websocket_is_given);
    tcase_add_loop_test(tc, own_via_is_found, 0, (int)ARRAY_LEN(VIAS));
    tcase_add_loop_test(tc, authentication_of_connections_is_seen, 0, (int)ARRAY_LEN(AUTHS));
    tcase_add_test(tc, expectation_is_seen);
    tcase_add_test(tc, names_are_collected_once);
    suite_add_tcase(suite, tc);
    return suite;
}
