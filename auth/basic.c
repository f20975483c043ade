/* SPDX-License-Identifier: MIT */
/* basic.c - the Basic scheme (RFC 7617); see basic.h. */
#include "auth/basic.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

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
