/* SPDX-License-Identifier: MIT */
/*
 * password.h - asks for a new password: on the terminal, without echo and twice, or
 * reads the first line of standard input where that is no terminal.
 *
 *   password_read -> password_fini
 *
 * The text is a secret of the caller's; password_fini cleanses it. A signal that comes
 * while the terminal does not echo finds it as it was. Threads: the main one.
 */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include <stddef.h>

#include "util/err.h"

#define PASSWORD_MAX 256 /* bytes; Basic takes no longer one from a client */

enum password_result {
    PASSWORD_READ,
    PASSWORD_DIFFERS, /* it was typed differently the second time */
    PASSWORD_BAD,     /* none, or one that cannot be used; e says why */
};

struct password {
    char text[PASSWORD_MAX + 1]; /* no NUL but the last, no control character, not empty */
    size_t len;
};

/* user: for whom, shown in the question. */
MUST_CHECK enum password_result password_read(struct password *p, const char *user, struct err *e);
void password_fini(struct password *p);

#endif
