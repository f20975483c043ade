/* SPDX-License-Identifier: MIT */
/* test_netset.c - every prefix that holds an address, the longest first. */
#include "tests/unit/policy/suites.h"

#include "policy/netset.h"

static void add(struct netset *n, const char *prefix, uint16_t set)
{
    struct addr a;
    unsigned bits;
    ck_assert_int_eq(addr_parse_prefix(&a, &bits, str_of(prefix)), 0);
    struct note note = {.set = set, .url = NOTE_NO_URL};
    netset_add(n, &a, bits, &note);
}

/* The sets found, in order, as a number of one decimal digit each. */
static unsigned find(const struct netset *n, const char *text)
{
    struct addr a;
    unsigned found = 0;
    ck_assert_int_eq(addr_parse(&a, str_of(text)), 0);
    for (uint32_t i = netset_find(n, &a); i != NETSET_NONE; i = netset_next(n, i, &a))
        found = found * 10 + netset_item(n, i)->note.set;
    return found;
}

START_TEST(longest_first_then_what_encloses_it)
{
    struct netset n = {0};
    add(&n, "10.0.0.0/8", 1);
    add(&n, "10.1.2.3", 4);
    add(&n, "10.1.0.0/16", 2);
    add(&n, "10.1.2.0/24", 3);
    add(&n, "10.2.0.0/16", 5);
    add(&n, "10.1.0.0/16", 6);
    netset_finish(&n);
    ck_assert_uint_eq(find(&n, "10.1.2.3"), 43261);
    ck_assert_uint_eq(find(&n, "10.1.2.4"), 3261);
    ck_assert_uint_eq(find(&n, "10.1.3.0"), 261);
    ck_assert_uint_eq(find(&n, "10.2.255.255"), 51);
    ck_assert_uint_eq(find(&n, "10.3.0.0"), 1);
    ck_assert_uint_eq(find(&n, "10.0.0.0"), 1);
    ck_assert_uint_eq(find(&n, "10.255.255.255"), 1);
    ck_assert_uint_eq(find(&n, "9.255.255.255"), 0);
    ck_assert_uint_eq(find(&n, "11.0.0.0"), 0);
    ck_assert_uint_eq(find(&n, "::ffff:10.3.0.0"), 1);
    ck_assert_uint_eq(find(&n, "::10.3.0.0"), 0);
    netset_fini(&n);
}
END_TEST

START_TEST(families_are_apart)
{
    struct netset n = {0};
    add(&n, "::/0", 1);
    add(&n, "0.0.0.0/0", 2);
    add(&n, "2001:db8::/32", 3);
    add(&n, "::ffff:10.0.0.0/104", 4);
    netset_finish(&n);
    ck_assert_uint_eq(find(&n, "2001:db8::1"), 31);
    ck_assert_uint_eq(find(&n, "2001:db9::1"), 1);
    ck_assert_uint_eq(find(&n, "::"), 1);
    ck_assert_uint_eq(find(&n, "10.0.0.1"), 42);
    ck_assert_uint_eq(find(&n, "255.255.255.255"), 2);
    ck_assert_uint_eq(find(&n, "0.0.0.0"), 2);
    netset_fini(&n);
}
END_TEST

START_TEST(the_ends_of_the_address_space)
{
    struct netset n = {0};
    add(&n, "::", 1);
    add(&n, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2);
    add(&n, "ff00::/8", 3);
    netset_finish(&n);
    ck_assert_uint_eq(find(&n, "::"), 1);
    ck_assert_uint_eq(find(&n, "::1"), 0);
    ck_assert_uint_eq(find(&n, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 23);
    ck_assert_uint_eq(find(&n, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 3);
    netset_fini(&n);
}
END_TEST

START_TEST(an_empty_set_holds_nothing)
{
    struct netset n = {0};
    netset_finish(&n);
    ck_assert_uint_eq(find(&n, "10.0.0.1"), 0);
    netset_fini(&n);
}
END_TEST

Suite *netset_suite(void)
{
    Suite *s = suite_create("netset");
    TCase *t = tcase_create("netset");
    tcase_add_test(t, longest_first_then_what_encloses_it);
    tcase_add_test(t, families_are_apart);
    tcase_add_test(t, the_ends_of_the_address_space);
    tcase_add_test(t, an_empty_set_holds_nothing);
    suite_add_tcase(s, t);
    return s;
}
