/* SPDX-License-Identifier: MIT */
/* test_helper_ends.c - helpers and the system: their log, a clean start, idleness, the
 * end. */
#include "tests/unit/core/suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/worker.h"
#include "tests/unit/core/helpers_rig.h"
#include "tests/unit/core/must.h"

START_TEST(what_helpers_say_to_the_log)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script("while read -r user password; do\n"
                 "  echo \"cannot\treach the directory\" >&2\n"
                 "  echo \"got $user $password\" >&2\n"
                 "  [ $user = alice ] && echo 'got hidden%word' >&2\n"
                 "  printf '%s' \"part $password\" >&2\n"
                 "  echo ERR no\n"
                 "  echo ' end' >&2\n"
                 "done\n");
    rig_ask(0, &c, "alice", "hidden%word");
    rig_await(1);
    rig_ask(1, &c, "bob", "other-secret-that-is-long");
    rig_await(2);
    helpers_free(helpers);
    helpers = NULL;
    char *text = rig_read("log");
    ck_assert_ptr_nonnull(strstr(text, "): cannot?reach the directory\n"));
    ck_assert_ptr_nonnull(strstr(text, "repeats a secret"));
    ck_assert_msg(strstr(text, "hidden") == NULL, "%s", text);
    ck_assert_ptr_null(strstr(text, "other-secret"));
}
END_TEST

START_TEST(much_talk_is_cut)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    rig_write_script("read -r user password\n"
                 "i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done\n"
                 "head -c 50000 /dev/zero | tr '\\0' C >&2\n"
                 "echo OK user=$user\n" HONEST);
    rig_ask(0, &c, "alice", "x-secret");
    rig_await(1);
    rig_expect(0, HELPER_OK, "alice");
    unsigned lines = 0;
    for (const char *at = rig_read("log"); (at = strstr(at, "): line ")) != NULL; at++)
        lines++;
    ck_assert_uint_eq(lines, 20);
    ck_assert_ptr_nonnull(strstr(rig_read("log"), "some is left out"));
}
END_TEST

START_TEST(idle_processes_are_ended)
{
    struct helper_config c = rig_config(HELPER_BASIC, 3, 0, 100, 5000);
    helpers_set_idle(helpers, 300, 3000);
    rig_write_script("while read -r user password; do sleep 0.1; echo OK user=$user; done\n");
    for (unsigned i = 0; i < 6; i++)
        rig_ask(i, &c, "alice", "x");
    rig_await(6);
    ck_assert_uint_eq(rig_counts().started, 3);
    ck_assert(rig_wait_for_running(1));
    ck_assert_uint_eq(rig_counts().running, 1);
    rig_ask(6, &c, "alice", "x");
    rig_await(7);
    ck_assert_uint_eq(rig_counts().started, 3); /* the one that stayed */
    ck_assert(rig_wait_for_running(0));
    rig_ask(7, &c, "bob", "x");
    rig_await(8);
    rig_expect(7, HELPER_OK, "bob");
    ck_assert_uint_eq(rig_counts().died, 0);
}
END_TEST

/* What a process gets from us: three descriptors, its own group, no signal blocked or
 * ignored, its words as they were quoted. */
START_TEST(a_clean_start)
{
    char long_command[256], wanted[64];
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 5000);
    snprintf(long_command, sizeof(long_command), "/bin/sh '%s' %s \"two  words\" it\\'s'' a\"b\"c",
             rig_script, rig_folder);
    c.command = long_command;
    rig_write_script("ls /proc/self/fd > \"$1/fds\"\n"
                 "grep SigBlk /proc/$$/status | cut -f2 > \"$1/blocked\"\n"
                 "grep SigIgn /proc/$$/status | cut -f2 > \"$1/ignored\"\n"
                 "cut -d' ' -f1,5 /proc/$$/stat > \"$1/group\"\n"
                 "printf '[%s]' \"$2\" \"$3\" \"$4\" > \"$1/words\"\n"
                 "echo $$ > \"$1/pid\"\n"
                 "read -r user password; echo OK user=$user; read -r rest\n");
    signal(SIGPIPE, SIG_IGN);
    rig_ask(0, &c, "alice", "x");
    rig_await(1);
    int pid = rig_read_pid();
    snprintf(wanted, sizeof(wanted), "%d %d\n", pid, pid);
    ck_assert_str_eq(rig_read("group"), wanted);
    ck_assert_str_eq(rig_read("words"), "[two  words][it\\s a\"b\"c][]");
    ck_assert_uint_eq(strtoull(rig_read("blocked"), NULL, 16), 0);
    /* The C library keeps signals 32 and 33 for itself. */
    ck_assert_uint_eq(strtoull(rig_read("ignored"), NULL, 16) & ~0x180000000ULL, 0);
    ck_assert_str_eq(rig_read("fds"), "0\n1\n2\n3\n"); /* 3: the listed folder */
}
END_TEST

