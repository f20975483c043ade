/* SPDX-License-Identifier: MIT */
/* test_constraint.c - constraints are encoded as OpenSSL's own configuration does it. */
#include <check.h>
#include <stdio.h>

#include "certs/constraint.h"
#include "util/attr.h"

static void add(NAME_CONSTRAINTS *set, enum constraint_kind kind, const char *text)
{
    struct addr prefix;
    unsigned bits;
    if (addr_parse_prefix(&prefix, &bits, str_of(text)) == 0)
        ck_assert_int_eq(constraint_add_prefix(set, kind, &prefix, bits), 0);
    else
        ck_assert_int_eq(constraint_add_name(set, kind, str_of(text)), 0);
}

static NAME_CONSTRAINTS *set_of(const char *permit, const char *exclude)
{
    NAME_CONSTRAINTS *set = NAME_CONSTRAINTS_new();
    if (permit != NULL)
        add(set, CONSTRAINT_PERMIT, permit);
    if (exclude != NULL)
        add(set, CONSTRAINT_EXCLUDE, exclude);
    return set;
}

static const struct {
    const char *permit, *exclude, *openssl; /* as in x509v3_config(5) */
} rows[] = {
    {"corp.example", NULL, "permitted;DNS:corp.example"},
    {NULL, "corp.example", "excluded;DNS:corp.example"},
    {"corp.example", "bad.corp.example",
     "permitted;DNS:corp.example,excluded;DNS:bad.corp.example"},
    {"10.0.0.0/8", NULL, "permitted;IP:10.0.0.0/255.0.0.0"},
    {"10.1.2.3", NULL, "permitted;IP:10.1.2.3/255.255.255.255"},
    {"10.1.2.0/23", NULL, "permitted;IP:10.1.2.0/255.255.254.0"},
    {"0.0.0.0/0", NULL, "permitted;IP:0.0.0.0/0.0.0.0"},
    {NULL, "2001:db8::/33", "excluded;IP:2001:db8::/ffff:ffff:8000::"},
    {NULL, "::/0", "excluded;IP:::/::"},
    {"::1", NULL, "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

/* RFC 5280 section 4.2.1.10. */
static const struct {
    const char *permit, *exclude, *host;
    bool is_allowed;
} hosts[] = {
    {"corp.example", NULL, "corp.example", true},
    {"corp.example", NULL, "a.b.corp.example", true},
    {"corp.example", NULL, "acorp.example", false},
    {"corp.example", NULL, "example", false},
    {"corp.example", NULL, "10.0.0.1", true}, /* until constraint_close */
    {NULL, "corp.example", "www.corp.example", false},
    {NULL, "corp.example", "www.example", true},
    {"corp.example", "bad.corp.example", "a.bad.corp.example", false},
    {"corp.example", "bad.corp.example", "good.corp.example", true},
    {"10.0.0.0/8", NULL, "10.255.0.1", true},
    {"10.0.0.0/8", NULL, "11.0.0.1", false},
    {"2001:db8::/33", NULL, "2001:db8::1", true},
    {"2001:db8::/33", NULL, "2001:db8:8000::1", false},
};

START_TEST(hosts_are_judged)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        NAME_CONSTRAINTS *set = set_of(hosts[i].permit, hosts[i].exclude);
        ck_assert_msg(constraint_allows_host(set, str_of(hosts[i].host)) == hosts[i].is_allowed,
                      "%s", hosts[i].host);
        NAME_CONSTRAINTS_free(set);
    }
}
END_TEST

START_TEST(a_closed_set_knows_addresses_too)
{
    NAME_CONSTRAINTS *set = set_of("corp.example", NULL);
    ck_assert_int_eq(constraint_close(set), 0);
    ck_assert(constraint_allows_host(set, STR_LIT("corp.example")));
    ck_assert(!constraint_allows_host(set, STR_LIT("10.0.0.1")));
    ck_assert(!constraint_allows_host(set, STR_LIT("::1")));
    NAME_CONSTRAINTS_free(set);
}
END_TEST

START_TEST(encoded_as_openssl_does)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        NAME_CONSTRAINTS *set = set_of(rows[i].permit, rows[i].exclude);
        X509_EXTENSION *ours = X509V3_EXT_i2d(NID_name_constraints, 0, set);
        X509_EXTENSION *theirs =
            X509V3_EXT_nconf_nid(NULL, NULL, NID_name_constraints, rows[i].openssl);
        ck_assert_msg(theirs != NULL, "%s", rows[i].openssl);
        ck_assert_msg(ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(ours),
                                            X509_EXTENSION_get_data(theirs)) == 0,
                      "%s", rows[i].openssl);
        X509_EXTENSION_free(ours);
        X509_EXTENSION_free(theirs);
        NAME_CONSTRAINTS_free(set);
    }
}
END_TEST

