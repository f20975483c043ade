/* SPDX-License-Identifier: MIT */
/* test_nonce_threads.c - nonces made and counted by several threads at once. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/nonce.h"

#define NOW 1700000000U
#define THREADS 4
#define ROUNDS 200
#define COUNTS 64 /* of a round: all within the window */
#define SHARED 3  /* nonces that all threads use */
#define SECRET STR_LIT("a secret of many bytes")

struct text {
    char bytes[NONCE_TEXT_MAX];
    size_t len;
};

struct shared {
    struct nonces *nonces;
    pthread_barrier_t barrier;
    struct text texts[SHARED];
};

struct worker {
    pthread_t thread;
    struct shared *shared;
    unsigned wins[SHARED];
    unsigned own_faults;
    struct text made[ROUNDS];
};

/* Every thread tries every count of the round. */
static void try_round(struct worker *w, uint32_t round)
{
    for (uint32_t i = 1; i <= COUNTS; i++) {
        for (size_t k = 0; k < SHARED; k++) {
            struct str text = {w->shared->texts[k].bytes, w->shared->texts[k].len};
            w->wins[k] += nonce_use(w->shared->nonces, text, round * COUNTS + i, NOW);
        }
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct text *t = &w->made[round];
        t->len = nonce_make(w->shared->nonces, SECRET, NOW, t->bytes);
        struct str own = {t->bytes, t->len};
        w->own_faults += nonce_check(w->shared->nonces, SECRET, own, NOW, 1) != NONCE_GOOD;
        w->own_faults += !nonce_use(w->shared->nonces, own, 1, NOW);
        pthread_barrier_wait(&w->shared->barrier);
        try_round(w, round);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct text *)a)->bytes, ((const struct text *)b)->bytes,
                  ((const struct text *)a)->len);
}

/* No nonce was made twice. */
static void check_made(const struct worker *workers)
{
    static struct text all[THREADS * ROUNDS];
    for (size_t i = 0; i < THREADS; i++)
        memcpy(&all[i * ROUNDS], workers[i].made, sizeof(workers[i].made));
    qsort(all, THREADS * ROUNDS, sizeof(all[0]), compare);
    for (size_t i = 1; i < THREADS * ROUNDS; i++)
        ck_assert_int_ne(compare(&all[i - 1], &all[i]), 0);
}

START_TEST(one_thread_wins_each_count)
{
    static struct worker workers[THREADS];
    struct shared shared = {.nonces = nonces_new()};
    unsigned wins[SHARED] = {0};
    ck_assert_ptr_nonnull(shared.nonces);
    ck_assert_int_eq(pthread_barrier_init(&shared.barrier, NULL, THREADS), 0);
    for (size_t k = 0; k < SHARED; k++)
        shared.texts[k].len = nonce_make(shared.nonces, SECRET, NOW, shared.texts[k].bytes);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].shared = &shared;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_uint_eq(workers[i].own_faults, 0);
        for (size_t k = 0; k < SHARED; k++)
            wins[k] += workers[i].wins[k];
    }
    for (size_t k = 0; k < SHARED; k++)
        ck_assert_uint_eq(wins[k], ROUNDS * COUNTS);
    check_made(workers);
    pthread_barrier_destroy(&shared.barrier);
    nonces_free(shared.nonces);
}
END_TEST

Suite *nonce_threads_suite(void);

Suite *nonce_threads_suite(void)
{
    Suite *suite = suite_create("nonce-threads");
    TCase *cases = tcase_create("nonce-threads");
    tcase_add_test(cases, one_thread_wins_each_count);
    tcase_set_timeout(cases, 60);
    suite_add_tcase(suite, cases);
    return suite;
}
