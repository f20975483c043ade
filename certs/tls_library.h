/* SPDX-License-Identifier: MIT */
/*
 * tls_library.h - OpenSSL with the kinds of keys alone that TLS has use for.
 *
 * OpenSSL 3.0 looks at every kind of key and every decoder of its providers each time it reads
 * a public key. Certificates of inspected tunnels are read at every handshake, and DH, DSA
 * or SM2 are in none that is taken: so their contexts live in a library context whose only
 * provider passes on what OpenSSL's default provider has, but for those.
 *
 * One for the process, made when it is first asked for and never freed. Threads: any.
 */
#ifndef CERTS_TLS_LIBRARY_H
#define CERTS_TLS_LIBRARY_H

#include <openssl/x509.h>

#include "util/attr.h"

/* NULL, OpenSSL's own default, where it cannot be made: slower, and nothing else. */
OSSL_LIB_CTX *tls_library(void);

/* A certificate in it. NULL where the bytes are none. */
MUST_CHECK X509 *tls_library_read(const unsigned char *der, size_t len);

#endif
