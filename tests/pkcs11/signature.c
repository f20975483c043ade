/* SPDX-License-Identifier: MIT */
/* signature.c - signatures that a token makes, with SHA-256 alone; see provider.h. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/pkcs11/token.h"

#define SIGNATURE_MAX 1024
#define CAST(function) ((void (*)(void))(function))

struct signing {
    struct provider *provider;
    const struct key *key;
    EVP_MD_CTX *digest;
};

static void *on_new(void *context, const char *properties)
{
    struct signing *s = OPENSSL_zalloc(sizeof(*s));
    (void)properties;
    if (s != NULL) {
        s->provider = context;
        s->digest = EVP_MD_CTX_new();
    }
    return s;
}

static void on_free(void *context)
{
    struct signing *s = context;
    if (s != NULL)
        EVP_MD_CTX_free(s->digest);
    OPENSSL_free(s);
}

static void *on_dup(void *context)
{
    const struct signing *s = context;
    struct signing *copy = on_new(s->provider, NULL);
    if (copy != NULL && EVP_MD_CTX_copy_ex(copy->digest, s->digest) == 1) {
        copy->key = s->key;
        return copy;
    }
    on_free(copy);
    return NULL;
}

static int on_init(void *context, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = context;
    (void)params;
    s->key = key;
    EVP_MD *sha256 = EVP_MD_fetch(s->provider->library, "SHA256", NULL);
    int result = sha256 != NULL && (digest == NULL || EVP_MD_is_a(sha256, digest)) &&
                 EVP_DigestInit_ex2(s->digest, sha256, NULL) == 1;
    if (!result)
        provider_raise(s->provider, REASON_DIGEST, 0);
    EVP_MD_free(sha256);
    return result;
}

static int on_update(void *context, const unsigned char *data, size_t len)
{
    struct signing *s = context;
    return EVP_DigestUpdate(s->digest, data, len);
}

/* The token gives r and s, of the same length; X.509 wants a SEQUENCE of both (RFC 3279
 * section 2.2.3). */
static bool encode(const unsigned char *both, size_t len, unsigned char *out, size_t *out_len,
                   size_t size)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(both, (int)(len / 2), NULL);
    BIGNUM *s = BN_bin2bn(both + len / 2, (int)(len / 2), NULL);
    int needed = -1;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL;
        needed = i2d_ECDSA_SIG(pair, NULL);
    }
    if (needed > 0 && (size_t)needed <= size)
        *out_len = (size_t)i2d_ECDSA_SIG(pair, &out);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return needed > 0 && (size_t)needed <= size;
}

static int on_final(void *context, unsigned char *out, size_t *len, size_t size)
{
    /* DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1), and its place behind it. */
    unsigned char input[19 + SHA256_DIGEST_LENGTH] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                      0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                      0x01, 0x05, 0x00, 0x04, 0x20};
    unsigned char *digest = input + sizeof(input) - SHA256_DIGEST_LENGTH;
    unsigned char made[SIGNATURE_MAX];
    size_t made_len = sizeof(made);
    struct signing *s = context;
    if (out == NULL) {
        *len = (size_t)EVP_PKEY_get_size(s->key->public);
        return 1;
    }
    if (EVP_DigestFinal_ex(s->digest, digest, NULL) != 1)
        return 0;
    if (!s->key->is_rsa)
        return key_sign(s->key, digest, SHA256_DIGEST_LENGTH, made, &made_len) &&
               encode(made, made_len, out, len, size);
    if (!key_sign(s->key, input, sizeof(input), made, &made_len) || made_len > size)
        return 0;
    memcpy(out, made, made_len);
    *len = made_len;
    return 1;
}

/* What X.509 writes beside the signature. */
static int on_get_params(void *context, OSSL_PARAM params[])
{
    const struct signing *s = context;
    OSSL_PARAM *wanted = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    X509_ALGOR *algorithm = wanted != NULL ? X509_ALGOR_new() : NULL;
    unsigned char *der = NULL;
    int result = wanted == NULL;
    if (algorithm != NULL &&
        X509_ALGOR_set0(algorithm,
                        OBJ_nid2obj(s->key->is_rsa ? NID_sha256WithRSAEncryption
                                                   : NID_ecdsa_with_SHA256),
                        s->key->is_rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL) == 1) {
        int len = i2d_X509_ALGOR(algorithm, &der);
        result = len > 0 && OSSL_PARAM_set_octet_string(wanted, der, (size_t)len);
    }
    OPENSSL_free(der);
    X509_ALGOR_free(algorithm);
    return result;
}

static const OSSL_PARAM *on_gettable_params(void *context, void *provider)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)context;
    (void)provider;
    return params;
}

#define ALL                                                                                        \
    {OSSL_FUNC_SIGNATURE_NEWCTX, CAST(on_new)}, {OSSL_FUNC_SIGNATURE_FREECTX, CAST(on_free)},      \
    {OSSL_FUNC_SIGNATURE_DUPCTX, CAST(on_dup)},                                                    \
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, CAST(on_init)},                                         \
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, CAST(on_update)},                                     \
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, CAST(on_final)},                                       \
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, CAST(on_get_params)},                                     \
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, CAST(on_gettable_params)}, {0, NULL}

const OSSL_DISPATCH signature_ec_functions[] = {ALL};
const OSSL_DISPATCH signature_rsa_functions[] = {ALL};