/* Asks that are out, that wait and that have just arrived; and processes that do not
 * want to end. */
START_TEST(the_end_drops_what_is_left)
{
    struct helper_config c = rig_config(HELPER_BASIC, 2, 0, 100, 60000);
    rig_write_script("trap '' TERM\nread -r user password\nsleep 100\n");
    for (unsigned i = 0; i < 6; i++)
        rig_ask(i, &c, "alice", "x");
    while (rig_counts().started < 2)
        usleep(1000);
    rig_ask(6, &c, "alice", "x");
    uint64_t begin = worker_now_ms();
    helpers_free(helpers);
    helpers = NULL;
    ck_assert_uint_lt(worker_now_ms() - begin, 4000);
    ck_assert_uint_eq(drop_total, 7);
    ck_assert_uint_eq(rig_done(), 0);
    helpers_free(NULL);
}
END_TEST

/* Children of a helper do not outlive it. */
START_TEST(what_a_helper_started_ends_with_it)
{
    struct helper_config c = rig_config(HELPER_BASIC, 1, 0, 100, 2000);
    rig_write_script("sleep 100 & echo $! > \"$1/pid\"; read -r user password; wait\n");
    rig_ask(0, &c, "alice", "x");
    rig_await(1);
    ck_assert_int_eq(questions[0].ask.fate, HELPER_TIMED_OUT);
    int pid = rig_read_pid();
    char path[64], state = 'Z';
    ck_assert_int_gt(pid, 1);
    /* It may stay a zombie for as long as its new parent likes. */
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    for (unsigned ms = 0; ms < 5000; ms += 10) {
        FILE *f = fopen(path, "r");
        state = 'Z';
        if (f != NULL && fscanf(f, "%*d %*s %c", &state) != 1)
            state = 'Z';
        if (f != NULL)
            fclose(f);
        if (state == 'Z')
            break;
        usleep(10000);
    }
    ck_assert_int_eq(state, 'Z');
}
END_TEST

static const struct helper_config *shared_config;

static void *ask_share(void *arg)
{
    unsigned first = *(unsigned *)arg;
    for (unsigned i = first; i < first + 16; i++)
        rig_ask(i, shared_config, "alice", i % 2 == 0 ? "secret" : "guess");
    return NULL;
}

START_TEST(asked_from_many_threads)
{
    pthread_t threads[4];
    unsigned firsts[4] = {0, 16, 32, 48};
    struct helper_config c = rig_config(HELPER_BASIC, 2, 0, 100, 20000);
    rig_write_script(HONEST);
    shared_config = &c;
    for (unsigned i = 0; i < 4; i++)
        MUST(pthread_create(&threads[i], NULL, ask_share, &firsts[i]) == 0);
    rig_await(64);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 64; i++)
        rig_expect(i, i % 2 == 0 ? HELPER_OK : HELPER_ERR, i % 2 == 0 ? "alice" : "no");
}
END_TEST

Suite *helper_ends_suite(void)
{
    Suite *suite = suite_create("helper_ends");
    TCase *tc = tcase_create("helper_ends");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_add_test(tc, what_helpers_say_to_the_log);
    tcase_add_test(tc, much_talk_is_cut);
    tcase_add_test(tc, idle_processes_are_ended);
    tcase_add_test(tc, a_clean_start);
    tcase_add_test(tc, the_end_drops_what_is_left);
    tcase_add_test(tc, what_a_helper_started_ends_with_it);
    tcase_add_test(tc, asked_from_many_threads);
    suite_add_tcase(suite, tc);
    return suite;
}
