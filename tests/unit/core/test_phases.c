/* SPDX-License-Identifier: MIT */
/* test_phases.c - the machine of a connection, with phases made for it. */
#include "tests/unit/core/suites.h"

#include <string.h>
#include <unistd.h>

#include "tests/unit/core/rig.h"
#include "util/mem.h"

static struct conn *conn;
static int client;
static char calls[256];     /* a letter for each call: see below */
static enum next answer;    /* of the next step of A */
static const struct phase *to; /* where A goes on NEXT_PHASE */
static enum end_reason end_with;

static void note(char letter)
{
    size_t len = strlen(calls);
    ck_assert_uint_lt(len + 1, sizeof(calls));
    calls[len] = letter;
}

static int enter_a(struct conn *c)
{
    note('a');
    ck_assert_ptr_null(c->state);
    c->state = mem_alloc(1); /* a leak where leave is not called */
    return 0;
}

static void leave_a(struct conn *c)
{
    note('x');
    mem_free(c->state);
}

static enum next step_a(struct conn *c)
{
    note('A');
    enum next now = answer;
    answer = NEXT_AGAIN;
    if (now == NEXT_PHASE)
        return conn_enter(c, to);
    return now == NEXT_END ? conn_end(c, end_with) : now;
}

static void check_up_a(struct conn *c)
{
    (void)c;
    note('u');
}

static enum next step_b(struct conn *c)
{
    note(c->is_expired ? 'E' : 'B');
    return c->is_expired ? conn_end(c, END_TUNNEL_IDLE) : NEXT_AGAIN;
}

static int enter_failing(struct conn *c)
{
    note('f');
    c->state = mem_alloc(1);
    return -1;
}

static void leave_failing(struct conn *c)
{
    note('g');
    ck_assert_ptr_nonnull(c->state); /* what enter made is leave's to free */
    mem_free(c->state);
}

static const struct phase A = {"a", enter_a, step_a, leave_a, check_up_a};
static const struct phase B = {"b", NULL, step_b, NULL, NULL};
static const struct phase FAILING = {"failing", enter_failing, step_b, leave_failing, NULL};

static void expect_calls(const char *want)
{
    ck_assert_str_eq(calls, want);
    memset(calls, 0, sizeof(calls));
}

static void set_up(void)
{
    rig_start(NULL);
    client = rig_connect_pair();
    conn = LIST_ITEM(list_first(&rig.worker->conns), struct conn, node);
    rig_turn();
    rig_turn();
    memset(calls, 0, sizeof(calls));
    answer = NEXT_AGAIN;
    ck_assert_ptr_eq(conn->phase, &PHASE_REQUEST);
    ck_assert_int_eq(conn_enter(conn, &A), NEXT_PHASE);
    ck_assert_ptr_eq(conn->phase, &A);
    expect_calls("a");
}

static void tear_down(void)
{
    if (rig.worker->conn_count != 0)
        conn_end(conn, END_DONE);
    close(client);
    rig_stop();
}

START_TEST(run_steps_until_the_phase_waits)
{
    conn_run(conn);
    expect_calls("A");
    answer = NEXT_PHASE;
    to = &B;
    conn_run(conn);
    expect_calls("AxB");
    ck_assert_ptr_null(conn->state);
    ck_assert_ptr_eq(conn->phase, &B);
}
END_TEST

START_TEST(a_phase_may_be_entered_anew)
{
    answer = NEXT_PHASE;
    to = &A;
    conn_run(conn);
    expect_calls("AxaA");
}
END_TEST

START_TEST(an_event_of_the_client_runs_it)
{
    ck_assert(!conn->has_client_stirred);
    rig_send(client, STR_LIT("x"));
    rig_turn();
    ck_assert(conn->has_client_stirred);
    expect_calls("A");
    stream_wake(&conn->client);
    expect_calls("");
    rig_turn();
    expect_calls("A");
}
END_TEST

START_TEST(end_leaves_closes_and_calls_no_more)
{
    char byte;
    unsigned long before = count_read(&rig.worker->counters.ends[END_CLIENT_RESET]);
    answer = NEXT_END;
    end_with = END_CLIENT_RESET;
    conn_run(conn);
    expect_calls("Ax");
    ck_assert(conn->is_ended); /* still there until the end of the turn */
    ck_assert(!stream_is_open(&conn->client) && !stream_is_open(&conn->origin));
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_CLIENT_RESET]), before + 1);
    conn_run(conn);
    expect_calls("");
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
    rig_pass_time(20000);
    expect_calls("");
    ck_assert(list_is_empty(&rig.worker->graveyard));
}
END_TEST

