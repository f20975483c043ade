/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_machine.c - from the CONNECT to the client's handshake: how a ClientHello
 * arrives, what is decided behind it, and what each side is shown.
 */
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/auth/session.h"
#include "tests/unit/certs/hello_maker.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"

START_TEST(a_request_and_its_answer)
{
    inspect_start("real", NULL, NULL);
    inspect_open("origin.test");
    ck_assert_uint_eq(inspect_count_decision(COUNT_TLS_INSPECT), 1);
    inspect_get("origin.test", "path?secret=1");
    ck_assert_uint_eq(inspect_count_client(COUNT_TLS_OK), 1);
    ck_assert_uint_eq(inspect_count_origin(COUNT_TLS_OK), 1);
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    inspect_expect_in_log("\"path\":\"/path\"");
    inspect_expect_in_log("\"sni\":\"origin.test\"");
    ck_assert_ptr_null(strstr(rig.log, "secret"));
    ck_assert(inspect_proposes("\"proposed_exemptions\":[]"));
    inspect_stop();
}
END_TEST

/* A handshake of NTLM, say, that was begun and not gone on with: it may hold a helper's process,
 * for as long as nobody lets go of it. */
START_TEST(nothing_of_authentication_is_kept)
{
    inspect_start("real", NULL, NULL);
    int fd = inspect_connect("origin.test");
    struct conn *c = LIST_ITEM(list_first(&rig.worker->conns), struct conn, node);
    c->auth = auth_session_new(NULL);
    ck_assert_ptr_nonnull(c->auth);
    inspect_begin(fd, inspect.client_ctx, "origin.test");
    inspect_accept();
    inspect_shake_hands();
    ck_assert_ptr_null(c->auth);
    inspect_get("origin.test", "");
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    inspect_stop();
}
END_TEST

/* The leaf is the origin's stand-in, under our CA; by address, too. */
START_TEST(the_leaf_is_for_the_host)
{
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("127.0.0.1"), inspect.client_ctx, NULL);
    inspect_accept();
    inspect_shake_hands();
    X509 *leaf = SSL_get0_peer_certificate(inspect.client.tls.ssl);
    ck_assert_int_eq(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
    ck_assert_int_eq(X509_check_host(leaf, "origin.test", 0, 0, NULL), 1);
    ck_assert_int_ne(X509_cmp(leaf, inspect.issued.cert), 0);
    inspect_get("127.0.0.1", "");
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    inspect_stop();
}
END_TEST

/* ---- how the hello arrives ---- */

enum { AT_ONCE, BYTE_BY_BYTE, LARGE, LARGE_BYTES, WAYS };

/* A list of protocols that makes the hello longer than a record. */
static void set_alpn(SSL *ssl, bool is_large)
{
    static unsigned char list[40000];
    size_t len = 0;
    while (is_large && len < 30000) {
        list[len] = 200;
        memset(list + len + 1, 'x', 200);
        len += 201;
    }
    memcpy(list + len, "\x08http/1.1", 9);
    MUST(SSL_set_alpn_protos(ssl, list, (unsigned)len + 9) == 0);
}

START_TEST(a_hello_is_inspected_however_it_comes)
{
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    set_alpn(inspect.client.tls.ssl, _i == LARGE || _i == LARGE_BYTES);
    if (_i == BYTE_BY_BYTE || _i == LARGE_BYTES)
        inspect.client.step = _i == BYTE_BY_BYTE ? 1 : 997;
    inspect_accept();
    inspect_shake_hands();
    inspect.client.step = 0;
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(inspect.client.tls.ssl, &protocol, &len);
    ck_assert(len == 8 && memcmp(protocol, "http/1.1", 8) == 0);
    inspect_get("origin.test", "");
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    inspect_stop();
}
END_TEST

static void expect_bytes(int fd, struct str want)
{
    static char have[200000];
    uint64_t until = clock_usec() + 60000000;
    size_t len = 0;
    while (len < want.len) {
        MUST(clock_usec() < until);
        rig_turn();
        ssize_t got = recv(fd, have + len, sizeof(have) - len, MSG_DONTWAIT);
        MUST(got != 0);
        len += got > 0 ? (size_t)got : 0;
    }
    ck_assert_uint_eq(len, want.len);
    ck_assert_int_eq(memcmp(have, want.ptr, len), 0);
}

static void send_in_steps(int fd, struct str bytes, size_t step)
{
    uint64_t until = clock_usec() + 60000000;
    for (size_t at = 0; at < bytes.len;) {
        size_t size = bytes.len - at < step ? bytes.len - at : step;
        ssize_t put = send(fd, bytes.ptr + at, size, MSG_NOSIGNAL);
        at += put > 0 ? (size_t)put : 0;
        MUST(clock_usec() < until);
        rig_turn();
    }
}

