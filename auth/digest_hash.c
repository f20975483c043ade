/* SPDX-License-Identifier: MIT */
/* digest_hash.c - the hash functions of Digest; see digest_hash.h. */
#include "auth/digest_hash.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <openssl/crypto.h>

#include "util/attr.h"

union state {
    struct md5_ctx md5;
    struct sha256_ctx sha256;
};

size_t digest_hex_len(enum digest_algorithm algorithm)
{
    return 2 * (algorithm == DIGEST_MD5 ? MD5_DIGEST_SIZE : SHA256_DIGEST_SIZE);
}

struct str digest_algorithm_name(enum digest_algorithm algorithm)
{
    return algorithm == DIGEST_MD5 ? STR_LIT("MD5") : STR_LIT("SHA-256");
}

static void update(enum digest_algorithm algorithm, union state *s, struct str bytes)
{
    if (bytes.len == 0)
        return;
    if (algorithm == DIGEST_MD5)
        md5_update(&s->md5, bytes.len, (const uint8_t *)bytes.ptr);
    else
        sha256_update(&s->sha256, bytes.len, (const uint8_t *)bytes.ptr);
}

struct str digest_hash(enum digest_algorithm algorithm, const struct str *parts, size_t count,
                       char hex[DIGEST_HEX_MAX])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char bytes[DIGEST_HEX_MAX / 2];
    size_t size = digest_hex_len(algorithm) / 2;
    union state s;
    ASSERT(count > 0);
    if (algorithm == DIGEST_MD5)
        md5_init(&s.md5);
    else
        sha256_init(&s.sha256);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            update(algorithm, &s, STR_LIT(":"));
        update(algorithm, &s, parts[i]);
    }
    if (algorithm == DIGEST_MD5)
        md5_digest(&s.md5, size, bytes);
    else
        sha256_digest(&s.sha256, size, bytes);
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = DIGITS[bytes[i] >> 4];
        hex[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    OPENSSL_cleanse(&s, sizeof(s));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return (struct str){hex, 2 * size};
}

bool digest_hex_fold(struct str text, char *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = str_lower(text.ptr[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        out[i] = c;
    }
    return true;
}
