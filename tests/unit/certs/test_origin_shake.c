/* SPDX-License-Identifier: MIT */
/* test_origin_shake.c - handshakes with origins: what else makes them fail, abbreviated ones, and
 * the trust file. */
#include <check.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "certs/pem.h"
#include "tests/unit/certs/test_origin_pair.h"
#include "util/mem.h"

#define HOST "www.example.com"

static struct issued root, leaf;
static SSL_CTX *client, *origin;
static struct origin_pair pair;
static char text[ORIGIN_FAULT_SIZE];

static void set_up(void)
{
    struct issuer_spec ca = {
        .subject = "Root", .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign"};
    issuer_make(&root, &ca, NULL);
    issuer_make(&leaf,
                &(struct issuer_spec){
                    .subject = "leaf", .key = "rsa2048", .names = "DNS:" HOST ",IP:127.0.0.1"},
                &root);
    client = origin_pair_trusting(&root.cert, 1);
}

static void tear_down(void)
{
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
    origin = NULL;
    issuer_fini(&root);
    issuer_fini(&leaf);
}

static enum origin_fault shake(const char *name, SSL_SESSION *session)
{
    origin_pair_init(&pair, client, origin, name);
    if (session != NULL)
        ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    origin_pair_shake(&pair);
    return origin_tls_judge(pair.client, &pair.check, text);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const int demands[] = {SSL_VERIFY_PEER, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};

START_TEST(sees_a_demand_for_a_certificate)
{
    origin = origin_pair_origin(&leaf, NULL, 0, versions[_i % 2]);
    SSL_CTX_set_verify(origin, demands[_i / 2], NULL);
    origin_pair_init(&pair, client, origin, HOST);
    origin_pair_shake(&pair);
    ck_assert_int_eq(origin_pair_judge(&pair, text), ORIGIN_WANTS_CERTIFICATE);
    ck_assert(pair.check.wants_certificate);
    ck_assert_str_eq(text, "asks for a certificate of the client");
    origin_pair_fini(&pair);
}
END_TEST

/* Who asks for one and has a bad one of its own is bad in the first place. */
START_TEST(judges_before_it_is_asked)
{
    origin = origin_pair_origin(&leaf, NULL, 0, versions[_i]);
    SSL_CTX_set_verify(origin, SSL_VERIFY_PEER, NULL);
    origin_pair_init(&pair, client, origin, "other.example.com");
    origin_pair_shake(&pair);
    ck_assert_int_eq(origin_pair_judge(&pair, text), ORIGIN_WRONG_NAME);
    origin_pair_fini(&pair);
}
END_TEST

START_TEST(keeps_the_verdict_when_it_resumes)
{
    char byte;
    origin = origin_pair_origin(&leaf, NULL, 0, versions[_i]);
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_FINE);
    ck_assert_int_le(SSL_read(pair.client, &byte, 1), 0); /* tickets of TLS 1.3 */
    SSL_SESSION *session = SSL_get1_session(pair.client);
    SSL_shutdown(pair.client);
    origin_pair_fini(&pair);

    ck_assert_int_eq(shake(HOST, session), ORIGIN_FINE);
    ck_assert(SSL_session_reused(pair.client));
    X509 *peer = SSL_get0_peer_certificate(pair.client);
    ck_assert(peer != NULL && X509_cmp(peer, leaf.cert) == 0);
    ck_assert_int_eq(SSL_write(pair.client, "x", 1), 1);
    ck_assert_int_eq(SSL_read(pair.origin, &byte, 1), 1);
    origin_pair_fini(&pair);
    SSL_SESSION_free(session);
}
END_TEST

/* A session is offered for what it was verified for alone; should it not be, it is seen. */
START_TEST(looks_at_the_name_when_it_resumes)
{
    char byte;
    origin = origin_pair_origin(&leaf, NULL, 0, versions[_i]);
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_FINE);
    ck_assert_int_le(SSL_read(pair.client, &byte, 1), 0);
    SSL_SESSION *session = SSL_get1_session(pair.client);
    SSL_shutdown(pair.client);
    origin_pair_fini(&pair);

    origin_pair_init(&pair, client, origin, "127.0.0.1"); /* another, and as fine */
    SSL_set_session(pair.client, session);
    origin_pair_shake(&pair);
    ck_assert_int_eq(origin_tls_judge(pair.client, &pair.check, text), ORIGIN_FINE);
    ck_assert(SSL_session_reused(pair.client));
    SSL_shutdown(pair.client);
    origin_pair_fini(&pair);

    ck_assert_int_eq(shake("127.0.0.2", session), ORIGIN_WRONG_NAME);
    ck_assert_str_eq(text, "has a certificate for other names (www.example.com, 127.0.0.1), "
                           "not for 127.0.0.2");
    origin_pair_fini(&pair);
    SSL_SESSION_free(session);
}
END_TEST

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
                   const unsigned char *offered, unsigned offered_len, void *answer)
{
    *out = answer;
    *len = (unsigned char)(answer != NULL ? strlen(answer) : 0);
    return answer != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

START_TEST(names_other_failures)
{
    origin = origin_pair_origin(&leaf, NULL, 0, TLS1_1_VERSION);
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_NO_TLS);
    ck_assert_str_eq(text, "speaks no TLS 1.2 or later");
    origin_pair_fini(&pair);
    SSL_CTX_free(origin);

    origin = origin_pair_origin(&leaf, NULL, 0, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(origin, "AES256-GCM-SHA384");
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_NO_TLS);
    ck_assert_ptr_nonnull(strstr(text, "refuses the handshake (handshake failure)"));
    origin_pair_fini(&pair);
    SSL_CTX_free(origin);

    origin = origin_pair_origin(&leaf, NULL, 0, TLS1_3_VERSION);
    SSL_CTX_set_alpn_select_cb(origin, on_alpn, NULL);
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_NO_TLS);
    ck_assert_str_eq(text, "speaks no HTTP/1.1 (no_application_protocol)");
    origin_pair_fini(&pair);
}
END_TEST

