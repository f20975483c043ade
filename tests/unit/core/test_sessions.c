/* SPDX-License-Identifier: MIT */
/* test_sessions.c - sessions with origins come back, for their own key and time alone. */
#include "tests/unit/core/tls_suites.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_flow.h"
#include "util/mem.h"

#define KEY STR_LIT("origin.test:443")

static struct sessions *store;
static int64_t end_s; /* what sessions_find says beside the session */

static void set_up(void)
{
    tls_flow_set_up();
    for (unsigned i = 0; i < ARRAY_LEN(tf.clients); i++)
        stream_tls_prepare(tf.clients[i]);
    store = sessions_new(3);
    ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
    tls_flow_tear_down();
    sessions_free(store);
}

/* As tls_flow_start, with a session where there is one. */
static void begin(unsigned version, struct str key)
{
    tls_flow_open(FLOW_UNIX, 0);
    tls_peer_open(&tf.far, tf.far.fd, tf.server, true);
    ck_assert_int_eq(stream_tls_start(&tf.near, tf.pool, tf.clients[version], STREAM_TLS_CLIENT,
                                      (struct str){NULL, 0}), 0);
    ck_assert_int_eq(stream_tls_resume(&tf.near, store, key), 0);
    tls_flow_step();
    tls_flow_shake_hands();
}

static void end(void)
{
    tf.near_end.to_send = tf.far_end.to_send = 100;
    tls_flow_step();
    tls_flow_finish(0, false);
    stream_close(&tf.near);
    tls_peer_close(&tf.far);
}

static bool visit(unsigned version, struct str key)
{
    begin(version, key);
    bool is_resumed = SSL_session_reused(stream_tls_ssl(&tf.near)) == 1;
    end();
    return is_resumed;
}

START_TEST(the_second_handshake_is_a_short_one)
{
    unsigned version = 1 + (unsigned)_i;
    ck_assert(!visit(version, KEY));
    for (unsigned i = 0; i < 3; i++)
        ck_assert(visit(version, KEY));
    ck_assert(!visit(version, STR_LIT("origin.test:444")));
}
END_TEST

static void on_ready(struct stream *s)
{
    char bytes[100];
    size_t len;
    (void)!stream_recv(s, bytes, sizeof(bytes), &len);
}

/* Whatever was kept before is gone; the origin gives one more ticket then. */
START_TEST(a_ticket_finds_the_stream_that_moved)
{
    struct stream home;
    begin(2, KEY);
    stream_init(&home);
    ck_assert_int_eq(stream_move(&home, &tf.near, on_ready), 0);
    for (unsigned i = 0; i < 10; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    SSL_SESSION *first = sessions_find(store, KEY, &end_s);
    ck_assert_int_eq(SSL_new_session_ticket(tf.far.ssl), 1);
    ck_assert_int_eq(SSL_do_handshake(tf.far.ssl), 1);
    for (unsigned i = 0; i < 10; i++)
        tls_flow_turn(TLS_FLOW_CHUNK);
    SSL_SESSION *last = sessions_find(store, KEY, &end_s);
    ck_assert(last != NULL && last != first);
    SSL_SESSION_free(first);
    SSL_SESSION_free(last);
    stream_close(&home);
    tls_peer_close(&tf.far);
    ck_assert(visit(2, KEY));
}
END_TEST

START_TEST(what_was_agreed_before_is_worthless_behind_a_clear)
{
    unsigned version = 1 + (unsigned)_i;
    ck_assert(!visit(version, KEY));
    sessions_clear(store);
    ck_assert(!visit(version, KEY));
    ck_assert(visit(version, KEY));
    /* One that is given by an older connection comes too late. */
    SSL_SESSION *session = sessions_find(store, KEY, &end_s);
    ck_assert_ptr_nonnull(session);
    uint32_t generation = sessions_generation(store);
    sessions_clear(store);
    sessions_put(store, generation, KEY, session, INT64_MAX);
    ck_assert_ptr_null(sessions_find(store, KEY, &end_s));
    sessions_put(store, sessions_generation(store), KEY, session, INT64_MAX);
    SSL_SESSION *again = sessions_find(store, KEY, &end_s);
    ck_assert_ptr_eq(again, session);
    SSL_SESSION_free(again);
    SSL_SESSION_free(session);
}
END_TEST

static SSL_SESSION *take_session(void)
{
    ck_assert(!visit(2, KEY));
    SSL_SESSION *session = sessions_find(store, KEY, &end_s);
    ck_assert_ptr_nonnull(session);
    sessions_clear(store);
    return session;
}

static bool has_key(const char *key)
{
    SSL_SESSION *session = sessions_find(store, str_of(key), &end_s);
    SSL_SESSION_free(session);
    return session != NULL;
}

static void put(const char *key, SSL_SESSION *session)
{
    sessions_put(store, sessions_generation(store), str_of(key), session, INT64_MAX);
}

START_TEST(the_one_not_used_for_the_longest_time_goes_first)
{
    SSL_SESSION *session = take_session();
    put("a", session);
    put("b", session);
    put("c", session);
    ck_assert(has_key("a"));
    put("d", session);
    ck_assert(has_key("a") && !has_key("b") && has_key("c") && has_key("d"));
    put("a", session);
    put("", session);
    ck_assert(has_key("a") && !has_key("c") && has_key("d") && has_key(""));
    for (int nth = 1; nth <= 2; nth++) {
        (void)mem_fail_at((unsigned long)nth, 1);
        put("e", session);
        (void)mem_fail_at(0, 0);
        ck_assert(has_key("e") == (nth == 2));
    }
    SSL_SESSION_free(session);
}
END_TEST

START_TEST(none_outlives_its_own_time)
{
    SSL_SESSION *session = take_session(), *old = SSL_SESSION_dup(session);
    long life = SSL_SESSION_get_timeout(old);
    SSL_SESSION_set_time(old, (long)time(NULL) - life);
    put("old", old);
    ck_assert(!has_key("old"));
    SSL_SESSION_free(old);
    old = SSL_SESSION_dup(session);
    SSL_SESSION_set_time(old, (long)time(NULL) - life + 1);
    put("old", old);
    put("new", session);
    ck_assert(has_key("old"));
    sleep(2);
    ck_assert(!has_key("old") && has_key("new"));
    SSL_SESSION_free(old);
    SSL_SESSION_free(session);
}
END_TEST

static X509 *read_certificate(void)
{
    BIO *text = BIO_new_mem_buf(tf.pair.certificate, -1);
    X509 *cert = PEM_read_bio_X509(text, NULL, NULL, NULL);
    BIO_free(text);
    return cert;
}

static void sign_until(X509 *cert, long seconds)
{
    BIO *text = BIO_new_mem_buf(tf.pair.key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    EVP_PKEY_free(key);
    BIO_free(text);
}

/* The server shows a certificate that ends in so many seconds. */
static void use_certificate_until(long seconds)
{
    X509 *cert = read_certificate();
    sign_until(cert, seconds);
    ck_assert_int_eq(SSL_CTX_use_certificate(tf.server, cert), 1);
    X509_free(cert);
}

/* It shows one that ends in an hour, of an authority that ends in so many seconds. */
static void use_authority_until(long seconds)
{
    X509 *cert = read_certificate(), *authority = read_certificate();
    X509_NAME *name = X509_NAME_new();
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"authority", -1, -1, 0), 1);
    X509_set_subject_name(authority, name);
    X509_set_issuer_name(authority, name);
    X509_set_issuer_name(cert, name);
    sign_until(authority, seconds);
    sign_until(cert, 3600);
    ck_assert_int_eq(SSL_CTX_use_certificate(tf.server, cert), 1);
    ck_assert_int_eq(SSL_CTX_clear_chain_certs(tf.server), 1);
    ck_assert_int_eq(SSL_CTX_add1_chain_cert(tf.server, authority), 1);
    X509_NAME_free(name);
    X509_free(authority);
    X509_free(cert);
}

