/* SPDX-License-Identifier: MIT */
/* test_tickets.c - sessions come back by tickets, over reloads, and not for ever. */
#include "tests/unit/core/tls_suites.h"

#include <openssl/err.h>

#include "certs/tickets.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/tls_peer.h"

static uint64_t now;
static struct tls_pair pair;
static struct tickets *tickets;
static SSL_CTX *client;
static SSL_SESSION *session; /* the last that a server gave */

static uint64_t now_s(void)
{
    return now;
}

static int on_session(SSL *ssl, SSL_SESSION *s)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = s;
    return 1;
}

static void set_up(void)
{
    now = 1000000;
    tls_pair_make(&pair);
    tickets = tickets_new(now_s);
    ck_assert_ptr_nonnull(tickets);
    session = NULL;
}

static void tear_down(void)
{
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    tickets_free(tickets);
}

static void make_client(int version)
{
    client = tls_client_context(version);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, on_session);
}

/* A handshake in memory with a context as a reload makes it; true where it was short. */
static bool is_resumed(struct str id, struct tickets *keys)
{
    SSL_CTX *ctx = tls_server_context(&pair, id);
    BIO *a, *b;
    char byte;
    tickets_use(keys, ctx);
    SSL *left = SSL_new(client), *right = SSL_new(ctx);
    ck_assert_int_eq(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(left, a, a);
    SSL_set_bio(right, b, b);
    SSL_set_connect_state(left);
    SSL_set_accept_state(right);
    if (session != NULL)
        ck_assert_int_eq(SSL_set_session(left, session), 1);
    for (unsigned i = 0; i < 20; i++) {
        (void)SSL_do_handshake(left);
        (void)SSL_do_handshake(right);
        if (SSL_is_init_finished(left))
            (void)SSL_read(left, &byte, 1); /* takes the tickets of TLS 1.3 */
    }
    ERR_clear_error();
    MUST(SSL_is_init_finished(left) && SSL_is_init_finished(right));
    bool is_short = SSL_session_reused(left);
    ck_assert_int_eq(SSL_session_reused(right), is_short);
    if (SSL_version(left) == TLS1_2_VERSION) { /* of one that is renewed nobody is told */
        SSL_SESSION_free(session);
        session = SSL_get1_session(left);
    }
    SSL_shutdown(left);
    SSL_free(left);
    SSL_free(right);
    SSL_CTX_free(ctx);
    return is_short;
}

static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(a_session_outlives_a_reload)
{
    make_client(VERSIONS[_i]);
    ck_assert(!is_resumed(STR_LIT("a"), tickets));
    ck_assert_ptr_nonnull(session);
    ck_assert(is_resumed(STR_LIT("a"), tickets));
    ck_assert(is_resumed(STR_LIT("a"), tickets));
}
END_TEST

START_TEST(another_listener_or_process_does_not_know_it)
{
    struct tickets *others = tickets_new(now_s);
    make_client(VERSIONS[_i]);
    ck_assert(!is_resumed(STR_LIT("a"), tickets));
    ck_assert(!is_resumed(STR_LIT("b"), tickets));
    ck_assert(is_resumed(STR_LIT("b"), tickets));
    ck_assert(!is_resumed(STR_LIT("b"), others));
    SSL_CTX_free(client);
    client = NULL;
    tickets_free(others);
}
END_TEST

/* A key opens tickets for as long as a session may live behind its last hour. */
START_TEST(keys_change_and_are_forgotten)
{
    SSL_SESSION *first;
    make_client(VERSIONS[_i]);
    ck_assert(!is_resumed(STR_LIT("a"), tickets));
    first = SSL_SESSION_dup(session);
    now += TICKETS_KEY_S;
    ck_assert(is_resumed(STR_LIT("a"), tickets)); /* and is sealed anew */
    now += TICKETS_SESSION_S - 1;
    ck_assert(is_resumed(STR_LIT("a"), tickets));
    SSL_SESSION_free(session);
    session = SSL_SESSION_dup(first);
    ck_assert(is_resumed(STR_LIT("a"), tickets));
    now++;
    SSL_SESSION_free(session);
    session = first;
    ck_assert(!is_resumed(STR_LIT("a"), tickets));
}
END_TEST

Suite *tickets_suite(void)
{
    Suite *suite = suite_create("tickets");
    TCase *tc = tcase_create("tickets");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_session_outlives_a_reload, 0, 2);
    tcase_add_loop_test(tc, another_listener_or_process_does_not_know_it, 0, 2);
    tcase_add_loop_test(tc, keys_change_and_are_forgotten, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