START_TEST(takes_no_other_protocol)
{
    origin = origin_pair_origin(&leaf, NULL, 0, versions[_i]);
    SSL_CTX_set_alpn_select_cb(origin, on_alpn, (char *)"h2");
    ck_assert_int_eq(shake(HOST, NULL), ORIGIN_NO_TLS);
    origin_pair_fini(&pair);
}
END_TEST

static void answer_with(const char *bytes)
{
    origin_pair_init(&pair, client, origin, HOST);
    ck_assert_int_lt(SSL_do_handshake(pair.client), 0);
    ck_assert_int_eq(BIO_write(pair.wire, bytes, (int)strlen(bytes)), (int)strlen(bytes));
    BIO_shutdown_wr(pair.wire);
    ck_assert_int_lt(SSL_do_handshake(pair.client), 1);
    ERR_clear_error();
    ck_assert_int_eq(origin_tls_judge(pair.client, &pair.check, text), ORIGIN_NO_TLS);
    origin_pair_fini(&pair);
}

START_TEST(names_what_is_no_handshake)
{
    origin = origin_pair_origin(&leaf, NULL, 0, TLS1_3_VERSION);
    answer_with("HTTP/1.1 400 Bad Request\r\n\r\n");
    ck_assert_str_eq(text, "answers with something that is no TLS");
    answer_with("220 ready\r\n");
    ck_assert_str_eq(text, "answers with something that is no TLS");
    answer_with("\x15\x03\x03");
    ck_assert_str_eq(text, "closed in the middle of the handshake");
}
END_TEST

/* What is offered, in its order, as a ClientHello of the wire says it. */
START_TEST(prefers_as_webex_does)
{
    static const char *const suites[] = {
        "TLS_AES_256_GCM_SHA384",        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-SHA384",
        "ECDHE-ECDSA-AES256-SHA384",     "ECDHE-RSA-AES128-SHA256",
        "ECDHE-ECDSA-AES128-SHA256"};
    SSL *ssl = SSL_new(client);
    STACK_OF(SSL_CIPHER) *offered = SSL_get1_supported_ciphers(ssl);
    ck_assert_int_eq(sk_SSL_CIPHER_num(offered), (int)(sizeof(suites) / sizeof(suites[0])));
    for (int i = 0; i < sk_SSL_CIPHER_num(offered); i++)
        ck_assert_str_eq(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(offered, i)), suites[i]);
    sk_SSL_CIPHER_free(offered);
    SSL_free(ssl);
}
END_TEST

/* Without a word on what to expect, nobody is believed. */
START_TEST(needs_an_expectation)
{
    origin = origin_pair_origin(&leaf, NULL, 0, TLS1_3_VERSION);
    origin_pair_init(&pair, client, origin, HOST);
    SSL *bare = SSL_new(client);
    BIO *ours, *theirs;
    ck_assert_int_eq(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
    SSL_set_bio(bare, ours, ours);
    SSL_set_connect_state(bare);
    SSL_free(pair.client);
    SSL_set_bio(pair.origin, theirs, theirs);
    pair.client = bare;
    origin_pair_shake(&pair);
    ck_assert(!SSL_is_init_finished(bare));
    origin_pair_fini(&pair);
}
END_TEST

static struct errlist faults;

static bool is_trust(const char *pem)
{
    static const struct place at = {"sallyport.conf", 7};
    errlist_init(&faults);
    SSL_CTX *ctx = origin_tls_new(
        &(struct origin_tls_settings){
            .trust = str_of(pem), .trust_path = "roots.pem", .trust_at = &at},
        &faults);
    for (size_t i = 0; i < faults.count; i++) {
        ck_assert_str_eq(faults.items[i].file, "sallyport.conf");
        ck_assert_ptr_nonnull(strstr(faults.items[i].text, "roots.pem"));
    }
    SSL_CTX_free(ctx);
    return ctx != NULL;
}

START_TEST(reads_the_trust_file)
{
    size_t len;
    char *good = pem_write_certificates(&root.cert, 1, &len);
    char both[8192];
    static const char *const bad[] = {
        "", "no certificate\n", "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert(!is_trust(bad[i]));
        ck_assert_uint_eq(faults.errors, 1);
        errlist_fini(&faults);
        snprintf(both, sizeof(both), "%s\n# another\n%s", bad[i], good);
        ck_assert_msg(is_trust(both) || i == 2, "%zu", i);
        ck_assert_uint_eq(faults.count, i < 2 ? 0 : 1);
        errlist_fini(&faults);
    }
    mem_free(good);
}
END_TEST

Suite *origin_shake_suite(void);

Suite *origin_shake_suite(void)
{
    Suite *s = suite_create("origin_shake");
    TCase *t = tcase_create("handshakes");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, sees_a_demand_for_a_certificate, 0, 4);
    tcase_add_loop_test(t, judges_before_it_is_asked, 0, 2);
    tcase_add_loop_test(t, keeps_the_verdict_when_it_resumes, 0, 2);
    tcase_add_loop_test(t, looks_at_the_name_when_it_resumes, 0, 2);
    tcase_add_test(t, names_other_failures);
    tcase_add_loop_test(t, takes_no_other_protocol, 0, 2);
    tcase_add_test(t, names_what_is_no_handshake);
    tcase_add_test(t, prefers_as_webex_does);
    tcase_add_test(t, needs_an_expectation);
    tcase_add_test(t, reads_the_trust_file);
    suite_add_tcase(s, t);
    return s;
}
