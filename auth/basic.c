/* SPDX-License-Identifier: MIT */
/* basic.c - the Basic scheme (RFC 7617); see basic.h. */
#include "auth/basic.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/file_line.h"
#include "auth/utf16.h"
#include "util/base64.h"
#include "util/mem.h"

char *basic_credentials(struct str name, struct str password)
{
    char plain[BASIC_MAX];
    unsigned char coded[BASIC_MAX * 2] = "Basic ";
    if (name.len + 1 + password.len > sizeof(plain) || str_find(name, ':') != name.len)
        return NULL;
    if (name.len != 0)
        memcpy(plain, name.ptr, name.len);
    plain[name.len] = ':';
    if (password.len != 0)
        memcpy(plain + name.len + 1, password.ptr, password.len);
    EVP_EncodeBlock(coded + 6, (unsigned char *)plain, (int)(name.len + 1 + password.len));
    char *value = mem_must_dup((char *)coded, strlen((char *)coded));
    OPENSSL_cleanse(plain, sizeof(plain));
    OPENSSL_cleanse(coded, sizeof(coded));
    return value;
}

/* Copies a part with a NUL behind it; size is that of out. */
static bool is_utf8(struct str text)
{
    unsigned char units[2 * BASIC_MAX];
    size_t len = 0;
    while (len < text.len && (unsigned char)text.ptr[len] < 0x80)
        len++;
    if (len == text.len) /* as nearly always: ASCII */
        return true;
    bool is = utf16_from_utf8(text, units, sizeof(units), &len) == 0;
    OPENSSL_cleanse(units, sizeof(units));
    return is;
}

/* Some clients send Latin-1 whatever the challenge says. Hardly a text of theirs is UTF-8
 * by chance. */
static int copy_part(struct str part, char *out, size_t size)
{
    bool is_plain = is_utf8(part);
    size_t len = 0;
    if (part.len >= size || file_line_has_control(part))
        return -1;
    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        bool is_two = !is_plain && c >= 0x80;
        if (len + 1 + is_two >= size)
            return -1;
        if (is_two)
            out[len++] = (char)(0xc0 | c >> 6);
        out[len++] = (char)(is_two ? 0x80 | (c & 0x3f) : c);
    }
    out[len] = '\0';
    return 0;
}

int basic_parse(struct str base64, struct basic_secret *out)
{
    char plain[BASE64_SIZE(BASIC_MAX) / 4 * 3];
    size_t len = 0;
    int result = -1;
    if (base64.len > BASE64_SIZE(BASIC_MAX) || base64_decode(base64, plain, &len) < 0)
        goto out;
    struct str password = {plain, len};
    size_t colon = str_find(password, ':');
    struct str user = str_cut(&password, ':');
    if (colon > 0 && colon < len && copy_part(user, out->user, sizeof(out->user)) == 0)
        result = copy_part(password, out->password, sizeof(out->password));
out:
    if (result < 0)
        basic_secret_fini(out);
    OPENSSL_cleanse(plain, sizeof(plain));
    return result;
}

void basic_secret_fini(struct basic_secret *s)
{
    OPENSSL_cleanse(s, sizeof(*s));
}
