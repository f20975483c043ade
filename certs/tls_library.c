/* SPDX-License-Identifier: MIT */
/* tls_library.c - OpenSSL with the kinds of keys that TLS has use for; see tls_library.h. */
#include "certs/tls_library.h"

#include <limits.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define PROVIDER "tls"
#define LIST_MAX 16

/* HMAC is a kind of key too: for records of TLS 1.2 in CBC mode. */
static const char *const KEYS[] = {"RSA", "RSA-PSS", "EC", "X25519", "ED25519", "HMAC"};

/* A provider's functions are called without anything of ours at hand. */
struct library {
    pthread_once_t once;
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *whole; /* OpenSSL's default one */
    OSSL_ALGORITHM keys[LIST_MAX], decoders[LIST_MAX]; /* each ends with zeros */
};

static struct library state = {.once = PTHREAD_ONCE_INIT}; /* global: see above; set once */

/* names: "EC:id-ecPublicKey:1.2.840.10045.2.1", or the first of them alone. */
static bool is_wanted(const char *names)
{
    size_t len = strcspn(names, ":");
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        if (strlen(KEYS[i]) == len && strncmp(names, KEYS[i], len) == 0)
            return true;
    return false;
}

/* A certificate has its key as SubjectPublicKeyInfo, and nothing else is read here. */
static bool is_of_certificates(const OSSL_ALGORITHM *decoder)
{
    const char *properties = decoder->property_definition;
    return strstr(properties, "input=der") != NULL &&
           strstr(properties, "structure=SubjectPublicKeyInfo") != NULL;
}

static void fill(OSSL_ALGORITHM *out, int operation)
{
    int is_volatile = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *all =
        OSSL_PROVIDER_query_operation(state.whole, operation, &is_volatile);
    for (; all != NULL && all->algorithm_names != NULL && count + 1 < LIST_MAX; all++)
        if (is_wanted(all->algorithm_names) &&
            (operation != OSSL_OP_DECODER || is_of_certificates(all)))
            out[count++] = *all;
}

static const OSSL_ALGORITHM *on_query(void *provider, int operation, int *is_volatile)
{
    (void)provider;
    if (operation != OSSL_OP_KEYMGMT && operation != OSSL_OP_DECODER)
        return OSSL_PROVIDER_query_operation(state.whole, operation, is_volatile);
    *is_volatile = 0;
    return operation == OSSL_OP_KEYMGMT ? state.keys : state.decoders;
}

/* The groups of TLS, for one. */
static int on_capabilities(void *provider, const char *capability, OSSL_CALLBACK *callback,
                           void *arg)
{
    (void)provider;
    return OSSL_PROVIDER_get_capabilities(state.whole, capability, callback, arg);
}

static void on_teardown(void *provider)
{
    (void)provider;
}

static int on_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                   const OSSL_DISPATCH **ours, void **provider)
{
    static const OSSL_DISPATCH FUNCTIONS[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))on_capabilities},
        {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))on_teardown},
        {0, NULL},
    };
    (void)handle;
    (void)core;
    *ours = FUNCTIONS;
    /* The algorithms that are passed on find themselves at home. */
    *provider = OSSL_PROVIDER_get0_provider_ctx(state.whole);
    return 1;
}

static void make(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    state.whole = OSSL_PROVIDER_load(NULL, "default");
    if (library != NULL && state.whole != NULL) {
        fill(state.keys, OSSL_OP_KEYMGMT);
        fill(state.decoders, OSSL_OP_DECODER);
        if (OSSL_PROVIDER_add_builtin(library, PROVIDER, on_init) == 1 &&
            OSSL_PROVIDER_load(library, PROVIDER) != NULL) {
            state.context = library;
            library = NULL;
        }
    }
    OSSL_LIB_CTX_free(library);
    ERR_clear_error();
}

OSSL_LIB_CTX *tls_library(void)
{
    (void)pthread_once(&state.once, make);
    return state.context;
}

X509 *tls_library_read(const unsigned char *der, size_t len)
{
    X509 *cert = len <= LONG_MAX ? X509_new_ex(tls_library(), NULL) : NULL;
    const unsigned char *at = der;
    if (cert == NULL || d2i_X509(&cert, &at, (long)len) == NULL || at != der + len) {
        X509_free(cert);
        ERR_clear_error();
        return NULL;
    }
    return cert;
}
