/* SPDX-License-Identifier: MIT */
/* key.c - private keys in tokens; see key.h. */
#include "certs/key.h"

#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "certs/fault.h"
#include "util/str.h"

#define SCHEME "pkcs11:"

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

/* Whether no provider has a store for the scheme. */
static bool is_unknown_scheme(void)
{
    unsigned long code;
    bool is_found = false;
    while ((code = ERR_get_error()) != 0)
        if (ERR_GET_LIB(code) == ERR_LIB_OSSL_STORE &&
            (ERR_GET_REASON(code) == OSSL_STORE_R_UNREGISTERED_SCHEME ||
             ERR_GET_REASON(code) == ERR_R_UNSUPPORTED))
            is_found = true;
    return is_found;
}

EVP_PKEY *key_load_uri(const char *uri, struct err *e)
{
    static const struct place at = {SCHEME "...", 0};
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex(uri, NULL, NULL, UI_null(), NULL, NULL, NULL, NULL);
    if (store == NULL && is_unknown_scheme()) {
        err_set(e, &at, "no provider of OpenSSL for PKCS#11 is active; install one and name it "
                        "in openssl.cnf");
        return NULL;
    }
    EVP_PKEY *key = store != NULL ? find_key(store) : NULL;
    OSSL_STORE_close(store);
    if (key == NULL)
        fault_set(e, &at, "the token gives no private key for this URI");
    ERR_clear_error();
    return key;
}
