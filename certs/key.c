/* SPDX-License-Identifier: MIT */
/* key.c - private keys in tokens; see key.h. */
#include "certs/key.h"

#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "certs/fault.h"
#include "util/str.h"

#define SCHEME_NAME "pkcs11"
#define SCHEME SCHEME_NAME ":"

bool key_is_uri(const char *where)
{
    struct str text = str_of(where);
    return text.len >= sizeof(SCHEME) - 1 &&
           str_ieq((struct str){text.ptr, sizeof(SCHEME) - 1}, STR_LIT(SCHEME));
}

/* The first private key; others and certificates are passed over. */
static EVP_PKEY *find_key(OSSL_STORE_CTX *store)
{
    EVP_PKEY *key = NULL;
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
        if (info == NULL && OSSL_STORE_error(store))
            break;
    }
    return key;
}

/* Whether a provider has a store for the scheme. */
static bool has_store(void)
{
    OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(NULL, SCHEME_NAME, NULL);
    bool result = loader != NULL;
    OSSL_STORE_LOADER_free(loader);
    ERR_clear_error();
    return result;
}

/* OpenSSL's own errors would mislead: it looks for a file of that name first, and for stores
 * of the time before providers. */
static void set_fault(struct err *e, const struct place *at)
{
    const char *reason = fault_of_provider();
    err_set(e, at, "the token gives no private key for this URI%s%s", reason != NULL ? ": " : "",
            reason != NULL ? reason : "");
}

EVP_PKEY *key_load_uri(const char *uri, struct err *e)
{
    static const struct place at = {SCHEME "...", 0};
    if (!has_store()) {
        err_set(e, &at, "no provider of OpenSSL for PKCS#11 is active; install one and name it "
                        "in openssl.cnf");
        return NULL;
    }
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex(uri, NULL, NULL, UI_null(), NULL, NULL, NULL, NULL);
    EVP_PKEY *key = store != NULL ? find_key(store) : NULL;
    OSSL_STORE_close(store);
    if (key == NULL)
        set_fault(e, &at);
    ERR_clear_error();
    return key;
}
