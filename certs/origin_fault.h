/* SPDX-License-Identifier: MIT */
/*
 * origin_fault.h - what is wrong with an origin's certificate, in a clause for people.
 *
 * Every text fits behind "the origin". Of what a peer chose (names of its certificates) only
 * letters, digits and a few signs come through, and not much of it.
 *
 * Owns nothing. Threads: any.
 */
#ifndef CERTS_ORIGIN_FAULT_H
#define CERTS_ORIGIN_FAULT_H

#include <openssl/types.h>

#include "certs/origin_tls.h"

/* Why a verification failed. expected: the name or address that the origin should have. */
enum origin_fault origin_fault_of_chain(X509_STORE_CTX *ctx, const char *expected,
                                        char text[ORIGIN_FAULT_SIZE]);

/* What is wrong by now with a leaf that was verified in an earlier handshake: its time and its
 * name, which stands in param. ORIGIN_FINE: nothing. */
enum origin_fault origin_fault_of_leaf(X509 *leaf, X509_VERIFY_PARAM *param,
                                       const char *expected, char text[ORIGIN_FAULT_SIZE]);

/* Why a handshake failed that was not about certificates. */
void origin_fault_of_tls(const struct origin_check *check, char text[ORIGIN_FAULT_SIZE]);

#endif