START_TEST(a_phase_that_cannot_be_entered_ends_it)
{
    answer = NEXT_PHASE;
    to = &FAILING;
    conn_run(conn);
    expect_calls("Axfg");
    ck_assert(conn->is_ended);
    ck_assert_int_eq(conn->end, END_NO_MEMORY);
    rig_turn();
    ck_assert_uint_eq(rig.worker->conn_count, 0);
}
END_TEST

START_TEST(a_deadline_runs_it_once_and_can_be_moved)
{
    answer = NEXT_PHASE;
    to = &B;
    conn_run(conn);
    expect_calls("AxB");
    conn_set_deadline(conn, 1000);
    rig_pass_time(900);
    expect_calls("");
    conn_set_deadline(conn, 5000);
    rig_pass_time(4900);
    expect_calls("");
    rig_pass_time(5100);
    expect_calls("E");
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_TUNNEL_IDLE]), 1);
}
END_TEST

START_TEST(a_waiting_phase_gets_its_check_up)
{
    conn_set_deadline(conn, 3600000);
    rig_pass_time(13000);
    expect_calls("u");
    answer = NEXT_PHASE;
    to = &B; /* has none: nothing is called */
    conn_run(conn);
    expect_calls("AxB");
    rig_pass_time(30000);
    expect_calls("");
}
END_TEST

START_TEST(fail_answers_and_logs_once)
{
    const struct end_row *row = end_row(END_REFUSED);
    ck_assert_int_eq(conn_fail(conn, END_REFUSED, "what is wrong"), NEXT_PHASE);
    expect_calls("x");
    ck_assert_ptr_eq(conn->phase, &PHASE_REPLY);
    conn_run(conn);
    rig_clear();
    rig_expect_end(client, false);
    ck_assert_ptr_nonnull(strstr(rig.text, "HTTP/1.1 502 "));
    ck_assert_ptr_nonnull(strstr(rig.text, "details=\"what is wrong\""));
    ck_assert_ptr_nonnull(strstr(rig.text, row->error));
    close(client);
    client = -1;
    rig_wait_conns(0);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 1);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_REFUSED]), 1);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_DONE]), 0);
}
END_TEST

START_TEST(fail_without_an_answer_ends_at_once)
{
    ck_assert_int_eq(conn_fail(conn, END_CLIENT_GONE, NULL), NEXT_END);
    expect_calls("x");
    ck_assert(conn->is_ended);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 1);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_CLIENT_GONE]), 1);
}
END_TEST

START_TEST(fail_without_memory_ends_at_once)
{
    (void)mem_fail_at(1, 1);
    enum next next = conn_fail(conn, END_REFUSED, NULL);
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(next, NEXT_END);
    ck_assert_int_eq(conn->end, END_NO_MEMORY);
}
END_TEST

START_TEST(early_bytes_are_kept_and_dropped)
{
    ck_assert_int_eq(conn_keep_early(conn, STR_LIT("")), 0);
    ck_assert_ptr_null(conn->early);
    ck_assert_int_eq(conn_keep_early(conn, STR_LIT("early")), 0);
    ck_assert_uint_eq(conn->early_len, 5);
    ck_assert_mem_eq(conn->early, "early", 5);
    conn_drop_early(conn);
    ck_assert_ptr_null(conn->early);
    (void)mem_fail_at(1, 0);
    int rc = conn_keep_early(conn, STR_LIT("x"));
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(rc, -1);
    ck_assert_int_eq(conn_keep_early(conn, STR_LIT("freed by conn_end")), 0);
}
END_TEST

Suite *phases_suite(void)
{
    Suite *suite = suite_create("phases");
    TCase *tc = tcase_create("phases");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, run_steps_until_the_phase_waits);
    tcase_add_test(tc, a_phase_may_be_entered_anew);
    tcase_add_test(tc, an_event_of_the_client_runs_it);
    tcase_add_test(tc, end_leaves_closes_and_calls_no_more);
    tcase_add_test(tc, a_phase_that_cannot_be_entered_ends_it);
    tcase_add_test(tc, a_deadline_runs_it_once_and_can_be_moved);
    tcase_add_test(tc, a_waiting_phase_gets_its_check_up);
    tcase_add_test(tc, fail_answers_and_logs_once);
    tcase_add_test(tc, fail_without_an_answer_ends_at_once);
    tcase_add_test(tc, fail_without_memory_ends_at_once);
    tcase_add_test(tc, early_bytes_are_kept_and_dropped);
    suite_add_tcase(suite, tc);
    return suite;
}