/* 60,000 bytes, in records of 16 KiB or of 100 bytes. */
static struct str large_hello(const char *name, size_t record)
{
    static struct maker m;
    static char padding[59000];
    memset(padding, 0, sizeof(padding));
    maker_start(&m);
    maker_server_name(&m, str_of(name));
    maker_extension(&m, 21, (struct str){padding, sizeof(padding)});
    return maker_finish(&m, record);
}

/* Nothing of it is changed, lost, or held back; an answer comes back as it was. */
START_TEST(an_exempt_hello_arrives_as_it_was)
{
    static const size_t STEPS[] = {1000000, 1, 16384, 997};
    const char *host = _i % 2 == 0 ? "exempt.test" : "tunnel.test";
    inspect_start("good", NULL, NULL);
    struct str hello = _i < 2   ? inspect_hello(host)
                       : _i < 4 ? large_hello(host, 16384)
                                : large_hello(host, 100);
    int client = inspect_connect(host), origin = rig_accept();
    send_in_steps(client, hello, STEPS[_i % 4]);
    expect_bytes(origin, hello);
    rig_send(origin, STR_LIT("answer"));
    rig_clear();
    rig_expect(client, "answer");
    close(client);
    rig_expect_end(origin, false);
    close(origin);
    rig_wait_conns(0);
    inspect_expect_log("open close:done");
    inspect_expect_in_log("\"tls\":\"tunnel\"");
    ck_assert_ptr_null(strstr(rig.log, "inspect\""));
    ck_assert_uint_eq(inspect_count_decision(_i % 2 == 0 ? COUNT_TLS_EXEMPT : COUNT_TLS_TUNNEL), 1);
    ck_assert_uint_eq(inspect_count_origin(COUNT_TLS_OK) + inspect_count_client(COUNT_TLS_OK), 0);
    inspect_stop();
}
END_TEST

/* The CONNECT and the client's first flight in one write. */
START_TEST(a_hello_may_come_behind_its_connect)
{
    static char bytes[16384];
    inspect_start("real", NULL, NULL);
    int fd = rig_connect();
    int len = snprintf(bytes, sizeof(bytes), "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n\r\n",
                       (unsigned)rig.origin_port);
    inspect_begin(fd, inspect.client_ctx, "origin.test");
    (void)SSL_do_handshake(inspect.client.tls.ssl);
    ERR_clear_error();
    int got = BIO_read(inspect.client.tls.out, bytes + len, (int)sizeof(bytes) - len);
    ck_assert_int_gt(got, 100);
    rig_send(fd, (struct str){bytes, (size_t)(len + got)});
    for (size_t at = 0; at < strlen("HTTP/1.1 200 Connection established\r\n\r\n");) {
        rig_turn();
        at += recv(fd, bytes, 1, MSG_DONTWAIT) == 1;
    }
    inspect_accept();
    inspect_shake_hands();
    inspect_get("origin.test", "");
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    inspect_stop();
}
END_TEST

/* ---- what is not TLS, or not for us ---- */

START_TEST(text_gets_a_page_and_other_bytes_an_end)
{
    inspect_start("good", NULL, NULL);
    int client = inspect_connect("origin.test");
    int origin = rig_accept();
    rig_clear();
    rig_send(client, _i == 0 ? STR_LIT("SSH-2.0-x\r\n") : STR_LIT("\001\002\003\004\005\006"));
    if (_i == 0)
        rig_expect(client, "HTTP/1.1 403 ");
    rig_expect_end(client, false);
    close(client);
    rig_expect_end(origin, false);
    close(origin);
    rig_wait_conns(0);
    ck_assert_uint_eq(rig.text_len == 0, _i == 1);
    inspect_expect_log("request:tunnel_not_tls");
    inspect_expect_in_log("\"verdict\":\"deny\"");
    ck_assert_uint_eq(inspect_count_decision(COUNT_TLS_DENIED), 1);
    ck_assert_uint_eq(inspect_count_end(END_TUNNEL_NOT_TLS), 1);
    inspect_stop();
}
END_TEST

static void use_tunnel(int client, int origin, const char *first)
{
    if (first != NULL) {
        rig_clear();
        rig_expect(origin, first);
    }
    rig_send(origin, STR_LIT("pong"));
    rig_clear();
    rig_expect(client, "pong");
    close(client);
    rig_expect_end(origin, false);
    close(origin);
    rig_wait_conns(0);
}

