/* SPDX-License-Identifier: MIT */
/* test_leaves.c - the cache of leaves: one forging a key, what is kept, what happens when the
 * signer dies, when the CA changes, when memory runs out, and at the end. */
#include "tests/unit/core/leaves_suites.h"

#include <fcntl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core/leaves_rig.h"
#include "util/mem.h"

#define BURST 500

static struct leaf *find(unsigned key)
{
    unsigned char bytes[LEAVES_KEY_SIZE];
    rig_key(key, bytes);
    return leaves_find(leaves_rig.leaves, bytes);
}

static bool is_kept(unsigned key)
{
    struct leaf *leaf = find(key);
    leaf_unref(leaf);
    return leaf != NULL;
}

static void use_max(enum rig_ca ca, unsigned max)
{
    struct err e = {.line = 0};
    struct inspection_config inspection = rig_inspection(ca);
    inspection.leaves_max = max;
    MUST(leaves_use(leaves_rig.leaves, &inspection, &e) == 0);
}

START_TEST(a_leaf_is_forged_once_and_found_then)
{
    unsigned char ca_id[32];
    rig_set_up("real");
    rig_must_use(RIG_A);
    ck_assert(find(1) == NULL);
    rig_ask(0, 0, 1, "www");
    rig_await(0, 1);
    rig_expect_leaf(0, RIG_A);
    struct leaf *leaf = find(1);
    ck_assert_ptr_eq(leaf, leaves_rig.questions[0].ask.leaf);
    ck_assert_int_eq(X509_check_host(leaf->cert, "www.example", 0, 0, NULL), 1);
    ck_assert_int_eq(X509_check_host(leaf->cert, "ww.example", 0, 0, NULL), 0);
    ck_assert(leaf->chain == NULL);
    ck_assert_int_eq(ASN1_TIME_cmp_time_t(X509_get0_notAfter(leaf->cert), leaf->not_after), 0);
    ck_assert_int_eq(EVP_PKEY_get_id(leaf->key), EVP_PKEY_EC);
    ck_assert(X509_digest(leaves_rig.cas[RIG_A].cert, EVP_sha256(), ca_id, NULL) == 1);
    ck_assert_mem_eq(leaf->ca_id, ca_id, sizeof(ca_id));
    leaf_unref(leaf);
    rig_ask(1, 0, 1, "www"); /* an ask that came too late */
    rig_await(0, 2);
    ck_assert_ptr_eq(leaves_rig.questions[1].ask.leaf, leaves_rig.questions[0].ask.leaf);
    struct leaves_counts c = rig_counts();
    ck_assert_uint_eq(c.forged, 1);
    ck_assert_uint_eq(c.found, 2);
    ck_assert_uint_eq(c.kept, 1);
    rig_tear_down();
}
END_TEST

static void *ask_together(void *arg)
{
    unsigned worker = (unsigned)(uintptr_t)arg, count = worker == 0 ? 18 : 16;
    for (unsigned i = 0; i < count; i++)
        rig_ask(worker * 20 + i, worker, 1, "www");
    rig_await(worker, count);
    return NULL;
}

START_TEST(one_forging_for_fifty_asks_of_three_workers)
{
    pthread_t threads[RIG_WORKERS];
    rig_set_up("slow:300");
    rig_must_use(RIG_A);
    for (uintptr_t i = 0; i < RIG_WORKERS; i++)
        MUST(pthread_create(&threads[i], NULL, ask_together, (void *)i) == 0);
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 20 * RIG_WORKERS; i++)
        if (leaves_rig.questions[i].worker != NULL)
            rig_expect_leaf(i, RIG_A);
    struct leaves_counts c = rig_counts();
    ck_assert_uint_eq(c.forged, 1);
    ck_assert_uint_eq(c.waited, 49);
    ck_assert_uint_eq(c.failed + c.found, 0);
    rig_tear_down();
}
END_TEST

START_TEST(the_one_unused_longest_makes_room)
{
    rig_set_up("good");
    use_max(RIG_A, 4);
    for (unsigned i = 0; i < 4; i++) {
        rig_ask(i, 0, i, NULL);
        rig_await(0, i + 1);
    }
    ck_assert(is_kept(0));
    rig_ask(4, 0, 4, NULL);
    rig_await(0, 5);
    ck_assert(!is_kept(1));
    ck_assert(is_kept(0) && is_kept(2) && is_kept(3) && is_kept(4));
    ck_assert_uint_eq(rig_counts().evicted, 1);
    use_max(RIG_A, 1);
    ck_assert(is_kept(4));
    ck_assert_uint_eq(rig_counts().kept, 1);
    ck_assert_uint_eq(rig_counts().evicted, 4);
    ck_assert_uint_eq(rig_starts(), 1);
    for (unsigned i = 0; i < 5; i++)
        rig_expect_leaf(i, RIG_A); /* who has one keeps it */
    rig_tear_down();
}
END_TEST

