/* SPDX-License-Identifier: MIT */
/* test_lint.c - lint.cases: rules that can never match, and rules that can. */
#include "tests/unit/policy/suites.h"

#include "policy/policy.h"
#include "tests/unit/policy/cases.h"
#include "tests/unit/policy/sets.h"

START_TEST(cases)
{
    ck_assert_uint_ge(cases_run("lint.cases", policy_lint), 45);
}
END_TEST

/* The shipped sets under rules of the shipped kind have nothing to warn of. */
START_TEST(the_webex_rules_are_clean)
{
    struct errlist found;
    struct policy *p = sets_load("webex.sets");
    errlist_init(&found);
    policy_lint(p, &found);
    ck_assert_msg(found.count == 0, "\"%s\"", found.count ? found.items[0].text : "");
    errlist_fini(&found);
    policy_free(p);
}
END_TEST

START_TEST(a_warning_stands_where_the_rule_stands)
{
    struct errlist found;
    struct policy *p = sets_parse("rule one deny\n\nrule two allow\n");
    errlist_init(&found);
    policy_lint(p, &found);
    ck_assert_uint_eq(found.count, 1);
    ck_assert(found.items[0].is_warning);
    ck_assert_str_eq(found.items[0].file, "text");
    ck_assert_uint_eq(found.items[0].line, 3);
    errlist_fini(&found);
    policy_free(p);
}
END_TEST

Suite *lint_suite(void)
{
    Suite *s = suite_create("policy_lint");
    TCase *t = tcase_create("policy_lint");
    tcase_add_test(t, cases);
    tcase_add_test(t, the_webex_rules_are_clean);
    tcase_add_test(t, a_warning_stands_where_the_rule_stands);
    suite_add_tcase(s, t);
    return s;
}
