/* SPDX-License-Identifier: MIT */
/* test_lint.c - lint.cases: rules that can never match, and rules that can. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/data.h"
#include "tests/unit/policy/sets.h"

#define MAX_WARNINGS 8

struct lint_case {
    struct str title;
    struct sets sets;
    struct str wanted[MAX_WARNINGS];
    size_t wanted_count;
};

static void check_case(struct lint_case *c)
{
    struct errlist found;
    errlist_init(&found);
    struct policy *p = policy_builder_finish(c->sets.builder);
    policy_lint(p, &found);
    for (size_t i = 0; i < found.count && i < c->wanted_count; i++)
        ck_assert_msg(str_eq(str_of(found.items[i].text), c->wanted[i]),
                      "%.*s: got \"%s\", not \"%.*s\"", STR_ARG(c->title), found.items[i].text,
                      STR_ARG(c->wanted[i]));
    ck_assert_msg(found.count == c->wanted_count, "%.*s: %zu warnings, last \"%s\"",
                  STR_ARG(c->title), found.count,
                  found.count ? found.items[found.count - 1].text : "");
    ck_assert_uint_eq(found.errors, 0);
    policy_free(p);
    errlist_fini(&found);
}

START_TEST(cases)
{
    size_t len;
    size_t count = 0;
    char *text = data_read("lint.cases", &len);
    struct str rest = {text, len};
    struct lint_case c = {.title = {NULL, 0}};
    for (unsigned line = 1; rest.len != 0; line++) {
        struct str statement = str_cut(&rest, '\n');
        struct str argument = statement;
        struct str word = str_cut(&argument, ' ');
        if (statement.len == 0 || statement.ptr[0] == '#')
            continue;
        if (str_eq(word, STR_LIT("case"))) {
            if (c.title.ptr != NULL)
                check_case(&c);
            c = (struct lint_case){.title = argument};
            sets_init(&c.sets, "lint.cases");
            count++;
        } else if (str_eq(word, STR_LIT("warn"))) {
            ck_assert_uint_lt(c.wanted_count, MAX_WARNINGS);
            c.wanted[c.wanted_count++] = argument;
        } else {
            sets_add(&c.sets, statement, line);
        }
    }
    check_case(&c);
    ck_assert_uint_ge(count, 45);
    free(text);
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
