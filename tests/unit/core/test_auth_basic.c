/* SPDX-License-Identifier: MIT */
/* test_auth_basic.c - Basic from the 407 to the tunnel: right, wrong, cached, throttled,
 * several connections at once. */
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/suites.h"

START_TEST(asked_and_answered_on_one_connection)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = auth_rig_open(NULL);
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: Basic realm=\"Test\", charset=\"UTF-8\"\r\n");
    auth_rig_expect_in("\r\nContent-Length: ");
    auth_rig_expect_not_in("\r\nConnection: close");
    auth_rig_send(client, ALICE);
    auth_rig_expect_tunnel(client);
    rig_wait_conns(0);
    rig_log();
    ck_assert_ptr_nonnull(strstr(rig_log_line(1), "\"user\":\"alice\""));
    ck_assert_ptr_nonnull(strstr(rig_log_line(1), "\"auth\":\"basic\""));
    ck_assert_uint_eq(auth_rig_count(AUTH_NONE, COUNT_AUTH_ASKED), 1);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_OK), 1);
    auth_rig_stop();
}
END_TEST

START_TEST(what_needs_no_user_is_not_asked)
{
    auth_rig_start(BASIC_OF_FILE);
    rig_check_serves();
    ck_assert_uint_eq(auth_rig_count(AUTH_NONE, COUNT_AUTH_ASKED), 0);
    auth_rig_stop();
}
END_TEST

/* Wrong, unknown, malformed, and a scheme that is not offered: all the same answer. */
START_TEST(wrong_ones_are_asked_again)
{
    static const char *const WRONG[] = {ALICE_WRONG, NOBODY, "Basic !", "Basic", "Bearer x",
                                        "NTLM TlRMTVNTUAABAAAAAAAAAA=="};
    auth_rig_start(BASIC_OF_FILE);
    int client = auth_rig_open(NULL);
    auth_rig_expect(client, "407");
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        auth_rig_send(client, WRONG[i]);
        auth_rig_expect(client, "407");
        auth_rig_expect_in("\r\nProxy-Authenticate: Basic ");
    }
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_WRONG), 2);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_MALFORMED), 2);
    ck_assert_uint_eq(auth_rig_count(AUTH_NONE, COUNT_AUTH_NOT_OFFERED), 2);
    auth_rig_send(client, ALICE);
    auth_rig_expect_tunnel(client);
    rig_wait_conns(0);
    ck_assert_ptr_null(strstr(rig_log(), "Secret1"));
    auth_rig_stop();
}
END_TEST

/* No thread that hashes is free, and none is needed. */
START_TEST(a_second_time_costs_no_hash)
{
    auth_rig_start(BASIC_OF_FILE);
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    gate_close_hashing();
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 1);
    int other = auth_rig_open(BOB);
    gate_await(1);
    gate_open();
    auth_rig_expect_tunnel(other);
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 1);
    auth_rig_stop();
}
END_TEST

START_TEST(failures_are_throttled)
{
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    int client = auth_rig_open(ALICE_WRONG);
    auth_rig_expect(client, "407");
    auth_rig_expect_not_in("\r\nRetry-After: ");
    auth_rig_send(client, ALICE);
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nRetry-After: ");
    auth_rig_send(client, BOB); /* another user has tries of their own */
    auth_rig_expect_tunnel(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_THROTTLED), 1);
    auth_rig_stop();
}
END_TEST

/* As a browser does: one hash, and one failure where it is wrong. */
START_TEST(several_connections_have_one_hash)
{
    int clients[4];
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    gate_close_hashing();
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = auth_rig_open(ALICE);
    rig_wait_conns(ARRAY_LEN(clients));
    gate_await(1);
    for (unsigned i = 0; i < 50; i++)
        rig_turn();
    ck_assert_uint_eq(jobs_waiting(rig.shared.authority->hashing), 1);
    gate_open();
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        auth_rig_expect_tunnel(clients[i]);
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), ARRAY_LEN(clients) - 1);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_OK), ARRAY_LEN(clients));
    auth_rig_stop();
}
END_TEST

START_TEST(several_connections_have_one_failure)
{
    int clients[4];
    auth_rig_start(BASIC_OF_FILE "failures = { burst = 2; };\n");
    gate_close_hashing();
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = auth_rig_open(ALICE_WRONG);
    rig_wait_conns(ARRAY_LEN(clients));
    gate_await(1);
    gate_open();
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        auth_rig_expect(clients[i], "407");
        auth_rig_expect_not_in("\r\nRetry-After: ");
        close(clients[i]);
    }
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_WRONG), ARRAY_LEN(clients));
    auth_rig_expect_tunnel(auth_rig_open(ALICE)); /* the second try is left */
    auth_rig_stop();
}
END_TEST

/* The rest of the queue and its order must not matter. */
START_TEST(a_full_queue_is_503)
{
    static struct job more[1024];
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    gate_close_hashing();
    struct authority *a = rig.shared.authority;
    unsigned count = gate_fill(more, ARRAY_LEN(more));
    ck_assert_uint_eq(jobs_waiting(a->hashing), count);
    int client = auth_rig_open(ALICE);
    auth_rig_expect(client, "503");
    auth_rig_expect_in("\r\nRetry-After: ");
    close(client);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_BUSY), 1);
    gate_open();
    gate_await(0);
    auth_rig_expect_tunnel(auth_rig_open(ALICE)); /* the try was given back */
    auth_rig_stop();
}
END_TEST

Suite *auth_basic_suite(void)
{
    Suite *suite = suite_create("auth_basic");
    TCase *tc = tcase_create("auth_basic");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, asked_and_answered_on_one_connection);
    tcase_add_test(tc, what_needs_no_user_is_not_asked);
    tcase_add_test(tc, wrong_ones_are_asked_again);
    tcase_add_test(tc, a_second_time_costs_no_hash);
    tcase_add_test(tc, failures_are_throttled);
    tcase_add_test(tc, several_connections_have_one_hash);
    tcase_add_test(tc, several_connections_have_one_failure);
    tcase_add_test(tc, a_full_queue_is_503);
    suite_add_tcase(suite, tc);
    return suite;
}
