/* SPDX-License-Identifier: MIT */
/* test_logring.c - lines through a ring, by one thread. */
#include "tests/unit/core/suites.h"

#include <string.h>

#include "proxy/ops/logring.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/mem.h"

#define SIZE 256

static struct logring ring;

static void set_up(void)
{
    MUST(logring_init(&ring, SIZE) == 0);
}

static void tear_down(void)
{
    logring_fini(&ring);
}

/* All that is there into out, which is ended by a NUL; returns the length. */
static size_t peek(char *out)
{
    struct str pieces[2];
    size_t len = 0;
    unsigned count = logring_peek(&ring, pieces);
    for (unsigned i = 0; i < count; i++) {
        MUST(pieces[i].len > 0);
        memcpy(out + len, pieces[i].ptr, pieces[i].len);
        len += pieces[i].len;
    }
    out[len] = '\0';
    return len;
}

START_TEST(lines_come_out_whole_and_in_order)
{
    char got[SIZE + 1];
    MUST(peek(got) == 0);
    MUST(logring_put(&ring, STR_LIT("one\n")));
    MUST(logring_put(&ring, STR_LIT("two\n")));
    MUST(peek(got) == 8);
    ck_assert_str_eq(got, "one\ntwo\n");
    MUST(peek(got) == 8); /* looking takes nothing */
    logring_take(&ring, 4);
    MUST(peek(got) == 4);
    ck_assert_str_eq(got, "two\n");
    logring_take(&ring, 4);
    MUST(peek(got) == 0);
}
END_TEST

START_TEST(a_full_ring_drops_whole_lines_and_counts)
{
    char line[SIZE + 1], got[SIZE + 1];
    memset(line, 'a', sizeof(line));
    MUST(!logring_put(&ring, (struct str){line, SIZE + 1})); /* never fits */
    MUST(ring.dropped == 1);
    MUST(logring_put(&ring, (struct str){line, SIZE}));
    MUST(!logring_put(&ring, STR_LIT("b")));
    MUST(ring.dropped == 2);
    logring_take(&ring, 10);
    MUST(!logring_put(&ring, STR_LIT("eleven byte")));
    MUST(logring_put(&ring, STR_LIT("ten bytes\n")));
    MUST(ring.dropped == 3);
    MUST(peek(got) == SIZE);
    ck_assert_str_eq(got + SIZE - 10, "ten bytes\n");
}
END_TEST

/* Random lines and takes, against a plain copy of what must be in the ring. */
START_TEST(many_times_round)
{
    char model[SIZE + 1], got[SIZE + 1], line[SIZE];
    size_t len = 0, drops = 0;
    uint64_t state = 5;
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = flow_random(&state) % (i % 2 ? 40 : 150);
        for (size_t k = 0; k < size; k++)
            line[k] = (char)('a' + flow_random(&state) % 26);
        bool is_taken = logring_put(&ring, (struct str){line, size});
        MUST(is_taken == (size <= SIZE - len));
        drops += !is_taken;
        if (is_taken && size > 0) {
            memcpy(model + len, line, size);
            len += size;
        }
        MUST(peek(got) == len);
        MUST(memcmp(got, model, len) == 0);
        size_t take = len == 0 ? 0 : flow_random(&state) % (len + 1);
        logring_take(&ring, take);
        memmove(model, model + take, len - take);
        len -= take;
    }
    MUST(ring.dropped == drops);
    MUST(drops > 0);
}
END_TEST

/* Positions only grow; behind the largest they begin again at 0. */
START_TEST(positions_may_overflow)
{
    char got[SIZE + 1];
    atomic_store(&ring.head, (size_t)0 - 5);
    atomic_store(&ring.tail, (size_t)0 - 5);
    MUST(logring_put(&ring, STR_LIT("over the top\n")));
    MUST(peek(got) == 13);
    ck_assert_str_eq(got, "over the top\n");
    logring_take(&ring, 13);
    MUST(peek(got) == 0);
    MUST(atomic_load(&ring.tail) == 8);
}
END_TEST

START_TEST(without_memory_there_is_no_ring)
{
    struct logring none;
    (void)mem_fail_at(1, 0);
    int rc = logring_init(&none, SIZE);
    (void)mem_fail_at(0, 0);
    MUST(rc == -1);
}
END_TEST

Suite *logring_suite(void)
{
    Suite *suite = suite_create("logring");
    TCase *tc = tcase_create("logring");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, lines_come_out_whole_and_in_order);
    tcase_add_test(tc, a_full_ring_drops_whole_lines_and_counts);
    tcase_add_test(tc, many_times_round);
    tcase_add_test(tc, positions_may_overflow);
    tcase_add_test(tc, without_memory_there_is_no_ring);
    suite_add_tcase(suite, tc);
    return suite;
}
