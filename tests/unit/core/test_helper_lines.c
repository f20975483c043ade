/* SPDX-License-Identifier: MIT */
/* test_helper_lines.c - what helpers may say and what they may not: order, channels,
 * handshakes, long lines. */
#include "tests/unit/core/suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/worker.h"
#include "tests/unit/core/helpers_rig.h"
#include "tests/unit/core/must.h"

START_TEST(a_helper_out_of_step_is_put_down)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script("while read -r user password; do\n"
                 "  [ $user = bob ] && printf 'ERR no\\nOK user=bob\\n' && continue\n"
                 "  echo OK user=$user\n"
                 "done\n");
    for (unsigned round = 0; round < 4; round++) {
        rig_ask(2 * round, &c, "bob", "x");
        rig_ask(2 * round + 1, &c, "alice", "x");
        rig_await(2 * round + 2);
        rig_expect(2 * round, HELPER_ERR, "no");
        rig_expect(2 * round + 1, HELPER_OK, "alice");
    }
    ck_assert_uint_eq(rig_counts().died, 4);
    ck_assert_ptr_nonnull(strstr(rig_read("log"), "is put down: it "));
}
END_TEST

START_TEST(a_late_line_too_many_is_seen_before_the_next_ask)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script("read -r user password; echo ERR no; sleep 0.1; echo OK user=bob\n" HONEST);
    rig_ask(0, &c, "alice", "guess");
    rig_await(1);
    usleep(300000);
    rig_write_script(HONEST);
    rig_ask(1, &c, "alice", "guess");
    rig_await(2);
    rig_expect(0, HELPER_ERR, "no");
    rig_expect(1, HELPER_ERR, "no");
    ck_assert_uint_eq(rig_counts().died, 1);
}
END_TEST

START_TEST(words_that_the_protocol_does_not_have)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script("while read -r user password; do\n"
                 "  [ $user = bob ] && echo debug: looking && sleep 0.05\n"
                 "  echo OK user=$user\n"
                 "done\n");
    rig_ask(0, &c, "bob", "x");
    rig_ask(1, &c, "alice", "x");
    rig_await(2);
    ck_assert_int_eq(questions[0].ask.answer.kind, HELPER_STRANGE);
    rig_expect(1, HELPER_OK, "alice");
    ck_assert_uint_eq(rig_counts().died, 1);
}
END_TEST

/* Three asks are taken in and answered from the last to the first. */
START_TEST(channels_in_any_order)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 3, 100, 5000);
    rig_write_script("while read -r a ua pa && read -r b ub pb && read -r c uc pc; do\n"
                 "  printf '%s OK user=%s\\n' $c $uc $b $ub $a $ua\n"
                 "done\n");
    static const char *const USERS[] = {"u0", "u1", "u2", "u3", "u4", "u5"};
    for (unsigned i = 0; i < 6; i++)
        rig_ask(i, &c, USERS[i], "x");
    rig_await(6);
    for (unsigned i = 0; i < 6; i++)
        rig_expect(i, HELPER_OK, USERS[i]);
    ck_assert_uint_eq(rig_counts().started, 1);
    ck_assert_uint_eq(rig_counts().died, 0);
}
END_TEST

START_TEST(channels_that_nobody_uses)
{
    static const char *const WRONG[] = {"7 OK", "1 OK", "OK", "-1 OK", "99999999999 OK"};
    char text[256];
    for (unsigned i = 0; i < 5; i++) {
        struct helper_config c = rig_config(HELPER_BASIC, 1, 3, 100, 5000 + i);
        snprintf(text, sizeof(text),
                 "read -r channel user password\n"
                 "mkdir \"$1/was-%u\" 2>/dev/null && echo %s && sleep 100\n"
                 "echo \"$channel OK user=$user\"; sleep 100\n", i, WRONG[i]);
        rig_write_script(text);
        rig_ask(i, &c, "alice", "x");
        rig_await(i + 1);
        rig_expect(i, HELPER_OK, "alice");
        ck_assert_uint_eq(rig_counts().died, i + 1);
    }
}
END_TEST

