/* SPDX-License-Identifier: MIT */
/* test_prove.c - prove.cases: rules that ask for inspection where nothing is inspected. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy/cases.h"
#include "tests/unit/policy/sets.h"

START_TEST(cases)
{
    ck_assert_uint_ge(cases_run("prove.cases", policy_prove_exemptions), 25);
}
END_TEST

START_TEST(an_error_stands_where_the_rule_stands)
{
    struct errlist found;
    struct policy *p = sets_parse("set u\ndomain *.a.example\ninspection tunnel never=u\n"
                                  "set a\ndomain a.example\n\nrule r allow to=a tls=inspect\n");
    errlist_init(&found);
    policy_prove_exemptions(p, &found);
    ck_assert_uint_eq(found.count, 1);
    ck_assert_uint_eq(found.errors, 1);
    ck_assert_str_eq(found.items[0].file, "text");
    ck_assert_uint_eq(found.items[0].line, 7);
    errlist_fini(&found);
    policy_free(p);
}
END_TEST

/* A pattern from nowhere is named without a place. */
START_TEST(a_pattern_without_a_place_is_named_all_the_same)
{
    struct errlist found;
    struct sets s;
    struct err e;
    sets_init(&s, "text");
    sets_add(&s, STR_LIT("set u"), 1);
    sets_add(&s, STR_LIT("domain a.example"), 2);
    sets_add(&s, STR_LIT("inspection tunnel never=u"), 3);
    sets_add(&s, STR_LIT("set a"), 4);
    ck_assert_int_eq(policy_add_domain(s.builder, s.set, STR_LIT("a.example"), NULL, &e), 0);
    sets_add(&s, STR_LIT("rule r allow to=a tls=inspect"), 5);
    struct policy *p = policy_builder_finish(s.builder);
    errlist_init(&found);
    policy_prove_exemptions(p, &found);
    ck_assert_uint_eq(found.count, 1);
    ck_assert_str_eq(found.items[0].text, "rule 'r' says tls = \"inspect\", but 'a.example' is "
                                          "exempt by 'a.example' of u");
    errlist_fini(&found);
    policy_free(p);
}
END_TEST

/* The order of a hash table is no order for people, and a long list is not all told. */
START_TEST(of_a_long_list_the_first_ten_are_told)
{
    struct errlist found;
    struct sets s;
    char wanted[64];
    sets_init(&s, "text");
    sets_add(&s, STR_LIT("set u"), 1);
    sets_add(&s, STR_LIT("domain *.example"), 2);
    sets_add(&s, STR_LIT("set a"), 3);
    for (unsigned i = 5000; i > 0; i--) {
        char statement[64];
        snprintf(statement, sizeof(statement), "domain n%u.%s", i, i % 2 ? "example" : "test");
        sets_add(&s, str_of(statement), i);
    }
    sets_add(&s, STR_LIT("inspection tunnel never=u"), 5001);
    sets_add(&s, STR_LIT("rule r allow to=a tls=inspect"), 5002);
    struct policy *p = policy_builder_finish(s.builder);
    errlist_init(&found);
    policy_prove_exemptions(p, &found);
    ck_assert_uint_eq(found.count, 10);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(wanted, sizeof(wanted), "'n%u.example' (text:%u)", 2 * i + 1, 2 * i + 1);
        ck_assert_ptr_nonnull(strstr(found.items[i].text, wanted));
    }
    errlist_fini(&found);
    policy_free(p);
}
END_TEST

Suite *prove_suite(void)
{
    Suite *s = suite_create("policy_prove");
    TCase *t = tcase_create("policy_prove");
    tcase_add_test(t, cases);
    tcase_add_test(t, an_error_stands_where_the_rule_stands);
    tcase_add_test(t, a_pattern_without_a_place_is_named_all_the_same);
    tcase_add_test(t, of_a_long_list_the_first_ten_are_told);
    suite_add_tcase(s, t);
    return s;
}
