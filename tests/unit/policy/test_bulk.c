/* SPDX-License-Identifier: MIT */
/* test_bulk.c - growing, offsets that stay, trimming. */
#include "tests/unit/policy/suites.h"

#include <stdint.h>
#include <string.h>

#include "policy/bulk.h"
#include "util/mem.h"

START_TEST(what_was_appended_stays_through_all_growth)
{
    struct bulk b = {0};
    for (uint32_t i = 0; i < 100000; i++)
        ck_assert_uint_eq(bulk_append(&b, &i, sizeof(i)), i * sizeof(i));
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t value;
        memcpy(&value, b.data + i * sizeof(value), sizeof(value));
        ck_assert_uint_eq(value, i);
    }
    bulk_trim(&b);
    ck_assert_uint_eq(b.size, 100000 * sizeof(uint32_t));
    ck_assert_uint_eq(b.used, b.size);
    ck_assert_uint_eq(bulk_append(&b, "more", 4), 100000 * sizeof(uint32_t));
    ck_assert_mem_eq(b.data + b.used - 4, "more", 4);
    bulk_fini(&b);
    ck_assert_ptr_null(b.data);
    bulk_fini(&b);
}
END_TEST

START_TEST(room_is_given_and_not_taken)
{
    struct bulk b = {0};
    unsigned char *room = bulk_room(&b, 5000);
    memset(room, 'x', 5000);
    ck_assert_uint_eq(b.used, 0);
    ck_assert_uint_ge(b.size, 5000);
    ck_assert_uint_eq(bulk_append(&b, NULL, 3), 0);
    ck_assert_mem_eq(b.data, "\0\0\0x", 4);
    ck_assert_uint_eq(bulk_append(&b, "", 0), 3);
    bulk_fini(&b);
}
END_TEST

START_TEST(an_empty_one_can_be_trimmed)
{
    struct bulk b = {0};
    bulk_trim(&b);
    ck_assert_ptr_null(b.data);
    ck_assert_ptr_nonnull(bulk_room(&b, 1));
    bulk_trim(&b);
    ck_assert_uint_eq(b.size, 0);
    bulk_fini(&b);
}
END_TEST

START_TEST(large_blocks_are_zero)
{
    size_t size = (size_t)5 << 20;
    unsigned char *block = bulk_zalloc(size);
    for (size_t i = 0; i < size; i += 509)
        ck_assert_uint_eq(block[i], 0);
    block[size - 1] = 1;
    mem_free(block);
}
END_TEST

Suite *bulk_suite(void)
{
    Suite *s = suite_create("bulk");
    TCase *t = tcase_create("bulk");
    tcase_add_test(t, what_was_appended_stays_through_all_growth);
    tcase_add_test(t, room_is_given_and_not_taken);
    tcase_add_test(t, an_empty_one_can_be_trimmed);
    tcase_add_test(t, large_blocks_are_zero);
    suite_add_tcase(s, t);
    return s;
}
