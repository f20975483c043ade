/* SPDX-License-Identifier: MIT */
/* test_auth_errand.c - what ends while a password is with a thread or a helper: the
 * client, the time, the configuration, the worker, the threads. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/suites.h"

static struct conn *first_conn(void)
{
    return LIST_ITEM(list_first(&rig.worker->conns), struct conn, node);
}

static int open_and_wait(const char *credentials)
{
    gate_close_hashing();
    int client = auth_rig_open(credentials);
    gate_await(1);
    return client;
}

/* Opens the gate; the letters come in. */
static void let_through(void)
{
    gate_open();
    gate_await(0);
    for (unsigned i = 0; i < 200; i++) {
        rig_turn();
        usleep(1000);
    }
}

static void reset(int client)
{
    struct linger now = {1, 0};
    ck_assert_int_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(client);
}

static void expect_throttled(const char *credentials, bool is_throttled)
{
    int client = auth_rig_open(credentials);
    auth_rig_expect(client, "407");
    ck_assert(is_throttled == (strstr(rig.text, "\r\nRetry-After: ") != NULL));
    close(client);
    rig_wait_conns(0);
}

START_TEST(the_client_closes_or_resets)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = open_and_wait(ALICE);
    if (_i == 0)
        close(client);
    else
        reset(client);
    for (unsigned i = 0; i < 10; i++)
        rig_turn();
    let_through();
    if (_i == 0) /* a tunnel that says nothing: half a connection is one */
        close(rig_accept());
    rig_wait_conns(0);
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    auth_rig_stop();
}
END_TEST

/* The exchange is gone, the try comes back, and what was found out is kept. */
START_TEST(time_is_over_for_the_right_password)
{
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    int client = open_and_wait(ALICE);
    rig_pass_time(31000);
    auth_rig_expect(client, "503");
    auth_rig_expect_in("\r\nConnection: close\r\n");
    rig_expect_end(client, false);
    close(client);
    rig_wait_conns(0);
    let_through();
    expect_throttled(ALICE_WRONG, false);
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 1);
    auth_rig_stop();
}
END_TEST

START_TEST(time_is_over_for_a_wrong_password)
{
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    int client = open_and_wait(ALICE_WRONG);
    rig_pass_time(31000);
    auth_rig_expect(client, "503");
    close(client);
    rig_wait_conns(0);
    let_through();
    expect_throttled(ALICE, true);
    auth_rig_stop();
}
END_TEST

START_TEST(the_connection_is_ended)
{
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    int client = open_and_wait(ALICE);
    conn_end(first_conn(), END_DRAINED);
    rig_turn(); /* frees it */
    let_through();
    close(client);
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    auth_rig_stop();
}
END_TEST

/* The errand has all it needs of the configuration that it began with. */
START_TEST(the_configuration_is_replaced)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = open_and_wait(ALICE);
    conn_end(first_conn(), END_DRAINED);
    worker_use_config(rig.worker, auth_rig_config(DIGEST_OF_FILE));
    let_through();
    close(client);
    client = auth_rig_open(NULL);
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: Digest ");
    auth_rig_expect_not_in("\r\nProxy-Authenticate: Basic ");
    close(client);
    auth_rig_stop();
}
END_TEST

/* One that waits for the same check of another, which does not live to see it. */
START_TEST(another_waits_for_it)
{
    auth_rig_start(BASIC_OF_FILE ONE_FAILURE);
    int client = open_and_wait(ALICE), other = auth_rig_open(ALICE);
    struct conn *first = first_conn();
    rig_wait_conns(2);
    conn_end(first, END_DRAINED);
    let_through();
    auth_rig_expect_tunnel(other);
    close(client);
    auth_rig_stop();
}
END_TEST

