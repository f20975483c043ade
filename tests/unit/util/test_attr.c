/* SPDX-License-Identifier: MIT */
/* test_attr.c - ASSERT stops the process, and only where it is false. */
#include "tests/unit/util/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "util/attr.h"

START_TEST(a_true_condition_goes_on)
{
    int evaluated = 0;
    ASSERT(++evaluated == 1);
    ck_assert_int_eq(evaluated, 1);
}
END_TEST

START_TEST(a_false_condition_aborts)
{
    volatile int zero = 0;
    ASSERT(zero == 1);
}
END_TEST

START_TEST(array_len_counts_elements)
{
    struct {
        long a, b;
    } rows[7];
    ck_assert_uint_eq(ARRAY_LEN(rows), 7);
}
END_TEST

Suite *attr_suite(void)
{
    Suite *suite = suite_create("attr");
    TCase *tc = tcase_create("all");
    const char *fork_mode = getenv("CK_FORK");
    tcase_add_test(tc, a_true_condition_goes_on);
    tcase_add_test(tc, array_len_counts_elements);
    /* Without a process of its own the abort would end the runner. */
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0)
        tcase_add_test_raise_signal(tc, a_false_condition_aborts, SIGABRT);
    suite_add_tcase(suite, tc);
    return suite;
}
