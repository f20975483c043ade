/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_faults.c - what is refused behind the hello: names, origins, and leaves, by the
 * client or by the signer.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"

static void expect_page(const char *status, const char *text)
{
    inspect_say(&inspect.client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    inspect_expect(&inspect.client, text);
    inspect_expect_end(&inspect.client, true);
    ck_assert_int_eq(strncmp(inspect.client.text, status, strlen(status)), 0);
    ck_assert_ptr_nonnull(strstr(inspect.client.text, "Connection: close\r\n"));
    inspect_close(&inspect.client);
    rig_wait_conns(0);
}

START_TEST(a_denied_name_gets_a_page)
{
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "denied.test");
    inspect_shake_hands();
    expect_page("HTTP/1.1 403 ", "denied.test");
    int origin = rig_accept(); /* dialled, and never spoken to */
    rig_clear();
    rig_expect_end(origin, false);
    ck_assert_uint_eq(rig.text_len, 0);
    close(origin);
    inspect_expect_log("open request:sni_denied close:done");
    ck_assert_uint_eq(inspect_count_end(END_SNI_DENIED), 1);
    ck_assert_uint_eq(inspect_count_decision(COUNT_TLS_DENIED), 1);
    inspect_stop();
}
END_TEST

/* What must not be touched gets no page, and the origin no byte. */
START_TEST(a_denied_name_under_an_exempt_host_gets_an_alert)
{
    static const char ALERT[] = "\x15\x03\x03\x00\x02\x02\x31";
    inspect_start("good", NULL, NULL);
    int client = inspect_connect("exempt.test"), origin = rig_accept();
    rig_clear();
    rig_send(client, inspect_hello("denied.test"));
    rig_expect_end(client, false);
    ck_assert_uint_eq(rig.text_len, 7);
    ck_assert_int_eq(memcmp(rig.text, ALERT, 7), 0);
    close(client);
    rig_clear();
    rig_expect_end(origin, false);
    ck_assert_uint_eq(rig.text_len, 0);
    close(origin);
    rig_wait_conns(0);
    inspect_expect_log("request:sni_denied");
    inspect_stop();
}
END_TEST

static const struct {
    struct issuer_spec spec;
    bool is_self_signed;
    const char *status, *text, *end;
} FAULTS[] = {
    {{.subject = "o", .names = "DNS:origin.test", .from_days = -20, .to_days = -10}, false,
     "HTTP/1.1 502 ", "expired", "origin_certificate"},
    {{.subject = "o", .names = "DNS:origin.test", .from_days = 10, .to_days = 20}, false,
     "HTTP/1.1 502 ", "not valid", "origin_certificate"},
    {{.subject = "o", .names = "DNS:origin.test"}, true, "HTTP/1.1 502 ", "", "origin_certificate"},
    {{.subject = "o", .names = "DNS:other.example"}, false, "HTTP/1.1 502 ", "origin.test",
     "origin_certificate"},
};

START_TEST(an_origin_with_a_fault_gets_no_request)
{
    char want[128];
    inspect_start("real", NULL, NULL);
    inspect_show(&FAULTS[_i].spec, FAULTS[_i].is_self_signed ? NULL : &inspect.root);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    inspect_accept();
    inspect_shake_hands();
    expect_page(FAULTS[_i].status, FAULTS[_i].text);
    ck_assert_uint_eq(inspect.origin.len, 0);
    snprintf(want, sizeof(want), "open request:%s close:done", FAULTS[_i].end);
    inspect_expect_log(want);
    ck_assert_uint_eq(inspect_count_origin(COUNT_TLS_FAILED), 1);
    ck_assert_uint_eq(inspect_count_end(END_ORIGIN_CERTIFICATE), 1);
    inspect_stop();
}
END_TEST

/* OpenSSL may be set up to hold our leaves for weak: that is no lack of memory. */
START_TEST(a_leaf_that_openssl_does_not_take)
{
    static const char ALERT[] = "\x15\x03\x03\x00\x02\x02\x50"; /* internal_error */
    inspect_start("real", NULL, NULL);
    SSL_CTX_set_security_level(rig.worker->pin->config->inspection.client_tls, 4);
    int client = inspect_connect("origin.test");
    rig_clear();
    rig_send(client, inspect_hello("origin.test"));
    inspect_accept();
    for (unsigned i = 0; i < 2000 && rig.text_len < 7; i++) {
        inspect_turn();
        (void)rig_read(client);
        usleep(1000);
    }
    ck_assert_uint_eq(rig.text_len, 7);
    ck_assert_int_eq(memcmp(rig.text, ALERT, 7), 0);
    close(client);
    rig_wait_conns(0);
    inspect_expect_log("open close:leaf_failed");
    ck_assert_uint_eq(inspect_count_end(END_LEAF_FAILED), 1);
    ck_assert_uint_eq(inspect_count_end(END_NO_MEMORY), 0);
    inspect_stop();
}
END_TEST

