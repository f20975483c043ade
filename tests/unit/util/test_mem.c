/* SPDX-License-Identifier: MIT */
/* test_mem.c - allocation, and making it fail at will. */
#include "tests/unit/util/suites.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

static void stop_failing(void)
{
    (void)mem_fail_at(0, 0);
}

START_TEST(blocks_can_be_written_from_end_to_end)
{
    for (size_t size = 0; size < 300; size++) {
        unsigned char *block = mem_alloc(size);
        ck_assert_ptr_nonnull(block);
        memset(block, 0xa5, size);
        mem_free(block);
    }
    mem_free(NULL);
}
END_TEST

START_TEST(zalloc_is_zero)
{
    static const unsigned char zeros[4096];
    for (int round = 0; round < 50; round++) {
        unsigned char *block = mem_zalloc(sizeof(zeros));
        ck_assert_ptr_nonnull(block);
        ck_assert_int_eq(memcmp(block, zeros, sizeof(zeros)), 0);
        memset(block, 0xff, sizeof(zeros));
        mem_free(block);
    }
}
END_TEST

START_TEST(array_refuses_a_product_that_overflows)
{
    ck_assert_ptr_null(mem_array(SIZE_MAX / 2 + 1, 2));
    ck_assert_ptr_null(mem_array(2, SIZE_MAX / 2 + 1));
    ck_assert_ptr_null(mem_array((size_t)1 << 33, (size_t)1 << 33));
    void *none = mem_array(0, 16), *wide = mem_array(16, 0), *some = mem_array(3, 5);
    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(wide);
    ck_assert_ptr_nonnull(some);
    memset(some, 1, 15);
    mem_free(none);
    mem_free(wide);
    mem_free(some);
}
END_TEST

START_TEST(resize_keeps_the_content)
{
    char *block = mem_resize(NULL, 4);
    ck_assert_ptr_nonnull(block);
    memcpy(block, "abcd", 4);
    block = mem_resize(block, 100000);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq(memcmp(block, "abcd", 4), 0);
    block = mem_resize(block, 2);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq(memcmp(block, "ab", 2), 0);
    block = mem_resize(block, 0);
    ck_assert_ptr_nonnull(block);
    mem_free(block);
}
END_TEST

START_TEST(dup_ends_with_nul)
{
    char *copy = mem_dup("a\0bcd", 3), *empty = mem_dup(NULL, 0);
    ck_assert_ptr_nonnull(copy);
    ck_assert_int_eq(memcmp(copy, "a\0b\0", 4), 0);
    ck_assert_ptr_nonnull(empty);
    ck_assert_str_eq(empty, "");
    mem_free(copy);
    mem_free(empty);
}
END_TEST

START_TEST(the_nth_allocation_fails_once)
{
    void *blocks[5];
    (void)mem_fail_at(3, 0);
    for (int i = 0; i < 5; i++)
        blocks[i] = i % 2 ? mem_zalloc(8) : mem_alloc(8);
    ck_assert_uint_eq(mem_fail_at(0, 0), 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(blocks[i] == NULL, i == 2);
        mem_free(blocks[i]);
    }
}
END_TEST

START_TEST(with_repeat_all_later_ones_fail_too)
{
    (void)mem_fail_at(2, 1);
    void *first = mem_array(2, 8);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(mem_alloc(1));
    ck_assert_ptr_null(mem_zalloc(1));
    ck_assert_ptr_null(mem_array(1, 1));
    ck_assert_ptr_null(mem_dup("x", 1));
    ck_assert_ptr_null(mem_resize(NULL, 1));
    ck_assert_uint_eq(mem_fail_at(0, 0), 6);
    void *after = mem_alloc(1);
    ck_assert_ptr_nonnull(after);
    mem_free(first);
    mem_free(after);
}
END_TEST

START_TEST(a_failed_resize_leaves_the_block)
{
    char *block = mem_dup("kept", 4);
    ck_assert_ptr_nonnull(block);
    (void)mem_fail_at(1, 0);
    ck_assert_ptr_null(mem_resize(block, 1000));
    ck_assert_str_eq(block, "kept");
    mem_free(block);
}
END_TEST

START_TEST(a_sweep_can_count_first)
{
    (void)mem_fail_at(ULONG_MAX, 0);
    for (int i = 0; i < 7; i++)
        mem_free(mem_alloc(1));
    ck_assert_uint_eq(mem_fail_at(0, 0), 7);
    ck_assert_uint_eq(mem_fail_at(0, 0), 0);
}
END_TEST

START_TEST(must_forms_do_not_fail_on_order)
{
    (void)mem_fail_at(1, 1);
    char *zeros = mem_must_zalloc(4), *copy = mem_must_dup("ab", 2), *empty = mem_must_dup(NULL, 0);
    ck_assert_int_eq(memcmp(zeros, "\0\0\0\0", 4), 0);
    ck_assert_str_eq(copy, "ab");
    ck_assert_str_eq(empty, "");
    copy = mem_must_resize(copy, 5000);
    ck_assert_str_eq(copy, "ab");
    mem_free(zeros);
    mem_free(copy);
    mem_free(empty);
}
END_TEST

START_TEST(must_zalloc_ends_the_process_when_there_is_no_memory)
{
    volatile size_t impossible = SIZE_MAX / 2;
    mem_free(mem_must_zalloc(impossible));
}
END_TEST

START_TEST(must_resize_ends_the_process_when_there_is_no_memory)
{
    volatile size_t impossible = SIZE_MAX / 2;
    mem_free(mem_must_resize(NULL, impossible));
}
END_TEST

Suite *mem_suite(void)
{
    Suite *suite = suite_create("mem");
    TCase *tc = tcase_create("all");
    const char *fork_mode = getenv("CK_FORK");
    tcase_add_checked_fixture(tc, NULL, stop_failing);
    tcase_add_test(tc, blocks_can_be_written_from_end_to_end);
    tcase_add_test(tc, zalloc_is_zero);
    tcase_add_test(tc, array_refuses_a_product_that_overflows);
    tcase_add_test(tc, resize_keeps_the_content);
    tcase_add_test(tc, dup_ends_with_nul);
    tcase_add_test(tc, the_nth_allocation_fails_once);
    tcase_add_test(tc, with_repeat_all_later_ones_fail_too);
    tcase_add_test(tc, a_failed_resize_leaves_the_block);
    tcase_add_test(tc, a_sweep_can_count_first);
    tcase_add_test(tc, must_forms_do_not_fail_on_order);
    /* Without a process of its own the exit would end the runner. */
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0) {
        tcase_add_exit_test(tc, must_zalloc_ends_the_process_when_there_is_no_memory, 2);
        tcase_add_exit_test(tc, must_resize_ends_the_process_when_there_is_no_memory, 2);
    }
    suite_add_tcase(suite, tc);
    return suite;
}
