/* SPDX-License-Identifier: MIT */
/*
 * digest_params.h - the parameters of Digest credentials: a list of name = value, where
 * a value is a token or a quoted-string (RFC 9110 section 11.2, RFC 7616 section 3.4).
 *
 * Owns a little memory for values that had a quoted-pair; all others point into the
 * text that was read, which must stay.
 *
 *   struct digest_params p; digest_params_parse(&p, text), then p.values[...]
 *
 * Invariants: no value has a control character but tabs; no parameter comes twice; work
 * is linear in the text. Threads: one at a time for each object.
 */
#ifndef AUTH_DIGEST_PARAMS_H
#define AUTH_DIGEST_PARAMS_H

#include "auth/accounts.h"
#include "util/str.h"

#define DIGEST_PARAMS_COUNT_MAX 32  /* parameters, those that nobody knows included */
#define DIGEST_PARAMS_ESCAPED_MAX 1024 /* bytes of all values that have a quoted-pair */

enum digest_param {
    DIGEST_USERNAME,
    DIGEST_USERNAME_EXT, /* "username*" */
    DIGEST_REALM,
    DIGEST_NONCE,
    DIGEST_URI,
    DIGEST_RESPONSE,
    DIGEST_ALGORITHM,
    DIGEST_CNONCE,
    DIGEST_QOP,
    DIGEST_NC,
    DIGEST_USERHASH,
    DIGEST_PARAM_COUNT,
};

struct digest_params {
    struct str values[DIGEST_PARAM_COUNT]; /* without quotes and backslashes; ptr NULL: absent */
    char escaped[DIGEST_PARAMS_ESCAPED_MAX];
    size_t escaped_len;
};

/* Reads all of text. A parameter that is not in the list above is passed over, but its
 * syntax must hold. 0, or -1 where the text is not what it should be. */
MUST_CHECK int digest_params_parse(struct digest_params *p, struct str text);

/* The user name, of whichever parameter has it (RFC 7616 sections 3.4, 3.4.4): of
 * username* percent-decoded and only where it is UTF-8 (RFC 8187 section 3.2) without
 * control characters. *is_hash: it is the hash of user and realm. *name points into p,
 * into p's text or into room, and has at least one byte, at most ACCOUNT_NAME_MAX.
 * False where there is no name, are two, or it cannot be read. */
MUST_CHECK bool digest_params_user(const struct digest_params *p, char room[ACCOUNT_NAME_MAX],
                                   struct str *name, bool *is_hash);

#endif
