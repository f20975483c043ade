/* SPDX-License-Identifier: MIT */
/*
 * smbpasswd.h - reads a smbpasswd(5) file: lines of
 *
 *   name:uid:LM hash:NT hash:[flags]:LCT-time:
 *
 * of which name, NT hash and flags count. The value of an account is a struct
 * smbpasswd_account; who takes over the accounts frees them. Setup only: ends the process
 * without memory. Threads: any.
 */
#ifndef AUTH_SMBPASSWD_H
#define AUTH_SMBPASSWD_H

#include "auth/accounts.h"
#include "auth/nthash.h"
#include "util/err.h"

struct smbpasswd_account {
    unsigned char nt_hash[NTHASH_SIZE];
    bool is_usable; /* false: disabled, locked, without a password, or a machine's */
};

/* text: the content of file. Every fault goes to faults: a line that cannot be read, a
 * name that is there twice (without regard to ASCII case), a file in which nobody can
 * log in; a user with an empty password is a warning, and not usable. NULL where there was
 * an error. The accounts are sealed. */
MUST_CHECK struct accounts *smbpasswd_read(struct str text, const char *file,
                                           struct errlist *faults);

#endif
