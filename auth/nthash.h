/* SPDX-License-Identifier: MIT */
/*
 * nthash.h - the NT hash of a password: MD4 over its UTF-16LE form (MS-NLMP section
 * 3.3.1, NTOWFv1).
 *
 * Keeps no state. Threads: any.
 */
#ifndef AUTH_NTHASH_H
#define AUTH_NTHASH_H

#include "util/str.h"

#define NTHASH_SIZE 16

/* password is UTF-8. 0, or -1 where it is not, or is longer than 256 characters. */
MUST_CHECK int nthash_make(struct str password, unsigned char out[NTHASH_SIZE]);

#endif
