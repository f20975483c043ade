/* SPDX-License-Identifier: MIT */
/*
 * ca_write.h - changes of the folder of a CA. All of them want its lock.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_WRITE_H
#define CLI_CA_WRITE_H

#include "cli/ca_folder.h"

/* Writes a pair under names that nobody looks for, then gives it that of the role, the key
 * first: where the certificate is, the key is as well. 0, or -1: nothing but a leftover
 * that ca_write_is_free knows. */
MUST_CHECK int ca_write_pair(const struct ca_folder *f, enum ca_role role, const struct ca *ca,
                             struct err *e);

/* Whether the role has neither certificate nor key, or no more than a key that a killed
 * ca_write_pair left and no certificate was ever seen of. 0, or -1 with an error that
 * names the file that must not be overwritten. */
MUST_CHECK int ca_write_is_free(const struct ca_folder *f, enum ca_role role, struct err *e);

/* Writes the bundle from the members that are loaded and are in the set `roles`
 * (1 << role), and of `more`, which may be NULL. 0 or -1. */
MUST_CHECK int ca_write_bundle(const struct ca_folder *f, unsigned roles, X509 *more,
                               struct err *e);

/* Copies the current certificates to ca-previous.pem. 0 or -1. */
MUST_CHECK int ca_write_previous(const struct ca_folder *f, struct err *e);

/* Gives the next key owner, group and mode of the current one, which it will replace: a
 * proxy that may read the one must be able to read the other. 0 or -1. */
MUST_CHECK int ca_write_key_owner(const struct ca_folder *f, struct err *e);

/* Renames a file over another, and syncs the folder. 0 or -1. */
MUST_CHECK int ca_write_rename(const struct ca_folder *f, const char *from, const char *to,
                               struct err *e);

/* Removes a file; it is fine where there is none. 0 or -1. */
MUST_CHECK int ca_write_remove(const struct ca_folder *f, const char *path, struct err *e);

#endif
