/* SPDX-License-Identifier: MIT */
/* test_namehash.c - a parent hashes the same by itself and within a name. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/namehash.h"

static const char *const NAMES[] = {
    "a",
    "ab",
    "com",
    "example",
    "examples",
    "example.com",
    "a.b",
    "a.b.c.d.e.f.g.h.i",
    "12345678.com",
    "1234567.com",
    "123456789.com",
    "x.12345678",
    "www.bucket.s3.example.com",
    "xn--bcher-kva.example",
    "a-very-long-label-that-takes-several-words-of-the-hash.test.example",
};

static uint64_t hash_of(const struct namehash *n, struct str name)
{
    struct namehash_parents parents;
    namehash_parents(n, name, &parents);
    ck_assert_uint_eq(parents.lengths[parents.count - 1], name.len);
    return parents.hashes[parents.count - 1];
}

START_TEST(parents_come_in_order_and_hash_as_by_themselves)
{
    struct namehash n;
    struct namehash_parents parents;
    struct str name = str_of(NAMES[_i]);
    size_t count = 0;
    namehash_init(&n);
    namehash_parents(&n, name, &parents);
    for (size_t at = name.len; at-- > 0;) {
        if (at != 0 && name.ptr[at - 1] != '.')
            continue;
        struct str parent = {name.ptr + at, name.len - at};
        ck_assert_uint_lt(count, parents.count);
        ck_assert_uint_eq(parents.lengths[count], parent.len);
        ck_assert_uint_eq(parents.hashes[count], hash_of(&n, parent));
        count++;
    }
    ck_assert_uint_eq(count, parents.count);
}
END_TEST

/* One changed, added or lost character is another hash: nothing of a name is left out. */
START_TEST(every_character_counts)
{
    struct namehash n;
    char name[HOST_MAX + 2];
    namehash_init(&n);
    for (size_t len = 1; len <= HOST_MAX; len++) {
        memset(name, 'a', sizeof(name));
        uint64_t plain = hash_of(&n, (struct str){name, len});
        if (len > 1)
            ck_assert_uint_ne(plain, hash_of(&n, (struct str){name, len - 1}));
        for (size_t i = 0; i < len; i++) {
            name[i] = 'b';
            ck_assert_uint_ne(plain, hash_of(&n, (struct str){name, len}));
            name[i] = 'a';
        }
    }
}
END_TEST

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* 200,000 names that differ little: of 64 bits none may be equal, and of the upper 32,
 * which choose the place, hardly more than the 5 that chance gives. */
START_TEST(similar_names_scatter)
{
    enum { COUNT = 200000 };
    struct namehash n;
    uint64_t *hashes = malloc(COUNT * sizeof(*hashes));
    size_t same_upper = 0;
    ck_assert_ptr_nonnull(hashes);
    namehash_init(&n);
    for (unsigned i = 0; i < COUNT; i++) {
        char name[64];
        snprintf(name, sizeof(name), i % 2 ? "host%u.example.com" : "www.site-%u.net", i);
        hashes[i] = hash_of(&n, str_of(name));
    }
    qsort(hashes, COUNT, sizeof(*hashes), compare_u64);
    for (size_t i = 1; i < COUNT; i++) {
        ck_assert_uint_ne(hashes[i], hashes[i - 1]);
        same_upper += hashes[i] >> 32 == hashes[i - 1] >> 32;
    }
    ck_assert_uint_le(same_upper, 25);
    free(hashes);
}
END_TEST

START_TEST(more_labels_than_a_name_can_have_do_no_harm)
{
    struct namehash n;
    struct namehash_parents parents;
    char dots[HOST_MAX];
    memset(dots, '.', sizeof(dots));
    namehash_init(&n);
    namehash_parents(&n, (struct str){dots, sizeof(dots)}, &parents);
    ck_assert_uint_eq(parents.count, NAMEHASH_MAX_LABELS);
    ck_assert_uint_eq(parents.lengths[parents.count - 1], HOST_MAX);
}
END_TEST

Suite *namehash_suite(void)
{
    Suite *s = suite_create("namehash");
    TCase *t = tcase_create("namehash");
    tcase_add_loop_test(t, parents_come_in_order_and_hash_as_by_themselves, 0,
                        (int)ARRAY_LEN(NAMES));
    tcase_add_test(t, every_character_counts);
    tcase_add_test(t, similar_names_scatter);
    tcase_add_test(t, more_labels_than_a_name_can_have_do_no_harm);
    suite_add_tcase(s, t);
    return s;
}
