/* SPDX-License-Identifier: MIT */
/*
 * token.h - a session with a token, and the keys in it.
 *
 *   token_open -> token_find -> key_new ... -> token_unref; each key: key_sign -> key_free
 *
 * A key holds its token. With the last holder the session ends, and with the last session the
 * PKCS#11 module is unloaded. Threads: one.
 */
#ifndef PKCS11_TOKEN_H
#define PKCS11_TOKEN_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "tests/pkcs11/provider.h"
#include "tests/pkcs11/uri.h"

struct token;

struct key {
    struct token *token;
    unsigned long handle;
    bool is_private, is_rsa;
    EVP_PKEY *public; /* in the provider's library */
};

/* Logs in where the URI has a PIN. NULL: the error is raised. */
struct token *token_open(struct provider *p, const struct uri *u);
void token_unref(struct token *t);

/* Handles of the public or the private keys of that label, empty: of any; how many. */
size_t token_find(struct token *t, bool is_private, const char *label, unsigned long *handles,
                  size_t max);

/* NULL: the error is raised. */
struct key *key_new(struct token *t, unsigned long handle, bool is_private);
void key_free(struct key *k);

/* input: a digest for EC keys, a DigestInfo for RSA. *len: the room, then what the token gave
 * (r and s for EC). False: the error is raised. */
bool key_sign(const struct key *k, unsigned char *input, size_t input_len, unsigned char *out,
              size_t *len);

/* The provider that the key came from. */
struct provider *key_provider(const struct key *k);

#endif
