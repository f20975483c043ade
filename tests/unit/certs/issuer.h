/* SPDX-License-Identifier: MIT */
/*
 * issuer.h - makes certificates and OCSP responses in memory, good ones and bad ones.
 *
 *   issuer_make -> ... -> issuer_fini
 *
 * Whatever cannot be made fails the test. Owns nothing but what it returns. Threads: one.
 */
#ifndef TESTS_UNIT_CERTS_ISSUER_H
#define TESTS_UNIT_CERTS_ISSUER_H

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

/* A field that is NULL or 0 has its default; "" leaves an extension out. */
struct issuer_spec {
    const char *subject; /* common name */
    const char *key;     /* "P-256"; "rsa1024", "rsa2048" */
    const char *basic, *usage, *extended, *names, *constraints; /* as OpenSSL's files have them */
    int from_days, to_days; /* 0 and 0: -1 to 30 */
    const EVP_MD *(*digest)(void);
};

struct issued {
    X509 *cert;
    EVP_PKEY *key;
};

/* by NULL: signs itself. */
void issuer_make(struct issued *out, const struct issuer_spec *spec, const struct issued *by);
void issuer_fini(struct issued *issued);

struct issuer_staple {
    const X509 *about, *issuer;
    const struct issued *signer;
    X509 *enclosed; /* a certificate that the response carries; NULL: none */
    int status;     /* V_OCSP_CERTSTATUS_... */
    int from_days, to_days; /* to_days 0: no nextUpdate */
};

/* DER of OPENSSL_malloc. */
unsigned char *issuer_make_staple(const struct issuer_staple *spec, size_t *len);

#endif
