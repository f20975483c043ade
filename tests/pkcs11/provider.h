/* SPDX-License-Identifier: MIT */
/*
 * provider.h - an OpenSSL provider for keys in a PKCS#11 token, for tests.
 *
 * A store for "pkcs11:" URIs (RFC 7512) gives keys by reference: what is outside the token is
 * a handle and the public half. The section of the configuration needs `pkcs11-module-path`.
 * Private keys are never exported, and keys cannot be imported or compared: what a provider
 * need not have, this one has not.
 *
 * Threads: one.
 */
#ifndef PKCS11_PROVIDER_H
#define PKCS11_PROVIDER_H

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <stddef.h>

/* What went wrong, for OpenSSL's queue of errors. */
enum reason {
    REASON_NONE, /* 0 is no reason for OpenSSL */
    REASON_MODULE,
    REASON_URI,
    REASON_PIN_SOURCE,
    REASON_TOKEN,
    REASON_LOGIN,
    REASON_OBJECT,
    REASON_DIGEST,
    REASON_SIGN,
};

struct provider {
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_vset_error_fn *set_error;
    OSSL_LIB_CTX *library; /* with OpenSSL's own provider alone: public halves, digests */
    const char *path;      /* of the PKCS#11 module */
    void *module;          /* NULL: not loaded */
    size_t tokens;         /* open ones; without any the module is not loaded */
};

/* code: of PKCS#11. */
void provider_raise(const struct provider *p, enum reason reason, unsigned long code);

/* The tables of the other modules. */
extern const OSSL_DISPATCH store_functions[];
extern const OSSL_DISPATCH keymgmt_ec_functions[], keymgmt_rsa_functions[];
extern const OSSL_DISPATCH signature_ec_functions[], signature_rsa_functions[];

#endif
