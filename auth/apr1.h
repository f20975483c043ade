/* SPDX-License-Identifier: MIT */
/*
 * apr1.h - Apache's MD5 hash of passwords, $apr1$: 1000 rounds of MD5 over the password
 * and a salt, as MD5-crypt has them, with a prefix of its own.
 *
 * Keeps no state; cleanses what it computed with. Threads: any.
 */
#ifndef AUTH_APR1_H
#define AUTH_APR1_H

#include "util/str.h"

#define APR1_SALT_MAX 8
#define APR1_SIZE (6 + APR1_SALT_MAX + 1 + 22 + 1) /* with the NUL */

/* "$apr1$salt$result" into out. 0, or -1: salt too long, no memory, or no MD5 in this
 * OpenSSL. */
MUST_CHECK int apr1_hash(struct str password, struct str salt, char out[APR1_SIZE]);

#endif
