/* SPDX-License-Identifier: MIT */
/* test_nameset.c - names without ASCII case. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>

#include "policy/nameset.h"

static void fill(struct nameset *n, const char *names)
{
    struct str rest = str_of(names);
    *n = (struct nameset){NULL, 0};
    while (rest.ptr != NULL)
        nameset_add(n, str_cut(&rest, ' '));
    nameset_finish(n);
}

START_TEST(finds_what_was_added)
{
    static const struct {
        const char *name;
        bool is_there;
    } asked[] = {{"bob", true},    {"BoB", true},  {"alice", true}, {"ALICE", true},
                 {"carol", true},  {"Ca", true},   {"car", false},  {"carola", false},
                 {"zo\xc3\xab", true}, {"ZO\xc3\xab", true}, {"ZO\xc3\x8b", false}, {"", false},
                 {"b", false},     {"a[", true},   {"a{", false},   {"A@", false},
                 {"a`", true}};
    struct nameset n;
    fill(&n, "Carol ca bob ALICE Zo\xc3\xab a[ a`");
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        ck_assert_msg(nameset_has(&n, str_of(asked[i].name)) == asked[i].is_there, "%s",
                      asked[i].name);
    ck_assert(!nameset_has(&n, (struct str){"bob\0", 4}));
    nameset_fini(&n);
}
END_TEST

START_TEST(an_empty_set_has_nothing)
{
    struct nameset n = {NULL, 0};
    nameset_finish(&n);
    ck_assert(!nameset_has(&n, STR_LIT("")));
    ck_assert(!nameset_has(&n, STR_LIT("a")));
    ck_assert_uint_eq(nameset_bytes(&n), 0);
    nameset_fini(&n);
}
END_TEST

START_TEST(equal_names_are_kept_once)
{
    struct nameset n;
    struct nameset one;
    fill(&n, "bob BOB alice Bob ALICE");
    fill(&one, "alice bob");
    ck_assert_uint_eq(n.count, 2);
    ck_assert_uint_eq(nameset_bytes(&n), nameset_bytes(&one));
    nameset_fini(&n);
    nameset_fini(&one);
}
END_TEST

START_TEST(covers_where_every_name_is_in_the_other)
{
    static const struct {
        const char *outer, *inner;
        bool covers;
    } cases[] = {{"a b c", "b", true},     {"a b c", "C A", true}, {"a b c", "a d", false},
                 {"a", "a b", false},      {"A", "a", true},       {"ab", "a", false},
                 {"a b c", "a b c", true}};
    struct nameset none = {NULL, 0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct nameset outer;
        struct nameset inner;
        fill(&outer, cases[i].outer);
        fill(&inner, cases[i].inner);
        ck_assert_msg(nameset_covers(&outer, &inner) == cases[i].covers, "%s / %s",
                      cases[i].outer, cases[i].inner);
        ck_assert(nameset_covers(&outer, &none));
        ck_assert(!nameset_covers(&none, &inner));
        nameset_fini(&outer);
        nameset_fini(&inner);
    }
    ck_assert(nameset_covers(&none, &none));
}
END_TEST

/* Sorted by hand, it would be easy to be wrong at an edge. */
START_TEST(every_one_of_many_is_found)
{
    char name[32];
    struct nameset n = {NULL, 0};
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%s%u", i % 2 ? "User" : "user", i * 7919 % 1000);
        nameset_add(&n, str_of(name));
    }
    nameset_finish(&n);
    ck_assert_uint_eq(n.count, 1000);
    for (unsigned i = 0; i < 1100; i++) {
        snprintf(name, sizeof(name), "uSER%u", i);
        ck_assert(nameset_has(&n, str_of(name)) == (i < 1000));
    }
    nameset_fini(&n);
}
END_TEST

Suite *nameset_suite(void)
{
    Suite *s = suite_create("nameset");
    TCase *t = tcase_create("nameset");
    tcase_add_test(t, finds_what_was_added);
    tcase_add_test(t, an_empty_set_has_nothing);
    tcase_add_test(t, equal_names_are_kept_once);
    tcase_add_test(t, covers_where_every_name_is_in_the_other);
    tcase_add_test(t, every_one_of_many_is_found);
    suite_add_tcase(s, t);
    return s;
}
