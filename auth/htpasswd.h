/* SPDX-License-Identifier: MIT */
/*
 * htpasswd.h - accounts for Basic: lines of user:hash, with every hash that libcrypt
 * verifies (bcrypt, yescrypt, SHA-512, SHA-256, MD5, DES) and Apache's $apr1$.
 *
 *   htpasswd_new -> htpasswd_find, htpasswd_verify ... -> htpasswd_free
 *
 * Invariants: a password with a NUL byte never passes; nor does one longer than its
 * hash looks at (72 bytes for bcrypt, 8 for DES). Threads: read-only and shared once
 * built; htpasswd_verify computes for as long as the hash was made to take.
 */
#ifndef AUTH_HTPASSWD_H
#define AUTH_HTPASSWD_H

#include "auth/accounts.h"
#include "util/err.h"

struct htpasswd;

/* text: the content of the file named file. Every fault goes to faults (a hash that
 * cannot be verified names the user and how to make it anew; a weak one is a
 * warning); NULL where there was an error. */
MUST_CHECK struct htpasswd *htpasswd_new(struct str text, const char *file,
                                         struct errlist *faults);
void htpasswd_free(struct htpasswd *h); /* NULL is fine */

/* The stored hash. For an unknown user one that no password matches and that costs
 * what the costliest in the file costs; never NULL. */
const char *htpasswd_find(const struct htpasswd *h, struct str user, bool *is_known);

enum htpasswd_verdict { HTPASSWD_RIGHT, HTPASSWD_WRONG, HTPASSWD_NO_MEMORY };

/* Whether the password makes that hash. Slow: not for an event loop. Without memory for
 * it there is no verdict, and nobody's password is wrong. */
MUST_CHECK enum htpasswd_verdict htpasswd_check(const char *hash, struct str password);

/* The same, where nothing but HTPASSWD_RIGHT counts. */
MUST_CHECK bool htpasswd_verify(const char *hash, struct str password);

/* A new hash (bcrypt) into out, for `sallyport passwd`. 0, or -1: no randomness, or a
 * password that bcrypt would cut. */
#define HTPASSWD_HASH_MAX 384
MUST_CHECK int htpasswd_hash(struct str password, char out[HTPASSWD_HASH_MAX]);

#endif
