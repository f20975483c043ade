/* SPDX-License-Identifier: MIT */
/* test_proposals.c - hosts whose inspection fails are counted and shown. */
#include "tests/unit/core/suites.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/proposals.h"
#include "tests/unit/core/json_check.h"
#include "util/mem.h"

#define NOON 1767960300000ull /* 2026-01-09T12:05:00.000Z */

static struct proposals *proposals;
static struct evbuffer *out;
static char text[1 << 20];

static void set_up(void)
{
    proposals = proposals_new();
    out = evbuffer_new();
    ck_assert_ptr_nonnull(proposals);
    ck_assert_ptr_nonnull(out);
}

static void tear_down(void)
{
    mem_fail_at(0, 0);
    proposals_free(proposals);
    evbuffer_free(out);
}

static struct addr address(unsigned n)
{
    struct addr a = {{0x20, 0x01, 0x0d, 0xb8}};
    a.bytes[14] = (uint8_t)(n >> 8);
    a.bytes[15] = (uint8_t)n;
    return a;
}

static void note(const char *host, enum proposal_cause cause, const char *alert, unsigned client,
                 uint64_t now_ms)
{
    struct addr a = address(client);
    proposals_note(proposals, str_of(host), 443, cause, str_of(alert), &a, now_ms);
}

/* The page; one JSON value and a line end. */
static const char *page(void)
{
    ck_assert_int_eq(proposals_write(proposals, out), 0);
    size_t len = evbuffer_get_length(out);
    ck_assert_uint_lt(len, sizeof(text));
    ck_assert_int_eq(evbuffer_remove(out, text, len), (int)len);
    text[len] = '\0';
    ck_assert_int_eq(text[len - 1], '\n');
    ck_assert_uint_eq(json_check((struct str){text, len - 1}), len - 1);
    return text;
}

static void check_has(const char *part)
{
    const char *all = page();
    ck_assert_msg(strstr(all, part) != NULL, "no %s in %s", part, all);
}

