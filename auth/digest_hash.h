/* SPDX-License-Identifier: MIT */
/*
 * digest_hash.h - the hash functions of Digest: H of parts joined by colons, as RFC 7616
 * section 3.4 builds all it hashes, in lower-case hexadecimal digits.
 *
 * Keeps nothing, allocates nothing, cannot fail. Threads: any.
 */
#ifndef AUTH_DIGEST_HASH_H
#define AUTH_DIGEST_HASH_H

#include "auth/digest.h"
#include "util/str.h"

#define DIGEST_HEX_MAX 64 /* digits of the longest hash, without NUL */

/* Digits of a hash: 32 for MD5, 64 for SHA-256. */
size_t digest_hex_len(enum digest_algorithm algorithm);

/* As the parameter algorithm has it: "MD5", "SHA-256". */
struct str digest_algorithm_name(enum digest_algorithm algorithm);

/* H(parts[0] ":" parts[1] ...), count > 0. What it worked with is cleansed. Writes
 * digest_hex_len digits, no NUL, and returns them. */
struct str digest_hash(enum digest_algorithm algorithm, const struct str *parts, size_t count,
                       char hex[DIGEST_HEX_MAX]);

/* Folds hexadecimal digits to lower case into out, which has room for text.len. False
 * where a byte is none. */
MUST_CHECK bool digest_hex_fold(struct str text, char *out);

#endif
