/* SPDX-License-Identifier: MIT */
/* test_signer.c - a signer process that dies, hangs, or says what it may not: every order is
 * answered once. */
#include "tests/unit/core/leaves_suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/pem.h"
#include "proxy/signer.h"
#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/leaves_rig.h"
#include "util/clock.h"
#include "util/mem.h"

#define ORDERS 10001

/* What became of the orders; by the signer's thread, under the lock. */
static struct {
    pthread_mutex_t lock;
    unsigned answers[ORDERS], leaf_count, fault_count, restarts;
    char fault[256]; /* the last */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static EVP_PKEY *leaf_key;

static void on_leaf(void *arg, uint64_t id, struct str leaf, const char *fault)
{
    pthread_mutex_lock(&seen.lock);
    MUST(arg == &seen && id < ORDERS);
    seen.answers[id]++;
    if (leaf.ptr != NULL)
        seen.leaf_count++;
    else
        snprintf(seen.fault, sizeof(seen.fault), "%s", fault);
    seen.fault_count += leaf.ptr == NULL;
    pthread_mutex_unlock(&seen.lock);
}

static void on_restart(void *arg)
{
    pthread_mutex_lock(&seen.lock);
    seen.restarts++;
    pthread_mutex_unlock(&seen.lock);
}

/* program NULL: this one, as what the rig was told. */
static struct signer *start(const char *program, struct err *e)
{
    unsigned char *der = NULL;
    leaf_key = EVP_EC_gen("P-256");
    int len = i2d_PUBKEY(leaf_key, &der);
    struct signer_settings settings = {
        .program = program,
        .certificate = str_of(leaves_rig.certificates[RIG_A]),
        .key = leaves_rig.key_paths[RIG_A],
        .leaf_key = {(const char *)der, (size_t)len},
        .on_leaf = on_leaf,
        .on_restart = on_restart,
        .arg = &seen,
    };
    memset(seen.answers, 0, sizeof(seen.answers));
    seen.leaf_count = seen.fault_count = seen.restarts = 0;
    struct signer *s = signer_new(&settings, e);
    OPENSSL_free(der);
    EVP_PKEY_free(leaf_key);
    return s;
}

static struct signer *must_start(const char *told)
{
    struct err e = {.line = 0};
    rig_set_up(told);
    struct signer *s = start(NULL, &e);
    ck_assert_msg(s != NULL, "%s", e.text);
    return s;
}

static int order(struct signer *s, uint64_t id, const char *name)
{
    struct leaf_order *o = leaf_order_of_page(str_of(name), STR_LIT(""), time(NULL));
    MUST(o != NULL);
    int rc = signer_order(s, id, o);
    leaf_order_free(o);
    return rc;
}

static void order_many(struct signer *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        MUST(order(s, i, "www.example") == 0);
}

/* Waits until so many are answered; 30 s at most. */
static void await(unsigned count)
{
    unsigned got = 0;
    for (unsigned i = 0; i < 3000 && got < count; i++) {
        pthread_mutex_lock(&seen.lock);
        got = seen.leaf_count + seen.fault_count;
        pthread_mutex_unlock(&seen.lock);
        if (got < count)
            usleep(10000);
    }
    if (got < count)
        ck_abort_msg("%u of %u are answered\n%s", got, count, rig_log());
}

/* Each once, and so many with a leaf. */
static void expect(unsigned count, unsigned leaves)
{
    pthread_mutex_lock(&seen.lock);
    for (unsigned i = 0; i < count; i++)
        MUST(seen.answers[i] == 1);
    ck_assert_uint_eq(seen.leaf_count, leaves);
    ck_assert_uint_eq(seen.fault_count, count - leaves);
    pthread_mutex_unlock(&seen.lock);
}

static void end(struct signer *s)
{
    signer_free(s);
    rig_tear_down();
}

START_TEST(the_real_one_makes_leaves)
{
    struct err e = {.line = 0};
    rig_set_up("unused");
    const char *program = getenv("SALLYPORT");
    ck_assert(program != NULL);
    struct signer *s = start(program, &e);
    ck_assert_msg(s != NULL, "%s", e.text);
    order_many(s, 200);
    await(200);
    expect(200, 200);
    ck_assert_uint_eq(seen.restarts, 0);
    ck_assert_uint_eq(rig_starts(), 0); /* not of this program */
    end(s);
}
END_TEST

static const struct {
    const char *told, *error;
} unborn[] = {
    {"exit", "has ended with status 1 before it was ready"},
    {"fault", "the key is not there"},
    {"unready", "was not ready within 10 s"},
};

START_TEST(one_that_cannot_begin)
{
    struct err e = {.line = 0};
    rig_set_up(unborn[_i].told);
    uint64_t from = clock_usec();
    ck_assert(start(NULL, &e) == NULL);
    ck_assert_msg(strstr(e.text, unborn[_i].error) != NULL, "%s", e.text);
    ck_assert_uint_lt(clock_usec() - from, 12000000);
    rig_tear_down();
}
END_TEST

START_TEST(no_such_program)
{
    struct err e = {.line = 0};
    rig_set_up("good");
    ck_assert(start("/nonexistent/sallyport", &e) == NULL);
    ck_assert_msg(strstr(e.text, "No such file") != NULL, "%s", e.text);
    rig_tear_down();
}
END_TEST

START_TEST(one_that_dies_now_and_then)
{
    struct signer *s = must_start("die:100");
    order_many(s, 350);
    await(350);
    expect(350, 350);
    ck_assert_uint_eq(seen.restarts, 3);
    ck_assert_uint_eq(rig_starts(), 4);
    ck_assert(strstr(rig_log(), "has ended with status 7") != NULL);
    end(s);
}
END_TEST

/* The one that it does not survive is given up, and takes nobody with it. */
START_TEST(an_order_that_kills)
{
    struct signer *s = must_start("poison");
    for (unsigned i = 0; i < 100; i++)
        MUST(order(s, i, i == 50 ? "poison.example" : "www.example") == 0);
    await(100);
    expect(100, 99);
    ck_assert_str_eq(seen.fault, "the signer did not survive it");
    ck_assert_uint_eq(seen.restarts, 2);
    end(s);
}
END_TEST

START_TEST(one_that_answers_twice_or_unasked)
{
    struct signer *s = must_start(_i == 0 ? "twice" : "strangers");
    order_many(s, 100);
    await(100);
    usleep(50000);
    expect(100, 100);
    ck_assert_uint_eq(seen.restarts, 0);
    end(s);
}
END_TEST

START_TEST(one_that_answers_garbage)
{
    struct signer *s = must_start("garbage:60");
    order_many(s, 100);
    await(100);
    expect(100, 100);
    ck_assert_uint_eq(seen.restarts, 1);
    ck_assert(strstr(rig_log(), "what is no message") != NULL);
    end(s);
}
END_TEST

/* It is killed when it is silent, and its orders are not kept waiting for ever. */
START_TEST(one_that_never_answers)
{
    struct signer *s = must_start("mute");
    uint64_t from = clock_usec();
    order_many(s, 50);
    await(50);
    expect(50, 0);
    ck_assert_uint_ge(clock_usec() - from, 9000000);
    ck_assert_uint_lt(clock_usec() - from, 13000000);
    ck_assert_uint_ge(seen.restarts, 1);
    end(s);
}
END_TEST

/* Two starts find no key: orders wait, and have their answers in the end. */
START_TEST(one_that_loses_its_key_for_a_while)
{
    struct signer *s = must_start("relapse:3");
    order_many(s, 20);
    await(20);
    expect(20, 20);
    ck_assert_uint_eq(seen.restarts, 3);
    ck_assert_uint_eq(rig_starts(), 4);
    ck_assert(strstr(rig_log(), "the key is not there") != NULL);
    end(s);
}
END_TEST

static void await_starts(unsigned count)
{
    for (unsigned i = 0; i < 2000 && rig_starts() < count; i++)
        usleep(10000);
    ck_assert_uint_eq(rig_starts(), count);
}

/* Once it is known that there is no key, what waits is told at once, and so is whoever asks:
 * until the key is back, which is tried for in the background. */
START_TEST(one_whose_key_stays_away)
{
    static const char FAULT[] = "the signer cannot begin: " FAKE_FAULT;
    struct signer *s = must_start("relapse:6");
    order_many(s, 20);
    await(20);
    expect(20, 2);
    ck_assert_str_eq(seen.fault, FAULT);
    ck_assert_uint_ge(rig_starts(), 4); /* three starts in vain */
    uint64_t from = clock_usec();
    for (unsigned i = 20; i < 40 && rig_starts() < 6; i++) {
        MUST(order(s, i, "www.example") == 0);
        await(i + 1);
        ck_assert_str_eq(seen.fault, FAULT);
        ck_assert_uint_eq(seen.leaf_count, 2);
    }
    ck_assert_uint_lt(clock_usec() - from, 1000000);
    await_starts(7);
    for (unsigned i = 0; i < 2000 && strstr(rig_log(), "is ready") == NULL; i++)
        usleep(10000);
    unsigned before = seen.leaf_count + seen.fault_count;
    for (unsigned i = 0; i < 10; i++)
        MUST(order(s, 100 + i, "www.example") == 0);
    await(before + 10);
    ck_assert_uint_eq(seen.leaf_count, 12);
    end(s);
}
END_TEST

/* One that hangs when it begins is known after one try. */
START_TEST(one_that_hangs_when_it_begins_again)
{
    struct signer *s = must_start("good");
    MUST(setenv("FAKE_SIGNER", "unready", 1) == 0);
    ck_assert_int_eq(kill(rig_last_pid(), SIGKILL), 0);
    await_starts(3);
    uint64_t from = clock_usec();
    order_many(s, 10);
    await(10);
    expect(10, 0);
    ck_assert_str_eq(seen.fault, "the signer cannot begin: it was not ready in time");
    ck_assert_uint_lt(clock_usec() - from, 1000000);
    end(s);
}
END_TEST

START_TEST(a_killed_one_is_back_before_it_is_asked)
{
    struct signer *s = must_start("good");
    ck_assert_int_eq(kill(rig_last_pid(), SIGKILL), 0);
    for (unsigned i = 0; i < 1000 && rig_starts() < 2; i++)
        usleep(10000);
    ck_assert_uint_eq(rig_starts(), 2);
    order_many(s, 10);
    await(10);
    expect(10, 10);
    ck_assert(strstr(rig_log(), "was ended by signal 9") != NULL);
    ck_assert(strstr(rig_log(), leaves_rig.key_paths[RIG_A]) == NULL);
    end(s);
}
END_TEST

START_TEST(stopped_with_orders_and_too_many)
{
    struct signer *s = must_start("mute");
    order_many(s, ORDERS - 1);
    ck_assert_int_eq(order(s, ORDERS - 1, "www.example"), -1);
    signer_free(s);
    expect(ORDERS - 1, 0);
    ck_assert_str_eq(seen.fault, "the signer is ended");
    ck_assert_uint_eq(seen.answers[ORDERS - 1], 0);
    rig_tear_down();
}
END_TEST

START_TEST(memory_runs_out_at_the_start)
{
    struct err e = {.line = 0};
    struct signer *s = NULL;
    rig_set_up("good");
    for (unsigned long nth = 1; s == NULL; nth++) {
        (void)mem_fail_at(nth, 0);
        s = start(NULL, &e);
        unsigned long allocations = mem_fail_at(0, 0);
        ck_assert((s == NULL) == (allocations >= nth));
        ck_assert(s != NULL || strstr(e.text, "memory") != NULL);
    }
    end(s);
    signer_free(NULL);
}
END_TEST

Suite *signer_suite(void)
{
    Suite *suite = suite_create("signer");
    TCase *tc = tcase_create("signer");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_real_one_makes_leaves);
    tcase_add_loop_test(tc, one_that_cannot_begin, 0, 3);
    tcase_add_test(tc, no_such_program);
    tcase_add_test(tc, one_that_dies_now_and_then);
    tcase_add_test(tc, an_order_that_kills);
    tcase_add_loop_test(tc, one_that_answers_twice_or_unasked, 0, 2);
    tcase_add_test(tc, one_that_answers_garbage);
    tcase_add_test(tc, one_that_never_answers);
    tcase_add_test(tc, one_that_loses_its_key_for_a_while);
    tcase_add_test(tc, one_whose_key_stays_away);
    tcase_add_test(tc, one_that_hangs_when_it_begins_again);
    tcase_add_test(tc, a_killed_one_is_back_before_it_is_asked);
    tcase_add_test(tc, stopped_with_orders_and_too_many);
    tcase_add_test(tc, memory_runs_out_at_the_start);
    suite_add_tcase(suite, tc);
    return suite;
}
