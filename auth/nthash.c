/* SPDX-License-Identifier: MIT */
/* nthash.c - the NT hash of a password; see nthash.h. */
#include "auth/nthash.h"

#include <nettle/md4.h>
#include <openssl/crypto.h>

#include "auth/utf16.h"

#define CHARACTERS_MAX 256

_Static_assert(NTHASH_SIZE == MD4_DIGEST_SIZE, "an NT hash is an MD4 digest");

int nthash_make(struct str password, unsigned char out[NTHASH_SIZE])
{
    unsigned char units[CHARACTERS_MAX * 2];
    struct md4_ctx md4;
    size_t len;
    int result = utf16_from_utf8(password, units, sizeof(units), &len);
    if (result == 0) {
        md4_init(&md4);
        md4_update(&md4, len, units);
        md4_digest(&md4, NTHASH_SIZE, out);
        OPENSSL_cleanse(&md4, sizeof(md4));
    }
    OPENSSL_cleanse(units, sizeof(units));
    return result;
}
