/* SPDX-License-Identifier: MIT */
/*
 * ca.h - makes the certificate authority that inspection signs with: a key and the
 * certificate for it, which it signs itself (RFC 5280 section 4.2).
 *
 *   ca_make -> ... -> ca_fini
 *
 * Owns certificate and key. Threads: one at a time for each object.
 */
#ifndef CERTS_CA_H
#define CERTS_CA_H

#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

#include "util/err.h"
#include "util/str.h"

#define CA_DAYS_DEFAULT 1826u /* five years */
#define CA_DAYS_MAX 7305u     /* twenty */
/* A CA counts from a day before it was made, for clients whose clock is behind. */
#define CA_BACKDATE_SECONDS 86400
/* RFC 5280 appendix A.1, ub-common-name and ub-organization-name: characters. */
#define CA_NAME_MAX 64

enum ca_key_type { CA_KEY_EC, CA_KEY_RSA }; /* P-256, 3072 bits */

struct ca_request {
    struct str name;         /* commonName: UTF-8, 1 to CA_NAME_MAX characters */
    struct str organization; /* organizationName, likewise; empty: none */
    enum ca_key_type key_type;
    unsigned days;                       /* from now: 1 to CA_DAYS_MAX */
    const NAME_CONSTRAINTS *constraints; /* NULL: none */
    time_t now;
};

struct ca {
    X509 *cert;
    EVP_PKEY *key;
};

/* NULL where text can be a name or an organization, else what is wrong with it, as the
 * end of a sentence: "is longer than 64 characters". */
MUST_CHECK const char *ca_check_name(struct str text);

/* A new key, a random serial number of 128 bits, SHA-256; CA:TRUE with pathlen:0,
 * keyCertSign and cRLSign. name and organization have passed ca_check_name. 0, or -1 with
 * what OpenSSL says; ca_fini either way. */
MUST_CHECK int ca_make(struct ca *ca, const struct ca_request *request, struct err *e);
void ca_fini(struct ca *ca);

#endif
