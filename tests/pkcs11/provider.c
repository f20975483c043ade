/* SPDX-License-Identifier: MIT */
/* provider.c - what OpenSSL loads; see provider.h. */
#include "tests/pkcs11/provider.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdarg.h>

#define PROPERTIES "provider=pkcs11"
#define CAST(function) ((void (*)(void))(function))

static void set_error(const struct provider *p, uint32_t reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    p->new_error(p->core);
    p->set_error(p->core, reason, format, args);
    va_end(args);
}

void provider_raise(const struct provider *p, enum reason reason, unsigned long code)
{
    set_error(p, reason, "0x%lx", code);
}

static const OSSL_ITEM *on_reasons(void *context)
{
    static const OSSL_ITEM reasons[] = {
        {REASON_MODULE, (void *)"the PKCS#11 module cannot be loaded"},
        {REASON_URI, (void *)"the URI is malformed"},
        {REASON_PIN_SOURCE, (void *)"the file of the PIN cannot be read"},
        {REASON_TOKEN, (void *)"there is no such token"},
        {REASON_LOGIN, (void *)"the token refuses the PIN"},
        {REASON_OBJECT, (void *)"the object cannot be read"},
        {REASON_DIGEST, (void *)"the digest is not SHA-256"},
        {REASON_SIGN, (void *)"the token does not sign"},
        {0, NULL},
    };
    (void)context;
    return reasons;
}

static const OSSL_ALGORITHM *on_query(void *context, int operation, int *is_volatile)
{
    static const OSSL_ALGORITHM stores[] = {
        {"pkcs11", PROPERTIES, store_functions, "keys in a token"}, {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM keys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, keymgmt_ec_functions, "EC"},
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, keymgmt_rsa_functions, "RSA"},
        {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM signatures[] = {
        {"ECDSA", PROPERTIES, signature_ec_functions, "by a token"},
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature_rsa_functions,
         "by a token"},
        {NULL, NULL, NULL, NULL}};
    (void)context;
    *is_volatile = 0;
    switch (operation) {
    case OSSL_OP_STORE:
        return stores;
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_SIGNATURE:
        return signatures;
    default:
        return NULL;
    }
}

static void on_teardown(void *context)
{
    struct provider *p = context;
    OSSL_LIB_CTX_free(p->library);
    OPENSSL_free(p);
}

static void take_core(struct provider *p, const OSSL_DISPATCH *core)
{
    OSSL_PARAM wanted[] = {
        OSSL_PARAM_utf8_ptr("pkcs11-module-path", &p->path, 0),
        OSSL_PARAM_END,
    };
    wanted[0].data = (void *)&p->path;
    for (; core->function_id != 0; core++)
        switch (core->function_id) {
        case OSSL_FUNC_CORE_NEW_ERROR:
            p->new_error = OSSL_FUNC_core_new_error(core);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            p->set_error = OSSL_FUNC_core_vset_error(core);
            break;
        case OSSL_FUNC_CORE_GET_PARAMS:
            (void)OSSL_FUNC_core_get_params(core)(p->core, wanted);
            break;
        default:
            break;
        }
}

__attribute__((visibility("default"))) int OSSL_provider_init(const OSSL_CORE_HANDLE *handle,
                                                              const OSSL_DISPATCH *core,
                                                              const OSSL_DISPATCH **ours,
                                                              void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, CAST(on_query)},
        {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, CAST(on_reasons)},
        {OSSL_FUNC_PROVIDER_TEARDOWN, CAST(on_teardown)},
        {0, NULL},
    };
    struct provider *p = OPENSSL_zalloc(sizeof(*p));
    if (p == NULL)
        return 0;
    p->core = handle;
    p->library = OSSL_LIB_CTX_new();
    take_core(p, core);
    if (p->library == NULL || p->path == NULL || p->new_error == NULL || p->set_error == NULL) {
        on_teardown(p);
        return 0;
    }
    *ours = functions;
    *context = p;
    return 1;
}
