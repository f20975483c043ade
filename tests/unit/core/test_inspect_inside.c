/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_inside.c - requests inside inspected TLS: content, pipelines, other hosts, an
 * origin that goes between two of them, an upgrade, a client of a TLS listener, a reload.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/proposals.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"

static void ask(const char *method, const char *host, const char *rest)
{
    static char text[INSPECT_TEXT];
    int len = snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: %s:%u\r\n%s", method, host,
                       (unsigned)rig.origin_port, rest);
    MUST(len > 0 && (size_t)len < sizeof(text));
    inspect_say(&inspect.client, text);
}

static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

START_TEST(content_goes_both_ways)
{
    static char body[100001], message[INSPECT_TEXT];
    for (size_t i = 0; i < sizeof(body) - 1; i++)
        body[i] = (char)('a' + i % 23 + i / 5000 % 3);
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect.client.step = 5000;
    snprintf(message, sizeof(message), "Content-Length: 100000\r\n\r\n%s", body);
    ask("POST /up", "origin.test", message);
    inspect_expect(&inspect.origin, body);
    snprintf(message, sizeof(message), "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n%s", body);
    inspect.client.step = 0;
    inspect_say(&inspect.origin, message);
    inspect_expect(&inspect.client, body);
    /* And in chunks. */
    inspect_clear(&inspect.origin);
    inspect_clear(&inspect.client);
    ask("POST /up", "origin.test", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    inspect_expect(&inspect.origin, "5\r\nhello\r\n");
    inspect_say(&inspect.client, "0\r\n\r\n");
    inspect_expect(&inspect.origin, "hello\r\n0\r\n\r\n");
    inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
                                 "0\r\n\r\n");
    inspect_expect(&inspect.client, "2\r\nok\r\n0\r\n\r\n");
    inspect_finish("open request:done request:done close:client_idle");
}
END_TEST

START_TEST(requests_in_a_pipeline_are_answered_in_turn)
{
    char text[512];
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    snprintf(text, sizeof(text),
             "POST /1 HTTP/1.1\r\nHost: origin.test:%u\r\nContent-Length: 3\r\n\r\nabc"
             "GET /2 HTTP/1.1\r\nHost: origin.test:%u\r\n\r\n"
             "GET /3 HTTP/1.1\r\nHost: origin.test:%u\r\n\r\n",
             (unsigned)rig.origin_port, (unsigned)rig.origin_port, (unsigned)rig.origin_port);
    inspect_say(&inspect.client, text);
    for (unsigned i = 1; i <= 3; i++) {
        char want[32];
        snprintf(want, sizeof(want), " /%u HTTP/1.1\r\n", i);
        inspect_expect(&inspect.origin, want);
        inspect_expect(&inspect.origin, i == 1 ? "\r\n\r\nabc" : "\r\n\r\n");
        inspect_clear(&inspect.origin);
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nanswer %u", i);
        inspect_say(&inspect.origin, text);
        inspect_expect(&inspect.client, text + strlen(text) - 8);
    }
    inspect_finish("open request:done request:done request:done close:client_idle");
}
END_TEST

/* Beside its failures a host has its successes, but none for a request that never came, or that
 * was none. */
START_TEST(only_a_request_is_a_success)
{
    static const char *const HEADS[] = {"GET / HTTP/1.1\r\nHost:", "\x01\x02 no HTTP \r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n"};
    static const char *const LOGS[] = {"open request:client_gone close:client_gone",
                                       "open request:bad_request close:done",
                                       "open request:misdirected close:done"};
    inspect_start("real", NULL, NULL);
    proposals_note(rig.shared.proposals, STR_LIT("origin.test"), rig.origin_port,
                   PROPOSAL_CLOSED, STR_LIT(""), &(struct addr){.bytes = {0}}, 1);
    inspect_open("origin.test");
    inspect_await(&PHASE_REQUEST);
    inspect_say(&inspect.client, HEADS[_i]);
    for (unsigned i = 0; i < 20; i++)
        inspect_turn();
    (void)SSL_shutdown(inspect.client.tls.ssl);
    inspect_turn();
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    inspect_expect_log(LOGS[_i]);
    ck_assert(inspect_proposes(_i == 2 ? "\"inspected\":1," : "\"inspected\":0,"));
    inspect_stop();
}
END_TEST

