/* SPDX-License-Identifier: MIT */
/* test_tls_server.c - the side of inspected tunnels that faces clients. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "certs/tickets.h"
#include "certs/tls_server.h"
#include "tests/unit/certs/issuer.h"

static struct issued root, leaf, other;
static struct tickets *tickets;
static SSL_CTX *inspecting, *client_ctx;
static SSL *origin_side, *client;
static const unsigned char HERE[32] = {1}, THERE[32] = {2};

static uint64_t now_s(void)
{
    return 1000;
}

static void set_up(void)
{
    struct errlist faults;
    struct issuer_spec ca = {
        .subject = "Root", .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign"};
    issuer_make(&root, &ca, NULL);
    issuer_make(&leaf, &(struct issuer_spec){.subject = "leaf", .names = "DNS:a.test"}, &root);
    issuer_make(&other, &(struct issuer_spec){.subject = "other", .names = "DNS:b.test"}, &root);
    errlist_init(&faults);
    inspecting = tls_server_new_inspecting(&faults);
    ck_assert_ptr_nonnull(inspecting);
    ck_assert_uint_eq(faults.count, 0);
    errlist_fini(&faults);
    tickets = tickets_new(now_s);
    tickets_use(tickets, inspecting);
    client_ctx = SSL_CTX_new(TLS_client_method());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx), root.cert);
    SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
}

static void tear_down(void)
{
    SSL_CTX_free(inspecting);
    SSL_CTX_free(client_ctx);
    tickets_free(tickets);
    issuer_fini(&root);
    issuer_fini(&leaf);
    issuer_fini(&other);
}

static void open_pair(const unsigned char id[32], STACK_OF(X509) *chain)
{
    BIO *ours, *theirs;
    client = SSL_new(client_ctx);
    origin_side = SSL_new(inspecting);
    ck_assert_int_eq(BIO_new_bio_pair(&ours, 1 << 17, &theirs, 1 << 17), 1);
    SSL_set_bio(client, ours, ours);
    SSL_set_bio(origin_side, theirs, theirs);
    SSL_set_connect_state(client);
    SSL_set_accept_state(origin_side);
    ck_assert_int_eq(tls_server_use_leaf(origin_side, leaf.cert, leaf.key, chain, id, NULL),
                     TLS_SERVER_LEAF_USED);
}

/* Whether both got through. */
static bool shake(void)
{
    char byte;
    for (int i = 0; i < 4; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(origin_side);
    }
    if (!SSL_is_init_finished(client) || !SSL_is_init_finished(origin_side))
        return false;
    ck_assert_int_le(SSL_read(client, &byte, 1), 0); /* tickets of TLS 1.3 */
    return true;
}

static void close_pair(void)
{
    SSL_shutdown(client);
    SSL_free(client);
    SSL_free(origin_side);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(shows_the_leaf_of_the_connection)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, root.cert);
    SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
    open_pair(HERE, chain);
    ck_assert(shake());
    ck_assert_int_eq(X509_cmp(SSL_get0_peer_certificate(client), leaf.cert), 0);
    ck_assert_int_eq(sk_X509_num(SSL_get_peer_cert_chain(client)), 2);
    close_pair();
    open_pair(HERE, NULL);
    ck_assert(shake());
    ck_assert_int_eq(sk_X509_num(SSL_get_peer_cert_chain(client)), 1);
    close_pair();
    sk_X509_free(chain);
}
END_TEST

START_TEST(resumes_for_the_same_id_alone)
{
    SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
    open_pair(HERE, NULL);
    ck_assert(shake());
    SSL_SESSION *session = SSL_get1_session(client);
    close_pair();
    open_pair(HERE, NULL);
    SSL_set_session(client, session);
    ck_assert(shake());
    ck_assert(SSL_session_reused(client));
    close_pair();
    open_pair(THERE, NULL);
    SSL_set_session(client, session);
    ck_assert(shake());
    ck_assert(!SSL_session_reused(client));
    close_pair();
    SSL_SESSION_free(session);
}
END_TEST

START_TEST(refuses_a_key_of_another)
{
    struct err e = {.line = 0};
    SSL *ssl = SSL_new(inspecting);
    ck_assert_int_eq(tls_server_use_leaf(ssl, leaf.cert, other.key, NULL, HERE, &e),
                     TLS_SERVER_LEAF_REFUSED);
    ck_assert_str_eq(e.text, "it cannot be shown: private key mismatch");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    SSL_free(ssl);
}
END_TEST

/* P-256 has 128 bits; level 4 asks for 192 (SSL_CTX_set_security_level(3)). */
START_TEST(refuses_a_key_that_is_weak)
{
    struct err e = {.line = 0};
    SSL *ssl = SSL_new(inspecting);
    SSL_set_security_level(ssl, 4);
    ck_assert_int_eq(tls_server_use_leaf(ssl, leaf.cert, leaf.key, NULL, HERE, &e),
                     TLS_SERVER_LEAF_REFUSED);
    ck_assert_str_eq(e.text, "it cannot be shown: ee key too small");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    SSL_free(ssl);
}
END_TEST

static const struct {
    const char *offered; /* as ALPN has it; NULL: nothing */
    bool is_fine;
} protocols[] = {{NULL, true},
                 {"\x08http/1.1", true},
                 {"\x02h2\x08http/1.1", true},
                 {"\x02h2", false}};

START_TEST(speaks_http_1_1)
{
    const unsigned char *chosen;
    unsigned len;
    const char *offered = protocols[_i].offered;
    open_pair(HERE, NULL);
    if (offered != NULL)
        SSL_set_alpn_protos(client, (const unsigned char *)offered, (unsigned)strlen(offered));
    ck_assert_int_eq(shake(), protocols[_i].is_fine);
    SSL_get0_alpn_selected(client, &chosen, &len);
    ck_assert_uint_eq(len, offered != NULL && protocols[_i].is_fine ? 8 : 0);
    close_pair();
}
END_TEST

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (*(int *)SSL_get_app_data(ssl))++;
    return 0;
}

START_TEST(gives_one_ticket)
{
    int count = 0;
    SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client_ctx, on_session);
    open_pair(HERE, NULL);
    SSL_set_app_data(client, &count);
    ck_assert(shake());
    ck_assert_int_eq(count, 1);
    close_pair();
}
END_TEST

START_TEST(needs_tls_1_2)
{
    open_pair(HERE, NULL);
    SSL_set_security_level(client, 0);
    SSL_set_min_proto_version(client, TLS1_VERSION);
    SSL_set_max_proto_version(client, TLS1_1_VERSION);
    ck_assert(!shake());
    close_pair();
}
END_TEST

Suite *tls_server_suite(void);

Suite *tls_server_suite(void)
{
    Suite *s = suite_create("tls_server");
    TCase *t = tcase_create("inspecting");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, shows_the_leaf_of_the_connection, 0, 2);
    tcase_add_loop_test(t, resumes_for_the_same_id_alone, 0, 2);
    tcase_add_test(t, refuses_a_key_that_is_weak);
    tcase_add_test(t, refuses_a_key_of_another);
    tcase_add_loop_test(t, speaks_http_1_1, 0, 4);
    tcase_add_test(t, gives_one_ticket);
    tcase_add_test(t, needs_tls_1_2);
    suite_add_tcase(s, t);
    return s;
}
