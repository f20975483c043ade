/* SPDX-License-Identifier: MIT */
/* test_leaf.c - leaves of all sorts, each judged by OpenSSL as strictly as it can. */
#include <check.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/certs/leaf_kit.h"
#include "util/attr.h"

#define NOW ((time_t)1764000000)
#define L63 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"

/* What RFC 5280 section 4.2 asks for, part by part. */
static void check_parts(X509 *ca, X509 *leaf, EVP_PKEY *key)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len;
    bool is_rsa = EVP_PKEY_is_a(key, "RSA");
    ck_assert_int_eq(X509_get_version(leaf), X509_VERSION_3);
    ck_assert_int_eq(X509_get_ext_count(leaf), 6);
    ck_assert_uint_eq(X509_get_key_usage(leaf),
                      is_rsa ? KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT : KU_DIGITAL_SIGNATURE);
    ck_assert_uint_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    ck_assert_uint_eq(X509_get_extension_flags(leaf) & (EXFLAG_CA | EXFLAG_INVALID), 0);
    ck_assert(X509_get_extension_flags(leaf) & EXFLAG_BCONS);
    for (int i = 0; i < 2; i++) {
        int at = X509_get_ext_by_NID(leaf, i ? NID_key_usage : NID_basic_constraints, -1);
        ck_assert(X509_EXTENSION_get_critical(X509_get_ext(leaf, at)));
    }
    ck_assert_int_eq(X509_pubkey_digest(leaf, EVP_sha1(), hash, &len), 1);
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(leaf);
    ck_assert_int_eq(ASN1_STRING_length(id), (int)len);
    ck_assert_mem_eq(ASN1_STRING_get0_data(id), hash, len);
    ck_assert_int_eq(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf),
                                           X509_get0_subject_key_id(ca)), 0);
    ck_assert_ptr_null(X509_get0_authority_issuer(leaf));
    ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(leaf), key), 1);
    ck_assert_int_eq(X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(ca)), 0);
}

static struct leaf_order *order_of_www(void)
{
    static const struct origin_name www = DNS_NAME("www.example.com");
    return leaf_order_for(&www, 1, "www.example.com", NOW);
}

static EVP_PKEY *make_rsa(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    ck_assert_ptr_nonnull(key);
    return key;
}

START_TEST(keys_of_all_kinds)
{
    struct leaf_order *o = order_of_www();
    for (int i = 0; i < 4; i++) {
        struct leaf_setting s;
        leaf_setting_init(&s, i & 1 ? CA_KEY_RSA : CA_KEY_EC, NULL, NOW, 300);
        if (i & 2) {
            EVP_PKEY_free(s.with.leaf_key);
            s.with.leaf_key = make_rsa();
        }
        X509 *leaf = leaf_make_again(&s.with, o, NOW);
        check_parts(s.ca.cert, leaf, s.with.leaf_key);
        leaf_check_verified(s.ca.cert, leaf, "www.example.com", NOW);
        int digest;
        ck_assert_int_eq(X509_get_signature_info(leaf, &digest, NULL, NULL, NULL), 1);
        ck_assert_int_eq(digest, NID_sha256);
        X509_free(leaf);
        leaf_setting_fini(&s);
    }
    leaf_order_free(o);
}
END_TEST

/* A CA that ca_make does not make: on that curve, perhaps without subjectKeyIdentifier. */
static void sign_anew(struct leaf_setting *s, EVP_PKEY *key, bool has_identifier,
                      const EVP_MD *digest)
{
    const int identifiers[] = {NID_subject_key_identifier, NID_authority_key_identifier};
    X509V3_CTX context;
    for (size_t i = 0; i < ARRAY_LEN(identifiers); i++)
        X509_EXTENSION_free(X509_delete_ext(
            s->ca.cert, X509_get_ext_by_NID(s->ca.cert, identifiers[i], -1)));
    EVP_PKEY_free(s->ca.key);
    s->ca.key = s->with.ca_key = key;
    ck_assert_int_eq(X509_set_pubkey(s->ca.cert, key), 1);
    X509V3_set_ctx(&context, s->ca.cert, s->ca.cert, NULL, NULL, 0);
    for (size_t i = 0; has_identifier && i < ARRAY_LEN(identifiers); i++) {
        X509_EXTENSION *one = X509V3_EXT_nconf_nid(NULL, &context, identifiers[i],
                                                   i == 0 ? "hash" : "keyid:always");
        ck_assert_int_eq(X509_add_ext(s->ca.cert, one, -1), 1);
        X509_EXTENSION_free(one);
    }
    ck_assert_int_gt(X509_sign(s->ca.cert, key, digest), 0);
    X509 *again = leaf_reread(s->ca.cert);
    X509_free(s->ca.cert);
    s->ca.cert = s->with.ca = again;
}

