/* SPDX-License-Identifier: MIT */
/*
 * test_origin_pair.h - an origin and the proxy's client side of TLS, joined in memory.
 *
 *   origin_pair_init -> origin_pair_shake -> origin_pair_judge -> origin_pair_fini
 *
 * Owns both ends. Threads: one.
 */
#ifndef TESTS_UNIT_CERTS_TEST_ORIGIN_PAIR_H
#define TESTS_UNIT_CERTS_TEST_ORIGIN_PAIR_H

#include <openssl/ssl.h>

#include "certs/origin_tls.h"
#include "tests/unit/certs/issuer.h"

struct origin_pair {
    SSL *client, *origin;
    BIO *wire; /* the origin's end of it */
    struct origin_check check;
};

/* A context that trusts these. */
SSL_CTX *origin_pair_trusting(X509 *const *roots, size_t count);

/* An origin of the weakest security level, for one version of TLS, that shows what it is told. */
SSL_CTX *origin_pair_origin(const struct issued *leaf, X509 *const *behind, size_t count,
                            int version);

/* name: a host, or an address in text. */
void origin_pair_init(struct origin_pair *p, SSL_CTX *client, SSL_CTX *origin, const char *name);
void origin_pair_fini(struct origin_pair *p);

/* Until both ends are done, or one can go no further. */
void origin_pair_shake(struct origin_pair *p);

/* The judgement; where it is not ORIGIN_FINE, it is asserted that the handshake has failed and
 * that no byte of application data can pass. */
enum origin_fault origin_pair_judge(struct origin_pair *p, char text[ORIGIN_FAULT_SIZE]);

#endif
