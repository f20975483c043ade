/* SPDX-License-Identifier: MIT */
/*
 * pem.h - certificates and private keys as the text of files (RFC 7468).
 *
 * Texts that are returned belong to the caller: mem_free. That of a key is a secret, to be
 * cleansed before. Threads: any; there is no state.
 */
#ifndef CERTS_PEM_H
#define CERTS_PEM_H

#include <openssl/x509.h>

#include "util/err.h"
#include "util/str.h"

/* More certificates than this in one file are a mistake. */
#define PEM_CERTIFICATES_MAX 100

/* Every certificate of a text, one or more, in order; text between them and what is no
 * certificate is skipped. NULL with an error that names `at`. The caller frees it with
 * pem_free_certificates. */
MUST_CHECK STACK_OF(X509) *pem_read_certificates(struct str text, const struct place *at,
                                                 struct err *e);
void pem_free_certificates(STACK_OF(X509) *certs);

/* The first private key of a text, in any form that OpenSSL knows, but not encrypted: a
 * proxy that starts by itself has nobody to ask. NULL with an error that names `at`. */
MUST_CHECK EVP_PKEY *pem_read_key(struct str text, const struct place *at, struct err *e);

/* With a NUL behind. NULL without memory. */
MUST_CHECK char *pem_write_certificates(X509 *const *certs, size_t count, size_t *len);

/* PKCS#8. NULL without memory. */
MUST_CHECK char *pem_write_key(const EVP_PKEY *key, size_t *len);

#endif
