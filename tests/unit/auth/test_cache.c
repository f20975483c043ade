/* SPDX-License-Identifier: MIT */
/* test_cache.c - what was verified is found, for its time, and nothing else is. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/cache.h"
#include "util/mem.h"

struct key {
    unsigned char bytes[AUTH_CACHE_KEY_SIZE];
};

static struct key key_of(const struct auth_cache *c, const char *a, const char *b)
{
    struct key key;
    auth_cache_key(c, (struct str[]){str_of(a), str_of(b)}, 2, key.bytes);
    return key;
}

static struct key key_number(const struct auth_cache *c, unsigned number)
{
    char text[32];
    snprintf(text, sizeof(text), "user%u", number);
    return key_of(c, text, "password");
}

/* The value as text; "-" where it is not there. */
static const char *find(struct auth_cache *c, struct key key, uint64_t now_ms,
                        char value[AUTH_CACHE_VALUE_MAX + 1])
{
    int len = auth_cache_find(c, key.bytes, now_ms, value);
    if (len < 0)
        return "-";
    value[len] = '\0';
    return value;
}

static bool has(struct auth_cache *c, struct key key, uint64_t now_ms)
{
    char value[AUTH_CACHE_VALUE_MAX];
    return auth_cache_find(c, key.bytes, now_ms, value) >= 0;
}

START_TEST(finds_for_a_while)
{
    char value[AUTH_CACHE_VALUE_MAX + 1];
    struct auth_cache *c = auth_cache_new(16);
    struct key alice = key_of(c, "alice", "pw"), bob = key_of(c, "bob", "pw");
    ck_assert_str_eq(find(c, alice, 1000, value), "-");
    auth_cache_put(c, alice.bytes, STR_LIT("alice staff"), 1000, 2000);
    auth_cache_put(c, bob.bytes, STR_LIT(""), 1000, 5000);
    ck_assert_str_eq(find(c, alice, 1000, value), "alice staff");
    ck_assert_str_eq(find(c, alice, 1999, value), "alice staff");
    ck_assert_str_eq(find(c, bob, 1999, value), "");
    ck_assert_str_eq(find(c, alice, 2000, value), "-");
    ck_assert_str_eq(find(c, alice, 1500, value), "-");
    ck_assert_str_eq(find(c, bob, 4999, value), "");
    auth_cache_put(c, alice.bytes, STR_LIT("over"), 6000, 6000);
    ck_assert_str_eq(find(c, alice, 6000, value), "-");
    auth_cache_free(c);
    auth_cache_free(NULL);
}
END_TEST

START_TEST(the_last_value_counts)
{
    char value[AUTH_CACHE_VALUE_MAX + 1];
    struct auth_cache *c = auth_cache_new(16);
    struct key alice = key_of(c, "alice", "pw");
    auth_cache_put(c, alice.bytes, STR_LIT("one"), 0, 100);
    auth_cache_put(c, alice.bytes, STR_LIT("two"), 0, 50);
    ck_assert_str_eq(find(c, alice, 49, value), "two");
    ck_assert_str_eq(find(c, alice, 50, value), "-");
    auth_cache_free(c);
}
END_TEST

