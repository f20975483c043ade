/* SPDX-License-Identifier: MIT */
/*
 * crypt_form.h - what a stored password hash tells of itself: its method, how long a
 * password it looks at, and how much work it takes to compute one (crypt(5), and $apr1$).
 *
 * Computes nothing, keeps no state. Threads: any.
 */
#ifndef AUTH_CRYPT_FORM_H
#define AUTH_CRYPT_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "util/str.h"

#define CRYPT_FORM_HASH_MAX 383 /* bytes of a hash; CRYPT_OUTPUT_SIZE without the NUL */
#define CRYPT_FORM_UNLIMITED SIZE_MAX

struct crypt_form {
    const char *name;    /* "bcrypt" */
    size_t digest_at;    /* where the result begins; all before it is the setting */
    size_t password_max; /* bytes; CRYPT_FORM_UNLIMITED */
    bool is_weak;        /* so cheap or small that a stolen file soon gives the passwords */
    bool is_apr1;        /* not for crypt(3) */
    uint64_t cost_us;    /* roughly, on a machine of 2020; for comparing one with another */
};

/* 0, or -1: no hash that can be verified, a cut one, or one with parameters that its
 * method does not have. A result of nothing but '~' is taken: no password makes it. */
MUST_CHECK int crypt_form_parse(struct crypt_form *f, struct str hash);

#endif
