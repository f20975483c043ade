/* SPDX-License-Identifier: MIT */
/* test_ca_check.c - each reason for which a certificate cannot be a CA. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certs/ca_check.h"
#include "util/attr.h"

#define NOW ((time_t)1764000000)
#define BASIC "critical,CA:TRUE"
#define USAGE "critical,keyCertSign,cRLSign"

/* What is minted; NULL leaves an extension out. */
struct spec {
    const char *what;
    const char *key; /* NULL: "P-256"; a curve, "rsa1024", "rsa2048", "ed25519" */
    const char *basic, *usage, *extended;
    bool has_no_identifier;
    int days_from, days_to; /* 0 and 0: -1 to 1 */
    const EVP_MD *(*digest)(void);
    bool is_issued; /* by another */
    const char *fault, *warning; /* NULL: none */
};

static const struct spec specs[] = {
    {.what = "fine", .basic = BASIC, .usage = USAGE},
    {.what = "fine RSA", .key = "rsa2048", .basic = BASIC, .usage = USAGE},
    {.what = "fine P-384", .key = "P-384", .basic = BASIC, .usage = USAGE},
    {.what = "fine P-521", .key = "P-521", .basic = BASIC, .usage = USAGE},
    {.what = "fine issued", .basic = BASIC, .usage = USAGE, .is_issued = true},
    {.what = "for servers", .basic = BASIC, .usage = USAGE, .extended = "clientAuth,serverAuth"},
    {.what = "for all", .basic = BASIC, .usage = USAGE, .extended = "anyExtendedKeyUsage"},
    {.what = "for clients", .basic = BASIC, .usage = USAGE, .extended = "clientAuth",
     .fault = "leaves out serverAuth"},
    {.what = "no basic", .usage = USAGE, .fault = "no CA"},
    {.what = "leaf", .basic = "critical,CA:FALSE", .usage = "digitalSignature", .fault = "no CA"},
    {.what = "not critical", .basic = "CA:TRUE", .usage = USAGE, .warning = "not critical"},
    {.what = "no usage", .basic = BASIC, .warning = "no keyUsage"},
    {.what = "no signing", .basic = BASIC, .usage = "critical,cRLSign,digitalSignature",
     .fault = "does not let it sign"},
    {.what = "no identifier", .basic = BASIC, .usage = USAGE, .has_no_identifier = true,
     .warning = "no subjectKeyIdentifier"},
    {.what = "expired", .basic = BASIC, .usage = USAGE, .days_from = -9, .days_to = -1,
     .fault = "it expired at 2025-11-23T16:00:00Z"},
    {.what = "early", .basic = BASIC, .usage = USAGE, .days_from = 1, .days_to = 9,
     .fault = "not valid before 2025-11-25T16:00:00Z"},
    {.what = "short RSA", .key = "rsa1024", .basic = BASIC, .usage = USAGE, .fault = "1024 bits"},
    {.what = "curve", .key = "secp256k1", .basic = BASIC, .usage = USAGE,
     .fault = "on a curve other than"},
    {.what = "small curve", .key = "P-224", .basic = BASIC, .usage = USAGE,
     .fault = "on a curve other than"},
    {.what = "Ed25519", .key = "ed25519", .basic = BASIC, .usage = USAGE,
     .fault = "neither RSA nor EC"},
    {.what = "SHA-1 of itself", .basic = BASIC, .usage = USAGE, .digest = EVP_sha1},
    {.what = "SHA-1", .basic = BASIC, .usage = USAGE, .digest = EVP_sha1, .is_issued = true,
     .fault = "signed with SHA1"},
};

static EVP_PKEY *make_key(const char *type)
{
    EVP_PKEY *key;
    if (type != NULL && strncmp(type, "rsa", 3) == 0)
        key = EVP_RSA_gen((unsigned)strtoul(type + 3, NULL, 10));
    else if (type != NULL && strcmp(type, "ed25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key = EVP_EC_gen(type != NULL ? type : "P-256");
    ck_assert_ptr_nonnull(key);
    return key;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    if (value == NULL)
        return;
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *one = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
    ck_assert_ptr_nonnull(one);
    ck_assert_int_eq(X509_add_ext(cert, one, -1), 1);
    X509_EXTENSION_free(one);
}

static void set_name(X509_NAME *name, const char *text)
{
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)text, -1, -1, 0), 1);
}

