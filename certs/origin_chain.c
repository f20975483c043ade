/* SPDX-License-Identifier: MIT */
/* origin_chain.c - verifies what an origin sent; see origin_chain.h. */
#include "certs/origin_chain.h"

#include <openssl/x509v3.h>
#include <stdbool.h>

static int fail(X509_STORE_CTX *ctx, int depth, int error)
{
    X509_STORE_CTX_set_error(ctx, error);
    X509_STORE_CTX_set_error_depth(ctx, depth);
    X509_STORE_CTX_set_current_cert(ctx, sk_X509_value(X509_STORE_CTX_get0_chain(ctx), depth));
    return 0;
}

/* The expected name or address as a subjectAltName; NULL without memory, or without one. */
static GENERAL_NAME *make_expected(X509_VERIFY_PARAM *param)
{
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = host == NULL ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
    GENERAL_NAME *name = NULL;
    if (host != NULL || address != NULL)
        name = a2i_GENERAL_NAME(NULL, NULL, NULL, host != NULL ? GEN_DNS : GEN_IPADD,
                                host != NULL ? host : address, 0);
    OPENSSL_free(address);
    return name;
}

/* A certificate that names nobody else, so that OpenSSL compares it with constraints. */
static X509 *make_stand_in(X509_VERIFY_PARAM *param)
{
    GENERAL_NAME *name = make_expected(param);
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    X509 *cert = X509_new();
    bool is_made = false;
    if (name != NULL && names != NULL && cert != NULL && sk_GENERAL_NAME_push(names, name) > 0) {
        name = NULL;
        is_made = X509_set_version(cert, X509_VERSION_3) == 1 &&
                  X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
    }
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    if (is_made) {
        X509_check_purpose(cert, -1, 0); /* makes OpenSSL read the extension */
        return cert;
    }
    X509_free(cert);
    return NULL;
}

/* What the constraints of one certificate say of the expected name: X509_V_OK or an error. */
static int check_constraints(X509_STORE_CTX *ctx, NAME_CONSTRAINTS *constraints)
{
    X509 *stand_in = make_stand_in(X509_STORE_CTX_get0_param(ctx));
    int error = stand_in != NULL ? NAME_CONSTRAINTS_check(stand_in, constraints)
                                 : X509_V_ERR_OUT_OF_MEM;
    X509_free(stand_in);
    return error;
}

static int check_issuer(X509_STORE_CTX *ctx, int depth, bool is_anchor)
{
    X509 *cert = sk_X509_value(X509_STORE_CTX_get0_chain(ctx), depth);
    if (!is_anchor && X509_check_ca(cert) != 1) /* 1: by basicConstraints */
        return fail(ctx, depth, X509_V_ERR_INVALID_CA);
    NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL);
    if (constraints == NULL)
        return 1;
    int error = check_constraints(ctx, constraints);
    NAME_CONSTRAINTS_free(constraints);
    return error == X509_V_OK ? 1 : fail(ctx, depth, error);
}

/* With ECDHE and in TLS 1.3 the origin signs with its key, and does nothing else with it. */
static bool may_sign_handshakes(X509 *leaf)
{
    return (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0; /* all, where it has none */
}

static int verify_anew(X509_STORE_CTX *ctx)
{
    if (X509_verify_cert(ctx) != 1)
        return 0;
    if (!may_sign_handshakes(X509_STORE_CTX_get0_cert(ctx)))
        return fail(ctx, 0, X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE);
    int count = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
    for (int i = 1; i < count; i++)
        if (check_issuer(ctx, i, i == count - 1) != 1)
            return 0;
    return 1;
}

int origin_chain_verify(X509_STORE_CTX *ctx, struct chain_cache *cache)
{
    struct chain_key key;
    bool has_key = cache != NULL && chain_cache_key(cache, ctx, &key);
    if (has_key && chain_cache_find(cache, &key, ctx))
        return 1;
    if (verify_anew(ctx) != 1)
        return 0;
    if (has_key)
        chain_cache_keep(cache, &key, ctx);
    return 1;
}
