/* SPDX-License-Identifier: MIT */
/* test_threads.c - the cache and the throttle, used by several threads at once: each
 * value is found whole, and no more tries go on than there are tokens. Run under
 * ThreadSanitizer; its own program, no forks. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/cache.h"
#include "auth/htpasswd.h"
#include "auth/throttle.h"

#define THREADS 4
#define ROUNDS 4000
#define NAMES 40

static void run(void *(*work)(void *), void *shared)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, shared), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* The value of a name repeats it, as often as the round says. */
static bool is_whole(const char *value, int len, const char *name)
{
    int part = (int)strlen(name);
    for (int at = 0; at < len; at += part)
        if (len - at < part || memcmp(value + at, name, (size_t)part) != 0)
            return false;
    return true;
}

static void *use_cache(void *shared)
{
    struct auth_cache *c = shared;
    char name[16], text[AUTH_CACHE_VALUE_MAX], value[AUTH_CACHE_VALUE_MAX];
    unsigned char key[AUTH_CACHE_KEY_SIZE];
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t len = 0;
        snprintf(name, sizeof(name), "user%u;", i % NAMES);
        auth_cache_key(c, &(struct str){name, strlen(name)}, 1, key);
        int found = auth_cache_find(c, key, i, value);
        if (found >= 0 && !is_whole(value, found, name))
            return "torn";
        for (unsigned k = 0; k <= i % 8; k++, len += strlen(name))
            memcpy(text + len, name, strlen(name));
        auth_cache_put(c, key, (struct str){text, len}, i, i + 20);
    }
    return NULL;
}

START_TEST(a_cache_for_all)
{
    struct auth_cache *c = auth_cache_new(32);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_cache, c), 0);
    for (int i = 0; i < THREADS; i++) {
        void *fault;
        ck_assert_int_eq(pthread_join(threads[i], &fault), 0);
        ck_assert_ptr_null(fault);
    }
    auth_cache_free(c);
}
END_TEST

struct tries {
    struct throttle *throttle;
    struct throttle_limits limits;
    unsigned went_on; /* atomic */
};

static const struct addr client = {.bytes = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}};

static void *guess(void *shared)
{
    struct tries *t = shared;
    unsigned retry_s;
    char name[16];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof(name), "user%d", i % NAMES);
        if (throttle_take(t->throttle, &t->limits, &client, str_of(name), 0, &retry_s))
            __atomic_add_fetch(&t->went_on, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

START_TEST(a_throttle_counts_all)
{
    struct tries users = {throttle_new(), {7, 0, 60000, true}, 0};
    struct tries address = {throttle_new(), {7, 100, 60000, true}, 0};
    run(guess, &users);
    ck_assert_uint_eq(users.went_on, 7 * NAMES);
    run(guess, &address);
    ck_assert_uint_eq(address.went_on, 100);
    throttle_free(users.throttle);
    throttle_free(address.throttle);
}
END_TEST

static void *succeed(void *shared)
{
    struct tries *t = shared;
    unsigned retry_s;
    for (int i = 0; i < ROUNDS; i++) {
        if (!throttle_take(t->throttle, &t->limits, &client, STR_LIT("alice"), 0, &retry_s))
            continue;
        __atomic_add_fetch(&t->went_on, 1, __ATOMIC_RELAXED);
        throttle_give_back(t->throttle, &t->limits, &client, STR_LIT("alice"), 0);
    }
    return NULL;
}

START_TEST(what_is_given_back_is_there)
{
    struct tries t = {throttle_new(), {THREADS, 2 * THREADS, 60000, true}, 0};
    unsigned retry_s, left = 0;
    run(succeed, &t);
    ck_assert_uint_eq(t.went_on, THREADS * ROUNDS);
    while (throttle_take(t.throttle, &t.limits, &client, STR_LIT("alice"), 0, &retry_s))
        left++;
    ck_assert_uint_eq(left, THREADS);
    throttle_free(t.throttle);
}
END_TEST

static void *verify(void *shared)
{
    bool is_known;
    const char *hash = htpasswd_find(shared, STR_LIT("alice"), &is_known);
    for (int i = 0; i < 20; i++)
        if (!htpasswd_verify(hash, STR_LIT("open sesame")) ||
            htpasswd_verify(hash, STR_LIT("open sesamE")))
            return "wrong";
    return NULL;
}

static void *verify_apr1(void *shared)
{
    for (int i = 0; i < 20; i++)
        if (!htpasswd_verify("$apr1$p6Gh/eZr$DI/d9knAA7QQChJDBu3K91", STR_LIT("open sesame")))
            return "wrong";
    return verify(shared);
}

START_TEST(hashes_are_computed_side_by_side)
{
    struct errlist faults;
    pthread_t threads[THREADS];
    errlist_init(&faults);
    struct htpasswd *h = htpasswd_new(
        STR_LIT("alice:$2y$04$6hagF.QQqrJBs17F0llDv.qQJHcojMwOErEbeFUa5jh/68EVHt8Lm\n"), "users",
        &faults);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, i % 2 == 0 ? verify : verify_apr1, h), 0);
    for (int i = 0; i < THREADS; i++) {
        void *fault;
        ck_assert_int_eq(pthread_join(threads[i], &fault), 0);
        ck_assert_ptr_null(fault);
    }
    htpasswd_free(h);
    errlist_fini(&faults);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("auth-threads");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, a_cache_for_all);
    tcase_add_test(cases, a_throttle_counts_all);
    tcase_add_test(cases, what_is_given_back_is_there);
    tcase_add_test(cases, hashes_are_computed_side_by_side);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
