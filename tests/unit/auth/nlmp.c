/* SPDX-License-Identifier: MIT */
/* nlmp.c - hexadecimal into bytes; see nlmp.h. */
#include "tests/unit/auth/nlmp.h"

#include <check.h>

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = memchr(digits, str_lower(c), 16);
    ck_assert_ptr_nonnull(at);
    return (unsigned)(at - digits);
}

struct str nlmp_bytes(const char *hex, size_t hex_len, void *out, size_t room)
{
    unsigned char *bytes = out;
    ck_assert(hex_len % 2 == 0 && hex_len / 2 <= room);
    for (size_t i = 0; i < hex_len / 2; i++)
        bytes[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return (struct str){out, hex_len / 2};
}
