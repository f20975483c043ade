/* SPDX-License-Identifier: MIT */
/*
 * digest_file.h - htdigest files: user:realm:HA1, a line each.
 *
 * HA1 = H(user:realm:password) has 32 hexadecimal digits for MD5, as htdigest(1) writes
 * it, or 64 for SHA-256. The user goes up to the first colon, HA1 starts after the last;
 * a realm may have colons. Empty lines and those that begin with '#' are comments.
 *
 * The accounts returned own what they hold. Threads: read-only once returned.
 */
#ifndef AUTH_DIGEST_FILE_H
#define AUTH_DIGEST_FILE_H

#include "auth/accounts.h"
#include "auth/digest.h"
#include "auth/digest_hash.h"
#include "util/err.h"

/* The value of an account. */
struct digest_account {
    bool has[DIGEST_ALGORITHMS];
    char ha1[DIGEST_ALGORITHMS][DIGEST_HEX_MAX]; /* lower case, no NUL */
};

/* Reads text, the content of file, and seals. Lines of other realms are left out, with
 * a warning where none is left. NULL where a line was at fault. Setup: ends the process
 * without memory. */
MUST_CHECK struct accounts *digest_file_read(struct str text, const char *file,
                                             struct str realm, struct errlist *faults);

#endif
