/* SPDX-License-Identifier: MIT */
/*
 * leaf_origin.h - certificates of origins, with what names and dates a test wants.
 *
 * A certificate belongs to the caller. Threads: any.
 */
#ifndef TESTS_UNIT_CERTS_LEAF_ORIGIN_H
#define TESTS_UNIT_CERTS_LEAF_ORIGIN_H

#include <openssl/x509v3.h>
#include <time.h>

#include "util/str.h"

#define LEAF_TEST_DAY 86400

/* type: GEN_DNS, GEN_IPADD, GEN_EMAIL, GEN_URI; value as it stands in the certificate. */
struct origin_name {
    int type;
    struct str value;
};
#define DNS_NAME(text) ((struct origin_name){GEN_DNS, STR_LIT(text)})
#define IP_NAME(octets) ((struct origin_name){GEN_IPADD, STR_LIT(octets)})

/* Without a signature, which nobody here looks at. count 0: without subjectAltName. */
X509 *leaf_origin_make(const struct origin_name *names, size_t count, time_t from, time_t to);

#endif
