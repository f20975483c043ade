/* SPDX-License-Identifier: MIT */
/* test_glob.c - matching of globs, and the index that finds them. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/glob.h"
#include "util/mem.h"

/* By the definition: '*' is any run of characters, all else stands for itself. */
static const struct {
    const char *pattern, *text;
    bool matches;
} MATCHES[] = {
    {"*", "", true},
    {"*", "abc", true},
    {"abc", "abc", true},
    {"abc", "abcd", false},
    {"abc", "ab", false},
    {"a*", "a", true},
    {"a*", "abc", true},
    {"a*", "ba", false},
    {"*a", "a", true},
    {"*a", "cba", true},
    {"*a", "ab", false},
    {"a*a", "a", false},
    {"a*a", "aa", true},
    {"a*a", "aba", true},
    {"*a*", "a", true},
    {"*a*", "bab", true},
    {"*a*", "bb", false},
    {"a*b*c", "abc", true},
    {"a*b*c", "acbc", true},
    {"a*b*c", "acb", false},
    {"*ab*ab*", "abab", true},
    {"*ab*ab*", "aab", false},
    {"*ab*ba*", "aba", false},
    {"ab*ab", "ab", false},
    {"ab*ab", "abab", true},
    {"ab*bc", "abc", false},
    {"*aab*", "aaab", true},
    {"a*b", "axxbxxb", true},
    {"", "", true},
    {"", "a", false},
    {"a**b", "ab", true},
    {"a**b", "axb", true},
};

START_TEST(matching)
{
    struct str pattern = str_of(MATCHES[_i].pattern);
    struct str text = str_of(MATCHES[_i].text);
    ck_assert_msg(glob_matches(pattern, text) == MATCHES[_i].matches, "'%s' on '%s'",
                  MATCHES[_i].pattern, MATCHES[_i].text);
}
END_TEST

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* 120 stars that nearly match 253 characters: a matcher that backtracks would still be
 * here tomorrow. Ten thousand rounds in less than 5 s of CPU, sanitizers included. */
START_TEST(a_pathological_glob_is_no_worse_than_another)
{
    char pattern[242];
    char text[253];
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof(pattern) - 1] = 'b';
    double start = cpu_seconds();
    for (int i = 0; i < 10000; i++) {
        text[sizeof(text) - 1] = i % 2 ? 'b' : 'a';
        bool matches =
            glob_matches((struct str){pattern, sizeof(pattern)}, (struct str){text, sizeof(text)});
        ck_assert(matches == (i % 2 == 1));
    }
    ck_assert(cpu_seconds() - start < 5);
}
END_TEST

struct lookup {
    size_t count;
    uint64_t sets;
};

static void on_match(void *context, uint32_t index)
{
    struct lookup *l = context;
    l->count++;
    l->sets |= UINT64_C(1) << index % 64;
}

/* The globs that host matches, as bits. */
static uint64_t find(const struct glob_index *g, const char *host, uint32_t *stamps)
{
    static uint32_t stamp;
    struct lookup l = {0};
    char subject[GLOB_SUBJECT_SIZE];
    subject[0] = '.';
    memcpy(subject + 1, host, strlen(host));
    glob_find(g, subject, strlen(host) + 1, stamps, ++stamp, on_match, &l);
    ck_assert_int_eq(__builtin_popcountll(l.sets), (int)l.count);
    return l.sets;
}

static void add(struct glob_index *g, const char *text)
{
    struct note note = {.url = NOTE_NO_URL};
    glob_add(g, str_of(text), &note);
}

START_TEST(the_index_finds_each_once)
{
    struct glob_index g = {0};
    add(&g, "*mcs*.webex.com");
    add(&g, "*");
    add(&g, ".a*");
    add(&g, "*.deep*.example");
    add(&g, "*z");
    add(&g, "*ab*ab*");
    add(&g, "*.averylongliteralpiece.*");
    add(&g, "*mcs*.webex.com");
    glob_finish(&g);
    uint32_t *stamps = mem_must_zalloc(g.bucket_count * sizeof(*stamps));
    ck_assert_uint_eq(find(&g, "x-mcs1.webex.com", stamps), 1 << 0 | 1 << 1 | 1 << 7);
    ck_assert_uint_eq(find(&g, "mcsmcsmcs.webex.com", stamps), 1 << 0 | 1 << 1 | 1 << 7);
    ck_assert_uint_eq(find(&g, "q", stamps), 1 << 1);
    ck_assert_uint_eq(find(&g, "a", stamps), 1 << 1 | 1 << 2);
    ck_assert_uint_eq(find(&g, "zz", stamps), 1 << 1 | 1 << 4);
    ck_assert_uint_eq(find(&g, "deepest.example", stamps), 1 << 1 | 1 << 3);
    ck_assert_uint_eq(find(&g, "x.deep.example", stamps), 1 << 1 | 1 << 3);
    ck_assert_uint_eq(find(&g, "xdeep.example", stamps), 1 << 1);
    ck_assert_uint_eq(find(&g, "abab", stamps), 1 << 1 | 1 << 2 | 1 << 5);
    ck_assert_uint_eq(find(&g, "averylongliteralpiece.z", stamps),
                      1 << 1 | 1 << 2 | 1 << 4 | 1 << 6);
    mem_free(stamps);
    glob_fini(&g);
}
END_TEST

START_TEST(an_empty_index_finds_nothing)
{
    struct glob_index g = {0};
    glob_finish(&g);
    ck_assert_uint_eq(find(&g, "a.test", NULL), 0);
    glob_fini(&g);
}
END_TEST

/* Globs whose every piece is in the host: the price is one look each, not one for each
 * place where a piece occurs. */
START_TEST(many_globs_on_a_host_of_one_letter)
{
    struct glob_index g = {0};
    char host[HOST_MAX + 1];
    for (unsigned i = 0; i < 500; i++) {
        char text[32];
        snprintf(text, sizeof(text), "*a*%u", i);
        add(&g, text);
        add(&g, "*a*a*a*b");
    }
    glob_finish(&g);
    uint32_t *stamps = mem_must_zalloc(g.bucket_count * sizeof(*stamps));
    memset(host, 'a', HOST_MAX);
    host[HOST_MAX] = '\0';
    double start = cpu_seconds();
    for (int i = 0; i < 2000; i++)
        ck_assert_uint_eq(find(&g, host, stamps), 0);
    ck_assert(cpu_seconds() - start < 5);
    mem_free(stamps);
    glob_fini(&g);
}
END_TEST

Suite *glob_suite(void)
{
    Suite *s = suite_create("glob");
    TCase *t = tcase_create("glob");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, matching, 0, (int)ARRAY_LEN(MATCHES));
    tcase_add_test(t, a_pathological_glob_is_no_worse_than_another);
    tcase_add_test(t, the_index_finds_each_once);
    tcase_add_test(t, an_empty_index_finds_nothing);
    tcase_add_test(t, many_globs_on_a_host_of_one_letter);
    suite_add_tcase(s, t);
    return s;
}
