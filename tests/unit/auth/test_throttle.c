/* SPDX-License-Identifier: MIT */
/* test_throttle.c - token buckets of users and addresses. The numbers follow from what a
 * bucket is: burst tokens, one more every refill_ms. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/throttle.h"
#include "util/mem.h"

#define MINUTE 60000

static const struct throttle_limits usual = {5, 50, MINUTE, false};

static struct addr address(const char *text)
{
    struct addr a;
    ck_assert_int_eq(addr_parse(&a, str_of(text)), 0);
    return a;
}

/* Seconds to wait; 0: the try may go on. */
static unsigned try_it(struct throttle *t, const struct throttle_limits *limits, const char *client,
                       const char *user, uint64_t now_ms)
{
    unsigned retry_s = 0;
    struct addr a = address(client);
    return throttle_take(t, limits, &a, str_of(user), now_ms, &retry_s) ? 0 : retry_s;
}

static void give_back(struct throttle *t, const struct throttle_limits *limits, const char *client,
                      const char *user, uint64_t now_ms)
{
    struct addr a = address(client);
    throttle_give_back(t, limits, &a, str_of(user), now_ms);
}

/* How many tries go on at once. */
static unsigned count(struct throttle *t, const struct throttle_limits *limits, const char *client,
                      const char *user, uint64_t now_ms)
{
    unsigned tries = 0;
    while (tries < 1000 && try_it(t, limits, client, user, now_ms) == 0)
        tries++;
    return tries;
}

START_TEST(a_bucket_empties_and_fills)
{
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 1000), 5);
    ck_assert_uint_eq(try_it(t, &usual, "10.0.0.1", "alice", 1000), 60);
    ck_assert_uint_eq(try_it(t, &usual, "10.0.0.1", "alice", 31000), 30);
    ck_assert_uint_eq(try_it(t, &usual, "10.0.0.1", "alice", 60999), 1);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 61000), 1);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 61000 + 3 * MINUTE), 3);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 61000 + 100 * MINUTE), 5);
    throttle_free(t);
    throttle_free(NULL);
}
END_TEST

START_TEST(buckets_are_apart)
{
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "bob", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.2", "alice", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "ALICE", 0), 0);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "", 0), 5);
    throttle_free(t);
}
END_TEST

START_TEST(a_success_gives_back)
{
    struct throttle *t = throttle_new();
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(try_it(t, &usual, "10.0.0.1", "alice", 0), 0);
        give_back(t, &usual, "10.0.0.1", "Alice", 0);
    }
    give_back(t, &usual, "10.0.0.1", "alice", 0); /* a full bucket takes no more */
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 0), 5);
    give_back(t, &usual, "10.0.0.1", "alice", 0);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 0), 1);
    give_back(t, &usual, "10.9.9.9", "nobody", 0);
    throttle_free(t);
}
END_TEST

START_TEST(an_address_has_a_larger_one)
{
    const struct throttle_limits limits = {5, 20, MINUTE, false};
    struct throttle *t = throttle_new();
    char user[32];
    unsigned tries = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        tries += try_it(t, &limits, "10.0.0.1", user, 0) == 0;
    }
    ck_assert_uint_eq(tries, 20);
    /* Four times the tokens come back four times as fast: one in 15 s. */
    ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", "alice", 0), 15);
    ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", "alice", 15000), 0);
    ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", "bob", 15000), 15);
    /* A try that was refused took nothing from the user's own bucket. */
    ck_assert_uint_eq(count(t, &limits, "10.0.0.1", "user99", 3600000), 5);
    throttle_free(t);
}
END_TEST

START_TEST(a_user_may_have_one_over_all_addresses)
{
    const struct throttle_limits limits = {5, 50, MINUTE, true};
    struct throttle *t = throttle_new();
    for (int i = 0; i < 5; i++) {
        char client[32];
        snprintf(client, sizeof(client), "10.0.0.%d", i + 1);
        ck_assert_uint_eq(try_it(t, &limits, client, "alice", 0), 0);
    }
    ck_assert_uint_eq(try_it(t, &limits, "10.0.1.1", "alice", 0), 60);
    ck_assert_uint_eq(try_it(t, &limits, "10.0.1.1", "bob", 0), 0);
    give_back(t, &limits, "10.0.0.1", "alice", 0);
    ck_assert_uint_eq(try_it(t, &limits, "10.0.1.1", "alice", 0), 0);
    throttle_free(t);
}
END_TEST

START_TEST(an_ipv6_client_counts_by_its_64)
{
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &usual, "2001:db8:1:2::1", "alice", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "2001:db8:1:2:ffff::9", "alice", 0), 0);
    ck_assert_uint_eq(count(t, &usual, "2001:db8:1:3::1", "alice", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "alice", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "::ffff:10.0.0.1", "alice", 0), 0);
    throttle_free(t);
}
END_TEST

