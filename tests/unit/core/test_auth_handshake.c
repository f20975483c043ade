/* SPDX-License-Identifier: MIT */
/* test_auth_handshake.c - Digest, and the schemes that take several requests of one
 * connection, with clients that share no code with the proxy. */
#include <string.h>
#include <unistd.h>

#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "tests/unit/core/auth_clients.h"
#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/suites.h"

static void send_and_expect(int client, const char *credentials, const char *status)
{
    auth_rig_send(client, credentials);
    auth_rig_expect(client, status);
}

START_TEST(digest_with_a_fresh_nonce)
{
    struct digest_client c;
    char first[CREDENTIALS_MAX];
    auth_rig_start(DIGEST_OF_FILE);
    digest_ask(&c, "Secret1");
    snprintf(first, sizeof(first), "%s", digest_credentials(&c));
    auth_rig_expect_tunnel(auth_rig_open(first));
    auth_rig_expect_tunnel(auth_rig_open(digest_credentials(&c)));
    int client = auth_rig_open(first); /* RFC 7616 section 5.12: the count was used */
    auth_rig_expect(client, "407");
    auth_rig_expect_in("stale=true");
    ck_assert_int_eq(digest_client_take(&c, rig.text), 0);
    auth_rig_send(client, digest_credentials(&c));
    auth_rig_expect_tunnel(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_DIGEST, COUNT_AUTH_OK), 3);
    ck_assert_uint_eq(auth_rig_count(AUTH_DIGEST, COUNT_AUTH_REPLAYED), 1);
    auth_rig_stop();
}
END_TEST

START_TEST(digest_with_another_password)
{
    struct digest_client c;
    auth_rig_start(DIGEST_OF_FILE ONE_FAILURE);
    digest_ask(&c, "Secret2");
    int client = auth_rig_open(digest_credentials(&c));
    auth_rig_expect(client, "407");
    auth_rig_expect_not_in("stale=true");
    send_and_expect(client, digest_credentials(&c), "407");
    auth_rig_expect_in("\r\nRetry-After: ");
    close(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_DIGEST, COUNT_AUTH_WRONG), 1);
    auth_rig_stop();
}
END_TEST

static const char *const NTLM_SCHEMES[] = {"NTLM", "Negotiate"};

START_TEST(ntlm_in_three_requests)
{
    const char *scheme = NTLM_SCHEMES[_i];
    auth_rig_start(NTLM_OF_FILE NEGOTIATE);
    int client = auth_rig_open(NULL);
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: Negotiate\r\n");
    auth_rig_expect_in("\r\nProxy-Authenticate: NTLM\r\n");
    send_and_expect(client, ntlm_first(scheme), "407");
    auth_rig_expect_not_in("\r\nConnection: close");
    auth_rig_send(client, ntlm_last(scheme, "Secret1"));
    auth_rig_expect_tunnel(client);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"user\":\"alice\""));
    auth_rig_stop();
}
END_TEST

START_TEST(ntlm_with_another_password)
{
    auth_rig_start(NTLM_OF_FILE);
    int client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    send_and_expect(client, ntlm_last("NTLM", "Secret2"), "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: NTLM\r\n"); /* begins anew */
    send_and_expect(client, ntlm_first("NTLM"), "407");
    auth_rig_send(client, ntlm_last("NTLM", "Secret1"));
    auth_rig_expect_tunnel(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_NTLM, COUNT_AUTH_LEG), 2);
    ck_assert_uint_eq(auth_rig_count(AUTH_NTLM, COUNT_AUTH_WRONG), 1);
    auth_rig_stop();
}
END_TEST

/* The last message belongs to one challenge of one connection. */
START_TEST(ntlm_of_another_connection)
{
    char last[CREDENTIALS_MAX];
    auth_rig_start(NTLM_OF_FILE);
    int client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    snprintf(last, sizeof(last), "%s", ntlm_last("NTLM", "Secret1"));
    int other = auth_rig_open(last);
    auth_rig_expect(other, "407");
    send_and_expect(other, ntlm_first("NTLM"), "407");
    send_and_expect(other, last, "407");
    close(other);
    auth_rig_send(client, last);
    auth_rig_expect_tunnel(client);
    auth_rig_stop();
}
END_TEST

static void send_get(int client, const char *credentials)
{
    char text[CREDENTIALS_MAX + 256];
    int len = snprintf(text, sizeof(text),
                       "GET http://127.0.0.1:%u/ HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n",
                       (unsigned)rig.origin_port,
                       credentials != NULL ? "Proxy-Authorization: " : "",
                       credentials != NULL ? credentials : "", credentials != NULL ? "\r\n" : "");
    rig_send(client, (struct str){text, (size_t)len});
}

