/* SPDX-License-Identifier: MIT */
/*
 * basic.h - the Basic scheme (RFC 7617), as a client of a parent proxy uses it.
 *
 * What is returned is a secret of the caller's: cleanse it before mem_free.
 * Setup only: ends the process without memory. Threads: any.
 */
#ifndef AUTH_BASIC_H
#define AUTH_BASIC_H

#include "util/str.h"

#define BASIC_MAX 512 /* of name and password together, with the colon */

/* The value of Authorization or Proxy-Authorization, "Basic dXNlcjpwdw==", in a
 * block of mem_alloc. NULL where the two are longer than BASIC_MAX or the name
 * holds a colon, which RFC 7617 section 2 forbids. */
MUST_CHECK char *basic_credentials(struct str name, struct str password);

#endif