/* More than the chains that a table begins with. */
START_TEST(many_are_kept_and_found)
{
    rig_set_up("good");
    use_max(RIG_A, RIG_QUESTIONS);
    for (unsigned i = 0; i < RIG_QUESTIONS; i++) {
        rig_ask(i, 0, i, NULL);
        if (i % 50 == 49) /* a slow machine needs time: an order has ten seconds */
            rig_await(0, i + 1);
    }
    for (unsigned i = 0; i < RIG_QUESTIONS; i++)
        rig_expect_leaf(i, RIG_A);
    ck_assert_uint_eq(rig_counts().kept, RIG_QUESTIONS);
    for (unsigned i = 0; i < RIG_QUESTIONS; i++) {
        struct leaf *leaf = find(i);
        MUST(leaf != NULL && leaf == leaves_rig.questions[i].ask.leaf);
        leaf_unref(leaf);
    }
    rig_tear_down();
}
END_TEST

START_TEST(none_is_found_in_its_last_minute)
{
    rig_set_up("seconds:62");
    rig_must_use(RIG_A);
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    rig_expect_leaf(0, RIG_A);
    sleep(3);
    ck_assert(!is_kept(1));
    ck_assert_uint_eq(rig_counts().kept, 0);
    rig_tear_down();
}
END_TEST

START_TEST(one_that_ends_within_a_minute_is_given_but_not_kept)
{
    rig_set_up("seconds:30");
    rig_must_use(RIG_A);
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    rig_expect_leaf(0, RIG_A);
    ck_assert(!is_kept(1));
    rig_ask(1, 0, 1, NULL);
    rig_await(0, 2);
    ck_assert_uint_eq(rig_counts().forged, 2);
    rig_tear_down();
}
END_TEST

static const struct {
    const char *signer, *fault;
} faults[] = {
    {"refuse", "not?this name"},
    {"junk", "is no certificate"},
    {"alien", "is not for our key"},
};

START_TEST(faults_come_back_and_are_not_kept)
{
    rig_set_up(faults[_i].signer);
    rig_must_use(RIG_A);
    rig_ask(0, 0, 1, NULL);
    rig_ask(1, 0, 1, NULL);
    rig_await(0, 2);
    rig_expect_fault(0, faults[_i].fault);
    rig_expect_fault(1, faults[_i].fault);
    ck_assert(!is_kept(1));
    rig_ask(2, 0, 1, NULL);
    rig_await(0, 3);
    rig_expect_fault(2, faults[_i].fault);
    struct leaves_counts c = rig_counts();
    ck_assert_uint_eq(c.failed, 3);
    ck_assert_uint_eq(c.forged + c.kept + c.restarts, 0);
    rig_tear_down();
}
END_TEST

START_TEST(no_inspection_no_leaf)
{
    struct err e = {.line = 0};
    struct inspection_config off = {.is_enabled = false};
    rig_set_up("real");
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    rig_expect_fault(0, "inspection is off");
    rig_must_use(RIG_A);
    rig_ask(1, 0, 1, NULL);
    rig_await(0, 2);
    rig_expect_leaf(1, RIG_A);
    ck_assert_int_eq(leaves_use(leaves_rig.leaves, &off, &e), 0);
    ck_assert_int_eq(kill(rig_last_pid(), 0), -1);
    ck_assert(!is_kept(1));
    rig_ask(2, 0, 1, NULL);
    rig_await(0, 3);
    rig_expect_fault(2, "inspection is off");
    rig_tear_down();
}
END_TEST

START_TEST(a_signer_killed_in_a_burst_loses_nothing)
{
    rig_set_up("real");
    rig_must_use(RIG_A);
    for (unsigned i = 0; i < BURST; i++)
        rig_ask(i, 0, i, NULL);
    rig_await(0, 20);
    ck_assert_int_eq(kill(rig_last_pid(), SIGKILL), 0);
    rig_await(0, BURST);
    for (unsigned i = 0; i < BURST; i++)
        rig_expect_leaf(i, RIG_A);
    struct leaves_counts c = rig_counts();
    ck_assert_uint_eq(c.restarts, 1);
    ck_assert_uint_eq(c.forged, BURST);
    ck_assert_uint_eq(c.failed, 0);
    ck_assert_uint_eq(rig_starts(), 2);
    rig_tear_down();
}
END_TEST

