/* SPDX-License-Identifier: MIT */
/* keymgmt.c - what OpenSSL may know of a key in a token: its public half; see provider.h. */
#include <openssl/core_names.h>

#include "tests/pkcs11/token.h"

#define CAST(function) ((void (*)(void))(function))

/* Takes the key that the store's load holds out. */
static void *on_load(const void *reference, size_t size)
{
    struct key **held = (struct key **)(uintptr_t)reference;
    if (size != sizeof(*held))
        return NULL;
    struct key *key = *held;
    *held = NULL;
    return key;
}

static void on_free(void *key)
{
    key_free(key);
}

static int on_has(const void *data, int selection)
{
    const struct key *key = data;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->is_private;
}

/* Whoever asks for more than the public half gets nothing, not even that. */
static int on_export(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct key *key = data;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    return EVP_PKEY_export(key->public, selection, callback, arg);
}

static const OSSL_PARAM *on_export_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 ? types : NULL;
}

static int on_get_params(void *data, OSSL_PARAM params[])
{
    const struct key *key = data;
    return EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *on_gettable_params(void *context)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)context;
    return params;
}

static const char *on_ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *on_rsa_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

#define COMMON                                                                                     \
    {OSSL_FUNC_KEYMGMT_LOAD, CAST(on_load)}, {OSSL_FUNC_KEYMGMT_FREE, CAST(on_free)},              \
    {OSSL_FUNC_KEYMGMT_HAS, CAST(on_has)}, {OSSL_FUNC_KEYMGMT_EXPORT, CAST(on_export)},            \
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, CAST(on_export_types)},                                       \
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, CAST(on_get_params)},                                           \
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, CAST(on_gettable_params)}

const OSSL_DISPATCH keymgmt_ec_functions[] = {
    COMMON,
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, CAST(on_ec_operation)},
    {0, NULL},
};

const OSSL_DISPATCH keymgmt_rsa_functions[] = {
    COMMON,
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, CAST(on_rsa_operation)},
    {0, NULL},
};
