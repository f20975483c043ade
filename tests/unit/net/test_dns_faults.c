/* SPDX-License-Identifier: MIT */
/* test_dns_faults.c - resolvers that are silent, broken or many, and a process
 * that runs out of things (dns.h). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/net/dns_channel.h"
#include "tests/unit/net/dns_fixture.h"
#include "tests/unit/net/dns_suites.h"
#include "util/mem.h"

static struct server_reply next_reply; /* what answer_as_set says, without records */
static bool has_records;

static unsigned full_sends; /* so many calls of sendmsg still find no room */

/* In place of the C library's: only what is under test calls it here. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (full_sends > 0) {
        full_sends--;
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

static void answer_as_set(struct dns_server *s, const struct seen_question *q,
                          struct server_reply *r)
{
    r->rcode = next_reply.rcode;
    r->is_silent = next_reply.is_silent;
    r->has_wrong_id = next_reply.has_wrong_id;
    r->is_question = next_reply.is_question;
    r->delay_ms = next_reply.delay_ms;
    if (has_records)
        answer_both(s, q, r);
}

/* As a server that knows no EDNS: RFC 6891 section 7. */
static void answer_without_edns(struct dns_server *s, const struct seen_question *q,
                                struct server_reply *r)
{
    if (q->has_edns)
        r->rcode = 1;
    else
        answer_both(s, q, r);
}

static void answer_only_v4(struct dns_server *s, const struct seen_question *q,
                           struct server_reply *r)
{
    r->is_silent = q->type != SEEN_A;
    answer_both(s, q, r);
}

/* The first question of each type is lost. */
static void answer_on_repetition(struct dns_server *s, const struct seen_question *q,
                                 struct server_reply *r)
{
    r->is_silent = s->asked <= 2;
    answer_both(s, q, r);
}

static void start_with(uint64_t timeout_ms, const char *servers)
{
    memset(&next_reply, 0, sizeof(next_reply));
    has_records = false;
    fixture_start(answer_as_set, timeout_ms, 0, servers);
}

static void check_both(const struct waiter *w, enum dns_status status)
{
    ck_assert_int_eq(w->last.v6_status, status);
    ck_assert_int_eq(w->last.v4_status, status);
}

START_TEST(silence_times_out)
{
    struct waiter w;

    start_with(300, NULL);
    next_reply.is_silent = true;
    uint64_t start_ms = real_now_ms();
    fixture_resolve(&w, "www.test");
    uint64_t took_ms = real_now_ms() - start_ms;
    check_both(&w, DNS_TIMED_OUT);
    ck_assert_uint_ge(took_ms, 299);
    ck_assert_uint_eq(fx.server->asked, 6); /* again after one fifth, and three */
    ck_assert_uint_eq(dns_counters(fx.dns)->timed_out, 1);
    next_reply.is_silent = false;
    has_records = true;
    fixture_ask(&w, "www.test"); /* the failure is known for two seconds */
    check_both(&w, DNS_TIMED_OUT);
    fixture_turn_clock(2001);
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    fixture_stop();
}
END_TEST

START_TEST(an_answer_behind_the_deadline_is_ignored)
{
    struct waiter w;

    start_with(300, NULL);
    next_reply.delay_ms = 360; /* c-ares still waits for it then */
    has_records = true;
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_TIMED_OUT);
    fixture_sleep(200);
    fixture_ask(&w, "www.test");
    check_both(&w, DNS_TIMED_OUT);
    ck_assert_uint_eq(dns_counters(fx.dns)->timed_out, 1);
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 0);
    fixture_stop();
}
END_TEST

START_TEST(each_name_has_its_own_deadline)
{
    struct waiter first, second;

    start_with(300, NULL);
    next_reply.is_silent = true;
    fixture_ask(&first, "first.test");
    fixture_sleep(150);
    fixture_ask(&second, "second.test");
    fixture_run(&first);
    ck_assert(!waiter_is_final(&second));
    fixture_run(&second);
    check_both(&second, DNS_TIMED_OUT);
    fixture_stop();
}
END_TEST

START_TEST(one_family_times_out_alone)
{
    struct waiter w;

    fixture_start(answer_only_v4, 300, 0, NULL);
    fixture_resolve(&w, "www.test");
    ck_assert_int_eq(w.last.v4_status, DNS_FOUND);
    ck_assert_int_eq(w.last.v6_status, DNS_TIMED_OUT);
    check_addr(&w.v4, "192.0.2.1");
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 1);
    fixture_stop();
}
END_TEST

START_TEST(a_lost_question_is_repeated)
{
    struct waiter w;

    fixture_start(answer_on_repetition, 1000, 0, NULL);
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    ck_assert_uint_eq(fx.server->asked, 4);
    fixture_stop();
}
END_TEST

