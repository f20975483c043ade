/* SPDX-License-Identifier: MIT */
/*
 * basic.h - the Basic scheme (RFC 7617): credentials made for a parent proxy, and those
 * of a client read.
 *
 * What is returned is a secret of the caller's: basic_secret_fini cleanses what
 * basic_parse filled; cleanse what basic_credentials returns before mem_free. Only the
 * latter allocates: setup only, it ends the process without memory. Threads: any.
 */
#ifndef AUTH_BASIC_H
#define AUTH_BASIC_H

#include "auth/accounts.h"
#include "util/str.h"

#define BASIC_PASSWORD_MAX 256 /* bytes of a client's password */
#define BASIC_MAX 512 /* of name and password together, with the colon */

/* The value of Authorization or Proxy-Authorization, "Basic dXNlcjpwdw==", in a
 * block of mem_alloc. NULL where the two are longer than BASIC_MAX or the name
 * holds a colon, which RFC 7617 section 2 forbids. */
MUST_CHECK char *basic_credentials(struct str name, struct str password);

/* Both end with a NUL and have no other. */
struct basic_secret {
    char user[ACCOUNT_NAME_MAX + 1];
    char password[BASIC_PASSWORD_MAX + 1];
};

/* Reads what follows "Basic " in Proxy-Authorization, strict base64 without blanks
 * around it. 0, or -1: no base64, no colon, an empty user name, a control character in
 * either part (RFC 7617 section 2), or a part that is too long. The challenge asks for
 * UTF-8 (section 2.1); a part that is none is taken as Latin-1 and becomes UTF-8. A
 * password may be empty. On -1
 * nothing is left in out. */
MUST_CHECK int basic_parse(struct str base64, struct basic_secret *out);

/* Cleanses. Harmless on one that basic_parse refused. */
void basic_secret_fini(struct basic_secret *s);

#endif
