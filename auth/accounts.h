/* SPDX-License-Identifier: MIT */
/*
 * accounts.h - names, and for each a value of fixed size: what every file of
 * accounts (htpasswd, htdigest, smbpasswd, groups) is read into.
 *
 * Owns the names and the values; values are cleansed when freed, for they are what
 * passwords are checked against.
 *
 *   accounts_new -> accounts_add ... -> accounts_seal -> accounts_find ... -> accounts_free
 *
 * Setup ends the process without memory; accounts_find allocates nothing.
 * Threads: read-only and shared once sealed.
 */
#ifndef AUTH_ACCOUNTS_H
#define AUTH_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

#define ACCOUNT_NAME_MAX 255 /* bytes of a user name, in any scheme */

struct accounts;

/* is_folded: ASCII case makes no difference in names. */
struct accounts *accounts_new(size_t value_size, bool is_folded);
void accounts_free(struct accounts *a); /* NULL is fine */

/* The zeroed value of a new name. The name's value where it is there already
 * (is_new false): the caller decides whether that is a fault. The pointer is good
 * until the next call. name has at most ACCOUNT_NAME_MAX bytes. */
void *accounts_add(struct accounts *a, struct str name, bool *is_new);

/* No name comes any more; sorts. */
void accounts_seal(struct accounts *a);

/* The value, or NULL where there is no such name; *written (where not NULL) becomes
 * the name as the file has it. After accounts_seal only. */
const void *accounts_find(const struct accounts *a, struct str name, const char **written);

/* In the order of names, once sealed. */
size_t accounts_count(const struct accounts *a);
const char *accounts_name(const struct accounts *a, size_t index);
const void *accounts_value(const struct accounts *a, size_t index);

#endif