static size_t count_of(const char *part)
{
    size_t count = 0;
    for (const char *at = page(); (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

START_TEST(without_a_failure_there_is_nothing)
{
    proposals_note_success(proposals, STR_LIT("a.example"), 443);
    check_has("{\"proposed_exemptions\":[],\"note\":\"Nothing is exempted by itself");
    check_has("inspection.never");
}
END_TEST

START_TEST(each_cause_is_counted_for_its_host)
{
    note("a.example", PROPOSAL_ALERT, "unknown CA", 1, NOON);
    note("A.Example", PROPOSAL_ALERT, "bad certificate", 2, NOON + 1000);
    note("a.example", PROPOSAL_CLOSED, "", 1, NOON + 2000);
    note("a.example", PROPOSAL_CERTIFICATE, "", 1, NOON + 3000);
    note("a.example", PROPOSAL_ALPN, "", 3, NOON + 3021);
    proposals_note_success(proposals, STR_LIT("a.example"), 443);
    proposals_note_success(proposals, STR_LIT("A.EXAMPLE"), 443);
    proposals_note_success(proposals, STR_LIT("a.example"), 8443);
    proposals_note_success(proposals, STR_LIT("b.example"), 443);
    check_has("[{\"host\":\"a.example\",\"port\":443,\"alerts\":2,\"closed\":1,"
              "\"client_certificates\":1,\"alpn\":1,\"inspected\":2,\"clients\":3,"
              "\"last_alert\":\"bad certificate\",\"first\":\"2026-01-09T12:05:00.000Z\","
              "\"last\":\"2026-01-09T12:05:03.021Z\"}],\"note\"");
}
END_TEST

START_TEST(ports_of_a_host_are_apart)
{
    struct addr a = address(1);
    note("a.example", PROPOSAL_CLOSED, "", 1, NOON);
    proposals_note(proposals, STR_LIT("a.example"), 8443, PROPOSAL_CLOSED, STR_LIT(""), &a, NOON);
    ck_assert_uint_eq(count_of("\"host\":\"a.example\""), 2);
    ck_assert_uint_eq(count_of("\"closed\":1,"), 2);
    ck_assert_uint_eq(count_of("\"port\":8443,"), 1);
    ck_assert_uint_eq(count_of("last_alert"), 0);
}
END_TEST

START_TEST(the_most_failures_come_first)
{
    note("one.example", PROPOSAL_CLOSED, "", 1, NOON);
    for (unsigned i = 0; i < 3; i++)
        note("three.example", PROPOSAL_CLOSED + i, "", 1, NOON);
    note("two.example", PROPOSAL_ALERT, "unknown CA", 1, NOON + 1);
    note("two.example", PROPOSAL_CLOSED, "", 1, NOON + 1);
    note("later.example", PROPOSAL_CLOSED, "", 1, NOON + 2);
    const char *all = page(), *names[] = {"three.", "two.", "later.", "one."};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *at = strstr(all, names[i]);
        ck_assert_msg(at != NULL, "%s is not behind those before it: %s", names[i], text);
        all = at;
    }
}
END_TEST

START_TEST(clients_are_counted_to_sixteen_and_not_shown)
{
    for (unsigned i = 0; i < 15; i++)
        note("a.example", PROPOSAL_CLOSED, "", i, NOON);
    check_has("\"clients\":15,");
    for (unsigned i = 0; i < 40; i++)
        note("a.example", PROPOSAL_CLOSED, "", i, NOON);
    check_has("\"clients\":16,");
    check_has("\"closed\":55,");
    ck_assert_ptr_null(strstr(page(), "2001"));
}
END_TEST

START_TEST(the_host_that_did_not_fail_for_the_longest_time_goes)
{
    char host[32];
    for (unsigned i = 0; i < PROPOSALS_MAX; i++) {
        snprintf(host, sizeof(host), "h%u.example", i);
        note(host, PROPOSAL_CLOSED, "", 1, NOON + i);
    }
    ck_assert_uint_eq(count_of("\"host\":"), PROPOSALS_MAX);
    note("h0.example", PROPOSAL_CLOSED, "", 1, NOON + 2000);
    proposals_note_success(proposals, STR_LIT("h1.example"), 443);
    note("new.example", PROPOSAL_CLOSED, "", 1, NOON + 2001);
    ck_assert_uint_eq(count_of("\"host\":"), PROPOSALS_MAX);
    ck_assert_uint_eq(count_of("\"h0.example\""), 1);
    ck_assert_uint_eq(count_of("\"h1.example\""), 0);
    ck_assert_uint_eq(count_of("\"h2.example\""), 1);
    ck_assert_uint_eq(count_of("\"new.example\""), 1);
    for (unsigned i = 0; i < 5 * PROPOSALS_MAX; i++) {
        snprintf(host, sizeof(host), "g%u.example", i);
        note(host, PROPOSAL_CLOSED, "", 1, NOON + 3000 + i);
    }
    ck_assert_uint_eq(count_of("\"host\":"), PROPOSALS_MAX);
    ck_assert_uint_eq(count_of("\"host\":\"g"), PROPOSALS_MAX);
}
END_TEST

START_TEST(whatever_a_peer_sent_makes_valid_json)
{
    char long_host[400];
    memset(long_host, 1, sizeof(long_host) - 1);
    long_host[sizeof(long_host) - 1] = '\0';
    note(long_host, PROPOSAL_ALERT, long_host, 1, NOON);
    note("a\"\\\xff", PROPOSAL_ALERT, "b\"\n", 1, NOON);
    note("", PROPOSAL_ALERT, "", 1, UINT64_MAX);
    ck_assert_uint_eq(count_of("\"host\":"), 3);
    ck_assert_uint_eq(count_of("\"last\":"), 3);
}
END_TEST

START_TEST(without_memory_nothing_is_counted_and_nothing_written)
{
    note("a.example", PROPOSAL_CLOSED, "", 1, NOON);
    mem_fail_at(1, 1);
    note("b.example", PROPOSAL_CLOSED, "", 1, NOON);
    note("a.example", PROPOSAL_CLOSED, "", 1, NOON);
    ck_assert_int_eq(proposals_write(proposals, out), -1);
    ck_assert_uint_eq(evbuffer_get_length(out), 0);
    ck_assert_ptr_null(proposals_new());
    mem_fail_at(0, 0);
    check_has("\"closed\":2,");
    ck_assert_uint_eq(count_of("\"host\":"), 1);
    proposals_free(NULL);
}
END_TEST

static void *fail_often(void *arg)
{
    unsigned long first = (unsigned long)(uintptr_t)arg;
    char host[32];
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(host, sizeof(host), "h%u.example", i % 1401);
        note(i % 4 == 0 ? "all.example" : host, PROPOSAL_CLOSED, "", (unsigned)first, NOON + i);
        proposals_note_success(proposals, STR_LIT("all.example"), 443);
    }
    return NULL;
}

START_TEST(threads_count_at_once)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_often, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < 20; i++)
        page();
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    check_has("[{\"host\":\"all.example\",\"port\":443,\"alerts\":0,\"closed\":4000,");
    check_has("\"inspected\":16000,\"clients\":4,");
    ck_assert_uint_eq(count_of("\"host\":"), PROPOSALS_MAX);
}
END_TEST

Suite *proposals_suite(void)
{
    Suite *s = suite_create("proposals");
    TCase *t = tcase_create("proposals");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, without_a_failure_there_is_nothing);
    tcase_add_test(t, each_cause_is_counted_for_its_host);
    tcase_add_test(t, ports_of_a_host_are_apart);
    tcase_add_test(t, the_most_failures_come_first);
    tcase_add_test(t, clients_are_counted_to_sixteen_and_not_shown);
    tcase_add_test(t, the_host_that_did_not_fail_for_the_longest_time_goes);
    tcase_add_test(t, whatever_a_peer_sent_makes_valid_json);
    tcase_add_test(t, without_memory_nothing_is_counted_and_nothing_written);
    tcase_add_test(t, threads_count_at_once);
    suite_add_tcase(s, t);
    return s;
}
