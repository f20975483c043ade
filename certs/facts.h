/* SPDX-License-Identifier: MIT */
/*
 * facts.h - what a person wants to know of a CA certificate, as text.
 *
 *   facts_read -> ... -> facts_fini
 *
 * Owns its texts; the certificate must outlive it. Control characters of a certificate
 * come out escaped. Setup: ends the process without memory. Threads: one at a time.
 */
#ifndef CERTS_FACTS_H
#define CERTS_FACTS_H

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "util/str.h"

/* "2026-11-22T20:30:28Z" with the NUL. */
#define FACTS_TIME_SIZE 21
/* "AB:CD:..." of SHA-256 with the NUL. */
#define FACTS_FINGERPRINT_SIZE (3 * 32)

struct facts {
    char *subject, *issuer; /* as RFC 2253 has it, UTF-8 */
    char *serial;           /* hexadecimal, two digits an octet, with colons */
    char sha256[FACTS_FINGERPRINT_SIZE];
    char sha1[FACTS_FINGERPRINT_SIZE]; /* what Windows calls the thumbprint */
    char not_before[FACTS_TIME_SIZE], not_after[FACTS_TIME_SIZE]; /* UTC */
    char key[64];           /* "EC P-256", "RSA 3072" */
    bool is_self_issued, is_ca;
    long path_length;       /* -1: any */
    NAME_CONSTRAINTS *constraints; /* NULL: none */
};

void facts_read(struct facts *f, X509 *cert);
void facts_fini(struct facts *f);

/* The first such part of the subject (NID_commonName) as UTF-8, for mem_free; NULL: none. */
MUST_CHECK char *facts_subject_part(const X509 *cert, int nid);

/* RFC 3339 in UTC; "?" for what is no time. Returns out. */
char *facts_format_time(const ASN1_TIME *when, char out[FACTS_TIME_SIZE]);

/* Seconds since 1970; 0 for what is no time. */
time_t facts_time(const ASN1_TIME *when);

#endif
