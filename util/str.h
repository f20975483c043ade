/* SPDX-License-Identifier: MIT */
/*
 * str.h - slices of bytes: a pointer and a length, no NUL expected.
 *
 * A slice owns nothing; it is valid as long as the bytes it points to are.
 * A NULL pointer goes with length 0 and equals any other empty slice.
 * Threads: any; there is no state.
 */
#ifndef UTIL_STR_H
#define UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/attr.h"

struct str {
    const char *ptr;
    size_t len;
};

/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")
#define STR_LIT(lit) ((struct str){(lit), sizeof(lit) - 1})

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_range(const char *from, const char *to)
{
    return (struct str){from, (size_t)(to - from)};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters only; every other byte stays as it is, whatever the locale. */
static inline char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* ASCII case makes no difference. */
bool str_ieq(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Without spaces and tabs at both ends. */
struct str str_trim(struct str s);

/* Cuts the part before the first sep off *rest and returns it; the whole rest
 * where there is none. *rest then starts behind sep, or is empty with ptr NULL. */
struct str str_cut(struct str *rest, char sep);

/* Position of c in s, or s.len. */
size_t str_find(struct str s, char c);

/* Decimal digits only, no sign, no space, at most max. 0 and -1. */
MUST_CHECK int str_to_u64(struct str s, uint64_t max, uint64_t *value);

#endif
