/* SPDX-License-Identifier: MIT */
/* test_nonce.c - nonces: whose they are, how old, and which counts were used. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/nonce.h"
#include "util/mem.h"

#define NOW 1700000000U
#define LIFETIME 300
#define NO_SECRET ((struct str){NULL, 0})
#define SECRET STR_LIT("a secret of many bytes")

struct text {
    char bytes[NONCE_TEXT_MAX];
    size_t len;
};

static struct nonces *nonces;

static void setup(void)
{
    nonces = nonces_new();
    ck_assert_ptr_nonnull(nonces);
}

static void teardown(void)
{
    nonces_free(nonces);
}

static struct text make(struct str secret, uint64_t now_s)
{
    struct text t;
    t.len = nonce_make(nonces, secret, now_s, t.bytes);
    if (t.len == 0 || t.len > NONCE_TEXT_MAX) /* ck_assert is too slow for so many */
        ck_abort_msg("%zu bytes", t.len);
    return t;
}

static struct str text_of(const struct text *t)
{
    return (struct str){t->bytes, t->len};
}

static enum nonce_state state_at(const struct text *t, uint64_t now_s)
{
    return nonce_check(nonces, SECRET, text_of(t), now_s, LIFETIME);
}

static bool use(const struct text *t, uint32_t nc)
{
    return nonce_use(nonces, text_of(t), nc, NOW);
}

START_TEST(is_good_for_its_lifetime)
{
    struct text t = make(SECRET, NOW);
    ck_assert_int_eq(state_at(&t, NOW), NONCE_GOOD);
    ck_assert_int_eq(state_at(&t, NOW + LIFETIME), NONCE_GOOD);
    ck_assert_int_eq(state_at(&t, NOW + LIFETIME + 1), NONCE_STALE);
    ck_assert_int_eq(state_at(&t, UINT64_MAX), NONCE_STALE);
}
END_TEST

/* Clocks of instances differ a little; more than that is no clock of ours. */
START_TEST(comes_from_the_future_by_a_minute_at_most)
{
    struct text t = make(SECRET, NOW);
    ck_assert_int_eq(state_at(&t, NOW - 60), NONCE_GOOD);
    ck_assert_int_eq(state_at(&t, NOW - 61), NONCE_ALIEN);
    ck_assert_int_eq(state_at(&t, 0), NONCE_ALIEN);
}
END_TEST

/* A challenge puts it between quotes, with nothing to escape. */
START_TEST(is_plain_text_and_never_the_same)
{
    static struct text all[1000];
    size_t doubles = 0;
    for (size_t i = 0; i < 1000; i++) {
        all[i] = make(SECRET, NOW);
        for (size_t k = 0; k < all[i].len; k++) {
            char c = all[i].bytes[k];
            if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ',')
                ck_abort_msg("%.*s", STR_ARG(text_of(&all[i])));
        }
        for (size_t k = 0; k < i; k++)
            doubles += str_eq(text_of(&all[i]), text_of(&all[k]));
    }
    ck_assert_uint_eq(doubles, 0);
}
END_TEST

START_TEST(is_known_by_whoever_has_the_secret)
{
    struct nonces *other = nonces_new();
    struct text t = make(SECRET, NOW);
    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(nonce_check(other, SECRET, text_of(&t), NOW, LIFETIME), NONCE_GOOD);
    ck_assert_int_eq(nonce_check(nonces, STR_LIT("a secret of many bytez"), text_of(&t), NOW,
                                 LIFETIME), NONCE_ALIEN);
    ck_assert_int_eq(nonce_check(nonces, NO_SECRET, text_of(&t), NOW, LIFETIME), NONCE_ALIEN);
    t = make(NO_SECRET, NOW);
    ck_assert_int_eq(nonce_check(nonces, NO_SECRET, text_of(&t), NOW, LIFETIME), NONCE_GOOD);
    ck_assert_int_eq(nonce_check(other, NO_SECRET, text_of(&t), NOW, LIFETIME), NONCE_ALIEN);
    nonces_free(other);
}
END_TEST

