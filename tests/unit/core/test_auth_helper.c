/* SPDX-License-Identifier: MIT */
/* test_auth_helper.c - requests whose credentials a helper process checks: what each of
 * its answers becomes, and the lease of an NTLM handshake. */
#include <string.h>
#include <unistd.h>

#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "tests/unit/core/auth_clients.h"
#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/suites.h"

START_TEST(ok_and_err_are_kept)
{
    auth_rig_start(BASIC_HELPER);
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 1);
    int client = auth_rig_open(ALICE_WRONG);
    auth_rig_expect(client, "407");
    auth_rig_send(client, ALICE_WRONG);
    auth_rig_expect(client, "407");
    ck_assert_uint_eq(count_read(&rig.worker->counters.auth_cached), 2);
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_WRONG), 2);
    close(client);
    auth_rig_stop();
}
END_TEST

/* Not the client's fault: 503, and the try is given back. */
START_TEST(no_verdict_is_503)
{
    static const char *const WHO[] = {BOB, NOBODY};
    auth_rig_start(BASIC_HELPER ONE_FAILURE);
    for (unsigned i = 0; i < 2; i++) {
        int client = auth_rig_open(WHO[_i]);
        auth_rig_expect(client, "503");
        auth_rig_expect_in("\r\nConnection: close\r\n");
        close(client);
    }
    ck_assert_uint_eq(auth_rig_count(AUTH_BASIC, COUNT_AUTH_UNAVAILABLE), 2);
    auth_rig_stop();
}
END_TEST

START_TEST(ntlm_by_a_helper)
{
    static const char *const SCHEMES[] = {"NTLM", "Negotiate"};
    auth_rig_start(NTLM_HELPER NEGOTIATE);
    int client = auth_rig_open(ntlm_first(SCHEMES[_i]));
    auth_rig_expect(client, "407");
    ck_assert_str_eq(auth_rig_token(SCHEMES[_i]), NTLM_CHALLENGE);
    auth_rig_send(client, ntlm_last(SCHEMES[_i], "Secret1"));
    auth_rig_expect_tunnel(client);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"user\":\"alice\"")); /* CORP is ours */
    auth_rig_stop();
}
END_TEST

/* With one process, the handshake of the next has to wait until its lease is free. */
START_TEST(a_client_that_goes_frees_the_process)
{
    auth_rig_start("ntlm = { helper = \"/bin/sh $D/ntlm\"; children = 1; };\n");
    int client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    close(client);
    rig_wait_conns(0);
    client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    auth_rig_send(client, ntlm_first("NTLM")); /* and one that begins anew */
    auth_rig_expect(client, "407");
    auth_rig_send(client, ntlm_last("NTLM", "Secret1"));
    auth_rig_expect_tunnel(client);
    auth_rig_stop();
}
END_TEST

/* The challenge finds nobody: its process is free all the same. */
START_TEST(a_challenge_that_comes_back_to_nobody)
{
    static const char SLOW[] = "while read -r code token; do sleep 0.2;\n"
                               "echo 'TT " NTLM_CHALLENGE "'; done\n";
    struct helpers_counts counts = {0};
    auth_rig_start("ntlm = { helper = \"/bin/sh $D/ntlm\"; children = 1; };\n");
    auth_rig_write("ntlm", SLOW);
    int client = auth_rig_open(ntlm_first("NTLM"));
    while (counts.running == 0) {
        rig_turn();
        helpers_count(rig.shared.authority->helpers, &counts);
    }
    conn_end(LIST_ITEM(list_first(&rig.worker->conns), struct conn, node), END_DRAINED);
    rig_turn();
    close(client);
    client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    ck_assert_str_eq(auth_rig_token("NTLM"), NTLM_CHALLENGE);
    close(client);
    auth_rig_stop();
}
END_TEST

/* Everything the client's connection has, it has lost. */
START_TEST(the_process_of_a_handshake_dies)
{
    auth_rig_start(NTLM_HELPER);
    auth_rig_write("ntlm", "read -r code token; echo 'TT " NTLM_CHALLENGE "'; exit 0\n");
    int client = auth_rig_open(ntlm_first("NTLM"));
    auth_rig_expect(client, "407");
    for (unsigned i = 0; i < 20; i++) {
        usleep(10000);
        rig_turn();
    }
    auth_rig_send(client, ntlm_last("NTLM", "Secret1"));
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nProxy-Authenticate: NTLM\r\n");
    close(client);
    auth_rig_stop();
}
END_TEST

Suite *auth_helper_suite(void)
{
    Suite *suite = suite_create("auth_helper");
    TCase *tc = tcase_create("auth_helper");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ok_and_err_are_kept);
    tcase_add_loop_test(tc, no_verdict_is_503, 0, 2);
    tcase_add_loop_test(tc, ntlm_by_a_helper, 0, 2);
    tcase_add_test(tc, a_client_that_goes_frees_the_process);
    tcase_add_test(tc, a_challenge_that_comes_back_to_nobody);
    tcase_add_test(tc, the_process_of_a_handshake_dies);
    suite_add_tcase(suite, tc);
    return suite;
}