/* What is for another host is refused here, by policy; and so is a proxy inside. */
START_TEST(a_request_for_another_host_is_refused)
{
    static const char *const HEADS[] = {
        "GET / HTTP/1.1\r\nHost: first.test\r\n\r\n",
        "GET https://first.test/ HTTP/1.1\r\nHost: first.test\r\n\r\n",
        "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: origin.test:1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    };
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect_get("origin.test", "");
    inspect_clear(&inspect.client);
    inspect_clear(&inspect.origin);
    inspect_say(&inspect.client, HEADS[_i]);
    inspect_expect(&inspect.client, "HTTP/1.1 403 ");
    inspect_expect_end(&inspect.client, true);
    ck_assert_uint_eq(inspect.origin.len, 0);
    ck_assert_uint_eq(inspect_count_end(END_MISDIRECTED), 1);
    inspect_finish("open request:done request:misdirected close:done");
}
END_TEST

/* A rule by path denies inside, where it cannot see a CONNECT's. */
START_TEST(rules_see_the_method_inside)
{
    inspect_start("real", NULL,
                  "{ name = \"get\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
                  "  methods = [ \"DELETE\" ]; action = \"deny\"; },");
    inspect_open("origin.test");
    ask("DELETE /x", "origin.test", "\r\n");
    inspect_expect(&inspect.client, "HTTP/1.1 403 ");
    inspect_expect_end(&inspect.client, true);
    ck_assert_uint_eq(inspect.origin.len, 0);
    inspect_finish("open request:denied close:done");
}
END_TEST

/* ---- an origin that goes ---- */

START_TEST(an_origin_that_went_is_dialled_and_verified_again)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect_get("origin.test", "1");
    if (_i == 0)
        (void)SSL_shutdown(inspect.origin.tls.ssl);
    inspect_turn();
    if (_i == 2)
        inspect_reset(&inspect.origin);
    else
        inspect_close(&inspect.origin);
    for (unsigned i = 0; i < 20; i++)
        inspect_turn();
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    inspect_clear(&inspect.client);
    ask("POST /2", "origin.test", "Content-Length: 1\r\n\r\nx");
    inspect_accept();
    inspect_expect(&inspect.origin, "\r\n\r\nx");
    ck_assert_int_eq(SSL_session_reused(inspect.origin.tls.ssl), 1);
    inspect_say(&inspect.origin, OK);
    inspect_expect(&inspect.client, "\r\n\r\nok");
    ck_assert_uint_eq(count_read(&rig.worker->counters.origin_handshakes[COUNT_TLS_OK]), 2);
    inspect_finish("open request:done request:done close:client_idle");
}
END_TEST

/* One that shows another certificate now must prove itself like the first. */
START_TEST(an_origin_that_turned_bad_gets_no_request)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect_get("origin.test", "1");
    inspect_close(&inspect.origin);
    inspect_show(&(struct issuer_spec){.subject = "o", .names = "DNS:origin.test"}, NULL);
    inspect_clear(&inspect.client);
    ask("GET /2", "origin.test", "\r\n");
    inspect_accept();
    inspect_expect(&inspect.client, "HTTP/1.1 502 ");
    inspect_expect_end(&inspect.client, true);
    ck_assert_uint_eq(inspect.origin.len, 0);
    inspect_finish("open request:done request:origin_certificate close:done");
}
END_TEST

/* Its end comes in the same moment as the next request: GET is sent once more, POST is not. */
START_TEST(an_origin_that_goes_unnoticed)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect_get("origin.test", "1");
    inspect_clear(&inspect.client);
    ask(_i % 2 == 0 ? "GET /2" : "POST /2", "origin.test",
        _i % 2 == 0 ? "\r\n" : "Content-Length: 1\r\n\r\nx");
    if (_i < 2)
        inspect_close(&inspect.origin);
    else
        inspect_reset(&inspect.origin);
    if (_i % 2 == 1) {
        inspect_expect(&inspect.client, "HTTP/1.1 502 ");
        inspect_finish("open request:done request:origin_closed close:done");
        return;
    }
    inspect_accept();
    inspect_expect(&inspect.origin, "GET /2 HTTP/1.1\r\n");
    inspect_say(&inspect.origin, OK);
    inspect_expect(&inspect.client, "\r\n\r\nok");
    inspect_finish("open request:done request:done close:client_idle");
}
END_TEST

static unsigned long number_of(const char *line, const char *key)
{
    char name[32];
    snprintf(name, sizeof(name), "\"%s\":", key);
    const char *at = strstr(line, name);
    return at != NULL ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* What came of an answer that was cut is in the line of the tunnel too. */
START_TEST(an_answer_that_is_cut_counts)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    ask("POST /1", "origin.test", "Content-Length: 1000\r\n\r\nx");
    inspect_expect(&inspect.origin, "\r\n\r\nx");
    inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    inspect_expect(&inspect.client, "\r\n\r\nhalf");
    unsigned long came = inspect.client.len;
    inspect_reset(&inspect.origin);
    inspect_expect_end(&inspect.client, false);
    inspect_close(&inspect.client);
    rig_wait_conns(0);
    inspect_expect_log("open request:origin_reset close:origin_reset");
    for (unsigned i = 1; i < 3; i++) {
        ck_assert_uint_eq(number_of(rig_log_line(i), "bytes_out"), came);
        ck_assert_uint_eq(number_of(rig_log_line(i), "bytes_in"),
                          number_of(rig_log_line(1), "bytes_in"));
    }
    inspect_stop();
}
END_TEST

