/* SPDX-License-Identifier: MIT */
/* test_key.c - keys of a token: a provider of our own plays PKCS#11. */
#include <check.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <string.h>

#include "certs/key.h"
#include "util/attr.h"

#define WRONG_PIN 1

/* One slot; what the token was asked and what it holds. */
static struct {
    unsigned char der[256];
    size_t len;
    bool is_done;
    int passphrases; /* asked for and given */
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_vset_error_fn *set_error;
} token;

static void raise_error(uint32_t reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    token.new_error(token.core);
    token.set_error(token.core, reason, format, args);
    va_end(args);
}

static const OSSL_ITEM *on_reasons(void *provider)
{
    static const OSSL_ITEM reasons[] = {{WRONG_PIN, (void *)"the PIN is wrong"}, {0, NULL}};
    return reasons;
}

static void *on_open(void *provider, const char *uri)
{
    token.is_done = strstr(uri, "object=absent") != NULL;
    if (strstr(uri, "object=refused") == NULL)
        return &token;
    raise_error(WRONG_PIN, "%s", uri);
    return NULL;
}

static int on_load(void *context, OSSL_CALLBACK *on_object, void *object_arg,
                   OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    static int type = OSSL_OBJECT_PKEY;
    char pin[64];
    size_t pin_len = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
                                         (char[]){"PrivateKeyInfo"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, token.der, token.len),
        OSSL_PARAM_construct_end(),
    };
    token.is_done = true;
    if (ask(pin, sizeof(pin), &pin_len, NULL, ask_arg) && pin_len > 0)
        token.passphrases++;
    return on_object(params, object_arg);
}

static int on_eof(void *context)
{
    return token.is_done;
}

static int on_close(void *context)
{
    return 1;
}

static const OSSL_ALGORITHM *on_query(void *provider, int operation, int *no_cache)
{
    static const OSSL_DISPATCH store[] = {
        {OSSL_FUNC_STORE_OPEN, (void (*)(void))on_open},
        {OSSL_FUNC_STORE_LOAD, (void (*)(void))on_load},
        {OSSL_FUNC_STORE_EOF, (void (*)(void))on_eof},
        {OSSL_FUNC_STORE_CLOSE, (void (*)(void))on_close},
        {0, NULL},
    };
    static const OSSL_ALGORITHM stores[] = {{"pkcs11", "provider=token", store, "a token"},
                                            {NULL, NULL, NULL, NULL}};
    *no_cache = 0;
    return operation == OSSL_OP_STORE ? stores : NULL;
}

static int start_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                          const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query},
        {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))on_reasons},
        {0, NULL}};
    for (; in->function_id != 0; in++)
        if (in->function_id == OSSL_FUNC_CORE_NEW_ERROR)
            token.new_error = OSSL_FUNC_core_new_error(in);
        else if (in->function_id == OSSL_FUNC_CORE_VSET_ERROR)
            token.set_error = OSSL_FUNC_core_vset_error(in);
    token.core = handle;
    *out = functions;
    *context = &token;
    return 1;
}

/* A key in the token; the same is returned. */
static EVP_PKEY *fill_token(void)
{
    unsigned char *end = token.der;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    ck_assert_int_lt(i2d_PKCS8_PRIV_KEY_INFO(info, NULL), (int)sizeof(token.der));
    token.len = (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &end);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

START_TEST(uris_are_told_from_files)
{
    ck_assert(key_is_uri("pkcs11:token=x"));
    ck_assert(key_is_uri("PKCS11:token=x")); /* RFC 3986 section 3.1 */
    ck_assert(key_is_uri("pkcs11:"));
    ck_assert(!key_is_uri("pkcs11"));
    ck_assert(!key_is_uri("./pkcs11:x"));
    ck_assert(!key_is_uri("file:/x"));
    ck_assert(!key_is_uri(""));
}
END_TEST

START_TEST(without_a_provider)
{
    struct err e = {0};
    ck_assert_ptr_null(key_load_uri("pkcs11:token=x;object=ca?pin-value=4711", &e));
    ck_assert_msg(strstr(e.text, "no provider of OpenSSL for PKCS#11") != NULL, "%s", e.text);
    ck_assert_ptr_null(strstr(e.file, "4711"));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(the_key_of_a_token)
{
    struct err e = {0};
    OSSL_PROVIDER *usual = OSSL_PROVIDER_load(NULL, "default");
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "token", start_provider), 1);
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(NULL, "token");
    ck_assert_ptr_nonnull(provider);
    EVP_PKEY *key = fill_token();
    EVP_PKEY *found = key_load_uri("pkcs11:token=x;object=ca?pin-value=4711", &e);
    ck_assert_msg(found != NULL, "%s", e.text);
    ck_assert_int_eq(EVP_PKEY_eq(found, key), 1);
    ck_assert_int_eq(token.passphrases, 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    EVP_PKEY_free(found);
    /* What the provider says goes on; what OpenSSL says of files and old stores does not. */
    static const char *const absent[][2] = {
        {"pkcs11:object=absent?pin-value=4711", "the token gives no private key for this URI"},
        {"pkcs11:object=refused?pin-value=4711",
         "the token gives no private key for this URI: the PIN is wrong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        ck_assert_ptr_null(key_load_uri(absent[i][0], &e));
        ck_assert_str_eq(e.text, absent[i][1]);
        ck_assert_uint_eq(ERR_peek_error(), 0);
    }
    EVP_PKEY_free(key);
    OSSL_PROVIDER_unload(provider);
    OSSL_PROVIDER_unload(usual);
}
END_TEST

Suite *key_suite(void);
Suite *key_suite(void)
{
    Suite *s = suite_create("key");
    TCase *t = tcase_create("all");
    tcase_add_test(t, uris_are_told_from_files);
    tcase_add_test(t, without_a_provider);
    tcase_add_test(t, the_key_of_a_token);
    suite_add_tcase(s, t);
    return s;
}