START_TEST(none_outlives_the_certificate)
{
    unsigned version = 1 + (unsigned)_i;
    use_certificate_until(-5);
    ck_assert(!visit(version, KEY));
    ck_assert(!visit(version, KEY));
    use_certificate_until(3);
    ck_assert(!visit(version, KEY));
    ck_assert(visit(version, KEY));
    sleep(4);
    ck_assert(!visit(version, KEY));
}
END_TEST

/* Also where the last session was agreed in a short handshake, which saw no chain. */
START_TEST(none_outlives_an_authority_of_the_chain)
{
    unsigned version = 1 + (unsigned)_i;
    use_authority_until(-5);
    ck_assert(!visit(version, KEY));
    ck_assert(!visit(version, KEY));
    use_authority_until(3);
    ck_assert(!visit(version, KEY));
    ck_assert(visit(version, KEY));
    ck_assert(visit(version, KEY));
    sleep(4);
    ck_assert(!visit(version, KEY));
}
END_TEST

START_TEST(the_end_of_no_chain_is_over)
{
    STACK_OF(X509) *none = sk_X509_new_null();
    ck_assert_int_eq(sessions_end_of(NULL), 0);
    ck_assert_int_eq(sessions_end_of(none), 0);
    sk_X509_free(none);
}
END_TEST

START_TEST(a_store_of_none_keeps_nothing)
{
    SSL_SESSION *session = take_session();
    struct sessions *none = sessions_new(0);
    ck_assert_ptr_nonnull(none);
    sessions_put(none, sessions_generation(none), KEY, session, INT64_MAX);
    ck_assert_ptr_null(sessions_find(none, KEY, &end_s));
    sessions_free(none);
    SSL_SESSION_free(session);
}
END_TEST

Suite *sessions_suite(void)
{
    Suite *suite = suite_create("sessions");
    TCase *tc = tcase_create("sessions");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, the_second_handshake_is_a_short_one, 0, 2);
    tcase_add_test(tc, a_ticket_finds_the_stream_that_moved);
    tcase_add_loop_test(tc, what_was_agreed_before_is_worthless_behind_a_clear, 0, 2);
    tcase_add_test(tc, the_one_not_used_for_the_longest_time_goes_first);
    tcase_add_test(tc, none_outlives_its_own_time);
    tcase_add_loop_test(tc, none_outlives_the_certificate, 0, 2);
    tcase_add_loop_test(tc, none_outlives_an_authority_of_the_chain, 0, 2);
    tcase_add_test(tc, the_end_of_no_chain_is_over);
    tcase_add_test(tc, a_store_of_none_keeps_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