/* ---- sessions of the client ---- */

/* A connection that comes to a good end; its session is the caller's. */
static SSL_SESSION *leave_with_session(void)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    inspect_get("origin.test", "1");
    SSL_SESSION *session = SSL_get1_session(inspect.client.tls.ssl);
    (void)SSL_shutdown(inspect.client.tls.ssl);
    inspect_expect_end(&inspect.client, true);
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    return session;
}

START_TEST(a_client_resumes)
{
    SSL_SESSION *session = leave_with_session();
    const char *host = _i == 0 ? "origin.test" : "first.test";
    inspect_begin(inspect_connect(host), inspect.client_ctx, host);
    MUST(SSL_set_session(inspect.client.tls.ssl, session) == 1);
    inspect_accept();
    inspect_shake_hands();
    inspect_get(host, "2");
    ck_assert_int_eq(SSL_session_reused(inspect.client.tls.ssl), _i == 0);
    SSL_SESSION_free(session);
    inspect_finish("open request:done close:client_idle open request:done close:client_idle");
}
END_TEST

/* A connection in reserve that is closed unused: what it resumed, the client had accepted. */
START_TEST(a_client_that_resumes_has_accepted_the_leaf)
{
    SSL_SESSION *session = leave_with_session();
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    MUST(SSL_set_session(inspect.client.tls.ssl, session) == 1);
    SSL_SESSION_free(session);
    inspect_accept();
    inspect_shake_hands();
    ck_assert_int_eq(SSL_session_reused(inspect.client.tls.ssl), 1);
    inspect_await(&PHASE_REQUEST);
    (void)SSL_shutdown(inspect.client.tls.ssl);
    inspect_expect_end(&inspect.client, true);
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    inspect_expect_log("open request:done close:client_idle open close:client_idle");
    ck_assert(inspect_proposes("\"proposed_exemptions\":[]"));
    inspect_stop();
}
END_TEST

/* ---- an upgrade ---- */

