/* SPDX-License-Identifier: MIT */
/*
 * base64.h - base64 (RFC 4648 section 4), strict: no line breaks, padding as it must
 * be, no bits set that mean nothing.
 *
 * Writes into the caller's memory; keeps no state. Threads: any.
 */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include <stddef.h>

#include "util/attr.h"
#include "util/str.h"

/* Characters for n bytes, without a NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_SIZE(bytes.len) characters to out, no NUL; returns how many. */
size_t base64_encode(struct str bytes, char *out);

/* Decodes into out, which has room for text.len / 4 * 3 bytes, and sets *len. 0, or
 * -1 where the text is no base64. out may be the text's own memory. */
MUST_CHECK int base64_decode(struct str text, char *out, size_t *len);

#endif
