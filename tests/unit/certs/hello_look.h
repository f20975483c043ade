/* SPDX-License-Identifier: MIT */
/*
 * hello_look.h - looks at bytes with certs/hello.h, each time at a copy of exactly these
 * bytes, so that the sanitizer sees a step beyond them.
 *
 * Owns nothing. Threads: one.
 */
#ifndef UNIT_CERTS_HELLO_LOOK_H
#define UNIT_CERTS_HELLO_LOOK_H

#include "certs/hello.h"

MUST_CHECK enum parse hello_look(struct hello_scanner *s, struct str bytes, struct hello *h);

/* All at once. */
MUST_CHECK enum parse hello_look_once(struct str bytes, struct hello *h);

/* Byte by byte; *used: how many it took. */
MUST_CHECK enum parse hello_look_bytewise(struct str bytes, struct hello *h, size_t *used);

#endif
