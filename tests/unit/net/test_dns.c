/* SPDX-License-Identifier: MIT */
/* test_dns.c - answers and their lifetimes (dns.h). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/hosts.h"
#include "tests/unit/net/dns_fixture.h"
#include "tests/unit/net/dns_suites.h"

static bool is_name(const struct seen_question *q, const char *name)
{
    return strcmp(q->name, name) == 0;
}

/* The names say what is answered. */
static void answer_by_name(struct dns_server *s, const struct seen_question *q,
                           struct server_reply *r)
{
    bool is_a = q->type == SEEN_A;

    if (is_name(q, "v4only.test")) {
        if (is_a)
            reply_a(r, q->name, 60, "192.0.2.4");
        else
            reply_soa(r, "test", 3600, 20);
    } else if (is_name(q, "noname.test")) {
        r->rcode = 3;
        reply_soa(r, "test", 60, 10);
    } else if (is_name(q, "longno.test")) {
        r->rcode = 3;
        reply_soa(r, "test", 86400, 86400);
    } else if (is_name(q, "nosoa.test")) {
        r->rcode = 3;
    } else if (is_name(q, "alias.test")) {
        reply_cname(r, "alias.test", 40, "Middle.test");
        reply_cname(r, "middle.test", 7, "end.test");
        if (is_a)
            reply_a(r, "end.test", 300, "192.0.2.5");
        else
            reply_aaaa(r, "END.test", 300, "2001:db8::5");
    } else if (is_name(q, "zero.test")) {
        reply_a(r, q->name, 0, "192.0.2.6");
    } else if (is_name(q, "year.test")) {
        reply_a(r, q->name, 31536000, "192.0.2.7");
    } else if (is_name(q, "cut.test")) {
        r->is_cut = !q->is_tcp;
        answer_both(s, q, r);
    } else if (is_name(q, "many.test")) {
        for (int i = 1; i <= 20; i++) {
            char text[32];
            (void)snprintf(text, sizeof(text), is_a ? "192.0.2.%d" : "2001:db8::%d", i);
            if (is_a)
                reply_a(r, q->name, 60, text);
            else
                reply_aaaa(r, q->name, 60, text);
        }
    } else if (is_name(q, "slow6.test")) {
        r->delay_ms = is_a ? 0 : 60;
        answer_both(s, q, r);
    } else if (is_name(q, "slow4.test")) {
        r->delay_ms = is_a ? 60 : 0;
        answer_both(s, q, r);
    } else if (is_name(q, "half.test")) { /* A lives 100 s, AAAA 10 s */
        if (is_a)
            reply_a(r, q->name, 100, "192.0.2.8");
        else
            reply_aaaa(r, q->name, 10, "2001:db8::8");
    } else {
        answer_both(s, q, r);
    }
}

static void start(void)
{
    fixture_start(answer_by_name, 3000, 0, NULL);
}

/* True where asking again puts a new question to the server. */
static bool is_asked_again(const char *name)
{
    struct waiter w;
    unsigned before = fx.server->asked;

    fixture_resolve(&w, name);
    return fx.server->asked != before;
}

START_TEST(both_families_are_found)
{
    struct waiter w;

    fixture_ask(&w, "www.test");
    ck_assert_int_eq(w.first.v6_status, DNS_WAITING);
    ck_assert_int_eq(w.first.v4_status, DNS_WAITING);
    ck_assert_uint_eq(w.told, 0); /* never from within dns_ask */
    fixture_run(&w);
    ck_assert_int_eq(w.last.v6_status, DNS_FOUND);
    ck_assert_int_eq(w.last.v4_status, DNS_FOUND);
    ck_assert_uint_eq(w.last.v6_count, 1);
    ck_assert_uint_eq(w.last.v4_count, 1);
    check_addr(&w.v6, "2001:db8::1");
    check_addr(&w.v4, "192.0.2.1");
    ck_assert_uint_eq(fx.server->asked_a, 1);
    ck_assert_uint_eq(fx.server->asked_aaaa, 1);
    ck_assert_uint_eq(fx.server->asked_edns, 2);
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 1);
}
END_TEST

