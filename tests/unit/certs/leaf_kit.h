/* SPDX-License-Identifier: MIT */
/*
 * leaf_kit.h - origins, CAs and judges for the tests of leaves.
 *
 *   leaf_setting_init -> leaf_make_again -> leaf_check_verified -> leaf_setting_fini
 *
 * Certificates and orders belong to the caller. Threads: one.
 */
#ifndef TESTS_UNIT_CERTS_LEAF_KIT_H
#define TESTS_UNIT_CERTS_LEAF_KIT_H

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

#include "certs/ca.h"
#include "certs/leaf.h"
#include "certs/leaf_order.h"
#include "util/str.h"

#define LEAF_TEST_DAY 86400

/* type: GEN_DNS, GEN_IPADD, GEN_EMAIL, GEN_URI; value as it stands in the certificate. The
 * macros are initializers. */
struct origin_name {
    int type;
    struct str value;
};
#define DNS_NAME(text) {GEN_DNS, {(text), sizeof(text) - 1}}
#define IP_NAME(octets) {GEN_IPADD, {(octets), sizeof(octets) - 1}}

/* A CA, and a P-256 key for leaves. */
struct leaf_setting {
    struct ca ca;
    struct leaf_signer with;
};

/* Without a signature, which nobody here looks at. count 0: without subjectAltName. */
X509 *leaf_origin_make(const struct origin_name *names, size_t count, time_t from, time_t to);

void leaf_setting_init(struct leaf_setting *s, enum ca_key_type type, const NAME_CONSTRAINTS *set,
                       time_t now, unsigned days);
void leaf_setting_fini(struct leaf_setting *s);

/* Of an origin whose certificate began nine days ago and ends in ten years. */
struct leaf_order *leaf_order_for(const struct origin_name *names, size_t count, const char *host,
                                  time_t now);
struct str leaf_bytes(const struct leaf_order *o);

/* As it comes from the wire: what OpenSSL remembers of an object that it made is gone. */
X509 *leaf_reread(X509 *leaf);
X509 *leaf_make_again(const struct leaf_signer *with, const struct leaf_order *o, time_t now);

/* X509_V_OK, or what a strict client says that wants that name or address; NULL: any. */
int leaf_verify(X509 *ca, X509 *leaf, const char *host, time_t now);
void leaf_check_verified(X509 *ca, X509 *leaf, const char *host, time_t now);

const char *leaf_subject(X509 *leaf, char *out, int size); /* NULL: empty */
bool leaf_is_san_critical(X509 *leaf);
int leaf_count_names(X509 *leaf);

#endif