static void open_websocket(void)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    ask("GET /ws", "origin.test",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    inspect_expect(&inspect.origin, "Upgrade: websocket\r\n");
    inspect_expect(&inspect.origin, "\r\n\r\n");
    inspect_clear(&inspect.origin);
    inspect_say(&inspect.origin, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst");
    inspect_expect(&inspect.client, "\r\n\r\nfirst");
    inspect_say(&inspect.client, "ping");
    inspect_expect(&inspect.origin, "ping");
    inspect_say(&inspect.origin, "pong");
    inspect_expect(&inspect.client, "pong");
}

/* With close_notify, unless it is to look cut. */
static void end_one(struct inspect_end *end, bool is_cut)
{
    if (!is_cut)
        (void)SSL_shutdown(end->tls.ssl);
    inspect_turn();
    MUST(shutdown(end->tls.fd, SHUT_WR) == 0);
}

/* What was cut looks cut to the other side, and what was not does not; the other direction goes
 * on either way (RFC 8446 section 6.1). */
START_TEST(a_websocket_inside)
{
    bool is_origin_first = _i % 2 == 0, is_first_cut = (_i / 2) % 2 == 1, is_last_cut = _i / 4 == 1;
    struct inspect_end *first = is_origin_first ? &inspect.origin : &inspect.client;
    struct inspect_end *last = is_origin_first ? &inspect.client : &inspect.origin;
    open_websocket();
    end_one(first, is_first_cut);
    inspect_expect_end(last, !is_first_cut);
    inspect_say(last, "last word");
    inspect_expect(first, "last word");
    end_one(last, is_last_cut);
    inspect_expect_end(first, !is_last_cut);
    inspect_finish("open open close:done close:done");
}
END_TEST

/* ---- a client of a TLS listener ---- */

START_TEST(tls_inside_of_tls)
{
    static struct tls_pair pair;
    struct endpoint from = {.port = 50000};
    char text[128];
    int fds[2];
    inspect_start("real", NULL, NULL);
    tls_pair_make(&pair);
    SSL_CTX *listener = tls_server_context(&pair, STR_LIT("listener"));
    SSL_CTX_set_verify(inspect.distrusting_ctx, SSL_VERIFY_NONE, NULL);
    ck_assert_int_eq(addr_parse(&from.addr, STR_LIT("192.0.2.1")), 0);
    flow_pair(FLOW_TCP, 0, fds);
    inspect_begin(fds[0], inspect.distrusting_ctx, NULL);
    conn_accept(rig.worker, fds[1], &from, listener);
    inspect_shake_hands();
    snprintf(text, sizeof(text), "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n\r\n",
             (unsigned)rig.origin_port);
    inspect_say(&inspect.client, text);
    inspect_expect(&inspect.client, "200 Connection established\r\n\r\n");
    inspect_nest(inspect.client_ctx, "origin.test");
    inspect_accept();
    inspect_shake_hands();
    inspect_get("origin.test", "1");
    inspect_get("origin.test", "2");
    (void)SSL_shutdown(inspect.client.tls.ssl);
    inspect_expect_end(&inspect.client, true);
    SSL_CTX_free(listener);
    inspect_finish("open request:done request:done close:client_idle");
}
END_TEST

/* ---- a reload in between ---- */

START_TEST(a_host_that_is_denied_now_gets_its_refusal_inside)
{
    inspect_start("real", NULL, NULL);
    inspect_open("first.test");
    inspect_get("first.test", "1");
    inspect_use(inspect_config("exempt", NULL,
                               "{ name = \"no\"; to = [ \"first\" ]; ports = [ \"1-65535\" ];\n"
                               "  action = \"deny\"; },"));
    inspect_turn();
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    inspect_clear(&inspect.client);
    ask("GET /2", "first.test", "\r\n");
    inspect_expect(&inspect.client, "HTTP/1.1 403 ");
    inspect_expect_end(&inspect.client, true);
    inspect_finish("open request:done request:denied close:done");
}
END_TEST

/* The rule of the CONNECT host says tunnel; that of the name in the hello inspects. A reload that
 * changes nothing of it leaves the connection alone; one by which the name adds no inspection any
 * more, or is denied, ends it. */
START_TEST(what_the_name_in_the_hello_decided)
{
    static const char *const RULES[] = {
        NULL,
        "{ name = \"not\"; to = [ \"first\" ]; ports = [ \"1-65535\" ]; tls = \"tunnel\";\n"
        "  action = \"allow\"; },",
        "{ name = \"not\"; to = [ \"first\" ]; ports = [ \"1-65535\" ]; action = \"deny\"; },",
    };
    static const struct issuer_spec SPEC = {.subject = "o", .names = "DNS:tunnel.test"};
    inspect_start("real", NULL, NULL);
    inspect_show(&SPEC, &inspect.root);
    int fd = inspect_connect("tunnel.test");
    inspect_begin(fd, inspect.client_ctx, "tunnel.test");
    MUST(SSL_set_tlsext_host_name(inspect.client.tls.ssl, "first.test") == 1);
    inspect_accept();
    inspect_shake_hands();
    inspect_get("tunnel.test", "1");
    inspect_use(inspect_config("exempt", NULL, RULES[_i]));
    for (unsigned i = 0; i < 50; i++)
        inspect_turn();
    if (_i == 0) {
        inspect_get("tunnel.test", "2");
        inspect_finish("open request:done request:done close:client_idle");
    } else {
        inspect_expect_end(&inspect.client, true);
        inspect_finish("open request:done close:reloaded");
    }
}
END_TEST

Suite *inspect_inside_suite(void)
{
    Suite *suite = suite_create("inspect_inside");
    TCase *tc = tcase_create("inspect_inside");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, content_goes_both_ways);
    tcase_add_test(tc, requests_in_a_pipeline_are_answered_in_turn);
    tcase_add_loop_test(tc, only_a_request_is_a_success, 0, 3);
    tcase_add_loop_test(tc, a_request_for_another_host_is_refused, 0, 5);
    tcase_add_test(tc, rules_see_the_method_inside);
    tcase_add_loop_test(tc, an_origin_that_went_is_dialled_and_verified_again, 0, 3);
    tcase_add_test(tc, an_origin_that_turned_bad_gets_no_request);
    tcase_add_loop_test(tc, an_origin_that_goes_unnoticed, 0, 4);
    tcase_add_test(tc, an_answer_that_is_cut_counts);
    tcase_add_loop_test(tc, a_client_resumes, 0, 2);
    tcase_add_test(tc, a_client_that_resumes_has_accepted_the_leaf);
    tcase_add_loop_test(tc, a_websocket_inside, 0, 8);
    tcase_add_test(tc, tls_inside_of_tls);
    tcase_add_test(tc, a_host_that_is_denied_now_gets_its_refusal_inside);
    tcase_add_loop_test(tc, what_the_name_in_the_hello_decided, 0, 3);
    suite_add_tcase(suite, tc);
    return suite;
}
