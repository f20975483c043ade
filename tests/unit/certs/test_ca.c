/* SPDX-License-Identifier: MIT */
/* test_ca.c - a CA that was made is what RFC 5280 and the request say. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "certs/ca.h"
#include "certs/constraint.h"
#include "util/attr.h"

#define NOW ((time_t)1764000000) /* 2025-11-24 16:00:00 UTC */
#define A16 "AAAAAAAAAAAAAAAA"
#define E16 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" \
            "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"

static const struct {
    const char *text;
    bool is_fine;
} names[] = {
    {"a", true},
    {"Example Corp, Inc. = web", true},
    {"J\xc3\xbcrgen", true},
    {A16 A16 A16 A16, true},
    {A16 A16 A16 A16 "A", false},
    {E16 E16 E16 E16, true}, /* characters count, not octets */
    {E16 E16 E16 E16 "A", false},
    {"", false},
    {" a", false},
    {"a ", false},
    {"a\nb", false},
    {"a\x1b[1mb", false},
    {"a\x7f", false},
    {"a\xc2\x9b" "b", false}, /* a control character of ISO 6429 */
    {"a\xc3", false},
    {"a\xff", false},
    {"\xc0\x80", false},
};

START_TEST(names_are_checked)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_msg((ca_check_name(str_of(names[i].text)) == NULL) == names[i].is_fine,
                      "row %zu", i);
}
END_TEST

static struct ca_request request_of(enum ca_key_type type)
{
    return (struct ca_request){.name = STR_LIT("Test CA"), .key_type = type,
                               .days = CA_DAYS_DEFAULT, .now = NOW};
}

static void make(struct ca *ca, const struct ca_request *request)
{
    struct err e = {0};
    ck_assert_msg(ca_make(ca, request, &e) == 0, "%s", e.text);
}

static bool is_critical(const X509 *cert, int nid)
{
    int i = X509_get_ext_by_NID(cert, nid, -1);
    ck_assert_int_ge(i, 0);
    return X509_EXTENSION_get_critical(X509_get_ext(cert, i)) == 1;
}

static void check_time(const ASN1_TIME *when, time_t want, int type)
{
    ck_assert_int_eq(ASN1_TIME_cmp_time_t(when, want), 0);
    ck_assert_int_eq(ASN1_STRING_type(when), type);
}

START_TEST(is_what_was_asked_for)
{
    struct ca ca;
    struct ca_request request = request_of(CA_KEY_EC);
    request.organization = STR_LIT("J\xc3\xbcrgen & S\xc3\xb6hne");
    make(&ca, &request);
    ck_assert_int_eq(X509_get_version(ca.cert), X509_VERSION_3);
    check_time(X509_get0_notBefore(ca.cert), NOW - 86400, V_ASN1_UTCTIME);
    check_time(X509_get0_notAfter(ca.cert), NOW + 1826L * 86400, V_ASN1_UTCTIME);
    ck_assert_int_eq(X509_check_ca(ca.cert), 1);
    ck_assert_int_eq(X509_get_pathlen(ca.cert), 0);
    ck_assert_uint_eq(X509_get_key_usage(ca.cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    ck_assert(is_critical(ca.cert, NID_basic_constraints) && is_critical(ca.cert, NID_key_usage));
    ck_assert(!is_critical(ca.cert, NID_subject_key_identifier));
    ck_assert_int_eq(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca.cert),
                                           X509_get0_authority_key_id(ca.cert)), 0);
    ck_assert_int_eq(X509_get_ext_count(ca.cert), 4);
    ck_assert_int_eq(X509_verify(ca.cert, ca.key), 1);
    ck_assert_int_eq(X509_get_signature_nid(ca.cert), NID_ecdsa_with_SHA256);
    char text[128];
    X509_NAME_get_text_by_NID(X509_get_subject_name(ca.cert), NID_organizationName, text,
                              sizeof(text));
    ck_assert_str_eq(text, "J\xc3\xbcrgen & S\xc3\xb6hne");
    ck_assert_int_eq(X509_NAME_cmp(X509_get_subject_name(ca.cert),
                                   X509_get_issuer_name(ca.cert)), 0);
    ca_fini(&ca);
}
END_TEST

START_TEST(serials_are_random)
{
    struct ca one, two;
    struct ca_request request = request_of(CA_KEY_EC);
    make(&one, &request);
    make(&two, &request);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(one.cert);
    ck_assert_int_eq(ASN1_STRING_length(serial), 16);
    ck_assert_int_eq(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not negative */
    ck_assert_int_ne(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(two.cert)), 0);
    ck_assert_int_ne(EVP_PKEY_eq(one.key, two.key), 1);
    ca_fini(&one);
    ca_fini(&two);
}
END_TEST

START_TEST(rsa_has_3072_bits)
{
    struct ca ca;
    struct ca_request request = request_of(CA_KEY_RSA);
    make(&ca, &request);
    ck_assert(EVP_PKEY_is_a(ca.key, "RSA"));
    ck_assert_int_eq(EVP_PKEY_get_bits(ca.key), 3072);
    ck_assert_int_eq(X509_get_signature_nid(ca.cert), NID_sha256WithRSAEncryption);
    ck_assert_int_eq(X509_verify(ca.cert, ca.key), 1);
    ca_fini(&ca);
}
END_TEST

/* RFC 5280 section 4.1.2.5: dates from 2050 on are GeneralizedTime. */
START_TEST(dates_beyond_2049)
{
    struct ca ca;
    struct ca_request request = request_of(CA_KEY_EC);
    request.days = CA_DAYS_MAX;
    request.now = (time_t)2000000000; /* 2033 */
    make(&ca, &request);
    check_time(X509_get0_notBefore(ca.cert), request.now - 86400, V_ASN1_UTCTIME);
    check_time(X509_get0_notAfter(ca.cert), request.now + 7305L * 86400, V_ASN1_GENERALIZEDTIME);
    ca_fini(&ca);
}
END_TEST

START_TEST(constraints_are_in_it)
{
    struct ca ca;
    struct ca_request request = request_of(CA_KEY_EC);
    NAME_CONSTRAINTS *set = NAME_CONSTRAINTS_new();
    ck_assert_int_eq(constraint_add_name(set, CONSTRAINT_PERMIT, STR_LIT("corp.example")), 0);
    request.constraints = set;
    make(&ca, &request);
    ck_assert(is_critical(ca.cert, NID_name_constraints));
    NAME_CONSTRAINTS *found = X509_get_ext_d2i(ca.cert, NID_name_constraints, NULL, NULL);
    char text[64];
    ck_assert_uint_eq(constraint_count(found, CONSTRAINT_PERMIT), 1);
    ck_assert_str_eq(constraint_format(found, CONSTRAINT_PERMIT, 0, text, sizeof(text)),
                     "corp.example");
    NAME_CONSTRAINTS_free(found);
    NAME_CONSTRAINTS_free(set);
    ca_fini(&ca);
}
END_TEST

Suite *ca_suite(void);
Suite *ca_suite(void)
{
    Suite *s = suite_create("ca");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, names_are_checked);
    tcase_add_test(t, is_what_was_asked_for);
    tcase_add_test(t, serials_are_random);
    tcase_add_test(t, rsa_has_3072_bits);
    tcase_add_test(t, dates_beyond_2049);
    tcase_add_test(t, constraints_are_in_it);
    suite_add_tcase(s, t);
    return s;
}
