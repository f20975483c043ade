/* SPDX-License-Identifier: MIT */
/* test_leaf_limits.c - the dates and names of a leaf stay inside what its CA may sign. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/constraint.h"
#include "certs/facts.h"
#include "tests/unit/certs/leaf_kit.h"
#include "util/attr.h"

#define NOW ((time_t)1764000000)
#define IN_2049 ((time_t)2521843200) /* 1 December 2049 */
#define IN_2051 ((time_t)2560000000)
#define DAY LEAF_TEST_DAY

static const struct origin_name a_example = DNS_NAME("a.example");

static const struct {
    const char *what;
    time_t now, ca_made;
    unsigned ca_days;
    time_t from, to;           /* of the origin */
    time_t want_from, want_to; /* want_to 0: refused */
} dates[] = {
    {"ten years", NOW, NOW - 99 * DAY, 999, NOW - 99 * DAY, NOW + 3650 * DAY,
     NOW - DAY, NOW + 89 * DAY - 1},
    {"origin from now", NOW, NOW - 99 * DAY, 999, NOW, NOW + 30 * DAY, NOW, NOW + 30 * DAY},
    {"origin nearly expired", NOW, NOW - 99 * DAY, 999, NOW - DAY, NOW + 5, NOW - DAY, NOW + 5},
    {"CA nearly expired", NOW, NOW - 9 * DAY, 10, NOW - 99 * DAY, NOW + 99 * DAY,
     NOW - DAY, NOW + DAY},
    {"CA of today", NOW, NOW + DAY - 60, 10, NOW - 99 * DAY, NOW + 5 * DAY,
     NOW - 60, NOW + 5 * DAY},
    {"CA expired", NOW, NOW - 9 * DAY, 8, NOW - 99 * DAY, NOW + 99 * DAY, 0, 0},
    {"over the turn of 2050", IN_2049, IN_2049 - 99 * DAY, 999, IN_2049 - 99 * DAY,
     IN_2049 + 400 * DAY, IN_2049 - DAY, IN_2049 + 89 * DAY - 1},
    {"in 2051", IN_2051, IN_2051 - 99 * DAY, 999, IN_2051 - 99 * DAY, IN_2051 + 400 * DAY,
     IN_2051 - DAY, IN_2051 + 89 * DAY - 1},
};

/* RFC 5280 section 4.1.2.5: two digits of the year until 2049, then four. */
static void check_form(const ASN1_TIME *when)
{
    time_t first_of_2050 = 2524608000;
    ck_assert_int_eq(ASN1_STRING_type((const ASN1_STRING *)when),
                     facts_time(when) < first_of_2050 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);
}

START_TEST(dates_are_cut)
{
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        struct leaf_setting s;
        struct err e;
        leaf_setting_init(&s, CA_KEY_EC, NULL, dates[i].ca_made, dates[i].ca_days);
        X509 *origin = leaf_origin_make(&a_example, 1, dates[i].from, dates[i].to);
        struct leaf_order *o = leaf_order_of_origin(origin, STR_LIT("a.example"), dates[i].now);
        ck_assert_ptr_nonnull(o);
        X509 *leaf = leaf_make(&s.with, leaf_bytes(o), dates[i].now, &e);
        ck_assert_msg((leaf != NULL) == (dates[i].want_to != 0), "%s", dates[i].what);
        if (leaf != NULL) {
            ck_assert_msg(facts_time(X509_get0_notBefore(leaf)) == dates[i].want_from, "%s",
                          dates[i].what);
            ck_assert_msg(facts_time(X509_get0_notAfter(leaf)) == dates[i].want_to, "%s",
                          dates[i].what);
            check_form(X509_get0_notBefore(leaf));
            check_form(X509_get0_notAfter(leaf));
            leaf_check_verified(s.ca.cert, leaf, "a.example", dates[i].now);
        } else {
            ck_assert_str_eq(e.text, "the CA has expired");
        }
        X509_free(leaf);
        X509_free(origin);
        leaf_order_free(o);
        leaf_setting_fini(&s);
    }
}
END_TEST

/* Whoever has the orders in hand cannot have a leaf for next year. */
START_TEST(orders_of_other_days_are_refused)
{
    static const struct {
        long days;
        const char *fault;
    } waits[] = {{0, NULL}, {1, "what the order asks for has expired"},
                 {2, "the order's dates are not of today"}, {-1, NULL},
                 {-2, "the order's dates are not of today"},
                 {-365, "the order's dates are not of today"}};
    struct leaf_setting s;
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW - 999 * DAY, 3000);
    struct leaf_order *o = leaf_order_of_page(STR_LIT("a.example"), STR_LIT(""), NOW);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        struct err e;
        X509 *leaf = leaf_make(&s.with, leaf_bytes(o), NOW + waits[i].days * DAY, &e);
        ck_assert_msg((leaf == NULL) == (waits[i].fault != NULL), "%ld", waits[i].days);
        if (leaf == NULL)
            ck_assert_str_eq(e.text, waits[i].fault);
        X509_free(leaf);
    }
    leaf_order_free(o);
    leaf_setting_fini(&s);
}
END_TEST

