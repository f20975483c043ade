/* SPDX-License-Identifier: MIT */
/*
 * utf16.h - UTF-16LE, the form of names and passwords in NTLM (MS-NLMP section 2.2.2),
 * to and from UTF-8, and in capitals.
 *
 * Both directions are strict: no overlong form, no lone surrogate, nothing above
 * U+10FFFF (RFC 3629, RFC 2781). Keeps no state and knows no locale. Threads: any.
 */
#ifndef AUTH_UTF16_H
#define AUTH_UTF16_H

#include "util/str.h"

/* Writes at most room bytes to out and sets *len. 0, or -1: text is not UTF-8, or room
 * is too small (2 * text.len bytes always suffice). */
MUST_CHECK int utf16_from_utf8(struct str text, unsigned char *out, size_t room, size_t *len);

/* The other way; units is a number of bytes. 0, or -1: not UTF-16LE, or room is too
 * small (units.len / 2 * 3 bytes always suffice). No NUL is added. */
MUST_CHECK int utf16_to_utf8(struct str units, char *out, size_t room, size_t *len);

/* The capital of one unit, as Windows forms it for names: one unit becomes one unit,
 * by Unicode's simple case mapping (UnicodeData.txt field 12, version 14) where that has
 * a way back, and final sigma. So these stay as they are: sharp s, micro sign, dotless
 * i, long s, title-case digraphs, Greek symbol forms, and everything beyond the BMP; as
 * do Georgian and Cherokee, whose capitals are newer than Windows' table. */
uint16_t utf16_upper_unit(uint16_t unit);

/* Capitals in place; len is a number of bytes, an odd last one stays. */
void utf16_upper(unsigned char *units, size_t len);

#endif
