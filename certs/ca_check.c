/* SPDX-License-Identifier: MIT */
/* ca_check.c - whether a certificate can be the CA of inspection; see ca_check.h. */
#include "certs/ca_check.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs/facts.h"
#include "certs/fault.h"
#include "util/attr.h"
#include "util/str.h"

#define RSA_MIN_BITS 2048
#define SECONDS_PER_DAY 86400
#define PROBE "Sallyport tries the key of its CA"

/* The curves that browsers take in certificates. */
static bool is_known_curve(const EVP_PKEY *key)
{
    static const char *const known[] = {"prime256v1", "P-256", "secp384r1",
                                        "P-384",      "secp521r1", "P-521"};
    char name[64];
    if (!EVP_PKEY_get_group_name(key, name, sizeof(name), NULL))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(str_of(name), str_of(known[i])))
            return true;
    return false;
}

static void check_key(X509 *cert, const struct place *at, struct errlist *faults)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    if (key == NULL)
        errlist_add(faults, at, "its public key cannot be read");
    else if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_MIN_BITS)
        errlist_add(faults, at, "its RSA key has %d bits; clients want %d or more",
                    EVP_PKEY_get_bits(key), RSA_MIN_BITS);
    else if (EVP_PKEY_is_a(key, "EC") && !is_known_curve(key))
        errlist_add(faults, at, "its EC key is on a curve other than P-256, P-384 and P-521");
    else if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC"))
        errlist_add(faults, at, "its key is neither RSA nor EC, which is all that clients know");
}

/* A root is trusted as it is: nobody looks at its own signature. */
static void check_signature(X509 *cert, const struct place *at, struct errlist *faults)
{
    int digest;
    if ((X509_get_extension_flags(cert) & EXFLAG_SS) != 0)
        return;
    if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) &&
        (digest == NID_sha1 || digest == NID_md5))
        errlist_add(faults, at, "it is signed with %s, which clients refuse", OBJ_nid2sn(digest));
}

static void check_dates(X509 *cert, time_t now, const struct place *at, struct errlist *faults)
{
    char text[FACTS_TIME_SIZE];
    if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0)
        errlist_add(faults, at, "it is not valid before %s",
                    facts_format_time(X509_get0_notBefore(cert), text));
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
        errlist_add(faults, at, "it expired at %s",
                    facts_format_time(X509_get0_notAfter(cert), text));
}

static void check_usage(X509 *cert, const struct place *at, struct errlist *faults)
{
    uint32_t usage = X509_get_key_usage(cert);
    uint32_t extended = X509_get_extended_key_usage(cert);
    if ((usage & KU_KEY_CERT_SIGN) == 0)
        errlist_add(faults, at, "its keyUsage does not let it sign certificates");
    if ((extended & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0)
        errlist_add(faults, at, "its extendedKeyUsage leaves out serverAuth");
    if (usage == UINT32_MAX)
        errlist_warn(faults, at, "it has no keyUsage; strict clients refuse it");
}

/* What -x509_strict asks of a CA besides. */
static void warn_of_form(X509 *cert, const struct place *at, struct errlist *faults)
{
    int i = X509_get_ext_by_NID(cert, NID_basic_constraints, -1);
    if (i >= 0 && !X509_EXTENSION_get_critical(X509_get_ext(cert, i)))
        errlist_warn(faults, at, "its basicConstraints are not critical; strict clients refuse it");
    if (X509_get0_subject_key_id(cert) == NULL)
        errlist_warn(faults, at, "it has no subjectKeyIdentifier; strict clients refuse it");
}

void ca_check_certificate(X509 *cert, time_t now, const struct place *at, struct errlist *faults)
{
    uint32_t flags = X509_get_extension_flags(cert);
    if ((flags & EXFLAG_INVALID) != 0)
        errlist_add(faults, at, "it has an extension that is malformed");
    if ((flags & EXFLAG_CA) == 0) {
        errlist_add(faults, at, "it is no CA: its basicConstraints do not say CA:TRUE");
    } else {
        check_usage(cert, at, faults);
        warn_of_form(cert, at, faults);
    }
    check_dates(cert, now, at, faults);
    check_key(cert, at, faults);
    check_signature(cert, at, faults);
    ERR_clear_error();
}

void ca_check_end(X509 *cert, time_t now, const struct place *at, struct errlist *faults)
{
    time_t left = facts_time(X509_get0_notAfter(cert)) - now;
    if (left >= 0 && left < (time_t)CA_CHECK_DAYS_TO_ROTATE * SECONDS_PER_DAY)
        errlist_warn(faults, at, "it expires in %ld days; 'sallyport ca rotate' changes over to a "
                     "new one", (long)(left / SECONDS_PER_DAY));
}

bool ca_check_has_key(X509 *cert, EVP_PKEY *key)
{
    const EVP_PKEY *of_cert = X509_get0_pubkey(cert);
    bool is_same = of_cert != NULL && EVP_PKEY_eq(of_cert, key) == 1;
    ERR_clear_error();
    return is_same;
}

/* The signature of the probe, for OPENSSL_free; NULL: the key makes none. */
static unsigned char *sign_probe(EVP_PKEY *key, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char *out = NULL;
    bool is_signed = false;
    if (context != NULL &&
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestSign(context, NULL, len, (const unsigned char *)PROBE, sizeof(PROBE)) == 1 &&
        (out = OPENSSL_malloc(*len)) != NULL)
        is_signed = EVP_DigestSign(context, out, len, (const unsigned char *)PROBE,
                                   sizeof(PROBE)) == 1;
    EVP_MD_CTX_free(context);
    if (is_signed)
        return out;
    OPENSSL_free(out);
    return NULL;
}

static bool verify_probe(X509 *cert, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *key = X509_get0_pubkey(cert);
    bool result =
        context != NULL && key != NULL &&
        EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestVerify(context, signature, len, (const unsigned char *)PROBE, sizeof(PROBE)) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return result;
}

int ca_check_try_key(X509 *cert, EVP_PKEY *key, const struct place *at, struct err *e)
{
    size_t len = 0;
    unsigned char *signature = sign_probe(key, &len);
    if (signature == NULL)
        return fault_set(e, at, "the key makes no signature");
    bool is_its = verify_probe(cert, signature, len);
    OPENSSL_free(signature);
    return is_its ? 0 : err_set(e, at, "this is not the key of the CA's certificate");
}