START_TEST(shown_as_it_was_given)
{
    static const char *const texts[] = {"corp.example", "10.0.0.0/8", "10.1.2.0/23", "0.0.0.0/0",
                                        "2001:db8::/33", "::/0", "::1/128"};
    char out[64];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        NAME_CONSTRAINTS *set = set_of(NULL, texts[i]);
        ck_assert_uint_eq(constraint_count(set, CONSTRAINT_PERMIT), 0);
        ck_assert_uint_eq(constraint_count(set, CONSTRAINT_EXCLUDE), 1);
        ck_assert_str_eq(constraint_format(set, CONSTRAINT_EXCLUDE, 0, out, sizeof(out)),
                         texts[i]);
        NAME_CONSTRAINTS_free(set);
    }
}
END_TEST

/* Of a certificate of others. */
START_TEST(shows_what_is_not_ours)
{
    static const struct {
        const char *config, *text;
    } others[] = {
        {"excluded;email:corp.example", "(names of type 1)"},
        {"excluded;IP:10.0.0.0/255.0.255.0", "(a malformed range of addresses)"},
        {"excluded;DNS:a\x1b[2Jb", "a?[2Jb"},
        {"excluded;DNS:0123456789012345678901234567890123456789", "012345678901234567890123456789"
         "012345678"},
    };
    char out[40];
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        X509_EXTENSION *one =
            X509V3_EXT_nconf_nid(NULL, NULL, NID_name_constraints, others[i].config);
        ck_assert_ptr_nonnull(one);
        NAME_CONSTRAINTS *set = X509V3_EXT_d2i(one);
        ck_assert_str_eq(constraint_format(set, CONSTRAINT_EXCLUDE, 0, out, sizeof(out)),
                         others[i].text);
        NAME_CONSTRAINTS_free(set);
        X509_EXTENSION_free(one);
    }
}
END_TEST

/* The baseline requirements of the CA/Browser Forum, section 7.1.2.5.2, have it so. */
START_TEST(what_is_permitted_is_all)
{
    char out[64];
    NAME_CONSTRAINTS *names = set_of("corp.example", NULL);
    ck_assert_int_eq(constraint_close(names), 0);
    ck_assert_uint_eq(constraint_count(names, CONSTRAINT_EXCLUDE), 2);
    ck_assert_str_eq(constraint_format(names, CONSTRAINT_EXCLUDE, 0, out, sizeof(out)),
                     "0.0.0.0/0");
    ck_assert_str_eq(constraint_format(names, CONSTRAINT_EXCLUDE, 1, out, sizeof(out)), "::/0");
    NAME_CONSTRAINTS *addresses = set_of("10.0.0.0/8", NULL);
    ck_assert_int_eq(constraint_close(addresses), 0);
    ck_assert_uint_eq(constraint_count(addresses, CONSTRAINT_EXCLUDE), 1);
    ck_assert_str_eq(constraint_format(addresses, CONSTRAINT_EXCLUDE, 0, out, sizeof(out)),
                     "every name");
    NAME_CONSTRAINTS *both = set_of("10.0.0.0/8", NULL);
    add(both, CONSTRAINT_PERMIT, "corp.example");
    ck_assert_int_eq(constraint_close(both), 0);
    ck_assert_uint_eq(constraint_count(both, CONSTRAINT_EXCLUDE), 0);
    NAME_CONSTRAINTS *excluded = set_of(NULL, "corp.example");
    ck_assert_int_eq(constraint_close(excluded), 0);
    ck_assert_uint_eq(constraint_count(excluded, CONSTRAINT_EXCLUDE), 1);
    NAME_CONSTRAINTS_free(names);
    NAME_CONSTRAINTS_free(addresses);
    NAME_CONSTRAINTS_free(both);
    NAME_CONSTRAINTS_free(excluded);
}
END_TEST

Suite *constraint_suite(void);
Suite *constraint_suite(void)
{
    Suite *s = suite_create("constraint");
    TCase *t = tcase_create("all");
    tcase_add_test(t, encoded_as_openssl_does);
    tcase_add_test(t, hosts_are_judged);
    tcase_add_test(t, a_closed_set_knows_addresses_too);
    tcase_add_test(t, shown_as_it_was_given);
    tcase_add_test(t, shows_what_is_not_ours);
    tcase_add_test(t, what_is_permitted_is_all);
    suite_add_tcase(s, t);
    return s;
}