/* Whoever asks a directory for one user by several names has failed no less often. */
START_TEST(a_user_of_a_directory_has_many_names)
{
    static const char *const NAMES[] = {"alice", "ALICE", "CORP\\alice", "corp.example/Alice",
                                        "alice@corp.example", " alice ", "CORP\\alice@x"};
    const struct throttle_limits limits = {5, 50, MINUTE, true};
    struct throttle *t = throttle_new();
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", NAMES[i], 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        ck_assert_uint_eq(try_it(t, &limits, "10.0.0.2", NAMES[i], 0), 60);
    give_back(t, &limits, "10.0.0.1", NAMES[6], 0);
    ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", NAMES[0], 0), 0);
    /* Nothing but a domain: a name of its own. */
    ck_assert_uint_eq(count(t, &limits, "10.0.0.1", "@x", 0), 5);
    ck_assert_uint_eq(count(t, &limits, "10.0.0.1", "CORP\\", 0), 5);
    /* In a file they are several accounts. */
    ck_assert_uint_eq(count(t, &usual, "10.0.0.3", "alice@one", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.3", "alice@two", 0), 5);
    throttle_free(t);
}
END_TEST

START_TEST(names_are_folded_beyond_ascii)
{
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "r\xc3\xa9mi", 0), 5);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "R\xc3\x89MI", 0), 0);
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "\xe9mi", 0), 5); /* no UTF-8 */
    ck_assert_uint_eq(count(t, &usual, "10.0.0.1", "\xe9MI", 0), 0);
    throttle_free(t);
}
END_TEST

START_TEST(no_burst_is_no_limit)
{
    const struct throttle_limits none = {0, 0, 0, true}, no_address = {3, 0, MINUTE, false};
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &none, "10.0.0.1", "alice", 0), 1000);
    give_back(t, &none, "10.0.0.1", "alice", 0);
    ck_assert_uint_eq(count(t, &no_address, "10.0.0.1", "alice", 0), 3);
    ck_assert_uint_eq(count(t, &no_address, "10.0.0.1", "bob", 0), 3);
    throttle_free(t);
}
END_TEST

START_TEST(limits_may_change)
{
    const struct throttle_limits strict = {5, 50, 24 * 60 * MINUTE, false};
    struct throttle *t = throttle_new();
    ck_assert_uint_eq(count(t, &strict, "10.0.0.1", "alice", 0), 5);
    ck_assert_uint_eq(try_it(t, &usual, "10.0.0.1", "alice", 0), 60); /* not days */
    const struct throttle_limits huge = {4000000000U, 4000000000U, UINT64_MAX / 2, true};
    ck_assert_uint_eq(try_it(t, &huge, "10.0.0.2", "alice", 0), 0);
    throttle_free(t);
}
END_TEST

/* A hundred thousand users within a second, each wrong once: the table holds 16,384. It
 * forgets the earliest first, and those who were wrong most often last. */
START_TEST(an_empty_bucket_is_forgotten_last)
{
    const struct throttle_limits limits = {5, 0, MINUTE, false};
    struct throttle *t = throttle_new();
    char user[32];
    for (int i = 0; i < 100; i++) {
        snprintf(user, sizeof(user), "guesser%d", i);
        ck_assert_uint_eq(count(t, &limits, "10.0.0.1", user, 0), 5);
    }
    for (int i = 0; i < 100000; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        ck_assert_uint_eq(try_it(t, &limits, "10.0.0.1", user, (uint64_t)i / 100), 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(user, sizeof(user), "guesser%d", i);
        ck_assert_uint_eq(count(t, &limits, "10.0.0.1", user, 1000), 0);
    }
    for (int i = 0; i < 1000; i++) { /* it is bounded: the first are full again */
        snprintf(user, sizeof(user), "user%d", i);
        ck_assert_uint_eq(count(t, &limits, "10.0.0.1", user, 1000), 5);
    }
    throttle_free(t);
}
END_TEST

START_TEST(few_buckets_are_all_kept)
{
    const struct throttle_limits limits = {5, 0, MINUTE, false};
    struct throttle *t = throttle_new();
    char user[32];
    for (int i = 0; i < 8000; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        ck_assert_uint_eq(count(t, &limits, "10.0.0.1", user, 0), 5);
    }
    unsigned forgotten = 0;
    for (int i = 0; i < 8000; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        forgotten += try_it(t, &limits, "10.0.0.1", user, 0) == 0;
    }
    ck_assert_uint_le(forgotten, 8); /* half full: next to no place is short */
    throttle_free(t);
}
END_TEST

START_TEST(needs_memory)
{
    mem_fail_at(1, 1);
    ck_assert_ptr_null(throttle_new());
    mem_fail_at(0, 0);
}
END_TEST

Suite *throttle_suite(void);

Suite *throttle_suite(void)
{
    Suite *suite = suite_create("throttle");
    TCase *cases = tcase_create("throttle");
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, a_bucket_empties_and_fills);
    tcase_add_test(cases, buckets_are_apart);
    tcase_add_test(cases, a_success_gives_back);
    tcase_add_test(cases, an_address_has_a_larger_one);
    tcase_add_test(cases, a_user_may_have_one_over_all_addresses);
    tcase_add_test(cases, an_ipv6_client_counts_by_its_64);
    tcase_add_test(cases, no_burst_is_no_limit);
    tcase_add_test(cases, a_user_of_a_directory_has_many_names);
    tcase_add_test(cases, names_are_folded_beyond_ascii);
    tcase_add_test(cases, limits_may_change);
    tcase_add_test(cases, an_empty_bucket_is_forgotten_last);
    tcase_add_test(cases, few_buckets_are_all_kept);
    tcase_add_test(cases, needs_memory);
    suite_add_tcase(suite, cases);
    return suite;
}
