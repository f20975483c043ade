/* SPDX-License-Identifier: MIT */
/* test_helpers.c - helpers as real processes: how many there are, what waits for
 * them, and what becomes of asks when they die or hang. */
#include "tests/unit/core/suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/worker.h"
#include "tests/unit/core/helpers_rig.h"
#include "tests/unit/core/must.h"

START_TEST(answers_come_back_in_order)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script(HONEST);
    for (unsigned i = 0; i < 32; i++)
        rig_ask(i, &c, i % 2 == 0 ? "alice" : "bob", i % 3 == 0 ? "secret" : "guess");
    rig_await(32);
    for (unsigned i = 0; i < 32; i++)
        rig_expect(i, i % 3 == 0 ? HELPER_OK : HELPER_ERR,
               i % 3 != 0 ? "no" : i % 2 == 0 ? "alice" : "bob");
    struct helpers_counts n = rig_counts();
    ck_assert_uint_eq(n.started, 1);
    ck_assert_uint_eq(n.running, 1);
    ck_assert_uint_eq(n.died + n.timed_out + n.queue_full + n.waiting, 0);
}
END_TEST

/* Equal configurations share processes, others do not; children bound them. */
START_TEST(processes_are_started_when_needed_and_bounded)
{
    struct helper_config c = rig_config(HELPER_BASIC, 3, 0, 100, 10000), same = c, other = c;
    char *copy = strdup(rig_command);
    same.command = copy;
    other.children = 2;
    rig_write_script("while read -r user password; do sleep 0.05; echo OK user=$$; done\n");
    rig_ask(0, &c, "alice", "x");
    rig_await(1);
    rig_ask(1, &same, "alice", "x");
    rig_await(2);
    ck_assert_uint_eq(rig_counts().started, 1);
    for (unsigned i = 2; i < 22; i++)
        rig_ask(i, i % 2 == 0 ? &c : &same, "alice", "x");
    rig_await(22);
    ck_assert_uint_eq(rig_counts().started, 3);
    rig_ask(22, &other, "alice", "x");
    rig_await(23);
    ck_assert_uint_eq(rig_counts().started, 4);
    free(copy);
}
END_TEST

START_TEST(a_full_queue_says_so_and_goes_on)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 2, 10000);
    unsigned full = 0;
    rig_write_script("while read -r user password; do sleep 0.2; echo OK user=$user; done\n");
    for (unsigned i = 0; i < 8; i++)
        rig_ask(i, &c, "alice", "x");
    rig_await(8);
    for (unsigned i = 0; i < 8; i++)
        full += questions[i].ask.fate == HELPER_QUEUE_FULL;
    ck_assert_uint_eq(full, 5); /* one at work, two wait */
    for (unsigned i = 0; i < 3; i++)
        rig_expect(i, HELPER_OK, "alice");
    ck_assert_uint_eq(rig_counts().queue_full, 5);
    rig_ask(8, &c, "bob", "x");
    rig_await(9);
    rig_expect(8, HELPER_OK, "bob");
}
END_TEST

/* The first process dies with the ask; the second answers it. */
START_TEST(an_ask_survives_one_death)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 10, 5000);
    rig_write_script("read -r user password\n"
                 "mkdir \"$1/was-here\" 2>/dev/null && exit 3\n"
                 "echo OK user=$user\n" HONEST);
    rig_ask(0, &c, "alice", "x");
    rig_await(1);
    rig_expect(0, HELPER_OK, "alice");
    ck_assert_uint_eq(rig_counts().died, 1);
    ck_assert_uint_eq(rig_counts().started, 2);
    ck_assert_ptr_nonnull(strstr(rig_read("log"), "has ended with status 3"));
}
END_TEST