START_TEST(other_curves_sign_too)
{
    struct leaf_order *o = order_of_www();
    for (int i = 0; i < 3; i++) {
        struct leaf_setting s;
        leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
        EVP_PKEY *key = i == 0 ? EVP_EC_gen("P-384") : i == 1 ? EVP_EC_gen("P-521")
                                                    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        sign_anew(&s, key, true, i == 2 ? NULL : EVP_sha384());
        X509 *leaf = leaf_make_again(&s.with, o, NOW);
        check_parts(s.ca.cert, leaf, s.with.leaf_key);
        leaf_check_verified(s.ca.cert, leaf, "www.example.com", NOW);
        X509_free(leaf);
        leaf_setting_fini(&s);
    }
    leaf_order_free(o);
}
END_TEST

/* Strict clients refuse such a CA; the others find a leaf that names it all the same. */
START_TEST(a_ca_without_identifier)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len;
    struct leaf_setting s;
    struct leaf_order *o = order_of_www();
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
    sign_anew(&s, EVP_EC_gen("P-256"), false, EVP_sha256());
    X509 *leaf = leaf_make_again(&s.with, o, NOW);
    ck_assert_int_eq(X509_pubkey_digest(s.ca.cert, EVP_sha1(), hash, &len), 1);
    const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(leaf);
    ck_assert_int_eq(ASN1_STRING_length(id), (int)len);
    ck_assert_mem_eq(ASN1_STRING_get0_data(id), hash, len);
    ck_assert_int_eq(leaf_verify(s.ca.cert, leaf, NULL, NOW),
                     X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER);
    X509_free(leaf);
    leaf_setting_fini(&s);
    leaf_order_free(o);
}
END_TEST

static const struct {
    struct origin_name names[4];
    const char *host;       /* that the leaf is good for */
    const char *other;      /* that it is not good for */
    const char *subject;    /* NULL: empty */
} rows[] = {
    {{DNS_NAME("www.example.com")}, "www.example.com", "example.com", "www.example.com"},
    {{DNS_NAME("*.example.com"), DNS_NAME("example.com")}, "a.example.com", "a.b.example.com",
     "*.example.com"},
    {{DNS_NAME("xn--bcher-kva.example")}, "xn--bcher-kva.example", "bcher.example",
     "xn--bcher-kva.example"},
    {{DNS_NAME("a_b.example.com")}, "a_b.example.com", "ab.example.com", "a_b.example.com"},
    {{IP_NAME("\x0a\x01\x02\x03")}, "10.1.2.3", "10.1.2.4", NULL},
    {{IP_NAME("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01")}, "2001:db8::1", "2001:db8::2", NULL},
    {{IP_NAME("\x0a\x01\x02\x03"), DNS_NAME("www.example.com")}, "10.1.2.3", "10.1.2.4",
     "www.example.com"},
    {{DNS_NAME("www.example.com\0.evil.example"), DNS_NAME("good.example")}, "good.example",
     "www.example.com", "good.example"},
    /* RFC 5280 appendix A.1: 64 characters and no more. */
    {{DNS_NAME(L63 ".a")}, L63 ".a", "a", NULL},
    {{DNS_NAME("1" L63 ".a"), DNS_NAME("abcdefghijklmnopqrstuvwxyz012345."
                                      "abcdefghijklmnopqrstuvwxyz01234")},
     "abcdefghijklmnopqrstuvwxyz012345.abcdefghijklmnopqrstuvwxyz01234", "a",
     "abcdefghijklmnopqrstuvwxyz012345.abcdefghijklmnopqrstuvwxyz01234"},
};

START_TEST(names_of_all_kinds)
{
    struct leaf_setting s;
    char text[128];
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t count = 0;
        while (count < ARRAY_LEN(rows[i].names) && rows[i].names[count].type != 0)
            count++;
        struct leaf_order *o = leaf_order_for(rows[i].names, count, rows[i].host, NOW);
        X509 *leaf = leaf_make_again(&s.with, o, NOW);
        const char *subject = leaf_subject(leaf, text, sizeof(text));
        check_parts(s.ca.cert, leaf, s.with.leaf_key);
        leaf_check_verified(s.ca.cert, leaf, rows[i].host, NOW);
        ck_assert_int_ne(leaf_verify(s.ca.cert, leaf, rows[i].other, NOW), X509_V_OK);
        ck_assert_int_eq(X509_NAME_entry_count(X509_get_subject_name(leaf)), subject != NULL);
        ck_assert_int_eq(leaf_is_san_critical(leaf), subject == NULL);
        if (rows[i].subject != NULL)
            ck_assert_pstr_eq(subject, rows[i].subject);
        else
            ck_assert_ptr_null(subject);
        X509_free(leaf);
        leaf_order_free(o);
    }
    leaf_setting_fini(&s);
}
END_TEST

