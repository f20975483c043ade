/* SPDX-License-Identifier: MIT */
/* issuer.c - makes certificates and OCSP responses in memory; see issuer.h. */
#include "tests/unit/certs/issuer.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400L

static EVP_PKEY *make_key(const char *kind)
{
    if (kind != NULL && strncmp(kind, "rsa", 3) == 0)
        return EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
    return EVP_EC_gen(kind != NULL ? kind : "P-256");
}

static void add_extension(X509 *cert, X509 *by, int nid, const char *value)
{
    X509V3_CTX ctx;
    if (value == NULL || value[0] == '\0')
        return;
    X509V3_set_ctx(&ctx, by, cert, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, NULL);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ck_assert_msg(ext != NULL && X509_add_ext(cert, ext, -1) == 1, "%s", value);
    X509_EXTENSION_free(ext);
}

static void set_serial(X509 *cert)
{
    uint64_t serial;
    ck_assert_int_eq(RAND_bytes((unsigned char *)&serial, sizeof(serial)), 1);
    ck_assert_int_eq(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1), 1);
}

void issuer_make(struct issued *out, const struct issuer_spec *spec, const struct issued *by)
{
    bool has_days = spec->from_days != 0 || spec->to_days != 0;
    *out = (struct issued){X509_new(), make_key(spec->key)};
    ck_assert(out->cert != NULL && out->key != NULL);
    X509 *issuer = by != NULL ? by->cert : out->cert;
    X509_set_version(out->cert, X509_VERSION_3);
    set_serial(out->cert);
    X509_gmtime_adj(X509_getm_notBefore(out->cert), DAY_S * (has_days ? spec->from_days : -1));
    X509_gmtime_adj(X509_getm_notAfter(out->cert), DAY_S * (has_days ? spec->to_days : 30));
    if (spec->subject != NULL)
        X509_NAME_add_entry_by_NID(X509_get_subject_name(out->cert), NID_commonName, MBSTRING_UTF8,
                                   (const unsigned char *)spec->subject, -1, -1, 0);
    X509_set_issuer_name(out->cert, X509_get_subject_name(issuer));
    X509_set_pubkey(out->cert, out->key);
    add_extension(out->cert, issuer, NID_subject_key_identifier, "hash");
    add_extension(out->cert, issuer, NID_basic_constraints, spec->basic);
    add_extension(out->cert, issuer, NID_key_usage, spec->usage);
    add_extension(out->cert, issuer, NID_ext_key_usage, spec->extended);
    add_extension(out->cert, issuer, NID_subject_alt_name, spec->names);
    add_extension(out->cert, issuer, NID_name_constraints, spec->constraints);
    ck_assert_int_gt(X509_sign(out->cert, by != NULL ? by->key : out->key,
                               spec->digest != NULL ? spec->digest() : EVP_sha256()),
                     0);
}

void issuer_fini(struct issued *issued)
{
    X509_free(issued->cert);
    EVP_PKEY_free(issued->key);
    *issued = (struct issued){0};
}

unsigned char *issuer_make_staple(const struct issuer_staple *spec, size_t *len)
{
    ASN1_TIME *from = X509_gmtime_adj(NULL, DAY_S * spec->from_days);
    ASN1_TIME *to = spec->to_days != 0 ? X509_gmtime_adj(NULL, DAY_S * spec->to_days) : NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), spec->about, spec->issuer);
    bool is_revoked = spec->status == V_OCSP_CERTSTATUS_REVOKED;
    unsigned char *der = NULL;
    ck_assert(basic != NULL && id != NULL);
    ck_assert_ptr_nonnull(OCSP_basic_add1_status(basic, id, spec->status,
                                                 is_revoked ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
                                                 is_revoked ? from : NULL, from, to));
    if (spec->enclosed != NULL)
        ck_assert_int_eq(OCSP_basic_add1_cert(basic, spec->enclosed), 1);
    ck_assert_int_eq(OCSP_basic_sign(basic, spec->signer->cert, spec->signer->key, EVP_sha256(),
                                     NULL, OCSP_NOCERTS),
                     1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int size = i2d_OCSP_RESPONSE(response, &der);
    ck_assert_int_gt(size, 0);
    *len = (size_t)size;
    OCSP_RESPONSE_free(response);
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return der;
}