START_TEST(a_drain_waits_for_it)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = open_and_wait(_i == 0 ? ALICE : ALICE_WRONG);
    worker_drain(rig.worker);
    let_through();
    auth_rig_expect(client, _i == 0 ? "503" : "407");
    auth_rig_expect_in("\r\nConnection: close\r\n");
    rig_expect_end(client, false);
    close(client);
    auth_rig_stop();
}
END_TEST

static unsigned count_letters(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&rig.worker->inbox.lock);
    for (struct letter *letter = rig.worker->inbox.first; letter != NULL; letter = letter->next)
        count++;
    pthread_mutex_unlock(&rig.worker->inbox.lock);
    return count;
}

/* As server_stop does; the rig then ends a worker that never ran. */
static void end_worker(void)
{
    struct err e;
    authority_stop(rig.shared.authority);
    unsigned letters = count_letters();
    worker_free(rig.worker);
    ck_assert_uint_gt(letters, gate_dropped);
    authority_free(rig.shared.authority);
    rig.shared.authority = NULL;
    rig.worker = worker_new(&rig.shared, 0, rig_config(NULL), &e);
    ck_assert_ptr_nonnull(rig.worker);
}

START_TEST(the_worker_ends_with_its_letter)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = open_and_wait(ALICE);
    conn_end(first_conn(), END_DRAINED);
    rig_turn();
    gate_open();
    while (jobs_waiting(rig.shared.authority->hashing) > 0)
        usleep(1000);
    end_worker();
    ck_assert_uint_gt(gate_dropped, 0);
    close(client);
    auth_rig_stop();
}
END_TEST

/* Ends while the job still queues: a thread opens the gate once the end has begun. */
static void *open_late(void *arg)
{
    usleep(100000);
    gate_open();
    return arg;
}

START_TEST(the_threads_end_before_its_turn)
{
    pthread_t opener;
    auth_rig_start(BASIC_OF_FILE);
    int client = open_and_wait(ALICE);
    conn_end(first_conn(), END_DRAINED);
    rig_turn();
    ck_assert_int_eq(pthread_create(&opener, NULL, open_late, NULL), 0);
    auth_rig_drop_authority();
    ck_assert_int_eq(pthread_join(opener, NULL), 0);
    close(client);
    auth_rig_stop();
}
END_TEST

static const char SLOW[] = "while read -r user password; do sleep 0.3; echo OK; done\n";

/* The same with a helper. */
START_TEST(the_connection_is_ended_before_a_helper_answers)
{
    struct helpers_counts counts = {0};
    auth_rig_start(BASIC_HELPER ONE_FAILURE);
    auth_rig_write("basic", SLOW);
    int client = auth_rig_open(ALICE);
    while (counts.running == 0) {
        rig_turn();
        helpers_count(rig.shared.authority->helpers, &counts);
    }
    conn_end(first_conn(), END_DRAINED);
    rig_turn();
    close(client);
    if (_i == 0) {
        for (unsigned i = 0; i < 60; i++) {
            usleep(10000);
            rig_turn();
        }
        auth_rig_expect_tunnel(auth_rig_open(ALICE));
        ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 1);
    }
    auth_rig_stop();
}
END_TEST

Suite *auth_errand_suite(void)
{
    Suite *suite = suite_create("auth_errand");
    TCase *tc = tcase_create("auth_errand");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, the_client_closes_or_resets, 0, 2);
    tcase_add_test(tc, time_is_over_for_the_right_password);
    tcase_add_test(tc, time_is_over_for_a_wrong_password);
    tcase_add_test(tc, the_connection_is_ended);
    tcase_add_test(tc, the_configuration_is_replaced);
    tcase_add_test(tc, another_waits_for_it);
    tcase_add_loop_test(tc, a_drain_waits_for_it, 0, 2);
    tcase_add_test(tc, the_worker_ends_with_its_letter);
    tcase_add_test(tc, the_threads_end_before_its_turn);
    tcase_add_loop_test(tc, the_connection_is_ended_before_a_helper_answers, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
