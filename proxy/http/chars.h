/* SPDX-License-Identifier: MIT */
/*
 * chars.h - which bytes may stand where in HTTP and in a URI, by one table.
 *
 * Constant data, no locale. Threads: any.
 */
#ifndef PROXY_HTTP_CHARS_H
#define PROXY_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum chars_class {
    CHARS_TOKEN = 0x01,    /* tchar of RFC 9110 section 5.6.2 */
    CHARS_VISIBLE = 0x02,  /* 0x21 to 0x7e */
    CHARS_DIGIT = 0x04,    /* 0 to 9 */
    CHARS_HEX = 0x08,      /* a hexadecimal digit, in either case */
    CHARS_REG_NAME = 0x10, /* unreserved and sub-delims of RFC 3986 section 2 */
    CHARS_SCHEME = 0x20,   /* in a URI's scheme, behind its first letter (RFC 3986 section 3.1) */
    CHARS_BLANK = 0x40,    /* SP and HTAB */
};

extern const uint8_t CHARS_TABLE[256];

/* True where c belongs to one of the classes in set (or'ed together). */
static inline bool chars_is(char c, unsigned set)
{
    return (CHARS_TABLE[(unsigned char)c] & set) != 0;
}

/* The first byte from `from` on that is in none of the classes, or end. */
static inline const char *chars_skip(const char *from, const char *end, unsigned set)
{
    while (from < end && chars_is(*from, set))
        from++;
    return from;
}

#endif
