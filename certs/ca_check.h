/* SPDX-License-Identifier: MIT */
/*
 * ca_check.h - whether a certificate and its key can be the CA of inspection.
 *
 * Owns nothing. Threads: any, but one at a time for each certificate: OpenSSL caches what
 * it finds in its extensions.
 */
#ifndef CERTS_CA_CHECK_H
#define CERTS_CA_CHECK_H

#include <openssl/x509.h>
#include <time.h>

#include "util/err.h"

/* Adds every fault to the list, as sentences whose place is `at`, and a warning for what
 * only strict clients refuse (RFC 5280 section 4.2, as OpenSSL's -x509_strict has it):
 * no CA, may not sign, not valid at `now`, a key or signature that is too weak or unknown
 * to browsers. */
void ca_check_certificate(X509 *cert, time_t now, const struct place *at, struct errlist *faults);

/* A CA that ends before so many days wants its change-over to begin. */
#define CA_CHECK_DAYS_TO_ROTATE 90

/* A warning where it is as far as that. One that has ended is not this one's business. */
void ca_check_end(X509 *cert, time_t now, const struct place *at, struct errlist *faults);

/* Whether this is the private key of that certificate. Not const: as above. */
MUST_CHECK bool ca_check_has_key(X509 *cert, EVP_PKEY *key);

/* The same, by a signature that is made and verified: a key in a token can have a public half
 * and not sign. 0, or -1 with e. */
MUST_CHECK int ca_check_try_key(X509 *cert, EVP_PKEY *key, const struct place *at, struct err *e);

#endif
