/* SPDX-License-Identifier: MIT */
/* test_regex.c - regexes over hosts: case, faults, and the limit. */
#include "tests/unit/policy/suites.h"

#include <string.h>
#include <time.h>

#include "policy/regex.h"

static const struct note NOTE = {.url = NOTE_NO_URL};

static enum regex_result match_one(const char *pattern, const char *subject)
{
    struct regex_list l = {0};
    char fault[128];
    uint32_t index;
    ck_assert_int_eq(regex_add(&l, str_of(pattern), &NOTE, &index, fault, sizeof(fault)), 0);
    struct regex_scratch *s = regex_scratch_new();
    ck_assert_ptr_nonnull(s);
    enum regex_result result = regex_match(&l, index, str_of(subject), s);
    regex_scratch_free(s);
    regex_fini(&l);
    return result;
}

static const struct {
    const char *pattern, *subject;
    enum regex_result result;
} MATCHES[] = {
    {"^a\\.test$", "a.test", REGEX_MATCH},
    {"^A\\.TEST$", "a.test", REGEX_MATCH},
    {"^a\\.test$", "xa.test", REGEX_NO_MATCH},
    {"a", "xxaxx", REGEX_MATCH},
    {"^(?:x|y)\\d+\\.", "y12.test", REGEX_MATCH},
    {"(a)(b)(c)\\3\\2\\1", "abccba", REGEX_MATCH},
    {"(a)(b)(c)\\3\\2\\1", "abccbb", REGEX_NO_MATCH},
    {"^(?=.*b)(?!.*c)", "ab", REGEX_MATCH},
    {"(?-i)^A", "a", REGEX_NO_MATCH},
    {"^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", REGEX_GAVE_UP},
    {"(*LIMIT_MATCH=4000000000)^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
     REGEX_GAVE_UP},
    {"(*NO_JIT)^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", REGEX_GAVE_UP},
    {"(*NO_JIT)^a$", "a", REGEX_MATCH},
};

START_TEST(matching)
{
    ck_assert_int_eq(match_one(MATCHES[_i].pattern, MATCHES[_i].subject), MATCHES[_i].result);
}
END_TEST

/* The worst case of a common mistake, at the longest host there is: 1,000 questions in
 * less than 20 s of CPU, sanitizers included. */
START_TEST(giving_up_is_quick)
{
    struct regex_list l = {0};
    char fault[128];
    char subject[253];
    uint32_t index;
    memset(subject, 'a', sizeof(subject));
    subject[sizeof(subject) - 1] = '-';
    ck_assert_int_eq(
        regex_add(&l, STR_LIT("^(([a-z])+.)+[A-Z]([a-z])+$"), &NOTE, &index, fault, sizeof(fault)),
        0);
    struct regex_scratch *s = regex_scratch_new();
    ck_assert_ptr_nonnull(s);
    clock_t start = clock();
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(regex_match(&l, index, (struct str){subject, sizeof(subject)}, s),
                         REGEX_GAVE_UP);
    ck_assert((double)(clock() - start) / CLOCKS_PER_SEC < 20);
    regex_scratch_free(s);
    regex_fini(&l);
}
END_TEST

START_TEST(a_fault_adds_nothing_and_says_where)
{
    struct regex_list l = {0};
    char fault[128];
    uint32_t index;
    ck_assert_int_eq(regex_add(&l, STR_LIT("ab("), &NOTE, &index, fault, sizeof(fault)), -1);
    ck_assert_ptr_nonnull(strstr(fault, "at character 4"));
    ck_assert_uint_eq(l.count, 0);
    ck_assert_uint_eq(regex_bytes(&l), 0);
    regex_fini(&l);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    struct regex_list l = {0};
    regex_scratch_free(NULL);
    regex_fini(&l);
}
END_TEST

Suite *regex_suite(void)
{
    Suite *s = suite_create("regex");
    TCase *t = tcase_create("regex");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, matching, 0, (int)ARRAY_LEN(MATCHES));
    tcase_add_test(t, giving_up_is_quick);
    tcase_add_test(t, a_fault_adds_nothing_and_says_where);
    tcase_add_test(t, freeing_nothing_is_fine);
    suite_add_tcase(s, t);
    return s;
}