/* One whose asks wait for ever, and which takes no more: its end is not waited for long. */
START_TEST(the_end_drops_what_waits)
{
    rig_set_up("mute");
    rig_must_use(RIG_A);
    for (unsigned i = 0; i < 100; i++)
        rig_ask(i, i % RIG_WORKERS, i / 2, NULL);
    usleep(50000);
    leaves_free(leaves_rig.leaves);
    leaves_rig.leaves = NULL;
    ck_assert_uint_eq(leaves_rig.drop_total, 100);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(leaves_rig.questions[i].drop_count, 1);
    rig_tear_down();
}
END_TEST

/* An answer that nobody took out of the inbox: its leaf goes with it. */
START_TEST(the_end_drops_what_is_in_an_inbox)
{
    rig_set_up("good");
    rig_must_use(RIG_A);
    rig_ask(0, 1, 1, NULL);
    for (unsigned i = 0; i < 1000 && rig_counts().forged == 0; i++)
        usleep(10000);
    ck_assert_uint_eq(rig_counts().forged, 1);
    inbox_fini(&leaves_rig.workers[1].inbox);
    inbox_init(&leaves_rig.workers[1].inbox);
    ck_assert_uint_eq(leaves_rig.questions[0].drop_count, 1);
    ck_assert(leaves_rig.questions[0].ask.leaf == NULL);
    rig_tear_down();
}
END_TEST

START_TEST(the_same_ca_again_keeps_the_signer)
{
    rig_set_up("real");
    rig_must_use(RIG_A);
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    rig_must_use(RIG_A);
    ck_assert_uint_eq(rig_starts(), 1);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1700000000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, leaves_rig.key_paths[RIG_A], times, 0), 0);
    rig_must_use(RIG_A);
    ck_assert_uint_eq(rig_starts(), 2);
    ck_assert(is_kept(1)); /* it is of that very CA */
    rig_must_use(RIG_B);
    ck_assert_uint_eq(rig_starts(), 3);
    ck_assert(!is_kept(1));
    rig_ask(1, 0, 1, NULL);
    rig_await(0, 2);
    rig_expect_leaf(1, RIG_B);
    ck_assert_uint_eq(rig_counts().restarts, 0);
    rig_tear_down();
}
END_TEST

START_TEST(a_ca_that_cannot_be_used_changes_nothing)
{
    struct err e = {.line = 0};
    struct inspection_config wrong;
    rig_set_up("real");
    rig_must_use(RIG_A);
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    wrong = rig_inspection(RIG_B);
    wrong.ca_key = leaves_rig.key_paths[RIG_A];
    ck_assert_int_eq(leaves_use(leaves_rig.leaves, &wrong, &e), -1);
    ck_assert_str_eq(e.file, "test.conf");
    ck_assert_uint_eq(e.line, 7);
    ck_assert_msg(strstr(e.text, "not the key") != NULL, "%s", e.text);
    ck_assert(is_kept(1));
    rig_ask(1, 0, 2, NULL);
    rig_await(0, 2);
    rig_expect_leaf(1, RIG_A);
    ck_assert_int_eq(unlink(leaves_rig.key_paths[RIG_A]), 0);
    ck_assert_int_eq(rig_use(RIG_A, &e), -1); /* it is gone */
    rig_ask(2, 0, 3, NULL);
    rig_await(0, 3);
    rig_expect_leaf(2, RIG_A);
    rig_tear_down();
}
END_TEST

START_TEST(rsa_leaves_and_their_chain)
{
    struct err e = {.line = 0};
    rig_set_up("real");
    struct inspection_config inspection = rig_inspection(RIG_BELOW);
    inspection.is_leaf_rsa = true;
    int rc = leaves_use(leaves_rig.leaves, &inspection, &e);
    ck_assert_msg(rc == 0, "%s", e.text);
    rig_ask(0, 0, 1, NULL);
    rig_await(0, 1);
    rig_expect_leaf(0, RIG_BELOW);
    const struct leaf *leaf = leaves_rig.questions[0].ask.leaf;
    ck_assert_int_eq(EVP_PKEY_get_id(leaf->key), EVP_PKEY_RSA);
    ck_assert_int_eq(EVP_PKEY_get_bits(leaf->key), 2048);
    ck_assert_int_eq(sk_X509_num(leaf->chain), 1); /* without the root */
    ck_assert_int_eq(X509_cmp(sk_X509_value(leaf->chain, 0), leaves_rig.cas[RIG_BELOW].cert), 0);
    rig_must_use(RIG_BELOW);
    ck_assert(!is_kept(1)); /* another kind of key */
    rig_tear_down();
}
END_TEST

static atomic_bool is_swapping;