static void expect_get(int client)
{
    int origin = rig_accept();
    rig_clear();
    rig_expect(origin, "\r\n\r\n");
    auth_rig_expect_not_in("Proxy-Authorization");
    rig_send(origin,
             STR_LIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
    auth_rig_expect(client, "200");
    close(origin);
}

/* Who is authenticated stays so, until a handshake begins anew. */
START_TEST(ntlm_holds_for_the_connection)
{
    auth_rig_start(NTLM_OF_FILE);
    int client = rig_connect();
    send_get(client, ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    send_get(client, ntlm_last("NTLM", "Secret1"));
    expect_get(client);
    send_get(client, NULL);
    expect_get(client);
    int other = rig_connect();
    send_get(other, NULL);
    auth_rig_expect(other, "407");
    close(other);
    send_get(client, ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    send_get(client, NULL);
    auth_rig_expect(client, "407");
    close(client);
    auth_rig_stop();
}
END_TEST

START_TEST(the_client_goes_in_the_middle)
{
    auth_rig_start(NTLM_OF_FILE);
    int client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    close(client);
    rig_wait_conns(0);
    auth_rig_stop();
}
END_TEST

/* A thread asks GSSAPI. */
START_TEST(kerberos_with_rubbish)
{
    auth_rig_start(KERBEROS);
    int client = auth_rig_open(_i == 0 ? kerberos_rubbish() : spnego_rubbish());
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: Negotiate\r\n");
    send_and_expect(client, kerberos_rubbish(), "407"); /* begins anew */
    close(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_NEGOTIATE, COUNT_AUTH_WRONG), 2);
    auth_rig_stop();
}
END_TEST

START_TEST(a_ticket_comes_back_to_nobody)
{
    auth_rig_start(KERBEROS);
    gate_close(rig.shared.authority->kerberos, 2);
    int client = auth_rig_open(kerberos_rubbish());
    gate_await(1);
    conn_end(LIST_ITEM(list_first(&rig.worker->conns), struct conn, node), END_DRAINED);
    rig_turn();
    close(client);
    if (_i == 0)
        worker_use_config(rig.worker, auth_rig_config(BASIC_OF_FILE)); /* the ticket has the old */
    gate_open();
    gate_await(0);
    for (unsigned i = 0; i < 100; i++) {
        rig_turn();
        usleep(1000);
    }
    auth_rig_stop();
}
END_TEST

START_TEST(handshakes_with_rubbish)
{
    static const char *const RUBBISH[] = {
        "NTLM", "NTLM !", "NTLM AAAA", "NTLM TlRMTVNTUAAB", "NTLM TlRMTVNTUAACAAAA",
        "NTLM TlRMTVNTUAADAAAA", "Negotiate", "Negotiate =", "Negotiate YAA=", "Negotiate oRA="};
    auth_rig_start(NTLM_OF_FILE KERBEROS);
    int client = rig_connect();
    for (size_t i = 0; i < ARRAY_LEN(RUBBISH); i++) {
        send_and_expect(client, RUBBISH[i], "407");
        auth_rig_expect_in("\r\nProxy-Authenticate: NTLM\r\n");
    }
    close(client);
    uint64_t malformed = auth_rig_count(AUTH_NTLM, COUNT_AUTH_MALFORMED) +
                         auth_rig_count(AUTH_NEGOTIATE, COUNT_AUTH_MALFORMED);
    ck_assert_uint_eq(malformed, ARRAY_LEN(RUBBISH));
    auth_rig_stop();
}
END_TEST

Suite *auth_handshake_suite(void)
{
    Suite *suite = suite_create("auth_handshake");
    TCase *tc = tcase_create("auth_handshake");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, digest_with_a_fresh_nonce);
    tcase_add_test(tc, digest_with_another_password);
    tcase_add_loop_test(tc, ntlm_in_three_requests, 0, ARRAY_LEN(NTLM_SCHEMES));
    tcase_add_test(tc, ntlm_with_another_password);
    tcase_add_test(tc, ntlm_of_another_connection);
    tcase_add_test(tc, ntlm_holds_for_the_connection);
    tcase_add_test(tc, the_client_goes_in_the_middle);
    tcase_add_loop_test(tc, kerberos_with_rubbish, 0, 2);
    tcase_add_loop_test(tc, a_ticket_comes_back_to_nobody, 0, 2);
    tcase_add_test(tc, handshakes_with_rubbish);
    suite_add_tcase(suite, tc);
    return suite;
}