START_TEST(keys_tell_everything_apart)
{
    struct auth_cache *c = auth_cache_new(16), *other = auth_cache_new(16);
    struct key keys[] = {
        key_of(c, "alice", "pw"), key_of(c, "alicep", "w"), key_of(c, "", "alicepw"),
        key_of(c, "alicepw", ""), key_of(c, "alice", "pw "), key_of(c, "Alice", "pw"),
        key_of(other, "alice", "pw"), key_number(c, 1),
    };
    struct key one, again = key_of(c, "alice", "pw");
    auth_cache_key(c, (struct str[]){STR_LIT("alice\0\0\0\0\0\0\0\2pw")}, 1, one.bytes);
    ck_assert_int_ne(memcmp(&one, &again, sizeof(one)), 0);
    ck_assert_int_eq(memcmp(&keys[0], &again, sizeof(again)), 0);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_int_ne(memcmp(&keys[i], &keys[k], sizeof(keys[i])), 0);
    auth_cache_free(c);
    auth_cache_free(other);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
    struct auth_cache *c = auth_cache_new(16);
    for (unsigned i = 0; i < 20; i++)
        auth_cache_put(c, key_number(c, i).bytes, STR_LIT("v"), i, 1000);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_int_eq(has(c, key_number(c, i), 20), i >= 4);
    /* One that comes again is young again; the next oldest goes. */
    auth_cache_put(c, key_number(c, 4).bytes, STR_LIT("v"), 30, 1000);
    auth_cache_put(c, key_number(c, 20).bytes, STR_LIT("v"), 31, 1000);
    ck_assert(has(c, key_number(c, 4), 40));
    ck_assert(!has(c, key_number(c, 5), 40));
    ck_assert(has(c, key_number(c, 6), 40));
    auth_cache_free(c);
}
END_TEST

START_TEST(stays_within_its_bound)
{
    struct auth_cache *c = auth_cache_new(10000);
    size_t found = 0;
    for (unsigned i = 0; i < 50000; i++)
        auth_cache_put(c, key_number(c, i).bytes, STR_LIT("v"), 0, 1000);
    for (unsigned i = 0; i < 50000; i++)
        found += has(c, key_number(c, i), 0);
    ck_assert_uint_le(found, 10000 + 16);
    ck_assert_uint_ge(found, 9000); /* and keeps about as many as it may */
    for (unsigned i = 49000; i < 50000; i++)
        ck_assert(has(c, key_number(c, i), 0));
    auth_cache_free(c);
}
END_TEST

START_TEST(long_values_are_kept_whole_or_not)
{
    char text[AUTH_CACHE_VALUE_MAX + 1], value[AUTH_CACHE_VALUE_MAX];
    struct auth_cache *c = auth_cache_new(16);
    struct key key = key_of(c, "a", "b");
    memset(text, 'g', sizeof(text));
    auth_cache_put(c, key.bytes, (struct str){text, sizeof(text)}, 0, 100);
    ck_assert_int_eq(auth_cache_find(c, key.bytes, 0, value), -1);
    auth_cache_put(c, key.bytes, (struct str){text, sizeof(text) - 1}, 0, 100);
    ck_assert_int_eq(auth_cache_find(c, key.bytes, 0, value), AUTH_CACHE_VALUE_MAX);
    ck_assert_int_eq(memcmp(value, text, sizeof(value)), 0);
    auth_cache_free(c);
}
END_TEST

START_TEST(without_memory_nothing_is_kept)
{
    for (unsigned long i = 1; i <= 2; i++) {
        mem_fail_at(i, 1);
        ck_assert_ptr_null(auth_cache_new(16));
    }
    mem_fail_at(0, 0);
    struct auth_cache *c = auth_cache_new(16);
    mem_fail_at(1, 1);
    auth_cache_put(c, key_of(c, "a", "b").bytes, STR_LIT("v"), 0, 100);
    mem_fail_at(0, 0);
    ck_assert(!has(c, key_of(c, "a", "b"), 0));
    auth_cache_free(c);
}
END_TEST

Suite *cache_suite(void);

Suite *cache_suite(void)
{
    Suite *suite = suite_create("cache");
    TCase *cases = tcase_create("cache");
    tcase_add_test(cases, finds_for_a_while);
    tcase_add_test(cases, the_last_value_counts);
    tcase_add_test(cases, keys_tell_everything_apart);
    tcase_add_test(cases, the_oldest_makes_room);
    tcase_add_test(cases, stays_within_its_bound);
    tcase_add_test(cases, long_values_are_kept_whole_or_not);
    tcase_add_test(cases, without_memory_nothing_is_kept);
    suite_add_tcase(suite, cases);
    return suite;
}
