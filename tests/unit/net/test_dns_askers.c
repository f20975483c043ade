/* SPDX-License-Identifier: MIT */
/* test_dns_askers.c - askers that share a question, leave, or ask from within
 * on_progress (dns.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net/dns_fixture.h"
#include "tests/unit/net/dns_suites.h"

static struct waiter *victim;

/* A at once, AAAA 40 ms later. */
static void answer_v4_first(struct dns_server *s, const struct seen_question *q,
                            struct server_reply *r)
{
    answer_both(s, q, r);
    r->delay_ms = q->type == SEEN_A ? 0 : 40;
}

static void start(void)
{
    fixture_start(answer_v4_first, 3000, 0, NULL);
    victim = NULL;
}

static void cancel_victim(struct dns_asker *asker)
{
    waiter_note(asker);
    dns_cancel(&victim->asker);
}

static void free_itself(struct dns_asker *asker)
{
    struct waiter *w = LIST_ITEM(asker, struct waiter, asker);

    victim = NULL;
    dns_cancel(asker);
    free(w);
}

static void free_itself_when_final(struct dns_asker *asker)
{
    struct waiter *w = LIST_ITEM(asker, struct waiter, asker);

    waiter_note(asker);
    if (!waiter_is_final(w))
        return;
    victim = NULL;
    free(w); /* not cancelled: nothing is awaited any more */
}

static void ask_the_same_again(struct dns_asker *asker)
{
    waiter_note(asker);
    if (victim->told == 0 && victim->asker.entry == NULL && victim->first.v4_count == 0)
        fixture_ask(victim, "www.test");
}

static void ask_another_itself(struct dns_asker *asker)
{
    struct waiter *w = LIST_ITEM(asker, struct waiter, asker);

    waiter_note(asker);
    if (!waiter_is_final(w) || fx.server->asked > 2)
        return;
    asker->on_progress = waiter_note;
    ck_assert_int_eq(dns_ask(fx.dns, NULL, STR_LIT("other.test"), asker, &w->last), 0);
}

/* Expired while its askers are being told: what they were told of still stands. */
static void turn_and_ask(struct dns_asker *asker)
{
    struct waiter *w = LIST_ITEM(asker, struct waiter, asker);

    waiter_note(asker);
    if (!waiter_is_final(w))
        return;
    fixture_turn_clock(3600000);
    fixture_ask(victim, "www.test");
    ck_assert(waiter_is_final(victim));
    check_addr(&victim->v4, "192.0.2.1");
}

START_TEST(askers_share_one_question)
{
    struct waiter w[3];

    for (int i = 0; i < 3; i++)
        fixture_ask(&w[i], "www.test");
    for (int i = 0; i < 3; i++)
        fixture_run(&w[i]);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(w[i].told, 2);
        check_addr(&w[i].v4, "192.0.2.1");
        check_addr(&w[i].v6, "2001:db8::1");
    }
    ck_assert_uint_eq(fx.server->asked, 2);
    ck_assert_uint_eq(dns_counters(fx.dns)->found, 1);
}
END_TEST

START_TEST(a_late_asker_sees_what_is_there)
{
    struct waiter early, late;

    fixture_ask(&early, "www.test");
    while (early.told == 0)
        event_base_loop(fx.base, EVLOOP_ONCE);
    fixture_ask(&late, "www.test");
    ck_assert_int_eq(late.first.v4_status, DNS_FOUND);
    ck_assert_int_eq(late.first.v6_status, DNS_WAITING);
    fixture_run(&late);
    ck_assert_uint_eq(late.told, 1);
    ck_assert_uint_eq(early.told, 2);
    ck_assert_uint_eq(fx.server->asked, 2);
}
END_TEST

START_TEST(a_cancelled_asker_hears_nothing)
{
    struct waiter gone, stays;

    fixture_ask(&gone, "www.test");
    fixture_ask(&stays, "www.test");
    dns_cancel(&gone.asker);
    dns_cancel(&gone.asker);
    fixture_run(&stays);
    ck_assert_uint_eq(gone.told, 0);
    ck_assert_uint_eq(stays.told, 2);
}
END_TEST

START_TEST(a_question_without_askers_fills_the_cache)
{
    struct waiter w;

    fixture_ask(&w, "www.test");
    dns_cancel(&w.asker);
    fixture_sleep(100);
    fixture_ask(&w, "www.test");
    ck_assert(waiter_is_final(&w));
    ck_assert_uint_eq(fx.server->asked, 2);
}
END_TEST

START_TEST(cancel_between_the_families)
{
    struct waiter gone, stays;

    fixture_ask(&gone, "www.test");
    fixture_ask(&stays, "www.test");
    while (gone.told == 0)
        event_base_loop(fx.base, EVLOOP_ONCE);
    dns_cancel(&gone.asker);
    fixture_run(&stays);
    ck_assert_uint_eq(gone.told, 1);
    ck_assert_uint_eq(stays.told, 2);
}
END_TEST

START_TEST(cancel_after_the_end_is_harmless)
{
    struct waiter w;

    fixture_resolve(&w, "www.test");
    dns_cancel(&w.asker);
    fixture_ask(&w, "www.test");
    dns_cancel(&w.asker);
    fixture_resolve(&w, "next.test");
    check_addr(&w.v4, "192.0.2.1");
}
END_TEST

