/* SPDX-License-Identifier: MIT */
/*
 * key.h - private keys that are not in a file: "pkcs11:" URIs (RFC 7512).
 *
 * Such a key stays in its token; an OpenSSL provider that the administrator has put into
 * OpenSSL's own configuration talks to it.
 *
 * Owns nothing. Threads: any.
 */
#ifndef CERTS_KEY_H
#define CERTS_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "util/err.h"

/* Whether what stands where a file may stand is such a URI. */
bool key_is_uri(const char *where);

/* The private key of a URI. Nobody is asked for a PIN: it is in the URI or in the
 * provider's configuration. A PIN of the URI is in no error. NULL with an error; the
 * caller owns the key. */
MUST_CHECK EVP_PKEY *key_load_uri(const char *uri, struct err *e);

#endif