static X509 *mint(const struct spec *s, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    EVP_PKEY *other = s->is_issued ? make_key(NULL) : NULL;
    bool is_default = s->days_from == 0 && s->days_to == 0;
    time_t now = NOW;
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    set_name(X509_get_subject_name(cert), "ca");
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    if (s->is_issued)
        set_name(X509_get_issuer_name(cert), "root");
    X509_time_adj_ex(X509_getm_notBefore(cert), is_default ? -1 : s->days_from, 0, &now);
    X509_time_adj_ex(X509_getm_notAfter(cert), is_default ? 1 : s->days_to, 0, &now);
    X509_set_pubkey(cert, key);
    add_extension(cert, NID_basic_constraints, s->basic);
    add_extension(cert, NID_key_usage, s->usage);
    add_extension(cert, NID_ext_key_usage, s->extended);
    if (!s->has_no_identifier)
        add_extension(cert, NID_subject_key_identifier, "hash");
    bool is_plain = s->key != NULL && strcmp(s->key, "ed25519") == 0;
    const EVP_MD *digest = is_plain ? NULL : s->digest != NULL ? s->digest() : EVP_sha256();
    ck_assert_int_gt(X509_sign(cert, other != NULL ? other : key, digest), 0);
    EVP_PKEY_free(other);
    return cert;
}

/* The one entry of that kind says so, or there is none of it. */
static void check_found(const struct errlist *list, bool is_warning, const char *want,
                        const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].is_warning != is_warning)
            continue;
        count++;
        ck_assert_msg(want != NULL && strstr(list->items[i].text, want) != NULL, "%s: %s", what,
                      list->items[i].text);
        ck_assert_str_eq(list->items[i].file, "ca.pem");
    }
    ck_assert_msg(count == (want != NULL), "%s: %zu entries", what, count);
}

START_TEST(each_fault_is_told)
{
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct errlist found;
        EVP_PKEY *key = make_key(specs[i].key);
        X509 *cert = mint(&specs[i], key);
        errlist_init(&found);
        ca_check_certificate(cert, NOW, &(struct place){"ca.pem", 0}, &found);
        check_found(&found, false, specs[i].fault, specs[i].what);
        check_found(&found, true, specs[i].warning, specs[i].what);
        errlist_fini(&found);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(a_key_belongs_to_one_certificate)
{
    EVP_PKEY *key = make_key(NULL), *other = make_key(NULL), *rsa = make_key("rsa2048");
    X509 *cert = mint(&specs[0], key);
    ck_assert(ca_check_has_key(cert, key));
    ck_assert(!ca_check_has_key(cert, other));
    ck_assert(!ca_check_has_key(cert, rsa));
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
}
END_TEST

static void check_refused(X509 *cert, EVP_PKEY *key, const char *want)
{
    struct err e = {0};
    ck_assert_int_eq(ca_check_try_key(cert, key, &(struct place){"ca.key", 0}, &e), -1);
    ck_assert_msg(strstr(e.text, want) != NULL, "%s", e.text);
    ck_assert_str_eq(e.file, "ca.key");
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    long len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *half = d2i_PUBKEY(NULL, &at, len);
    ck_assert_ptr_nonnull(half);
    OPENSSL_free(der);
    return half;
}

START_TEST(a_key_is_tried)
{
    static const char *const types[] = {"P-256", "P-384", "rsa2048"};
    EVP_PKEY *other = make_key(NULL);
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        EVP_PKEY *key = make_key(types[i]), *half = public_half(key);
        X509 *cert = mint(&specs[0], key);
        ck_assert_msg(ca_check_try_key(cert, key, NULL, &e) == 0, "%s: %s", types[i], e.text);
        check_refused(cert, other, "not the key of the CA's certificate");
        check_refused(cert, half, "makes no signature");
        X509_free(cert);
        EVP_PKEY_free(key);
        EVP_PKEY_free(half);
    }
    EVP_PKEY_free(other);
}
END_TEST

Suite *ca_check_suite(void);
Suite *ca_check_suite(void)
{
    Suite *s = suite_create("ca_check");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, each_fault_is_told);
    tcase_add_test(t, a_key_belongs_to_one_certificate);
    tcase_add_test(t, a_key_is_tried);
    suite_add_tcase(s, t);
    return s;
}