START_TEST(a_question_for_which_there_is_no_room_is_repeated)
{
    struct waiter w;

    start_with(1000, NULL);
    has_records = true;
    full_sends = 2;
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    ck_assert_uint_eq(full_sends, 0);
    ck_assert_uint_eq(fx.server->asked, 2);
    fixture_stop();
}
END_TEST

/* RCODEs 2, 4 and 5: server failure, not implemented, refused. */
START_TEST(a_refusal_fails)
{
    static const unsigned rcodes[] = {2, 4, 5};
    struct waiter w;

    start_with(3000, NULL);
    next_reply.rcode = rcodes[_i];
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FAILED);
    ck_assert_uint_eq(dns_counters(fx.dns)->failed, 1);
    unsigned asked = fx.server->asked;
    fixture_ask(&w, "www.test");
    check_both(&w, DNS_FAILED);
    ck_assert_uint_eq(fx.server->asked, asked);
    fixture_turn_clock(2001);
    fixture_ask(&w, "www.test");
    ck_assert(!waiter_is_final(&w));
    dns_cancel(&w.asker);
    fixture_stop();
}
END_TEST

START_TEST(a_closed_port_fails)
{
    struct waiter w;
    char servers[32];
    uint16_t port;

    start_with(3000, NULL);
    port = fx.server->port;
    fixture_stop(); /* its port is free now, and closed */
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", port);
    start_with(60000, servers);
    fixture_resolve(&w, "www.test"); /* which waits for 10 s at most */
    check_both(&w, DNS_FAILED);
    fixture_stop();
}
END_TEST

START_TEST(a_reply_with_another_id_is_ignored)
{
    struct waiter w;

    start_with(300, NULL);
    next_reply.has_wrong_id = true;
    has_records = true;
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_TIMED_OUT);
    fixture_stop();
}
END_TEST

START_TEST(an_echoed_question_fails)
{
    struct waiter w;

    start_with(3000, NULL);
    next_reply.is_question = true;
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FAILED);
    fixture_stop();
}
END_TEST

START_TEST(a_server_without_edns_is_understood)
{
    struct waiter w;

    fixture_start(answer_without_edns, 3000, 0, NULL);
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    fixture_resolve(&w, "next.test");
    check_both(&w, DNS_FOUND);
    fixture_stop();
}
END_TEST

/* _i: the first server refuses, or is silent. */
START_TEST(the_next_server_answers)
{
    struct waiter w;
    char servers[64];

    start_with(1500, NULL);
    next_reply.rcode = 2;
    next_reply.is_silent = _i == 1;
    struct dns_server *good = dns_server_new(fx.base, answer_both);
    dns_free(fx.dns);
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u,127.0.0.1:%u", fx.server->port,
                   good->port);
    struct dns_settings settings = {servers, 1500, 0};
    fx.dns = dns_new(fx.base, &settings, NULL);
    ck_assert_ptr_nonnull(fx.dns);
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    ck_assert_uint_eq(fx.server->asked, 2);
    dns_server_free(good);
    fixture_stop();
}
END_TEST

static void check_not_a_name(const char *bytes, size_t len)
{
    struct dns_asker asker = {.on_progress = waiter_note};
    struct dns_answer answer;

    ck_assert_int_eq(dns_ask(fx.dns, NULL, (struct str){bytes, len}, &asker, &answer), 0);
    ck_assert_int_eq(answer.v6_status, DNS_NO_NAME);
    ck_assert_int_eq(answer.v4_status, DNS_NO_NAME);
}

START_TEST(what_is_no_name_is_not_asked)
{
    char lengthy[260];
    struct waiter w;

    start_with(300, NULL);
    memset(lengthy, 'a', sizeof(lengthy));
    check_not_a_name("", 0);
    check_not_a_name("good.test\0.evil.test", 20);
    check_not_a_name("a\\.b.test", 9);
    check_not_a_name("a b.test", 8);
    check_not_a_name("\xC3\xA4.test", 7);
    check_not_a_name(lengthy, 254);
    check_not_a_name(lengthy, 64); /* a label of more than 63 */
    check_not_a_name("a..test", 7);
    check_not_a_name("hidden.onion", 12); /* RFC 7686 */
    ck_assert_uint_eq(fx.server->asked, 0);
    fixture_ask(&w, "a..test");
    check_both(&w, DNS_NO_NAME);
    fixture_stop();
}
END_TEST