/* TT and AF carry the number of the process. */
#define NTLM \
    "while read -r word blob; do\n" \
    "  case $word in\n" \
    "    YR) echo TT $$ ;;\n" \
    "    KK) echo AF user-$$ ;;\n" \
    "  esac\n" \
    "done\n"

static void token_to_user(unsigned n, char out[32])
{
    const struct helper_answer *a = &questions[n].ask.answer;
    ck_assert_int_eq(a->kind, HELPER_TOKEN);
    ck_assert_uint_ne(questions[n].ask.lease, HELPER_NO_LEASE);
    ck_assert_ptr_eq(a->token.ptr, questions[n].ask.token);
    snprintf(out, 32, "user-%.*s", STR_ARG(a->token));
}

START_TEST(a_handshake_stays_in_its_process)
{
    struct helper_config c = rig_config(HELPER_NTLMSSP, 2, 0, 100, 5000);
    char first[32], second[32];
    rig_write_script(NTLM);
    rig_ask_ntlm(0, &c, true, HELPER_NO_LEASE);
    rig_ask_ntlm(1, &c, true, HELPER_NO_LEASE);
    rig_await(2);
    token_to_user(0, first);
    token_to_user(1, second);
    ck_assert_str_ne(first, second);
    rig_ask_ntlm(2, &c, true, HELPER_NO_LEASE); /* waits: both are taken */
    ck_assert(!rig_run_until(3, 200));
    ck_assert_uint_eq(rig_counts().waiting, 1);
    rig_ask_ntlm(3, &c, false, questions[1].ask.lease);
    rig_await(4);
    rig_expect(3, HELPER_OK, second);
    ck_assert_uint_eq(questions[3].ask.lease, HELPER_NO_LEASE);
    char third[32];
    token_to_user(2, third); /* its turn came with the end of the other's */
    ck_assert_str_eq(third, second);
    rig_ask_ntlm(4, &c, false, questions[0].ask.lease);
    rig_ask_ntlm(5, &c, false, questions[2].ask.lease);
    rig_await(6);
    rig_expect(4, HELPER_OK, first);
    rig_expect(5, HELPER_OK, second);
    rig_ask_ntlm(6, &c, false, questions[0].ask.lease); /* used up */
    rig_ask_ntlm(7, &c, false, 987654321);
    rig_await(8);
    ck_assert_int_eq(questions[6].ask.fate, HELPER_LEASE_LOST);
    ck_assert_int_eq(questions[7].ask.fate, HELPER_LEASE_LOST);
    ck_assert_uint_eq(rig_counts().started, 2);
}
END_TEST

START_TEST(a_handshake_given_up_frees_its_process)
{
    struct helper_config c = rig_config(HELPER_NTLMSSP, 1, 0, 0, 1500);
    rig_write_script(NTLM);
    rig_ask_ntlm(0, &c, true, HELPER_NO_LEASE);
    rig_await(1);
    rig_ask_ntlm(1, &c, true, HELPER_NO_LEASE);
    rig_await(2);
    ck_assert_int_eq(questions[1].ask.fate, HELPER_QUEUE_FULL);
    helpers_release(helpers, questions[0].ask.lease);
    rig_ask_ntlm(2, &c, true, HELPER_NO_LEASE); /* releases come before asks */
    rig_await(3);
    ck_assert_int_eq(questions[2].ask.answer.kind, HELPER_TOKEN);
    ck_assert_uint_ne(questions[2].ask.lease, questions[0].ask.lease);
    helpers_release(helpers, questions[0].ask.lease); /* old: nobody's any more */
    rig_ask_ntlm(3, &c, true, HELPER_NO_LEASE);
    rig_await(4);
    ck_assert_int_eq(questions[3].ask.fate, HELPER_QUEUE_FULL);
    usleep(2000000); /* nobody uses it: over */
    rig_ask_ntlm(4, &c, false, questions[2].ask.lease);
    rig_ask_ntlm(5, &c, true, HELPER_NO_LEASE);
    rig_await(6);
    ck_assert_int_eq(questions[4].ask.fate, HELPER_LEASE_LOST);
    ck_assert_int_eq(questions[5].ask.answer.kind, HELPER_TOKEN);
    ck_assert_uint_eq(rig_counts().died, 0);
}
END_TEST