static NAME_CONSTRAINTS *make_constraints(void)
{
    NAME_CONSTRAINTS *set = NAME_CONSTRAINTS_new();
    struct addr net;
    unsigned bits;
    ck_assert_int_eq(constraint_add_name(set, CONSTRAINT_PERMIT, STR_LIT("corp.example")), 0);
    ck_assert_int_eq(constraint_add_name(set, CONSTRAINT_EXCLUDE, STR_LIT("hr.corp.example")), 0);
    ck_assert_int_eq(addr_parse_prefix(&net, &bits, STR_LIT("10.0.0.0/8")), 0);
    ck_assert_int_eq(constraint_add_prefix(set, CONSTRAINT_PERMIT, &net, bits), 0);
    return set;
}

static void add_directory(NAME_CONSTRAINTS *set)
{
    GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1, -1,
                               0);
    GENERAL_NAME_set0_value(tree->base, GEN_DIRNAME, name);
    ck_assert_int_gt(sk_GENERAL_SUBTREE_push(set->permittedSubtrees, tree), 0);
}

START_TEST(forbidden_names_are_left_out)
{
    const struct origin_name names[] = {
        DNS_NAME("www.elsewhere.example"), DNS_NAME("www.corp.example"),
        DNS_NAME("a.hr.corp.example"),     DNS_NAME("*.corp.example"),
        DNS_NAME("evilcorp.example"),      DNS_NAME("corp.example"),
        IP_NAME("\x0a\x01\x02\x03"),       IP_NAME("\x0b\x01\x02\x03"),
    };
    for (int has_directory = 0; has_directory < 2; has_directory++) {
        struct leaf_setting s;
        char text[128];
        NAME_CONSTRAINTS *set = make_constraints();
        if (has_directory)
            add_directory(set);
        leaf_setting_init(&s, CA_KEY_EC, set, NOW, 300);
        struct leaf_order *o = leaf_order_for(names, ARRAY_LEN(names), "www.corp.example", NOW);
        X509 *leaf = leaf_make_again(&s.with, o, NOW);
        ck_assert_int_eq(leaf_count_names(leaf), 4);
        ck_assert_int_eq(leaf_is_san_critical(leaf), has_directory);
        leaf_check_verified(s.ca.cert, leaf, "www.corp.example", NOW);
        leaf_check_verified(s.ca.cert, leaf, "corp.example", NOW);
        leaf_check_verified(s.ca.cert, leaf, "10.1.2.3", NOW);
        if (has_directory)
            ck_assert_ptr_null(leaf_subject(leaf, text, sizeof(text)));
        else
            ck_assert_pstr_eq(leaf_subject(leaf, text, sizeof(text)), "www.corp.example");
        X509_free(leaf);
        leaf_order_free(o);
        leaf_setting_fini(&s);
        NAME_CONSTRAINTS_free(set);
    }
}
END_TEST

START_TEST(the_subject_is_of_the_names_that_are_left)
{
    const struct origin_name names[] = {DNS_NAME("www.elsewhere.example"),
                                        DNS_NAME("www.corp.example")};
    NAME_CONSTRAINTS *set = make_constraints();
    struct leaf_setting s;
    struct err e;
    char text[128];
    leaf_setting_init(&s, CA_KEY_EC, set, NOW, 300);
    struct leaf_order *o = leaf_order_for(names, 2, "www.elsewhere.example", NOW);
    X509 *leaf = leaf_make_again(&s.with, o, NOW);
    ck_assert_pstr_eq(leaf_subject(leaf, text, sizeof(text)), "www.corp.example");
    leaf_check_verified(s.ca.cert, leaf, "www.corp.example", NOW);
    X509_free(leaf);
    leaf_order_free(o);
    o = leaf_order_for(names, 1, "www.elsewhere.example", NOW);
    ck_assert_ptr_null(leaf_make(&s.with, leaf_bytes(o), NOW, &e));
    ck_assert_str_eq(e.text, "the CA's name constraints forbid every name of the order");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    leaf_order_free(o);
    leaf_setting_fini(&s);
    NAME_CONSTRAINTS_free(set);
}
END_TEST

Suite *leaf_limits_suite(void);
Suite *leaf_limits_suite(void)
{
    Suite *s = suite_create("leaf_limits");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, dates_are_cut);
    tcase_add_test(t, orders_of_other_days_are_refused);
    tcase_add_test(t, forbidden_names_are_left_out);
    tcase_add_test(t, the_subject_is_of_the_names_that_are_left);
    suite_add_tcase(s, t);
    return s;
}
