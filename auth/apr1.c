/* SPDX-License-Identifier: MIT */
/* apr1.c - Apache's MD5 hash of passwords; see apr1.h. */
#include "auth/apr1.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#define MD5_SIZE 16
#define ROUNDS 1000

/* What one step digests, piece by piece; a failure is kept until the end. */
struct step {
    EVP_MD_CTX *context;
    EVP_MD *md5;
    bool is_failed;
};

static void begin(struct step *s)
{
    s->is_failed |= EVP_DigestInit_ex2(s->context, s->md5, NULL) != 1;
}

static void add(struct step *s, const void *bytes, size_t len)
{
    if (len > 0)
        s->is_failed |= EVP_DigestUpdate(s->context, bytes, len) != 1;
}

static void end(struct step *s, unsigned char out[MD5_SIZE])
{
    s->is_failed |= EVP_DigestFinal_ex(s->context, out, NULL) != 1;
}

/* The first result: password, prefix and salt, mixed by the password's length. */
static void mix(struct step *s, struct str password, struct str salt, unsigned char out[MD5_SIZE])
{
    const unsigned char nul = 0;
    unsigned char inner[MD5_SIZE];
    begin(s);
    add(s, password.ptr, password.len);
    add(s, salt.ptr, salt.len);
    add(s, password.ptr, password.len);
    end(s, inner);
    begin(s);
    add(s, password.ptr, password.len);
    add(s, "$apr1$", 6);
    add(s, salt.ptr, salt.len);
    for (size_t left = password.len; left > 0; left -= left < MD5_SIZE ? left : MD5_SIZE)
        add(s, inner, left < MD5_SIZE ? left : MD5_SIZE);
    for (size_t bits = password.len; bits > 0; bits >>= 1)
        if (bits & 1)
            add(s, &nul, 1);
        else
            add(s, password.ptr, 1);
    end(s, out);
    OPENSSL_cleanse(inner, sizeof(inner));
}

static void stretch(struct step *s, struct str password, struct str salt,
                    unsigned char state[MD5_SIZE])
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        begin(s);
        if (i & 1)
            add(s, password.ptr, password.len);
        else
            add(s, state, MD5_SIZE);
        if (i % 3 != 0)
            add(s, salt.ptr, salt.len);
        if (i % 7 != 0)
            add(s, password.ptr, password.len);
        if (i & 1)
            add(s, state, MD5_SIZE);
        else
            add(s, password.ptr, password.len);
        end(s, state);
    }
}

/* Six bits a character, the lowest first; returns behind the last. */
static char *encode(char *out, unsigned value, int characters)
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (; characters > 0; characters--, value >>= 6)
        *out++ = digits[value & 63];
    return out;
}

static void write_result(const unsigned char state[MD5_SIZE], char *out)
{
    for (unsigned i = 0; i < 5; i++) {
        unsigned low = i == 4 ? 5 : i + 12;
        out = encode(out, (unsigned)state[i] << 16 | (unsigned)state[i + 6] << 8 | state[low], 4);
    }
    *encode(out, state[11], 2) = '\0';
}

int apr1_hash(struct str password, struct str salt, char out[APR1_SIZE])
{
    unsigned char state[MD5_SIZE] = {0};
    struct step s = {EVP_MD_CTX_new(), EVP_MD_fetch(NULL, "MD5", NULL), false};
    int result = -1;
    if (salt.len > APR1_SALT_MAX || s.context == NULL || s.md5 == NULL)
        goto out;
    mix(&s, password, salt, state);
    stretch(&s, password, salt, state);
    if (s.is_failed)
        goto out;
    int len = snprintf(out, APR1_SIZE, "$apr1$%.*s$", STR_ARG(salt));
    write_result(state, out + len);
    result = 0;
out:
    OPENSSL_cleanse(state, sizeof(state));
    EVP_MD_free(s.md5);
    EVP_MD_CTX_free(s.context);
    return result;
}
