/* SPDX-License-Identifier: MIT */
/* base64.c - base64 (RFC 4648 section 4), strict; see base64.h. */
#include "util/base64.h"

#include <stdint.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(struct str bytes, char *out)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *begin = out;
    for (size_t left = bytes.len; left > 0; in += 3) {
        size_t count = left < 3 ? left : 3;
        uint32_t group = (uint32_t)in[0] << 16;
        if (count > 1)
            group |= (uint32_t)in[1] << 8;
        if (count > 2)
            group |= in[2];
        *out++ = ALPHABET[group >> 18];
        *out++ = ALPHABET[group >> 12 & 63];
        *out++ = count > 1 ? ALPHABET[group >> 6 & 63] : '=';
        *out++ = count > 2 ? ALPHABET[group & 63] : '=';
        left -= count;
    }
    return (size_t)(out - begin);
}

/* The six bits of a character, or -1. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Characters of the last group that are not padding: 4, 3 or 2; 0: a fault. */
static size_t count_used(struct str text)
{
    if (text.ptr[text.len - 1] != '=')
        return 4;
    return text.ptr[text.len - 2] != '=' ? 3 : 2;
}

int base64_decode(struct str text, char *out, size_t *len)
{
    *len = 0;
    if (text.len == 0)
        return 0;
    if (text.len % 4 != 0)
        return -1;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t used = i + 4 == text.len ? count_used(text) : 4;
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = k < used ? value_of(text.ptr[i + k]) : 0;
            if (value < 0)
                return -1;
            group = group << 6 | (uint32_t)value;
        }
        if ((used == 3 && (group & 0xff) != 0) || (used == 2 && (group & 0xffff) != 0))
            return -1;
        for (size_t k = 0; k + 1 < used; k++)
            out[(*len)++] = (char)(group >> (16 - 8 * k));
    }
    return 0;
}