/* _i: the canceller stands before or behind the one it cancels. */
START_TEST(an_asker_cancels_another_from_on_progress)
{
    struct waiter first, second;
    struct waiter *canceller = _i == 0 ? &first : &second;

    victim = _i == 0 ? &second : &first;
    fixture_ask(&first, "www.test");
    fixture_ask(&second, "www.test");
    canceller->asker.on_progress = cancel_victim;
    fixture_run(canceller);
    ck_assert_uint_eq(canceller->told, 2);
    ck_assert_uint_eq(victim->told, (unsigned)_i);
}
END_TEST

START_TEST(an_asker_frees_itself_in_on_progress)
{
    struct waiter before, after;
    struct waiter *own = malloc(sizeof(*own));

    ck_assert_ptr_nonnull(own);
    victim = own;
    fixture_ask(&before, "www.test");
    fixture_ask(own, "www.test");
    fixture_ask(&after, "www.test");
    own->asker.on_progress = _i == 0 ? free_itself : free_itself_when_final;
    fixture_run(&after);
    fixture_run(&before);
    ck_assert_ptr_null(victim);
    ck_assert_uint_eq(before.told, 2);
    ck_assert_uint_eq(after.told, 2);
}
END_TEST

START_TEST(the_same_name_is_asked_from_on_progress)
{
    struct waiter w, nested = {.told = 0};

    victim = &nested;
    fixture_ask(&w, "www.test");
    w.asker.on_progress = ask_the_same_again;
    fixture_run(&w);
    fixture_run(&nested);
    ck_assert_int_eq(nested.first.v4_status, DNS_FOUND);
    ck_assert_int_eq(nested.first.v6_status, DNS_WAITING);
    ck_assert_uint_eq(nested.told, 1); /* of AAAA; A it knew */
    ck_assert_uint_eq(fx.server->asked, 2);
}
END_TEST

START_TEST(an_asker_asks_for_another_name_from_on_progress)
{
    struct waiter w;

    fixture_ask(&w, "www.test");
    w.asker.on_progress = ask_another_itself;
    while (fx.server->asked < 4)
        event_base_loop(fx.base, EVLOOP_ONCE);
    fixture_run(&w);
    ck_assert_uint_eq(w.told, 4);
    ck_assert_str_eq(fx.server->last_name, "other.test");
}
END_TEST

START_TEST(an_answer_does_not_age_while_it_is_told)
{
    struct waiter first, second, nested;

    victim = &nested;
    fixture_ask(&first, "www.test");
    fixture_ask(&second, "www.test");
    first.asker.on_progress = turn_and_ask;
    fixture_run(&first);
    ck_assert_uint_eq(second.told, 2);
    ck_assert_int_eq(second.last.v6_status, DNS_FOUND);
    ck_assert_int_eq(second.last.v4_status, DNS_FOUND);
    ck_assert_uint_eq(fx.server->asked, 2);
}
END_TEST

START_TEST(the_resolver_goes_with_questions_under_way)
{
    struct waiter w[2];

    fixture_ask(&w[0], "www.test");
    fixture_ask(&w[1], "other.test");
    if (_i == 1)
        while (w[0].told == 0)
            event_base_loop(fx.base, EVLOOP_ONCE);
    dns_cancel(&w[0].asker);
    dns_cancel(&w[1].asker);
}
END_TEST

static void free_the_resolver(struct dns_asker *asker)
{
    waiter_note(asker);
    dns_cancel(asker);
    dns_cancel(&victim->asker);
    dns_free(fx.dns);
    fx.dns = NULL;
}

/* _i: with one family under way, or at the end. */
START_TEST(the_resolver_is_freed_from_on_progress)
{
    struct waiter first, second, other;

    victim = &second;
    fixture_ask(&first, "www.test");
    fixture_ask(&second, "www.test");
    fixture_ask(&other, "other.test");
    dns_cancel(&other.asker);
    if (_i == 1)
        while (first.told == 0)
            event_base_loop(fx.base, EVLOOP_ONCE);
    first.asker.on_progress = free_the_resolver;
    while (fx.dns != NULL)
        event_base_loop(fx.base, EVLOOP_ONCE);
    ck_assert_uint_eq(first.told, 1U + (unsigned)_i);
    ck_assert_uint_eq(second.told, (unsigned)_i);
    ck_assert_int_eq(waiter_is_final(&first), _i == 1);
}
END_TEST

Suite *dns_askers_suite(void)
{
    Suite *suite = suite_create("dns askers");
    TCase *askers = tcase_create("askers");

    tcase_add_checked_fixture(askers, start, fixture_stop);
    tcase_add_test(askers, askers_share_one_question);
    tcase_add_test(askers, a_late_asker_sees_what_is_there);
    tcase_add_test(askers, a_cancelled_asker_hears_nothing);
    tcase_add_test(askers, a_question_without_askers_fills_the_cache);
    tcase_add_test(askers, cancel_between_the_families);
    tcase_add_test(askers, cancel_after_the_end_is_harmless);
    tcase_add_loop_test(askers, an_asker_cancels_another_from_on_progress, 0, 2);
    tcase_add_loop_test(askers, an_asker_frees_itself_in_on_progress, 0, 2);
    tcase_add_test(askers, the_same_name_is_asked_from_on_progress);
    tcase_add_test(askers, an_asker_asks_for_another_name_from_on_progress);
    tcase_add_test(askers, an_answer_does_not_age_while_it_is_told);
    tcase_add_loop_test(askers, the_resolver_goes_with_questions_under_way, 0, 2);
    tcase_add_loop_test(askers, the_resolver_is_freed_from_on_progress, 0, 2);
    suite_add_tcase(suite, askers);
    return suite;
}