START_TEST(an_origin_that_wants_a_certificate_is_proposed)
{
    inspect_start("real", NULL, NULL);
    SSL_CTX_set_verify(inspect.origin_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    inspect_accept();
    inspect_shake_hands();
    expect_page("HTTP/1.1 502 ", "certificate");
    inspect_expect_log("open request:client_certificate_wanted close:done");
    ck_assert(inspect_proposes("origin.test"));
    inspect_stop();
}
END_TEST

START_TEST(an_origin_without_tls_is_named)
{
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    inspect_turn();
    int origin = rig_accept();
    inspect_await(&PHASE_ORIGIN_TLS);
    rig_send(origin, STR_LIT("HTTP/1.1 400 Bad Request\r\n\r\n"));
    inspect_shake_hands();
    expect_page("HTTP/1.1 502 ", "TLS");
    close(origin);
    inspect_expect_log("open request:origin_tls_failed close:done");
    inspect_stop();
}
END_TEST

/* ---- the client and the leaf ---- */

START_TEST(a_client_that_refuses_the_leaf_is_counted)
{
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.distrusting_ctx, "origin.test");
    inspect_accept();
    inspect_expect_failure(&inspect.client);
    inspect_turn(); /* its alert */
    inspect_close(&inspect.client);
    rig_wait_conns(0);
    inspect_expect_log("open close:leaf_refused");
    ck_assert_uint_eq(inspect_count_client(COUNT_TLS_FAILED), 1);
    ck_assert(inspect_proposes("origin.test"));
    ck_assert_uint_eq(inspect.origin.len, 0);
    inspect_stop();
}
END_TEST

/* A signer that refuses, that answers rubbish, that dies and stays away. */
START_TEST(without_a_leaf_there_is_an_alert)
{
    static const char *const SIGNERS[] = {"refuse", "junk", "alien"};
    inspect_start(SIGNERS[_i], NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    inspect_accept();
    inspect_expect_failure(&inspect.client);
    inspect_expect_end(&inspect.client, false);
    inspect_close(&inspect.client);
    rig_wait_conns(0);
    inspect_expect_log("open close:leaf_failed");
    ck_assert_uint_eq(inspect.origin.len, 0);
    ck_assert(inspect_proposes("\"proposed_exemptions\":[]"));
    inspect_stop();
}
END_TEST

/* It dies with the order in its hands: the next one answers, and nobody notices. */
START_TEST(a_signer_that_dies_is_replaced_meanwhile)
{
    struct leaves_counts counts;
    inspect_start("real", NULL, NULL);
    inspect_begin(inspect_connect("origin.test"), inspect.client_ctx, "origin.test");
    inspect_signal_signer(SIGSTOP);
    inspect_accept();
    inspect_await(&PHASE_INSPECT);
    for (unsigned i = 0; i < 20; i++)
        inspect_turn();
    inspect_signal_signer(SIGKILL);
    inspect_shake_hands();
    inspect_get("origin.test", "");
    inspect_say_goodbye();
    inspect_expect_log("open request:done close:client_idle");
    leaves_count(rig.shared.leaves, &counts);
    ck_assert_uint_eq(counts.restarts, 1);
    ck_assert_uint_eq(counts.forged, 1);
    inspect_stop();
}
END_TEST

Suite *inspect_faults_suite(void)
{
    Suite *suite = suite_create("inspect_faults");
    TCase *tc = tcase_create("inspect_faults");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_denied_name_gets_a_page);
    tcase_add_test(tc, a_denied_name_under_an_exempt_host_gets_an_alert);
    tcase_add_loop_test(tc, an_origin_with_a_fault_gets_no_request, 0, ARRAY_LEN(FAULTS));
    tcase_add_test(tc, a_leaf_that_openssl_does_not_take);
    tcase_add_test(tc, an_origin_that_wants_a_certificate_is_proposed);
    tcase_add_test(tc, an_origin_without_tls_is_named);
    tcase_add_test(tc, a_client_that_refuses_the_leaf_is_counted);
    tcase_add_loop_test(tc, without_a_leaf_there_is_an_alert, 0, 3);
    tcase_add_test(tc, a_signer_that_dies_is_replaced_meanwhile);
    suite_add_tcase(suite, tc);
    return suite;
}
