/* SPDX-License-Identifier: MIT */
/*
 * certificates.h - the certificates of the benchmark's TLS origin: a CA, and a leaf for every
 * name that somebody asks for.
 *
 * Keys are P-256, one of the CA and one for all leaves; a leaf is signed when its name is first
 * asked for, costs less than 0.1 ms, and is the same from then on. The suites stand here too,
 * because all of the benchmark's own TLS speaks the same one: then no proxy has an easier cipher.
 *
 *   certificates_new -> certificates_leaf, certificates_server (any number) -> certificates_free
 *
 * Owns CA, keys and leaves. Contexts from certificates_server must not outlive it. Threads: one.
 */
#ifndef BENCH_CERTIFICATES_H
#define BENCH_CERTIFICATES_H

#include <openssl/types.h>

#include "util/attr.h"

#define CERTIFICATES_CA_NAME "CA of the bench's origins"
#define CERTIFICATES_SUITE_13 "TLS_AES_256_GCM_SHA384"
#define CERTIFICATES_SUITES_12 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CERTIFICATES_GROUPS "X25519:P-256"

struct certificates;

/* NULL when OpenSSL cannot. NULL may be freed. */
MUST_CHECK struct certificates *certificates_new(void);
void certificates_free(struct certificates *certificates);

/* Writes the certificate of the CA as PEM. Returns 0 or -1. */
MUST_CHECK int certificates_write_ca(const struct certificates *certificates, const char *path);

/* The CA, the leaf for a host name, and the key of all leaves: all stay with their owner. NULL:
 * the leaf cannot be made. */
X509 *certificates_ca(const struct certificates *certificates);
MUST_CHECK X509 *certificates_leaf(struct certificates *certificates, const char *name);
EVP_PKEY *certificates_key(const struct certificates *certificates);

/* A context that shows the leaf for the name in the ClientHello, and takes no session up again.
 * A hello without a name fails. NULL when OpenSSL cannot. */
MUST_CHECK SSL_CTX *certificates_server(struct certificates *certificates);

#endif