START_TEST(without_descriptors_a_question_fails)
{
    struct waiter w;
    struct rlimit before, none;

    start_with(3000, NULL);
    has_records = true;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3; /* what is open stays so */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    fixture_ask(&w, "www.test");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_both(&w, DNS_FAILED);
    fixture_sleep(10);
    ck_assert_uint_eq(w.told, 0);
    fixture_turn_clock(2001);
    fixture_resolve(&w, "www.test");
    check_both(&w, DNS_FOUND);
    fixture_stop();
}
END_TEST

/* Whichever allocation fails, the asker gets an answer or -1, and the next one
 * after that is right. */
START_TEST(without_memory_a_question_fails)
{
    unsigned long nth = 0, seen;
    unsigned failed = 0;

    start_with(3000, NULL);
    has_records = true;
    do {
        struct waiter w = {.asker.on_progress = waiter_note};
        char name[32];
        (void)snprintf(name, sizeof(name), "n%lu.test", ++nth);
        (void)mem_fail_at(nth, _i);
        if (dns_ask(fx.dns, NULL, str_of(name), &w.asker, &w.last) != 0)
            failed++;
        else
            fixture_run(&w);
        seen = mem_fail_at(0, 0);
        failed += w.last.v6_status == DNS_FAILED || w.last.v4_status == DNS_FAILED;
        fixture_turn_clock(2001);
        fixture_resolve(&w, name);
        check_both(&w, DNS_FOUND);
        ck_assert_uint_lt(nth, 100);
    } while (seen >= nth);
    ck_assert_uint_ge(failed, 5); /* entry, two questions, socket, addresses */
    fixture_stop();
}
END_TEST

START_TEST(questions_under_way_are_bounded)
{
    enum { MOST = DNS_CHANNEL_MAX_QUESTIONS / 2 };
    static struct waiter w[MOST];
    struct waiter more;
    char name[32];

    memset(&next_reply, 0, sizeof(next_reply));
    has_records = true;
    fixture_start(answer_as_set, 2000, 2, NULL);
    fixture_resolve(&more, "old.test");
    fixture_turn_clock(61000);
    fixture_resolve(&more, "known.test");
    next_reply.is_silent = true;
    for (unsigned i = 0; i < MOST; i++) {
        (void)snprintf(name, sizeof(name), "n%u.test", i);
        fixture_ask(&w[i], name);
        ck_assert_int_eq(w[i].first.v4_status, DNS_WAITING);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof(name), "beyond%u.test", i);
        fixture_ask(&more, name);
        check_both(&more, DNS_FAILED);
    }
    fixture_ask(&more, "known.test"); /* not pushed out by those */
    check_both(&more, DNS_FOUND);
    fixture_ask(&more, "old.test"); /* expired, and cannot be asked at the moment */
    check_both(&more, DNS_FAILED);
    fixture_ask(&more, "n0.test"); /* joins those who wait */
    ck_assert_int_eq(more.first.v4_status, DNS_WAITING);
    fixture_run(&more);
    for (unsigned i = 0; i < MOST; i++) {
        fixture_run(&w[i]);
        check_both(&w[i], DNS_TIMED_OUT);
    }
    next_reply.is_silent = false;
    fixture_sleep(1500); /* c-ares is through with all of them */
    ck_assert_uint_eq(dns_counters(fx.dns)->timed_out, MOST);
    fixture_resolve(&more, "beyond0.test");
    check_both(&more, DNS_FOUND);
    fixture_stop();
}
END_TEST

Suite *dns_faults_suite(void)
{
    Suite *suite = suite_create("dns faults");
    TCase *faults = tcase_create("faults");

    tcase_set_timeout(faults, 60);
    tcase_add_test(faults, silence_times_out);
    tcase_add_test(faults, an_answer_behind_the_deadline_is_ignored);
    tcase_add_test(faults, each_name_has_its_own_deadline);
    tcase_add_test(faults, one_family_times_out_alone);
    tcase_add_test(faults, a_lost_question_is_repeated);
    tcase_add_test(faults, a_question_for_which_there_is_no_room_is_repeated);
    tcase_add_loop_test(faults, a_refusal_fails, 0, 3);
    tcase_add_test(faults, a_closed_port_fails);
    tcase_add_test(faults, a_reply_with_another_id_is_ignored);
    tcase_add_test(faults, an_echoed_question_fails);
    tcase_add_test(faults, a_server_without_edns_is_understood);
    tcase_add_loop_test(faults, the_next_server_answers, 0, 2);
    tcase_add_test(faults, what_is_no_name_is_not_asked);
    tcase_add_test(faults, without_descriptors_a_question_fails);
    tcase_add_loop_test(faults, without_memory_a_question_fails, 0, 2);
    tcase_add_test(faults, questions_under_way_are_bounded);
    suite_add_tcase(suite, faults);
    return suite;
}