START_TEST(the_second_ask_is_answered_at_once)
{
    struct waiter w;

    fixture_resolve(&w, "www.test");
    fixture_ask(&w, "www.test");
    ck_assert(waiter_is_final(&w));
    check_addr(&w.v6, "2001:db8::1");
    check_addr(&w.v4, "192.0.2.1");
    ck_assert_uint_eq(fx.server->asked, 2);
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 1);
    ck_assert_uint_eq(dns_counters(fx.dns)->cached, 1);
}
END_TEST

START_TEST(an_answer_lives_for_its_ttl)
{
    struct waiter w;

    fixture_resolve(&w, "www.test");
    fixture_turn_clock(59000);
    ck_assert(!is_asked_again("www.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("www.test"));
}
END_TEST

START_TEST(the_least_ttl_of_a_chain_counts)
{
    struct waiter w;

    fixture_resolve(&w, "alias.test");
    check_addr(&w.v6, "2001:db8::5");
    check_addr(&w.v4, "192.0.2.5");
    fixture_turn_clock(6000);
    ck_assert(!is_asked_again("alias.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("alias.test"));
}
END_TEST

START_TEST(a_ttl_of_zero_lives_one_second)
{
    struct waiter w;

    fixture_resolve(&w, "zero.test");
    ck_assert(!is_asked_again("zero.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("zero.test"));
}
END_TEST

START_TEST(a_ttl_of_a_year_lives_six_hours)
{
    struct waiter w;

    fixture_resolve(&w, "year.test");
    fixture_ask(&w, "year.test"); /* its AAAA has no SOA: 30 s */
    fixture_turn_clock(6 * 3600 * 1000 - 1000);
    unsigned before = fx.server->asked_a;
    fixture_resolve(&w, "year.test");
    ck_assert_uint_eq(fx.server->asked_a, before);
    fixture_turn_clock(1001);
    fixture_resolve(&w, "year.test");
    ck_assert_uint_eq(fx.server->asked_a, before + 1);
}
END_TEST

START_TEST(only_the_family_that_expired_is_asked_again)
{
    struct waiter w;

    fixture_resolve(&w, "half.test");
    fixture_turn_clock(10001);
    fixture_ask(&w, "half.test");
    ck_assert_int_eq(w.first.v4_status, DNS_FOUND);
    ck_assert_int_eq(w.first.v6_status, DNS_WAITING);
    ck_assert_uint_eq(w.first.v6_count, 0);
    fixture_run(&w);
    ck_assert_int_eq(w.last.v6_status, DNS_FOUND);
    ck_assert_uint_eq(w.told, 1);
    ck_assert_uint_eq(fx.server->asked_a, 1);
    ck_assert_uint_eq(fx.server->asked_aaaa, 2);
}
END_TEST

START_TEST(a_name_without_aaaa_has_no_data)
{
    struct waiter w;

    fixture_resolve(&w, "v4only.test");
    ck_assert_int_eq(w.last.v6_status, DNS_NO_DATA);
    ck_assert_int_eq(w.last.v4_status, DNS_FOUND);
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 1);
    fixture_turn_clock(20001); /* the SOA's MINIMUM */
    fixture_resolve(&w, "v4only.test");
    ck_assert_uint_eq(fx.server->asked_aaaa, 2);
    ck_assert_uint_eq(fx.server->asked_a, 1);
}
END_TEST

START_TEST(a_negative_answer_lives_as_the_soa_says)
{
    struct waiter w;

    fixture_resolve(&w, "noname.test");
    ck_assert_int_eq(w.last.v6_status, DNS_NO_NAME);
    ck_assert_int_eq(w.last.v4_status, DNS_NO_NAME);
    ck_assert_uint_eq(dns_counters(fx.dns)->no_name, 1);
    fixture_turn_clock(9000);
    ck_assert(!is_asked_again("noname.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("noname.test"));
}
END_TEST

START_TEST(a_negative_answer_lives_five_minutes_at_most)
{
    struct waiter w;

    fixture_resolve(&w, "longno.test");
    fixture_turn_clock(299000);
    ck_assert(!is_asked_again("longno.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("longno.test"));
}
END_TEST

START_TEST(a_negative_answer_without_soa_lives_thirty_seconds)
{
    struct waiter w;

    fixture_resolve(&w, "nosoa.test");
    fixture_turn_clock(29000);
    ck_assert(!is_asked_again("nosoa.test"));
    fixture_turn_clock(1001);
    ck_assert(is_asked_again("nosoa.test"));
}
END_TEST

START_TEST(a_cut_reply_is_fetched_over_tcp)
{
    struct waiter w;

    fixture_resolve(&w, "cut.test");
    ck_assert_int_eq(w.last.v6_status, DNS_FOUND);
    ck_assert_int_eq(w.last.v4_status, DNS_FOUND);
    check_addr(&w.v4, "192.0.2.1");
    ck_assert_uint_eq(fx.server->asked_tcp, 2);
}
END_TEST

START_TEST(no_more_than_sixteen_addresses_are_kept)
{
    struct waiter w;

    fixture_resolve(&w, "many.test");
    ck_assert_uint_eq(w.last.v6_count, DNS_MAX_ADDRESSES);
    ck_assert_uint_eq(w.last.v4_count, DNS_MAX_ADDRESSES);
    check_addr(&w.v4, "192.0.2.1");
}
END_TEST

START_TEST(each_family_is_told_of_on_its_own)
{
    static const char *const names[] = {"slow6.test", "slow4.test"};
    bool is_slow6 = _i == 0;
    struct waiter w;

    fixture_ask(&w, names[_i]);
    while (w.told == 0)
        event_base_loop(fx.base, EVLOOP_ONCE);
    ck_assert_int_eq(w.last.v6_status, is_slow6 ? DNS_WAITING : DNS_FOUND);
    ck_assert_int_eq(w.last.v4_status, is_slow6 ? DNS_FOUND : DNS_WAITING);
    fixture_run(&w);
    ck_assert_uint_eq(w.told, 2);
    ck_assert_int_eq(w.last.v6_status, DNS_FOUND);
    ck_assert_int_eq(w.last.v4_status, DNS_FOUND);
}
END_TEST

START_TEST(the_search_list_is_not_used)
{
    struct waiter w;

    fixture_stop();
    ck_assert_int_eq(setenv("LOCALDOMAIN", "example.test", 1), 0);
    start();
    fixture_resolve(&w, "nosoa.test");
    ck_assert_int_eq(w.last.v4_status, DNS_NO_NAME);
    ck_assert_uint_eq(fx.server->asked, 2);
    fixture_resolve(&w, "short");
    ck_assert_str_eq(fx.server->last_name, "short");
    ck_assert_int_eq(unsetenv("LOCALDOMAIN"), 0);
}
END_TEST

START_TEST(the_hosts_table_comes_first)
{
    struct errlist faults;
    struct waiter w;

    errlist_init(&faults);
    struct hosts *hosts = hosts_read(STR_LIT("192.0.2.9 both.test four.test\n"
                                             "2001:db8::9 both.test\n"
                                             "192.0.2.10 both.test\n"
                                             "127.0.0.5 app.localhost\n"),
                                     "hosts", false, &faults);
    ck_assert_uint_eq(faults.errors, 0);
    memset(&w, 0, sizeof(w));
    w.asker.on_progress = waiter_note;
    ck_assert_int_eq(dns_ask(fx.dns, hosts, STR_LIT("both.test"), &w.asker, &w.first), 0);
    ck_assert_int_eq(w.first.v6_status, DNS_FOUND);
    ck_assert_int_eq(w.first.v4_status, DNS_FOUND);
    ck_assert_uint_eq(w.first.v6_count, 1);
    ck_assert_uint_eq(w.first.v4_count, 2);
    check_addr(&w.first.v6[0], "2001:db8::9");
    check_addr(&w.first.v4[0], "192.0.2.9");
    check_addr(&w.first.v4[1], "192.0.2.10");
    ck_assert_int_eq(dns_ask(fx.dns, hosts, STR_LIT("four.test"), &w.asker, &w.first), 0);
    ck_assert_int_eq(w.first.v6_status, DNS_NO_DATA);
    ck_assert_uint_eq(w.first.v6_count, 0);
    check_addr(&w.first.v4[0], "192.0.2.9");
    ck_assert_int_eq(dns_ask(fx.dns, hosts, STR_LIT("app.localhost"), &w.asker, &w.first), 0);
    check_addr(&w.first.v4[0], "127.0.0.5");
    ck_assert_uint_eq(fx.server->asked, 0);
    ck_assert_int_eq(dns_ask(fx.dns, hosts, STR_LIT("other.test"), &w.asker, &w.last), 0);
    ck_assert_int_eq(w.last.v4_status, DNS_WAITING);
    fixture_run(&w);
    hosts_free(hosts);
    errlist_fini(&faults);
}
END_TEST

START_TEST(localhost_is_the_loopback)
{
    static const char *const names[] = {"localhost", "a.b.localhost"};
    struct waiter w;

    fixture_ask(&w, names[_i]);
    ck_assert_int_eq(w.first.v6_status, DNS_FOUND);
    ck_assert_int_eq(w.first.v4_status, DNS_FOUND);
    check_addr(&w.v6, "::1");
    check_addr(&w.v4, "127.0.0.1");
    fixture_resolve(&w, "notlocalhost");
    ck_assert_uint_eq(fx.server->asked, 2);
    check_addr(&w.v4, "192.0.2.1");
}
END_TEST

START_TEST(the_cache_forgets_the_least_recently_used)
{
    struct waiter w;
    char name[32];

    fixture_stop();
    fixture_start(answer_both, 3000, 4, NULL);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof(name), "n%d.test", i);
        fixture_resolve(&w, name);
    }
    ck_assert(!is_asked_again("n0.test")); /* n1 is now the oldest */
    fixture_resolve(&w, "n4.test");
    ck_assert(!is_asked_again("n0.test"));
    ck_assert(!is_asked_again("n2.test"));
    ck_assert(!is_asked_again("n3.test"));
    ck_assert(!is_asked_again("n4.test"));
    ck_assert(is_asked_again("n1.test"));
}
END_TEST

START_TEST(nothing_runs_while_idle)
{
    struct waiter w;
    size_t descriptors = open_descriptors();
    int events = event_base_get_num_events(fx.base, EVENT_BASE_COUNT_ADDED);

    fixture_resolve(&w, "www.test");
    fixture_sleep(10);
    ck_assert_uint_eq(open_descriptors(), descriptors);
    ck_assert_int_eq(event_base_get_num_events(fx.base, EVENT_BASE_COUNT_ADDED), events);
}
END_TEST

Suite *dns_suite(void)
{
    Suite *suite = suite_create("dns");
    TCase *answers = tcase_create("answers");

    tcase_add_checked_fixture(answers, start, fixture_stop);
    tcase_add_test(answers, both_families_are_found);
    tcase_add_test(answers, the_second_ask_is_answered_at_once);
    tcase_add_test(answers, an_answer_lives_for_its_ttl);
    tcase_add_test(answers, the_least_ttl_of_a_chain_counts);
    tcase_add_test(answers, a_ttl_of_zero_lives_one_second);
    tcase_add_test(answers, a_ttl_of_a_year_lives_six_hours);
    tcase_add_test(answers, only_the_family_that_expired_is_asked_again);
    tcase_add_test(answers, a_name_without_aaaa_has_no_data);
    tcase_add_test(answers, a_negative_answer_lives_as_the_soa_says);
    tcase_add_test(answers, a_negative_answer_lives_five_minutes_at_most);
    tcase_add_test(answers, a_negative_answer_without_soa_lives_thirty_seconds);
    tcase_add_test(answers, a_cut_reply_is_fetched_over_tcp);
    tcase_add_test(answers, no_more_than_sixteen_addresses_are_kept);
    tcase_add_loop_test(answers, each_family_is_told_of_on_its_own, 0, 2);
    tcase_add_test(answers, the_search_list_is_not_used);
    tcase_add_test(answers, the_hosts_table_comes_first);
    tcase_add_loop_test(answers, localhost_is_the_loopback, 0, 2);
    tcase_add_test(answers, the_cache_forgets_the_least_recently_used);
    tcase_add_test(answers, nothing_runs_while_idle);
    suite_add_tcase(suite, answers);
    return suite;
}
