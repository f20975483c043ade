/* SPDX-License-Identifier: MIT */
/* test_groups.c - who is in which group, in the form of Apache's AuthGroupFile. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/groups.h"

static struct groups *load(const char *text)
{
    struct errlist faults;
    errlist_init(&faults);
    struct groups *g = groups_new(str_of(text), "groups", &faults);
    ck_assert_ptr_nonnull(g);
    ck_assert_uint_eq(faults.count, 0);
    errlist_fini(&faults);
    return g;
}

/* The groups of a user, joined by commas in the order of the file. */
static void expect(const struct groups *g, const char *user, const char *joined)
{
    struct str names[GROUPS_MAX];
    char text[1024] = "";
    size_t count = groups_of(g, str_of(user), names, GROUPS_MAX), len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i > 0 ? "," : "",
                                STR_ARG(names[i]));
    ck_assert_str_eq(text, joined);
}

START_TEST(finds_groups)
{
    struct groups *g = load("# who is who\r\nstaff: alice bob\r\nAdmins:alice\n\n"
                            "guests:\n  staff :\tJ\xc3\xbcrgen  bob alice\nSTAFF: carol");
    expect(g, "alice", "staff,Admins");
    expect(g, "ALICE", "staff,Admins");
    expect(g, "bob", "staff");
    expect(g, "J\xc3\xbcrgen", "staff");
    expect(g, "carol", "staff");
    expect(g, "dave", "");
    expect(g, "", "");
    expect(NULL, "alice", "");
    ck_assert(groups_has(g, STR_LIT("admins")));
    ck_assert(groups_has(g, STR_LIT("guests")));
    ck_assert(!groups_has(g, STR_LIT("guest")));
    ck_assert(!groups_has(NULL, STR_LIT("staff")));
    struct str one[1];
    ck_assert_uint_eq(groups_of(g, STR_LIT("alice"), one, 1), 1);
    ck_assert_uint_eq(groups_of(g, STR_LIT("alice"), one, 0), 0);
    groups_free(g);
    groups_free(NULL);
}
END_TEST

static void check_fault(const char *text, bool is_warning, unsigned line, const char *word)
{
    struct errlist faults;
    errlist_init(&faults);
    struct groups *g = groups_new(str_of(text), "groups", &faults);
    ck_assert_msg(faults.count == 1, "%s: %zu faults", text, faults.count);
    ck_assert_int_eq(faults.items[0].is_warning, is_warning);
    ck_assert_uint_eq(faults.items[0].line, line);
    ck_assert_msg(strstr(faults.items[0].text, word) != NULL, "%s", faults.items[0].text);
    ck_assert_int_eq(g != NULL, is_warning);
    groups_free(g);
    errlist_fini(&faults);
}

START_TEST(faults_are_told)
{
    check_fault("staff alice\n", false, 1, "no ':'");
    check_fault("\n: alice\n", false, 2, "is empty");
    check_fault("staff: alice \\\nbob: carol\n", false, 1, "continued");
    check_fault("staff:x:50:alice\n", false, 1, "has a ':'");
    check_fault("st\x01" "aff: alice\n", false, 1, "control");
    check_fault("staff: al\x01ice\n", false, 1, "control");
    check_fault("staff: alice,bob\n", true, 1, "comma");
    check_fault("", true, 0, "no group");
    check_fault("# none\n", true, 0, "no group");
}
END_TEST

START_TEST(too_many_groups_are_an_error)
{
    char text[4096];
    size_t len = 0;
    struct errlist faults;
    errlist_init(&faults);
    for (int i = 0; i < GROUPS_MAX + 3; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "g%d: alice alice bob%d\n", i, i);
    struct groups *g = groups_new((struct str){text, len}, "groups", &faults);
    ck_assert_ptr_null(g); /* a rule could deny the one that is left out */
    ck_assert_uint_eq(faults.errors, 1);
    ck_assert_uint_eq(faults.items[0].line, GROUPS_MAX + 1);
    ck_assert_ptr_nonnull(strstr(faults.items[0].text, "alice is in "));
    errlist_fini(&faults);
}
END_TEST

Suite *groups_suite(void);

Suite *groups_suite(void)
{
    Suite *suite = suite_create("groups");
    TCase *cases = tcase_create("groups");
    tcase_add_test(cases, finds_groups);
    tcase_add_test(cases, faults_are_told);
    tcase_add_test(cases, too_many_groups_are_an_error);
    suite_add_tcase(suite, cases);
    return suite;
}