/* Asks as long as CAs change; each leaf is of one of them, and whole. */
static void *ask_on(void *arg)
{
    unsigned worker = (unsigned)(uintptr_t)arg, first = worker * 150, count = 0;
    while (atomic_load(&is_swapping)) {
        for (unsigned i = first; i < first + 50; i++)
            rig_ask(i, worker, count + i, NULL);
        count += 50;
        rig_await(worker, count);
        for (unsigned i = first; i < first + 50; i++) {
            const struct leaf *leaf = leaves_rig.questions[i].ask.leaf;
            if (leaf == NULL)
                ck_abort_msg("%s\n%s", leaves_rig.questions[i].ask.fault, rig_log());
            MUST(X509_verify(leaf->cert, leaves_rig.cas[RIG_A].key) == 1 ||
                 X509_verify(leaf->cert, leaves_rig.cas[RIG_B].key) == 1);
        }
    }
    return NULL;
}

START_TEST(cas_change_under_load)
{
    pthread_t threads[RIG_WORKERS];
    rig_set_up("real");
    rig_must_use(RIG_A);
    atomic_store(&is_swapping, true);
    for (uintptr_t i = 0; i < RIG_WORKERS; i++)
        MUST(pthread_create(&threads[i], NULL, ask_on, (void *)i) == 0);
    for (unsigned i = 0; i < 20; i++) {
        rig_must_use(i % 2 == 0 ? RIG_B : RIG_A);
        usleep(20000);
    }
    atomic_store(&is_swapping, false);
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(rig_counts().failed, 0);
    rig_ask(599, 0, 999999, NULL);
    rig_await(0, leaves_rig.done_totals[0] + 1);
    rig_expect_leaf(599, RIG_A);
    rig_tear_down();
}
END_TEST

/* What waits at a signer that never answers goes to the new one. */
START_TEST(what_the_old_signer_had_goes_to_the_new_one)
{
    rig_set_up("mute");
    rig_must_use(RIG_A);
    for (unsigned i = 0; i < 100; i++)
        rig_ask(i, 0, i, NULL);
    MUST(setenv("FAKE_SIGNER", "real", 1) == 0); /* no signer is started now but by us */
    rig_must_use(RIG_B);
    rig_await(0, 100);
    for (unsigned i = 0; i < 100; i++)
        rig_expect_leaf(i, RIG_B);
    ck_assert_uint_eq(rig_counts().kept, 100);
    ck_assert_uint_eq(rig_counts().restarts, 0);
    rig_tear_down();
}
END_TEST

/* Each allocation fails in turn, of the worker's as of the signer's thread: asks come back. */
START_TEST(memory_runs_out)
{
    unsigned long seen, nth = 0;
    unsigned asked = 0;
    rig_set_up("good");
    rig_must_use(RIG_A);
    do {
        rig_prepare(0, 0, ++asked, NULL);
        (void)mem_fail_at(++nth, _i);
        ck_assert(find(asked) == NULL);
        leaves_ask(leaves_rig.leaves, &leaves_rig.questions[0].ask);
        rig_await(0, asked);
        seen = mem_fail_at(0, 0);
        const struct question *q = &leaves_rig.questions[0];
        MUST(q->done_count == 1);
        MUST((q->ask.leaf != NULL) == (seen < nth));
        MUST((q->ask.leaf != NULL) == is_kept(asked));
        MUST(q->ask.leaf != NULL || q->ask.fault[0] != '\0');
    } while (seen >= nth);
    ck_assert_uint_gt(nth, 3); /* the entry, the order, the leaf */
    ck_assert_uint_eq(rig_counts().failed, nth - 1);
    rig_tear_down();
}
END_TEST

Suite *leaves_suite(void)
{
    Suite *suite = suite_create("leaves");
    TCase *tc = tcase_create("leaves");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_leaf_is_forged_once_and_found_then);
    tcase_add_test(tc, one_forging_for_fifty_asks_of_three_workers);
    tcase_add_test(tc, the_one_unused_longest_makes_room);
    tcase_add_test(tc, many_are_kept_and_found);
    tcase_add_test(tc, none_is_found_in_its_last_minute);
    tcase_add_test(tc, one_that_ends_within_a_minute_is_given_but_not_kept);
    tcase_add_loop_test(tc, faults_come_back_and_are_not_kept, 0, 3);
    tcase_add_test(tc, no_inspection_no_leaf);
    tcase_add_test(tc, a_signer_killed_in_a_burst_loses_nothing);
    tcase_add_test(tc, the_end_drops_what_waits);
    tcase_add_test(tc, the_end_drops_what_is_in_an_inbox);
    tcase_add_test(tc, the_same_ca_again_keeps_the_signer);
    tcase_add_test(tc, a_ca_that_cannot_be_used_changes_nothing);
    tcase_add_test(tc, rsa_leaves_and_their_chain);
    tcase_add_test(tc, cas_change_under_load);
    tcase_add_test(tc, what_the_old_signer_had_goes_to_the_new_one);
    tcase_add_loop_test(tc, memory_runs_out, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
