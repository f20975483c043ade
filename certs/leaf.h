/* SPDX-License-Identifier: MIT */
/*
 * leaf.h - makes the certificate that stands for an origin inside inspected TLS.
 *
 * A pure function of an order, a public key and a CA: v3, the order's names in
 * subjectAltName, CA:FALSE, digitalSignature (keyEncipherment too for RSA), serverAuth, SKI,
 * AKI, a random serial of 127 bits, SHA-256 (RFC 5280 sections 4.1 and 4.2; what OpenSSL's
 * -x509_strict, browsers and Python 3.13 ask for). The subject is the first host name, or empty
 * where that is too long or there is none; subjectAltName is critical then (section 4.2.1.6).
 *
 *   leaf_make, or for many: leaf_maker_new -> leaf_maker_make ... -> leaf_maker_free
 *
 * The certificate of leaf_make belongs to the caller, that of leaf_maker_make to the maker.
 * Threads: one at a time for each CA.
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
 * out, dates are cut to the CA's own. NULL with a reason: the order is malformed or its dates
 * are more than LEAF_CLOCK_SECONDS from what an order of now has, no name is left, the CA has
 * expired, or OpenSSL fails. */
MUST_CHECK X509 *leaf_make(const struct leaf_signer *s, struct str order, time_t now,
                           struct err *e);

/* An order may wait, and a clock may be set: a day. */
#define LEAF_CLOCK_SECONDS 86400

/* What is the same in every leaf of a CA. s and what is in it must outlive it. NULL with e. */
struct leaf_maker;
MUST_CHECK struct leaf_maker *leaf_maker_new(const struct leaf_signer *s, struct err *e);
void leaf_maker_free(struct leaf_maker *m); /* NULL is fine */

/* As leaf_make; the certificate is valid until the next call and not to be changed. */
MUST_CHECK X509 *leaf_maker_make(struct leaf_maker *m, struct str order, time_t now,
                                 struct err *e);

#endif
