/* SPDX-License-Identifier: MIT */
/* test_identity.c - a user and groups that outlive what they were copied from. */
#include <check.h>
#include <string.h>

#include "auth/identity.h"
#include "util/attr.h"
#include "util/mem.h"

START_TEST(keeps_copies)
{
    char user[] = "alice", group[] = "staff";
    struct str groups[] = {{group, 5}, {group, 2}, {group, 0}};
    struct identity *i =
        identity_new(AUTH_NTLM, (struct str){user, 5}, groups, ARRAY_LEN(groups));
    memset(user, 'x', 5);
    memset(group, 'x', 5);
    ck_assert_uint_eq(i->scheme, AUTH_NTLM);
    ck_assert(str_eq(i->user, STR_LIT("alice")));
    ck_assert_uint_eq(i->group_count, 3);
    ck_assert(str_eq(i->groups[0], STR_LIT("staff")));
    ck_assert(str_eq(i->groups[1], STR_LIT("st")));
    ck_assert_uint_eq(i->groups[2].len, 0);
    ck_assert_ptr_eq(identity_ref(i), i);
    identity_unref(i);
    ck_assert(str_eq(i->user, STR_LIT("alice")));
    identity_unref(i);
    identity_unref(NULL);
}
END_TEST

START_TEST(says_where_there_is_no_memory)
{
    mem_fail_at(1, 0);
    ck_assert_ptr_null(identity_new(AUTH_BASIC, STR_LIT("alice"), NULL, 0));
    mem_fail_at(0, 0);
}
END_TEST

Suite *identity_suite(void);

Suite *identity_suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *cases = tcase_create("identity");
    tcase_add_test(cases, keeps_copies);
    tcase_add_test(cases, says_where_there_is_no_memory);
    suite_add_tcase(suite, cases);
    return suite;
}
