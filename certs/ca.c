/* SPDX-License-Identifier: MIT */
/* ca.c - makes a certificate authority; see ca.h. */
#include "certs/ca.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "certs/fault.h"
#include "util/attr.h"

#define RSA_BITS 3072
/* A provider for tokens may stand first in OpenSSL's configuration: the key is for a file. */
#define NOT_IN_TOKEN "?provider=default"
#define SERIAL_BITS 128
#define SECONDS_PER_DAY 86400

/* The bytes of the character that text begins with; 0 where it is none (RFC 3629). */
static size_t character_len(struct str text)
{
    unsigned long value;
    int len = text.len < 8 ? (int)text.len : 8;
    len = UTF8_getc((const unsigned char *)text.ptr, len, &value);
    bool is_control = len > 0 && (value < 0x20 || (value >= 0x7f && value < 0xa0));
    return len > 0 && !is_control ? (size_t)len : 0;
}

const char *ca_check_name(struct str text)
{
    size_t count = 0;
    if (text.len == 0)
        return "is empty";
    if (str_trim(text).len != text.len)
        return "begins or ends with a space";
    while (text.len > 0) {
        size_t len = character_len(text);
        if (len == 0)
            return "is not UTF-8 without control characters";
        text = (struct str){text.ptr + len, text.len - len};
        if (++count > CA_NAME_MAX)
            return "is longer than 64 characters";
    }
    return NULL;
}

static int set_serial(X509 *cert)
{
    BIGNUM *number = BN_new();
    int result = -1;
    /* The top bit is set: no serial is short, none is zero. */
    if (number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL)
        result = 0;
    BN_free(number);
    return result;
}

static int add_to_name(X509_NAME *name, int nid, struct str text)
{
    if (text.len == 0)
        return 0;
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text.ptr,
                                      (int)text.len, -1, 0) ? 0 : -1;
}

static int set_subject(X509 *cert, const struct ca_request *request)
{
    X509_NAME *name = X509_get_subject_name(cert);
    if (add_to_name(name, NID_organizationName, request->organization) < 0 ||
        add_to_name(name, NID_commonName, request->name) < 0)
        return -1;
    return X509_set_issuer_name(cert, name) ? 0 : -1;
}

static int set_dates(X509 *cert, const struct ca_request *request)
{
    time_t from = request->now - CA_BACKDATE_SECONDS;
    time_t to = request->now + (time_t)request->days * SECONDS_PER_DAY;
    return X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &from) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(cert), 0, 0, &to) != NULL ? 0 : -1;
}

/* The identifiers are of the public key, so they come after it. */
static int add_extensions(X509 *cert, const NAME_CONSTRAINTS *constraints)
{
    static const struct {
        int nid;
        const char *value;
    } rows[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    X509V3_CTX context;
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        X509_EXTENSION *one = X509V3_EXT_nconf_nid(NULL, &context, rows[i].nid, rows[i].value);
        int is_added = one != NULL && X509_add_ext(cert, one, -1);
        X509_EXTENSION_free(one);
        if (!is_added)
            return -1;
    }
    if (constraints == NULL)
        return 0;
    return X509_add1_ext_i2d(cert, NID_name_constraints, (void *)constraints, 1,
                             X509V3_ADD_DEFAULT) == 1 ? 0 : -1;
}

static int make(struct ca *ca, const struct ca_request *request)
{
    ca->key = request->key_type == CA_KEY_RSA
                  ? EVP_PKEY_Q_keygen(NULL, NOT_IN_TOKEN, "RSA", (size_t)RSA_BITS)
                  : EVP_PKEY_Q_keygen(NULL, NOT_IN_TOKEN, "EC", "P-256");
    ca->cert = X509_new();
    if (ca->key == NULL || ca->cert == NULL || !X509_set_version(ca->cert, X509_VERSION_3))
        return -1;
    if (set_serial(ca->cert) < 0 || set_subject(ca->cert, request) < 0 ||
        set_dates(ca->cert, request) < 0 || !X509_set_pubkey(ca->cert, ca->key) ||
        add_extensions(ca->cert, request->constraints) < 0)
        return -1;
    return X509_sign(ca->cert, ca->key, EVP_sha256()) > 0 ? 0 : -1;
}

int ca_make(struct ca *ca, const struct ca_request *request, struct err *e)
{
    *ca = (struct ca){NULL, NULL};
    if (make(ca, request) == 0)
        return 0;
    return fault_set(e, NULL, "cannot make a CA");
}

void ca_fini(struct ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key); /* cleanses it */
    *ca = (struct ca){NULL, NULL};
}
