/* SPDX-License-Identifier: MIT */
/* test_chain_handshake.c - handshakes with origins whose chains were verified before. */
#include "certs/chain_cache.h"

#include <check.h>
#include <openssl/ocsp.h>

#include "tests/unit/certs/test_origin_pair.h"

#define HOST "www.example.com"
#define CA "critical,CA:TRUE"
#define SIGNS "critical,keyCertSign,cRLSign"

static struct issued root, middle, leaf;

static void set_up(void)
{
    issuer_make(&root,
                &(struct issuer_spec){.subject = "Root", .basic = CA, .usage = SIGNS,
                                      .from_days = -2, .to_days = 30},
                NULL);
    issuer_make(&middle,
                &(struct issuer_spec){.subject = "Middle", .basic = CA, .usage = SIGNS,
                                      .from_days = -2, .to_days = 30},
                &root);
    issuer_make(&leaf,
                &(struct issuer_spec){.subject = "leaf", .names = "DNS:" HOST ",IP:127.0.0.1",
                                      .from_days = -1, .to_days = 30},
                &middle);
}

static void tear_down(void)
{
    issuer_fini(&root);
    issuer_fini(&middle);
    issuer_fini(&leaf);
}

static struct {
    unsigned char *der;
    size_t len;
} staple;

static int on_status(SSL *ssl, void *arg)
{
    if (staple.der == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(staple.der, staple.len),
                                    (long)staple.len);
    return SSL_TLSEXT_ERR_OK;
}

static enum origin_fault shake(SSL_CTX *client, SSL_CTX *origin, const char *host)
{
    struct origin_pair pair;
    char text[ORIGIN_FAULT_SIZE];
    origin_pair_init(&pair, client, origin, host);
    origin_pair_shake(&pair);
    enum origin_fault fault = origin_pair_judge(&pair, text);
    origin_pair_fini(&pair);
    return fault;
}

static void assert_figures(SSL_CTX *client, uint64_t hits, uint64_t misses)
{
    struct chain_figures figures;
    chain_cache_figures(origin_tls_chains(client), &figures);
    ck_assert_uint_eq(figures.hits, hits);
    ck_assert_uint_eq(figures.misses, misses);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(shakes_hands_with_what_it_knows)
{
    SSL_CTX *client = origin_pair_trusting(&root.cert, 1);
    SSL_CTX *reloaded = origin_pair_trusting(&root.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&leaf, &middle.cert, 1, versions[_i]);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(shake(client, origin, HOST), ORIGIN_FINE);
    assert_figures(client, 2, 1);
    ck_assert_int_eq(shake(client, origin, "127.0.0.1"), ORIGIN_FINE);
    ck_assert_int_eq(shake(client, origin, "127.0.0.1"), ORIGIN_FINE);
    assert_figures(client, 3, 2);
    ck_assert_int_eq(shake(client, origin, "www.example.net"), ORIGIN_WRONG_NAME);
    assert_figures(client, 3, 3);
    ck_assert_int_eq(shake(reloaded, origin, HOST), ORIGIN_FINE);
    assert_figures(reloaded, 0, 1);
    SSL_CTX_free(client);
    SSL_CTX_free(reloaded);
    SSL_CTX_free(origin);
}
END_TEST

/* By its issuer, and by a delegate, for which the issuer's own certificate is looked for in the
 * chain as it was verified. */
START_TEST(judges_each_staple)
{
    struct issued delegate;
    issuer_make(&delegate,
                &(struct issuer_spec){.subject = "Responder", .extended = "OCSPSigning"}, &middle);
    const struct issued *signer = _i / 2 == 0 ? &middle : &delegate;
    SSL_CTX *client = origin_pair_trusting(&root.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&leaf, &middle.cert, 1, versions[_i % 2]);
    SSL_CTX_set_tlsext_status_cb(origin, on_status);
    staple.der = NULL;
    ck_assert_int_eq(shake(client, origin, HOST), ORIGIN_FINE);
    staple.der = issuer_make_staple(
        &(struct issuer_staple){.about = leaf.cert, .issuer = middle.cert, .signer = signer,
                                .enclosed = signer == &delegate ? delegate.cert : NULL,
                                .status = V_OCSP_CERTSTATUS_REVOKED, .from_days = -1,
                                .to_days = 3},
        &staple.len);
    ck_assert_int_eq(shake(client, origin, HOST), ORIGIN_REVOKED);
    ck_assert_int_eq(shake(client, origin, HOST), ORIGIN_REVOKED);
    assert_figures(client, 2, 1);
    OPENSSL_free(staple.der);
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
    issuer_fini(&delegate);
}
END_TEST

Suite *chain_handshake_suite(void);

Suite *chain_handshake_suite(void)
{
    Suite *s = suite_create("chain_handshake");
    TCase *t = tcase_create("handshakes");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, shakes_hands_with_what_it_knows, 0, 2);
    tcase_add_loop_test(t, judges_each_staple, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
