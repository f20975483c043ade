/* SPDX-License-Identifier: MIT */
/*
 * scheme.h - the ways in which a client can answer a proxy that asks for
 * credentials, by the names that the configuration has for them.
 *
 * Constant data. Threads: any.
 */
#ifndef AUTH_SCHEME_H
#define AUTH_SCHEME_H

#include "util/str.h"

enum auth_scheme {
    AUTH_NONE, /* works where nobody asks */
    AUTH_BASIC,
    AUTH_DIGEST,
    AUTH_NTLM,
    AUTH_NEGOTIATE,
    AUTH_SCHEME_COUNT,
};

/* The scheme of that name, in lower case. 0, or -1 where it is none. */
MUST_CHECK int scheme_parse(enum auth_scheme *scheme, struct str name);

/* "none", "basic", ... */
const char *scheme_name(enum auth_scheme scheme);

/* All names in order, for messages: "none, basic, digest, ntlm, negotiate". */
const char *scheme_names(void);

#endif