/* Where the rule says so it passes: text, bytes, an origin that speaks first, silence, and a
 * client that only listens. */
START_TEST(what_is_not_tls_may_be_tunnelled)
{
    inspect_start("good", NULL, NULL);
    int client = inspect_connect("loose.test"), origin = rig_accept();
    rig_clear();
    if (_i == 0)
        rig_send(client, STR_LIT("EHLO x\r\n"));
    if (_i == 1)
        rig_send(client, STR_LIT("\001\002\003\004\005\006"));
    if (_i == 2) {
        rig_send(origin, STR_LIT("220 hello\r\n"));
        rig_expect(client, "220 hello\r\n");
        rig_send(client, STR_LIT("EHLO y\r\n"));
    }
    if (_i == 3)
        rig_pass_time(16000);
    if (_i == 4)
        MUST(shutdown(client, SHUT_WR) == 0);
    use_tunnel(client, origin,
               _i == 0   ? "EHLO x\r\n"
               : _i == 1 ? "\001\002\003\004\005\006"
               : _i == 2 ? "EHLO y\r\n"
                         : NULL);
    inspect_expect_log("open close:done");
    inspect_expect_in_log("\"tls_reason\":\"not_tls\"");
    inspect_stop();
}
END_TEST

START_TEST(an_origin_that_speaks_first_is_refused)
{
    inspect_start("good", NULL, NULL);
    int client = inspect_connect("origin.test"), origin = rig_accept();
    rig_clear();
    rig_send(origin, STR_LIT("220 hello\r\n"));
    rig_expect_end(client, false);
    ck_assert_uint_eq(rig.text_len, 0);
    close(client);
    rig_expect_end(origin, true);
    close(origin);
    rig_wait_conns(0);
    inspect_expect_log("request:tunnel_not_tls");
    inspect_stop();
}
END_TEST

static void set_h2(void)
{
    MUST(SSL_set_alpn_protos(inspect.client.tls.ssl, (const unsigned char *)"\x02h2", 3) == 0);
}

START_TEST(h2_alone_is_refused_with_an_alert_and_proposed)
{
    inspect_start("good", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    set_h2();
    inspect_expect_failure(&inspect.client);
    inspect_expect_end(&inspect.client, false);
    inspect_close(&inspect.client);
    rig_wait_conns(0);
    close(rig_accept());
    inspect_expect_log("request:tunnel_not_tls");
    inspect_expect_in_log("\"sni\":\"origin.test\"");
    ck_assert(inspect_proposes("origin.test"));
    inspect_stop();
}
END_TEST

/* Untouched, all the way to the origin's own certificate. */
START_TEST(h2_alone_may_be_tunnelled)
{
    inspect_start("good", NULL, NULL);
    SSL_CTX_set_verify(inspect.distrusting_ctx, SSL_VERIFY_NONE, NULL);
    inspect_begin(inspect_connect("loose.test"), inspect.distrusting_ctx, "loose.test");
    set_h2();
    inspect_accept();
    inspect_shake_hands();
    ck_assert_int_eq(X509_cmp(SSL_get0_peer_certificate(inspect.client.tls.ssl),
                              inspect.issued.cert), 0);
    inspect_close(&inspect.client);
    inspect_expect_end(&inspect.origin, false);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    inspect_expect_log("open close:done");
    inspect_expect_in_log("\"tls_reason\":\"alpn: h2\"");
    inspect_stop();
}
END_TEST

Suite *inspect_machine_suite(void)
{
    Suite *suite = suite_create("inspect_machine");
    TCase *tc = tcase_create("inspect_machine");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_request_and_its_answer);
    tcase_add_test(tc, nothing_of_authentication_is_kept);
    tcase_add_test(tc, the_leaf_is_for_the_host);
    tcase_add_loop_test(tc, a_hello_is_inspected_however_it_comes, 0, WAYS);
    tcase_add_loop_test(tc, an_exempt_hello_arrives_as_it_was, 0, 6);
    tcase_add_test(tc, a_hello_may_come_behind_its_connect);
    tcase_add_loop_test(tc, text_gets_a_page_and_other_bytes_an_end, 0, 2);
    tcase_add_loop_test(tc, what_is_not_tls_may_be_tunnelled, 0, 5);
    tcase_add_test(tc, an_origin_that_speaks_first_is_refused);
    tcase_add_test(tc, h2_alone_is_refused_with_an_alert_and_proposed);
    tcase_add_test(tc, h2_alone_may_be_tunnelled);
    suite_add_tcase(suite, tc);
    return suite;
}
