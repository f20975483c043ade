/* SPDX-License-Identifier: MIT */
/*
 * leaf.h - makes the certificate that stands for an origin inside inspected TLS.
 *
 * A pure function of an order, a public key and a CA: v3, the order's names in
 * subjectAltName, CA:FALSE, digitalSignature (keyEncipherment too for RSA), serverAuth, SKI,
 * AKI, a random serial of 127 bits, SHA-256 (RFC 5280 sections 4.1 and 4.2; what OpenSSL's
 * -x509_strict, browsers and Python 3.13 ask for).
 *
 * The certificate belongs to the caller. Threads: one at a time for each CA.
 */
#ifndef CERTS_LEAF_H
#define CERTS_LEAF_H

#include <openssl/x509v3.h>
#include <time.h>

#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

struct leaf_signer {
    X509 *ca;
    EVP_PKEY *ca_key;
    EVP_PKEY *leaf_key;     /* the public half is enough */
    NAME_CONSTRAINTS *constraints; /* of the CA; NULL: none */
};

/* order: bytes that nobody has checked. Names that the CA's name constraints forbid are left
 * out, dates are cut to the CA's own. NULL with a reason: the order is malformed, no name is
 * left, or OpenSSL fails. */
MUST_CHECK X509 *leaf_make(const struct leaf_signer *s, struct str order, time_t now,
                           struct err *e);

#endif
