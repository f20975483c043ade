/* SPDX-License-Identifier: MIT */
/* cases.c - judges of whole policies against a file of cases; see cases.h. */
#include "tests/unit/policy/cases.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/policy/data.h"
#include "tests/unit/policy/sets.h"

#define MAX_WANTED 12

struct wanted {
    struct str text;
    bool is_warning;
};

struct one_case {
    struct str title;
    struct sets sets;
    struct wanted wanted[MAX_WANTED];
    size_t wanted_count;
};

static void check_fault(const struct one_case *c, const struct err *e, const struct wanted *wanted)
{
    ck_assert_msg(str_eq(str_of(e->text), wanted->text), "%.*s: got \"%s\", not \"%.*s\"",
                  STR_ARG(c->title), e->text, STR_ARG(wanted->text));
    ck_assert_msg(e->is_warning == wanted->is_warning, "%.*s: \"%s\"", STR_ARG(c->title),
                  e->text);
}

static void check_case(struct one_case *c, cases_judge_fn judge)
{
    struct errlist found;
    errlist_init(&found);
    struct policy *p = policy_builder_finish(c->sets.builder);
    judge(p, &found);
    for (size_t i = 0; i < found.count && i < c->wanted_count; i++)
        check_fault(c, &found.items[i], &c->wanted[i]);
    ck_assert_msg(found.count == c->wanted_count, "%.*s: %zu faults, last \"%s\"",
                  STR_ARG(c->title), found.count,
                  found.count ? found.items[found.count - 1].text : "");
    policy_free(p);
    errlist_fini(&found);
}

static bool read_wanted(struct one_case *c, struct str word, struct str argument)
{
    bool is_warning = str_eq(word, STR_LIT("warn"));
    if (!is_warning && !str_eq(word, STR_LIT("error")))
        return false;
    ck_assert_uint_lt(c->wanted_count, MAX_WANTED);
    c->wanted[c->wanted_count++] = (struct wanted){argument, is_warning};
    return true;
}

size_t cases_run(const char *file, cases_judge_fn judge)
{
    size_t len;
    size_t count = 0;
    char *text = data_read(file, &len);
    struct str rest = {text, len};
    struct one_case c = {.title = {NULL, 0}};
    for (unsigned line = 1; rest.len != 0; line++) {
        struct str statement = str_cut(&rest, '\n');
        struct str argument = statement;
        struct str word = str_cut(&argument, ' ');
        if (statement.len == 0 || statement.ptr[0] == '#')
            continue;
        if (str_eq(word, STR_LIT("case"))) {
            if (count++ > 0)
                check_case(&c, judge);
            c = (struct one_case){.title = argument};
            sets_init(&c.sets, file);
        } else if (!read_wanted(&c, word, argument)) {
            sets_add(&c.sets, statement, line);
        }
    }
    ck_assert_uint_gt(count, 0);
    check_case(&c, judge);
    free(text);
    return count;
}