/* Two processes have keys of their own: no instance repeats another's nonces. */
START_TEST(is_of_one_process_even_with_one_secret)
{
    struct nonces *other = nonces_new();
    struct text t = make(SECRET, NOW), u;
    ck_assert_ptr_nonnull(other);
    u.len = nonce_make(other, SECRET, NOW, u.bytes);
    ck_assert(!str_eq(text_of(&t), text_of(&u)));
    nonces_free(other);
}
END_TEST

START_TEST(is_alien_with_any_change)
{
    struct text t = make(SECRET, NOW);
    for (size_t i = 0; i < t.len; i++) {
        for (int c = 0; c < 256; c++) {
            struct text u = t;
            u.bytes[i] = (char)c;
            if (u.bytes[i] != t.bytes[i] && state_at(&u, NOW) != NONCE_ALIEN)
                ck_abort_msg("byte %zu as %d", i, c);
        }
    }
    for (size_t len = 0; len < t.len; len++) {
        struct text u = t;
        u.len = len;
        ck_assert_int_eq(state_at(&u, NOW), NONCE_ALIEN);
        ck_assert(!nonce_use(nonces, text_of(&u), 1, NOW));
    }
    memset(t.bytes + t.len, 'A', NONCE_TEXT_MAX - t.len);
    for (t.len++; t.len <= NONCE_TEXT_MAX; t.len++)
        ck_assert_int_eq(state_at(&t, NOW), NONCE_ALIEN);
    ck_assert_int_eq(nonce_check(nonces, SECRET, NO_SECRET, NOW, LIFETIME), NONCE_ALIEN);
}
END_TEST

START_TEST(takes_each_count_once)
{
    struct text t = make(SECRET, NOW), u = make(SECRET, NOW);
    ck_assert(!use(&t, 0));
    for (uint32_t nc = 1; nc < 1000; nc++) {
        ck_assert(use(&t, nc));
        ck_assert(!use(&t, nc));
        if (nc > 1)
            ck_assert(!use(&t, nc - 1));
    }
    ck_assert(use(&u, 1)); /* another nonce has counts of its own */
    ck_assert(!use(&t, 1));
}
END_TEST

START_TEST(takes_late_counts_within_the_window)
{
    struct text t = make(SECRET, NOW);
    ck_assert(use(&t, 1));
    ck_assert(use(&t, 1000));
    ck_assert(!use(&t, 1000 - NONCE_WINDOW - 1));
    ck_assert(use(&t, 1000 - NONCE_WINDOW));
    ck_assert(!use(&t, 1000 - NONCE_WINDOW));
    ck_assert(use(&t, 999));
    ck_assert(!use(&t, 999));
    ck_assert(!use(&t, 1000));
    ck_assert(use(&t, UINT32_MAX));
    ck_assert(!use(&t, UINT32_MAX));
    ck_assert(use(&t, UINT32_MAX - NONCE_WINDOW));
    ck_assert(!use(&t, 1));
}
END_TEST

/* Steps around the width of the window, each followed by every count behind. */
START_TEST(steps_over_the_window_exactly)
{
    for (uint32_t step = NONCE_WINDOW - 2; step <= NONCE_WINDOW + 2; step++) {
        struct text t = make(SECRET, NOW);
        uint32_t high = 1000 + step;
        ck_assert(use(&t, 1000));
        ck_assert(use(&t, 999));
        ck_assert(use(&t, high));
        for (uint32_t nc = 500; nc <= high; nc++) {
            bool is_free = nc + NONCE_WINDOW >= high && nc != high && nc != 1000 && nc != 999;
            if (use(&t, nc) != is_free || use(&t, nc))
                ck_abort_msg("step %u count %u", step, nc);
        }
    }
}
END_TEST

