/* SPDX-License-Identifier: MIT */
/* test_dns_cache.c - the table of names (proxy/net/dns_cache.h). */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "proxy/net/dns_cache.h"
#include "tests/unit/net/dns_suites.h"
#include "util/mem.h"

static struct dns_cache cache;

static void start(void)
{
    ck_assert_int_eq(dns_cache_init(&cache, 8), 0);
}

static void stop(void)
{
    dns_cache_fini(&cache);
}

static struct dns_entry *add(unsigned number)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "n%u.test", number);
    return dns_cache_add(&cache, str_of(name));
}

static struct dns_entry *find(unsigned number)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "n%u.test", number);
    return dns_cache_find(&cache, str_of(name));
}

START_TEST(a_name_is_found_by_all_of_its_bytes)
{
    struct dns_entry *e = dns_cache_add(&cache, STR_LIT("abc.test"));

    ck_assert_ptr_nonnull(e);
    ck_assert_str_eq(e->name, "abc.test");
    ck_assert_ptr_eq(dns_cache_find(&cache, STR_LIT("abc.test")), e);
    ck_assert_ptr_null(dns_cache_find(&cache, STR_LIT("abc.tes")));
    ck_assert_ptr_null(dns_cache_find(&cache, STR_LIT("abc.test.")));
    ck_assert_ptr_null(dns_cache_find(&cache, STR_LIT("abd.test")));
}
END_TEST

START_TEST(busy_entries_are_never_freed)
{
    for (unsigned i = 0; i < 500; i++)
        ck_assert_ptr_nonnull(add(i));
    for (unsigned i = 0; i < 500; i++)
        ck_assert_ptr_nonnull(find(i));
}
END_TEST

START_TEST(idle_entries_are_bounded)
{
    for (unsigned i = 0; i < 500; i++) {
        dns_cache_rest(&cache, add(i));
        ck_assert_uint_eq(cache.idle_count, i < 8 ? i + 1 : 8);
    }
    for (unsigned i = 0; i < 500; i++)
        ck_assert(i < 492 ? find(i) == NULL : find(i) != NULL);
}
END_TEST

START_TEST(an_entry_that_is_used_stays)
{
    for (unsigned i = 0; i < 8; i++)
        dns_cache_rest(&cache, add(i));
    dns_cache_rest(&cache, find(0));
    dns_cache_wake(&cache, find(1));
    ck_assert_uint_eq(cache.idle_count, 7);
    dns_cache_rest(&cache, add(8));
    dns_cache_rest(&cache, add(9)); /* pushes out 2, the oldest idle one */
    ck_assert_ptr_nonnull(find(0));
    ck_assert_ptr_nonnull(find(1));
    ck_assert_ptr_null(find(2));
    ck_assert_ptr_nonnull(find(3));
}
END_TEST

START_TEST(two_caches_hash_with_other_secrets)
{
    struct dns_cache other;

    ck_assert_int_eq(dns_cache_init(&other, 8), 0);
    ck_assert_int_ne(memcmp(other.secret, cache.secret, sizeof(other.secret)), 0);
    struct dns_entry *a = dns_cache_add(&cache, STR_LIT("www.test"));
    struct dns_entry *b = dns_cache_add(&other, STR_LIT("www.test"));
    ck_assert_uint_ne(a->hash, b->hash);
    dns_cache_fini(&other);
}
END_TEST

START_TEST(without_memory_there_is_no_entry)
{
    struct dns_cache other;

    (void)mem_fail_at(1, 0);
    ck_assert_ptr_null(add(1));
    (void)mem_fail_at(1, 0);
    ck_assert_int_eq(dns_cache_init(&other, 8), -1);
    (void)mem_fail_at(0, 0);
    dns_cache_fini(&other);
    ck_assert_ptr_null(find(1));
}
END_TEST

Suite *dns_cache_suite(void)
{
    Suite *suite = suite_create("dns_cache");
    TCase *table = tcase_create("table");

    tcase_add_checked_fixture(table, start, stop);
    tcase_add_test(table, a_name_is_found_by_all_of_its_bytes);
    tcase_add_test(table, busy_entries_are_never_freed);
    tcase_add_test(table, idle_entries_are_bounded);
    tcase_add_test(table, an_entry_that_is_used_stays);
    tcase_add_test(table, two_caches_hash_with_other_secrets);
    tcase_add_test(table, without_memory_there_is_no_entry);
    suite_add_tcase(suite, table);
    return suite;
}
