/* SPDX-License-Identifier: MIT */
/* store.c - OpenSSL's store for "pkcs11:" URIs; see provider.h. */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "tests/pkcs11/token.h"

#define OBJECTS_MAX 16
#define CAST(function) ((void (*)(void))(function))

/* Public keys come first, as in many tokens: who wants a private one must look on. */
struct store {
    struct token *token;
    unsigned long handles[OBJECTS_MAX];
    size_t public_count, count, next;
};

static void *on_open(void *context, const char *text)
{
    struct provider *p = context;
    struct uri uri;
    struct store *s = OPENSSL_zalloc(sizeof(*s));
    if (!uri_read(&uri, text))
        provider_raise(p, REASON_URI, 0);
    else if (!uri_read_pin(&uri))
        provider_raise(p, REASON_PIN_SOURCE, 0);
    else if (s != NULL)
        s->token = token_open(p, &uri);
    if (s != NULL && s->token != NULL) {
        s->public_count = token_find(s->token, false, uri.object, s->handles, OBJECTS_MAX);
        s->count = s->public_count + token_find(s->token, true, uri.object,
                                                s->handles + s->public_count,
                                                OBJECTS_MAX - s->public_count);
    } else {
        OPENSSL_free(s);
        s = NULL;
    }
    uri_clear(&uri);
    return s;
}

static int on_load(void *context, OSSL_CALLBACK *on_object, void *object_arg,
                   OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    struct store *s = context;
    size_t i = s->next++;
    (void)ask;
    (void)ask_arg;
    struct key *key = i < s->count ? key_new(s->token, s->handles[i], i >= s->public_count) : NULL;
    if (key == NULL)
        return 0;
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                         key->is_rsa ? (char[]){"RSA"} : (char[]){"EC"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof(key)),
        OSSL_PARAM_construct_end(),
    };
    int result = on_object(params, object_arg);
    key_free(key); /* whoever takes it leaves NULL */
    return result;
}

static int on_eof(void *context)
{
    const struct store *s = context;
    return s->next >= s->count;
}

static int on_close(void *context)
{
    struct store *s = context;
    token_unref(s->token);
    OPENSSL_free(s);
    return 1;
}

const OSSL_DISPATCH store_functions[] = {
    {OSSL_FUNC_STORE_OPEN, CAST(on_open)},
    {OSSL_FUNC_STORE_LOAD, CAST(on_load)},
    {OSSL_FUNC_STORE_EOF, CAST(on_eof)},
    {OSSL_FUNC_STORE_CLOSE, CAST(on_close)},
    {0, NULL},
};