/* Against a list of all counts that were ever used. */
START_TEST(agrees_with_a_list)
{
    static bool is_used[40000];
    struct text t = make(SECRET, NOW);
    uint32_t high = 0;
    srandom(7616);
    for (int i = 0; i < 60000; i++) {
        long jump = random() % 100 == 0 ? random() % 600 : random() % 8;
        uint32_t nc = high + (uint32_t)jump;
        if (random() % 2 == 0)
            nc = high > 300 ? high - (uint32_t)(random() % 300) : 1;
        if (nc == 0 || nc >= 40000)
            continue;
        bool is_new = !is_used[nc] && (nc > high || high - nc <= NONCE_WINDOW);
        if (use(&t, nc) != is_new)
            ck_abort_msg("count %u, highest %u", nc, high);
        is_used[nc] |= is_new;
        high = nc > high ? nc : high;
    }
    ck_assert_uint_gt(high, 30000);
}
END_TEST

/* After a restart, or as the second instance: where the first one was is not known. */
START_TEST(goes_on_where_it_was_not_seen)
{
    struct nonces *other = nonces_new();
    struct text t = make(SECRET, NOW);
    ck_assert_ptr_nonnull(other);
    for (uint32_t nc = 1; nc <= 40; nc++)
        ck_assert(use(&t, nc));
    ck_assert(nonce_use(other, text_of(&t), 41, NOW));
    ck_assert(!nonce_use(other, text_of(&t), 41, NOW));
    ck_assert(nonce_use(other, text_of(&t), 43, NOW));
    ck_assert(nonce_use(other, text_of(&t), 42, NOW));
    ck_assert(!nonce_use(other, text_of(&t), 42, NOW));
    nonces_free(other);
}
END_TEST

/* Uses count nonces made one after another; the last ones must still be known. */
static void fill(uint64_t from_s, size_t count, size_t known)
{
    struct text *all = calloc(count, sizeof(*all));
    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < count; i++) {
        all[i] = make(SECRET, from_s + i / 1000);
        if (!nonce_use(nonces, text_of(&all[i]), 1, from_s + i / 1000))
            ck_abort_msg("%zu of %zu is refused", i, count);
    }
    for (size_t i = count - known; i < count; i++) {
        if (nonce_use(nonces, text_of(&all[i]), 1, from_s + count / 1000))
            ck_abort_msg("%zu of %zu is forgotten", i, count);
    }
    free(all);
}

START_TEST(forgets_the_oldest_when_full)
{
    fill(NOW, 100000, 5000);
    fill(NOW + 100, 100000, 5000);
}
END_TEST

/* The clock was set back: what was noted before then must not fill the table. */
START_TEST(forgets_the_future_first)
{
    fill(NOW + 100000, 100000, 5000);
    fill(NOW, 5000, 5000);
}
END_TEST

START_TEST(makes_do_without_memory)
{
    mem_fail_at(1, 0);
    ck_assert_ptr_null(nonces_new());
    mem_fail_at(0, 0);
    nonces_free(NULL);
}
END_TEST

Suite *nonce_suite(void);

Suite *nonce_suite(void)
{
    Suite *suite = suite_create("nonce");
    TCase *cases = tcase_create("nonce");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, is_good_for_its_lifetime);
    tcase_add_test(cases, comes_from_the_future_by_a_minute_at_most);
    tcase_add_test(cases, is_plain_text_and_never_the_same);
    tcase_add_test(cases, is_known_by_whoever_has_the_secret);
    tcase_add_test(cases, is_of_one_process_even_with_one_secret);
    tcase_add_test(cases, is_alien_with_any_change);
    tcase_add_test(cases, takes_each_count_once);
    tcase_add_test(cases, takes_late_counts_within_the_window);
    tcase_add_test(cases, steps_over_the_window_exactly);
    tcase_add_test(cases, agrees_with_a_list);
    tcase_add_test(cases, goes_on_where_it_was_not_seen);
    tcase_add_test(cases, forgets_the_oldest_when_full);
    tcase_add_test(cases, forgets_the_future_first);
    tcase_add_test(cases, makes_do_without_memory);
    suite_add_tcase(suite, cases);
    return suite;
}
