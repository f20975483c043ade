/* SPDX-License-Identifier: MIT */
/* scheme.c - the ways in which a client can answer a proxy; see scheme.h. */
#include "auth/scheme.h"

static const char *const NAMES[AUTH_SCHEME_COUNT] = {"none", "basic", "digest", "ntlm",
                                                     "negotiate"};

int scheme_parse(enum auth_scheme *scheme, struct str name)
{
    for (unsigned i = 0; i < AUTH_SCHEME_COUNT; i++)
        if (str_eq(name, str_of(NAMES[i]))) {
            *scheme = (enum auth_scheme)i;
            return 0;
        }
    return -1;
}

const char *scheme_name(enum auth_scheme scheme)
{
    return NAMES[scheme];
}

const char *scheme_names(void)
{
    return "none, basic, digest, ntlm, negotiate";
}