/* One that always dies is not started all the time, and nobody waits for it for long. */
START_TEST(deaths_are_followed_by_waiting_longer)
{
    struct helper_config c = rig_config(HELPER_BASIC, 4, 0, 100, 60000);
    rig_write_script("read -r user password; exit 1\n");
    uint64_t begin = worker_now_ms();
    for (unsigned i = 0; i < 40; i++)
        rig_ask(i, &c, "alice", "x");
    rig_await(40);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(questions[i].ask.fate, HELPER_DIED);
    uint64_t took = worker_now_ms() - begin;
    ck_assert_uint_lt(took, 10000);
    unsigned started = (unsigned)rig_counts().started;
    ck_assert_uint_le(started, 4 * 6); /* waits of 0.1, 0.2, 0.4, 0.8, then more than 1 s */
    begin = worker_now_ms();
    rig_ask(40, &c, "alice", "x");
    rig_await(41);
    ck_assert_int_eq(questions[40].ask.fate, HELPER_DIED);
    ck_assert_uint_lt(worker_now_ms() - begin, 1000);
}
END_TEST

START_TEST(what_cannot_be_started)
{
    struct helper_config c = rig_config(HELPER_BASIC, 2, 0, 100, 60000), empty = c;
    char nothing[] = "  ";
    snprintf(rig_command, sizeof(rig_command), "%s/none -w topsecret", rig_folder);
    empty.command = nothing;
    rig_ask(0, &c, "alice", "x");
    rig_ask(1, &empty, "alice", "x");
    rig_await(2);
    ck_assert_int_eq(questions[0].ask.fate, HELPER_DIED);
    ck_assert_int_eq(questions[1].ask.fate, HELPER_DIED);
    ck_assert_uint_eq(rig_counts().started, 0);
    ck_assert_ptr_nonnull(strstr(rig_read("log"), "/none': No such file or directory"));
    ck_assert_ptr_null(strstr(rig_read("log"), "topsecret")); /* arguments may be secret */
}
END_TEST

START_TEST(silence_is_ended_by_a_kill)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 10, 1000);
    rig_write_script("echo $$ > \"$1/pid\"\n"
                 "while read -r user password; do\n"
                 "  [ $user = slow ] && sleep 100\n"
                 "  echo OK user=$user\n"
                 "done\n");
    uint64_t begin = worker_now_ms();
    rig_ask(0, &c, "slow", "x");
    rig_await(1);
    int pid = rig_read_pid();
    ck_assert_int_eq(questions[0].ask.fate, HELPER_TIMED_OUT);
    ck_assert_uint_ge(worker_now_ms() - begin, 1000);
    ck_assert_uint_lt(worker_now_ms() - begin, 10000);
    rig_ask(1, &c, "alice", "x");
    rig_await(2);
    rig_expect(1, HELPER_OK, "alice");
    ck_assert_int_eq(kill(pid, 0), -1);
    ck_assert_uint_eq(rig_counts().timed_out, 1);
}
END_TEST

START_TEST(waiting_in_the_queue_has_an_end)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 10, 1500);
    rig_write_script("while read -r user password; do sleep 1; echo OK user=$user; done\n");
    for (unsigned i = 0; i < 5; i++)
        rig_ask(i, &c, "alice", "x");
    rig_await(5);
    rig_expect(0, HELPER_OK, "alice");
    rig_expect(1, HELPER_OK, "alice");
    for (unsigned i = 2; i < 5; i++)
        ck_assert_int_eq(questions[i].ask.fate, HELPER_TIMED_OUT);
    ck_assert_uint_eq(rig_counts().timed_out, 3);
    ck_assert_uint_eq(rig_counts().died, 0); /* waiting is not the process's fault */
}
END_TEST

/* A line too many must not become the answer to the next question. */
Suite *helpers_suite(void)
{
    Suite *suite = suite_create("helpers");
    TCase *tc = tcase_create("helpers");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_add_test(tc, answers_come_back_in_order);
    tcase_add_test(tc, processes_are_started_when_needed_and_bounded);
    tcase_add_test(tc, a_full_queue_says_so_and_goes_on);
    tcase_add_test(tc, an_ask_survives_one_death);
    tcase_add_test(tc, deaths_are_followed_by_waiting_longer);
    tcase_add_test(tc, what_cannot_be_started);
    tcase_add_test(tc, silence_is_ended_by_a_kill);
    tcase_add_test(tc, waiting_in_the_queue_has_an_end);
    suite_add_tcase(suite, tc);
    return suite;
}
