/* SPDX-License-Identifier: MIT */
/*
 * staple.h - what a stapled OCSP response (RFC 6960, RFC 6066 section 8) proves.
 *
 * Owns nothing. Threads: any; there is no state.
 */
#ifndef CERTS_STAPLE_H
#define CERTS_STAPLE_H

#include <openssl/x509.h>
#include <stddef.h>

#include "util/attr.h"

#define STAPLE_DAY_SIZE 16

enum staple {
    STAPLE_PROVES_NOTHING, /* malformed, of another certificate, out of date, not of its issuer */
    STAPLE_GOOD,
    STAPLE_REVOKED,
};

/* der: len bytes as the peer sent them. chain: as verified, the leaf first. The signature must be
 * the issuer's, or that of a certificate that the issuer made for signing OCSP and that leads to
 * the store (RFC 6960 section 4.2.2.2); the time must lie inside the answer's own (section
 * 4.2.2.1), or within a week of one that has no end. revoked_on: YYYY-MM-DD where it is
 * revoked. */
enum staple staple_judge(const unsigned char *der, size_t len, STACK_OF(X509) *chain,
                         X509_STORE *store, char revoked_on[STAPLE_DAY_SIZE]);

#endif
