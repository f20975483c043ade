/* SPDX-License-Identifier: MIT */
/* str.c - slices of bytes; see str.h. */
#include "util/str.h"

bool str_ieq(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (str_lower(a.ptr[i]) != str_lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    if (suffix.len == 0)
        return true; /* s.ptr may be NULL then: no arithmetic on it */
    return s.len >= suffix.len &&
           str_eq((struct str){s.ptr + (s.len - suffix.len), suffix.len}, suffix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

struct str str_cut(struct str *rest, char sep)
{
    size_t at = str_find(*rest, sep);
    struct str part = {rest->ptr, at};
    if (at == rest->len)
        *rest = (struct str){NULL, 0};
    else
        *rest = (struct str){rest->ptr + at + 1, rest->len - at - 1};
    return part;
}

int str_to_u64(struct str s, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (s.len == 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (digit > max || sum > (max - digit) / 10)
            return -1;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return 0;
}