START_TEST(many_names)
{
    static struct origin_name list[2000];
    static char text[ARRAY_LEN(list)][32];
    struct leaf_setting s;
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        snprintf(text[i], sizeof(text[i]), "host-%zu.example.com", i);
        list[i] = (struct origin_name){GEN_DNS, str_of(text[i])};
    }
    for (size_t count = 100; count <= ARRAY_LEN(list); count += 1900) {
        struct leaf_order *o = leaf_order_for(list, count, text[count - 1], NOW);
        X509 *leaf = leaf_make_again(&s.with, o, NOW);
        ck_assert_int_eq(leaf_count_names(leaf), count == 100 ? 100 : LEAF_NAMES_MAX);
        leaf_check_verified(s.ca.cert, leaf, text[count - 1], NOW);
        leaf_check_verified(s.ca.cert, leaf, text[0], NOW);
        X509_free(leaf);
        leaf_order_free(o);
    }
    leaf_setting_fini(&s);
}
END_TEST

/* One maker, one order after the other: nothing of the last is in the next. */
START_TEST(a_maker_makes_many)
{
    static const struct {
        const char *host, *second;
    } pages[] = {{"www.example.com", "other.example"}, {"10.1.2.3", ""}, {"a.example", ""}};
    struct leaf_setting s;
    struct err e;
    ASN1_INTEGER *last = NULL;
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
    struct leaf_maker *m = leaf_maker_new(&s.with, &e);
    ck_assert_ptr_nonnull(m);
    for (size_t i = 0; i < 60; i++) {
        const char *host = pages[i % 3].host;
        struct leaf_order *o = leaf_order_of_page(str_of(host), str_of(pages[i % 3].second), NOW);
        X509 *leaf = leaf_maker_make(m, leaf_bytes(o), NOW, &e);
        ck_assert_msg(leaf != NULL, "%s", e.text);
        leaf = leaf_reread(leaf);
        check_parts(s.ca.cert, leaf, s.with.leaf_key);
        leaf_check_verified(s.ca.cert, leaf, host, NOW);
        ck_assert_int_eq(leaf_count_names(leaf), i % 3 == 0 ? 2 : 1);
        ck_assert_int_eq(leaf_is_san_critical(leaf), i % 3 == 1);
        const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
        BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
        ck_assert_int_eq(BN_num_bits(number), 127);
        ck_assert(!BN_is_negative(number));
        ck_assert(last == NULL || ASN1_INTEGER_cmp(last, serial) != 0);
        BN_free(number);
        ASN1_INTEGER_free(last);
        last = ASN1_INTEGER_dup(serial);
        X509_free(leaf);
        leaf_order_free(o);
        ck_assert_ptr_null(leaf_maker_make(m, STR_LIT("no order"), NOW, &e));
        ck_assert_str_eq(e.text, "the order is malformed");
    }
    ASN1_INTEGER_free(last);
    leaf_maker_free(m);
    leaf_maker_free(NULL);
    leaf_setting_fini(&s);
}
END_TEST

/* A key that cannot sign, such as a token that was pulled out. */
START_TEST(a_key_that_does_not_sign)
{
    struct leaf_setting s;
    struct err e;
    leaf_setting_init(&s, CA_KEY_EC, NULL, NOW, 300);
    struct leaf_order *o = leaf_order_of_page(STR_LIT("a.example"), STR_LIT(""), NOW);
    X509 *again = leaf_reread(s.ca.cert); /* the other one remembers the whole key */
    EVP_PKEY *public_half = X509_get_pubkey(again);
    X509_free(again);
    s.with.ca_key = public_half;
    ck_assert_ptr_null(leaf_make(&s.with, leaf_bytes(o), NOW, &e));
    ck_assert_int_eq(strncmp(e.text, "cannot make a leaf", 18), 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    EVP_PKEY_free(public_half);
    leaf_order_free(o);
    leaf_setting_fini(&s);
}
END_TEST

Suite *leaf_suite(void);
Suite *leaf_suite(void)
{
    Suite *s = suite_create("leaf");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, keys_of_all_kinds);
    tcase_add_test(t, other_curves_sign_too);
    tcase_add_test(t, a_ca_without_identifier);
    tcase_add_test(t, names_of_all_kinds);
    tcase_add_test(t, many_names);
    tcase_add_test(t, a_maker_makes_many);
    tcase_add_test(t, a_key_that_does_not_sign);
    suite_add_tcase(s, t);
    return s;
}