START_TEST(a_handshake_dies_with_its_process)
{
    struct helper_config c = rig_config(HELPER_NTLMSSP, 1, 0, 10, 5000);
    rig_write_script("read -r word blob; echo TT AAAA; read -r word blob; exit 0\n");
    rig_ask_ntlm(0, &c, true, HELPER_NO_LEASE);
    rig_await(1);
    rig_ask_ntlm(1, &c, false, questions[0].ask.lease);
    rig_await(2);
    ck_assert_int_eq(questions[1].ask.fate, HELPER_DIED);
    rig_ask_ntlm(2, &c, false, questions[0].ask.lease);
    rig_await(3);
    ck_assert_int_eq(questions[2].ask.fate, HELPER_LEASE_LOST);
}
END_TEST

/* More than a pipe takes at once, both ways; and one that never reads. */
START_TEST(long_lines)
{
    struct helper_config c = rig_config(HELPER_NTLMSSP, 1, 0, 10, 10000);
    static char base64[90 * 1024 + 1];
    memset(base64, 'A', sizeof(base64) - 1);
    rig_write_script("read -r word blob; sleep 0.1; echo BH ${#blob}\n"
                 "read -r word blob; head -c 90000 /dev/zero | tr '\\0' B; echo\n"
                 "read -r word blob; head -c 100000 /dev/zero | tr '\\0' B; echo; sleep 100\n");
    questions[0].ask.line_len = helper_line_ntlm(questions[0].line, sizeof(questions[0].line),
                                                 true, str_of(base64));
    ck_assert_uint_gt(questions[0].ask.line_len, 65536);
    rig_submit(0, &c, HELPER_NO_LEASE);
    rig_await(1);
    rig_expect(0, HELPER_BROKEN, "92160");
    rig_ask_ntlm(1, &c, true, HELPER_NO_LEASE);
    rig_await(2);
    ck_assert_int_eq(questions[1].ask.answer.kind, HELPER_STRANGE);
    c.timeout_ms = 10001; /* a pool of its own */
    rig_write_script("read -r word blob; head -c 100000 /dev/zero | tr '\\0' B; sleep 100\n");
    rig_ask_ntlm(2, &c, true, HELPER_NO_LEASE);
    rig_await(3);
    ck_assert_int_eq(questions[2].ask.fate, HELPER_DIED);
    ck_assert_ptr_nonnull(strstr(rig_read("log"), "a line that is too long"));
    c.timeout_ms = 300;
    rig_write_script("sleep 100\n");
    questions[3].ask.line_len = questions[0].ask.line_len;
    memcpy(questions[3].line, questions[0].line, questions[0].ask.line_len);
    rig_submit(3, &c, HELPER_NO_LEASE);
    rig_await(4);
    ck_assert_int_eq(questions[3].ask.fate, HELPER_TIMED_OUT);
}
END_TEST

Suite *helper_lines_suite(void)
{
    Suite *suite = suite_create("helper_lines");
    TCase *tc = tcase_create("helper_lines");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_add_test(tc, a_helper_out_of_step_is_put_down);
    tcase_add_test(tc, a_late_line_too_many_is_seen_before_the_next_ask);
    tcase_add_test(tc, words_that_the_protocol_does_not_have);
    tcase_add_test(tc, channels_in_any_order);
    tcase_add_test(tc, channels_that_nobody_uses);
    tcase_add_test(tc, a_handshake_stays_in_its_process);
    tcase_add_test(tc, a_handshake_given_up_frees_its_process);
    tcase_add_test(tc, a_handshake_dies_with_its_process);
    tcase_add_test(tc, long_lines);
    suite_add_tcase(suite, tc);
    return suite;
}
