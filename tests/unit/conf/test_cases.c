/* SPDX-License-Identifier: MIT */
/* test_cases.c - faulty configurations as data: every fault with its place, and no other. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/config.h"
#include "tests/unit/conf/ca_files.h"
#include "tests/unit/conf/folder.h"
#include "util/mem.h"

/* The cases' own file; what they include is beside it. */
#define CASE_FILE "t.conf"
#define MAX_EXPECTED 32

static const char listener[] = "\nlisteners = ( { address = \"127.0.0.1\"; port = 0; } );\n";
static const char rules[] = "\nrules = ( { name = \"last\"; action = \"deny\"; } );\n";

struct expected {
    char place[128];
    struct str part;
    bool is_warning;
    bool is_seen;
};

struct a_case {
    struct str name;
    struct expected expected[MAX_EXPECTED];
    size_t count;
    struct str text;
};

static bool cut_expected(struct str *rest, struct a_case *c)
{
    if (rest->len < 2 || (rest->ptr[0] != '>' && rest->ptr[0] != '~'))
        return false;
    ck_assert_uint_lt(c->count, MAX_EXPECTED);
    struct expected *x = &c->expected[c->count++];
    struct str line = str_cut(rest, '\n');
    x->is_warning = line.ptr[0] == '~';
    x->is_seen = false;
    line = (struct str){line.ptr + 2, line.len - 2};
    const char *end = memmem(line.ptr, line.len, ": ", 2);
    ck_assert_msg(end != NULL, "no place in '%.*s'", STR_ARG(line));
    struct str place = str_range(line.ptr, end);
    x->part = str_range(end + 2, line.ptr + line.len);
    if (str_eq(place, STR_LIT("0")))
        snprintf(x->place, sizeof(x->place), "%s", CASE_FILE);
    else
        snprintf(x->place, sizeof(x->place), "%s%.*s",
                 str_find(place, ':') == place.len ? CASE_FILE ":" : "", STR_ARG(place));
    return true;
}

/* The next case of a file; false at its end. */
static bool cut_case(struct str *rest, struct a_case *c)
{
    static const struct str mark = {"=== ", 4};
    while (rest->len > 0 && !str_starts(*rest, mark))
        (void)str_cut(rest, '\n');
    if (rest->len == 0)
        return false;
    c->name = str_cut(rest, '\n');
    c->name = (struct str){c->name.ptr + mark.len, c->name.len - mark.len};
    c->count = 0;
    while (cut_expected(rest, c))
        ;
    c->text = *rest;
    const char *next = rest->len > 0 ? memmem(rest->ptr, rest->len, "\n=== ", 5) : NULL;
    if (next != NULL)
        c->text.len = (size_t)(next - rest->ptr);
    *rest = (struct str){rest->ptr + c->text.len, rest->len - c->text.len};
    if (next != NULL)
        *rest = (struct str){rest->ptr + 1, rest->len - 1};
    return true;
}

static bool has(struct str text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static void check_fault(struct a_case *c, const struct err *e)
{
    char place[512];
    if (e->line > 0)
        snprintf(place, sizeof(place), "%s:%u", e->file, e->line);
    else
        snprintf(place, sizeof(place), "%s", e->file);
    for (size_t i = 0; i < c->count; i++) {
        struct expected *x = &c->expected[i];
        if (x->is_seen || x->is_warning != e->is_warning || strcmp(x->place, place) != 0 ||
            memmem(e->text, strlen(e->text), x->part.ptr, x->part.len) == NULL)
            continue;
        x->is_seen = true;
        return;
    }
    ck_abort_msg("%.*s: not expected: %s: %s%s", STR_ARG(c->name), place,
                 e->is_warning ? "warning: " : "", e->text);
}

static void run_case(struct a_case *c)
{
    struct errlist faults;
    size_t errors = 0;
    char *text = mem_must_zalloc(c->text.len + sizeof(listener) + sizeof(rules));
    int len = snprintf(text, c->text.len + sizeof(listener) + sizeof(rules), "%.*s%s%s",
                       STR_ARG(c->text), has(c->name, " bare") ? "" : listener,
                       has(c->name, " no-rules") || has(c->text, "rules =") ? "" : rules);
    struct str whole = {text, (size_t)len};

    errlist_init(&faults);
    struct config *config = config_parse(CASE_FILE, &whole, &faults);
    for (size_t i = 0; i < faults.count; i++)
        check_fault(c, &faults.items[i]);
    for (size_t i = 0; i < c->count; i++) {
        struct expected *x = &c->expected[i];
        ck_assert_msg(x->is_seen, "%.*s: not reported: %s: %.*s", STR_ARG(c->name), x->place,
                      STR_ARG(x->part));
        errors += !x->is_warning;
    }
    ck_assert_msg((config == NULL) == (errors > 0), "%.*s: config is%s NULL", STR_ARG(c->name),
                  config == NULL ? "" : " not");
    config_unref(config);
    errlist_fini(&faults);
    mem_free(text);
}

/* Paths in messages are short when the cases run in the folder of their data. folder:
 * NULL, or another one with what the cases name. */
static void run_cases(const char *path, const char *folder, size_t at_least)
{
    size_t len, count = 0;
    char *text = read_project_file(path, &len);
    struct str rest = {text, len};
    struct a_case c;

    ck_assert_int_eq(chdir(folder != NULL ? folder : project_path("tests/data/conf")), 0);
    while (cut_case(&rest, &c)) {
        run_case(&c);
        count++;
    }
    ck_assert_uint_ge(count, at_least);
    mem_free(text);
}

START_TEST(not_well_formed)
{
    run_cases("tests/data/conf/bad-syntax.cases", NULL, 30);
}
END_TEST

START_TEST(wrong_keys_and_values)
{
    run_cases("tests/data/conf/bad-keys.cases", NULL, 60);
}
END_TEST

START_TEST(wrong_sets_and_rules)
{
    run_cases("tests/data/conf/bad-policy.cases", NULL, 35);
}
END_TEST

START_TEST(wrong_authentication)
{
    struct folder f;
    folder_make(&f);
    run_cases("tests/data/conf/bad-auth.cases", f.path, 40);
    folder_remove(&f);
}
END_TEST

START_TEST(wrong_inspection)
{
    struct ca_files f;
    ca_files_make(&f);
    run_cases("tests/data/conf/bad-inspection.cases", f.path, 25);
    ca_files_remove(&f);
}
END_TEST

Suite *cases_suite(void)
{
    Suite *s = suite_create("cases");
    TCase *t = tcase_create("data");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, not_well_formed);
    tcase_add_test(t, wrong_keys_and_values);
    tcase_add_test(t, wrong_sets_and_rules);
    tcase_add_test(t, wrong_authentication);
    tcase_add_test(t, wrong_inspection);
    suite_add_tcase(s, t);
    return s;
}
