/* SPDX-License-Identifier: MIT */
/*
 * certificates.c - makes the CA and its leaves, and shows them by the name that is asked for.
 */
#include "tests/bench/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_SIZE 16
#define DAY_S 86400L

struct certificates {
    X509 *ca;
    EVP_PKEY *ca_key;
    EVP_PKEY *leaf_key;
    void *leaves; /* a tree of struct leaf */
};

struct leaf {
    char *name;
    X509 *x509;
};

static int compare_leaves(const void *a, const void *b)
{
    const struct leaf *one = a;
    const struct leaf *other = b;

    return strcmp(one->name, other->name);
}

static void free_leaf(void *node)
{
    struct leaf *leaf = node;

    X509_free(leaf->x509);
    free(leaf->name);
    free(leaf);
}

static int set_serial(X509 *x509)
{
    unsigned char bytes[SERIAL_SIZE];
    BIGNUM *number = NULL;
    int rc = -1;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return -1;
    bytes[0] &= 0x7f;
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    if (number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL)
        rc = 0;
    BN_free(number);
    return rc;
}

static int set_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1,
                                      -1, 0) == 1
               ? 0
               : -1;
}

static int add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension = NULL;
    int rc = -1;

    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (extension != NULL && X509_add_ext(x509, extension, -1) == 1)
        rc = 0;
    X509_EXTENSION_free(extension);
    return rc;
}

/* All but the extensions and the signature; it has been valid since yesterday. */
static X509 *begin_certificate(const char *subject, EVP_PKEY *key, X509 *issuer, long days)
{
    X509 *x509 = X509_new();
    X509_NAME *issuer_name = NULL;

    if (x509 == NULL)
        return NULL;
    issuer_name = X509_get_subject_name(issuer != NULL ? issuer : x509);
    if (X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) == 0 &&
        set_name(X509_get_subject_name(x509), subject) == 0 &&
        X509_set_issuer_name(x509, issuer_name) == 1 && X509_set_pubkey(x509, key) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x509), -DAY_S) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(x509), days * DAY_S) != NULL)
        return x509;
    X509_free(x509);
    return NULL;
}

static X509 *make_ca(EVP_PKEY *key)
{
    X509 *x509 = begin_certificate(CERTIFICATES_CA_NAME, key, NULL, 60);

    if (x509 != NULL &&
        add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE") == 0 &&
        add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") == 0 &&
        add_extension(x509, x509, NID_subject_key_identifier, "hash") == 0 &&
        X509_sign(x509, key, EVP_sha256()) > 0)
        return x509;
    X509_free(x509);
    return NULL;
}

static X509 *make_leaf(const struct certificates *certificates, const char *name)
{
    X509 *ca = certificates->ca;
    X509 *x509 = begin_certificate("an origin of the bench", certificates->leaf_key, ca, 30);
    char names[300];
    int len = snprintf(names, sizeof(names), "DNS:%s", name);

    if (x509 != NULL && len > 0 && (size_t)len < sizeof(names) &&
        add_extension(x509, ca, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
        add_extension(x509, ca, NID_key_usage, "critical,digitalSignature") == 0 &&
        add_extension(x509, ca, NID_ext_key_usage, "serverAuth") == 0 &&
        add_extension(x509, ca, NID_subject_key_identifier, "hash") == 0 &&
        add_extension(x509, ca, NID_authority_key_identifier, "keyid") == 0 &&
        add_extension(x509, ca, NID_subject_alt_name, names) == 0 &&
        X509_sign(x509, certificates->ca_key, EVP_sha256()) > 0)
        return x509;
    X509_free(x509);
    return NULL;
}

struct certificates *certificates_new(void)
{
    struct certificates *certificates = calloc(1, sizeof(*certificates));

    if (certificates == NULL)
        return NULL;
    certificates->ca_key = EVP_EC_gen("P-256");
    certificates->leaf_key = EVP_EC_gen("P-256");
    if (certificates->ca_key != NULL && certificates->leaf_key != NULL)
        certificates->ca = make_ca(certificates->ca_key);
    if (certificates->ca != NULL)
        return certificates;
    certificates_free(certificates);
    return NULL;
}

void certificates_free(struct certificates *certificates)
{
    if (certificates == NULL)
        return;
    tdestroy(certificates->leaves, free_leaf);
    X509_free(certificates->ca);
    EVP_PKEY_free(certificates->ca_key);
    EVP_PKEY_free(certificates->leaf_key);
    free(certificates);
}

int certificates_write_ca(const struct certificates *certificates, const char *path)
{
    FILE *file = fopen(path, "w");
    int rc = -1;

    if (file == NULL)
        return -1;
    if (PEM_write_X509(file, certificates->ca) == 1)
        rc = 0;
    return fclose(file) == 0 ? rc : -1;
}

X509 *certificates_ca(const struct certificates *certificates)
{
    return certificates->ca;
}

EVP_PKEY *certificates_key(const struct certificates *certificates)
{
    return certificates->leaf_key;
}

X509 *certificates_leaf(struct certificates *certificates, const char *name)
{
    struct leaf *leaf = calloc(1, sizeof(*leaf));
    struct leaf **found = NULL;

    if (leaf == NULL)
        return NULL;
    leaf->name = strdup(name);
    if (leaf->name != NULL)
        found = tsearch(leaf, &certificates->leaves, compare_leaves);
    if (found == NULL || *found != leaf) {
        free_leaf(leaf);
        return found != NULL ? (*found)->x509 : NULL;
    }
    leaf->x509 = make_leaf(certificates, name);
    return leaf->x509;
}

/* Puts the leaf for the name in the hello into the connection. */
static int on_certificate(SSL *ssl, void *arg)
{
    struct certificates *certificates = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    X509 *leaf = name != NULL ? certificates_leaf(certificates, name) : NULL;

    return leaf != NULL && SSL_use_certificate(ssl, leaf) == 1 &&
           SSL_use_PrivateKey(ssl, certificates->leaf_key) == 1;
}

SSL_CTX *certificates_server(struct certificates *certificates)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_cert_cb(ctx, on_certificate, certificates);
    if (SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, CERTIFICATES_SUITE_13) == 1 &&
        SSL_CTX_set_cipher_list(ctx, CERTIFICATES_SUITES_12) == 1 &&
        SSL_CTX_set1_groups_list(ctx, CERTIFICATES_GROUPS) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}
