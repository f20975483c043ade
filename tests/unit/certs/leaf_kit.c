/* SPDX-License-Identifier: MIT */
/* leaf_kit.c - origins, CAs and judges for the tests of leaves; see leaf_kit.h. */
#include "tests/unit/certs/leaf_kit.h"

#include <check.h>
#include <openssl/x509_vfy.h>

static GENERAL_NAME *make_name(const struct origin_name *from)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = from->type == GEN_IPADD ? (ASN1_STRING *)ASN1_OCTET_STRING_new()
                                                 : ASN1_IA5STRING_new();
    ck_assert_int_eq(ASN1_STRING_set(value, from->value.ptr, (int)from->value.len), 1);
    GENERAL_NAME_set0_value(name, from->type, value);
    return name;
}

X509 *leaf_origin_make(const struct origin_name *names, size_t count, time_t from, time_t to)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    X509_set_version(cert, X509_VERSION_3);
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notBefore(cert), from));
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notAfter(cert), to));
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"common.example", -1, -1,
                                                0), 1);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_gt(sk_GENERAL_NAME_push(list, make_name(&names[i])), 0);
    if (count > 0)
        ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0), 1);
    GENERAL_NAMES_free(list);
    return cert;
}

struct str leaf_bytes(const struct leaf_order *o)
{
    return (struct str){(const char *)o->bytes, o->len};
}

void leaf_setting_init(struct leaf_setting *s, enum ca_key_type type, const NAME_CONSTRAINTS *set,
                       time_t now, unsigned days)
{
    struct err e;
    struct ca_request request = {.name = STR_LIT("Test CA"), .organization = STR_LIT("Example"),
                                 .key_type = type, .days = days, .constraints = set, .now = now};
    ck_assert_msg(ca_make(&s->ca, &request, &e) == 0, "%s", e.text);
    s->with = (struct leaf_signer){s->ca.cert, s->ca.key, EVP_EC_gen("P-256"), NULL};
    s->with.constraints = X509_get_ext_d2i(s->ca.cert, NID_name_constraints, NULL, NULL);
}

void leaf_setting_fini(struct leaf_setting *s)
{
    NAME_CONSTRAINTS_free(s->with.constraints);
    EVP_PKEY_free(s->with.leaf_key);
    ca_fini(&s->ca);
}

struct leaf_order *leaf_order_for(const struct origin_name *names, size_t count, const char *host,
                                  time_t now)
{
    X509 *origin = leaf_origin_make(names, count, now - 9 * LEAF_TEST_DAY,
                                    now + 3650 * LEAF_TEST_DAY);
    struct leaf_order *o = leaf_order_of_origin(origin, str_of(host), now);
    X509_free(origin);
    ck_assert_ptr_nonnull(o);
    return o;
}

/* As it comes from the wire: what OpenSSL remembers of an object that it made is gone. */
X509 *leaf_reread(X509 *leaf)
{
    unsigned char *der = NULL;
    int len = i2d_X509(leaf, &der);
    const unsigned char *at = der;
    ck_assert_int_gt(len, 0);
    X509 *again = d2i_X509(NULL, &at, len);
    ck_assert_ptr_nonnull(again);
    ck_assert_ptr_eq(at, der + len);
    OPENSSL_free(der);
    return again;
}

X509 *leaf_make_again(const struct leaf_signer *with, const struct leaf_order *o, time_t now)
{
    struct err e;
    X509 *leaf = leaf_make(with, leaf_bytes(o), now, &e);
    ck_assert_msg(leaf != NULL, "%s", e.text);
    X509 *again = leaf_reread(leaf);
    X509_free(leaf);
    return again;
}

/* As a client of TLS does, and for a name or an address; NULL: for none. What it says. */
int leaf_verify(X509 *ca, X509 *leaf, const char *host, time_t now)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_time(param, now);
    X509_VERIFY_PARAM_set_auth_level(param, 2);
    X509_STORE_CTX_set_default(ctx, "ssl_server");
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (host != NULL && X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1)
        ck_assert_int_eq(X509_VERIFY_PARAM_set1_host(param, host, 0), 1);
    int result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return result;
}

void leaf_check_verified(X509 *ca, X509 *leaf, const char *host, time_t now)
{
    int result = leaf_verify(ca, leaf, host, now);
    ck_assert_msg(result == X509_V_OK, "%s: %s", host != NULL ? host : "any",
                  X509_verify_cert_error_string(result));
}

const char *leaf_subject(X509 *leaf, char *out, int size)
{
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, out, size);
    return len >= 0 ? out : NULL;
}

bool leaf_is_san_critical(X509 *leaf)
{
    int i = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
    ck_assert_int_ge(i, 0);
    ck_assert_int_eq(X509_get_ext_by_NID(leaf, NID_subject_alt_name, i), -1);
    return X509_EXTENSION_get_critical(X509_get_ext(leaf, i));
}

int leaf_count_names(X509 *leaf)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int count = sk_GENERAL_NAME_num(names);
    GENERAL_NAMES_free(names);
    return count;
}
