/* SPDX-License-Identifier: MIT */
/*
 * ntlm_client.c - writes NEGOTIATE and AUTHENTICATE.
 */
#include "tests/bench/ntlm_client.h"

#include <ctype.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/md4.h>
#include <stdbool.h>
#include <string.h>

/* Unicode, request target, NTLM, always sign, extended session security, target info, 128 and 56
 * bits; no key exchange, so the session key is the base key. */
#define FLAGS 0xa0888205U
#define KEY_SIZE 16
#define NEGOTIATE_SIZE 32
#define CHALLENGE_SIZE 1024
#define TARGET_INFO_MAX 512
#define BLOB_HEAD 28
#define FLAGS_PAIR 8
#define BLOB_MAX (BLOB_HEAD + TARGET_INFO_MAX + FLAGS_PAIR + 4)
#define LM_SIZE 24
#define MIC_AT 72
#define HEAD_SIZE 88 /* of AUTHENTICATE: fields, flags, version and MIC */
#define AV_FLAGS 6
#define AV_TIMESTAMP 7

struct bytes {
    const unsigned char *ptr;
    size_t len;
};

static void put16(unsigned char *out, size_t value)
{
    out[0] = (unsigned char)value;
    out[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *out, uint32_t value)
{
    put16(out, value & 0xffffU);
    put16(out + 2, value >> 16);
}

static size_t get16(const unsigned char *in)
{
    return (size_t)in[0] | (size_t)in[1] << 8;
}

static size_t get32(const unsigned char *in)
{
    return get16(in) | get16(in + 2) << 16;
}

/* UTF-16LE of ASCII. */
static size_t widen(const char *text, unsigned char *out, size_t size)
{
    size_t len = strlen(text) < size / 2 ? strlen(text) : size / 2;

    for (size_t i = 0; i < len; i++)
        put16(out + 2 * i, (unsigned char)text[i]);
    return 2 * len;
}

static void mac(const unsigned char key[KEY_SIZE], const struct bytes *parts, size_t count,
                unsigned char out[KEY_SIZE])
{
    struct hmac_md5_ctx context;

    hmac_md5_set_key(&context, KEY_SIZE, key);
    for (size_t i = 0; i < count; i++)
        hmac_md5_update(&context, parts[i].len, parts[i].ptr);
    hmac_md5_digest(&context, KEY_SIZE, out);
}

void ntlm_client_init(struct ntlm_client *client, const char *user, const char *domain,
                      const char *password)
{
    unsigned char wide[2 * NTLM_CLIENT_NAME];
    unsigned char upper[NTLM_CLIENT_NAME];
    unsigned char nt_hash[KEY_SIZE];
    struct md4_ctx context;

    client->count = 0;
    client->user_len = widen(user, client->user, sizeof(client->user));
    client->domain_len = widen(domain, client->domain, sizeof(client->domain));
    for (size_t i = 0; i < client->user_len; i++)
        upper[i] = (unsigned char)toupper(client->user[i]);
    md4_init(&context);
    md4_update(&context, widen(password, wide, sizeof(wide)), wide);
    md4_digest(&context, sizeof(nt_hash), nt_hash);
    const struct bytes names[] = {{upper, client->user_len}, {client->domain, client->domain_len}};
    mac(nt_hash, names, 2, client->response_key);
}

static void write_negotiate(unsigned char out[NEGOTIATE_SIZE])
{
    memset(out, 0, NEGOTIATE_SIZE);
    memcpy(out, "NTLMSSP", 8);
    put32(out + 8, 1);
    put32(out + 12, FLAGS);
}

static void encode(const unsigned char *message, size_t len, char out[NTLM_CLIENT_TEXT])
{
    base64_encode_raw(out, len, message);
    out[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
}

void ntlm_client_begin(char out[NTLM_CLIENT_TEXT])
{
    unsigned char message[NEGOTIATE_SIZE];

    write_negotiate(message);
    encode(message, sizeof(message), out);
}

/* The message's target info without its end mark. False: it is no CHALLENGE that has one. */
static bool find_target_info(struct bytes message, struct bytes *info)
{
    size_t len = 0, at = 0;

    if (message.len < 48 || memcmp(message.ptr, "NTLMSSP", 8) != 0 || get32(message.ptr + 8) != 2)
        return false;
    len = get16(message.ptr + 40);
    at = get32(message.ptr + 44);
    if (len < 4 || len > TARGET_INFO_MAX || at > message.len || len > message.len - at)
        return false;
    *info = (struct bytes){message.ptr + at, len - 4};
    return get32(info->ptr + info->len) == 0;
}

/* The time that the CHALLENGE has; zeros where it has none. */
static void copy_time(struct bytes info, unsigned char out[8])
{
    size_t at = 0;

    memset(out, 0, 8);
    while (at + 4 <= info.len) {
        size_t len = get16(info.ptr + at + 2);

        if (get16(info.ptr + at) == AV_TIMESTAMP && len == 8 && at + 12 <= info.len)
            memcpy(out, info.ptr + at + 4, 8);
        at += 4 + len;
    }
}

/* What MS-NLMP calls temp: its pairs are those of the CHALLENGE, and one that says that there is
 * a MIC. Returns its length. */
static size_t write_blob(struct ntlm_client *client, struct bytes info, unsigned char *out)
{
    unsigned char *end = out + BLOB_HEAD + info.len;

    memset(out, 0, BLOB_HEAD);
    out[0] = out[1] = 1;
    copy_time(info, out + 8);
    client->count++;
    memcpy(out + 16, &client->count, 8);
    memcpy(out + BLOB_HEAD, info.ptr, info.len);
    put16(end, AV_FLAGS);
    put16(end + 2, 4);
    put32(end + 4, 2);
    memset(end + FLAGS_PAIR, 0, 8);
    return BLOB_HEAD + info.len + FLAGS_PAIR + 8;
}

/* Appends bytes to the message and notes them in the field at `field`. */
static void add(unsigned char *message, size_t *len, size_t field, struct bytes bytes)
{
    memcpy(message + *len, bytes.ptr, bytes.len);
    put16(message + field, bytes.len);
    put16(message + field + 2, bytes.len);
    put32(message + field + 4, (uint32_t)*len);
    *len += bytes.len;
}

static size_t write_authenticate(struct ntlm_client *client, struct bytes challenge,
                                 struct bytes info, unsigned char *out)
{
    static const unsigned char no_lm[LM_SIZE];
    unsigned char nt[KEY_SIZE + BLOB_MAX + 4];
    unsigned char negotiate[NEGOTIATE_SIZE];
    unsigned char session_key[KEY_SIZE];
    size_t blob_len = write_blob(client, info, nt + KEY_SIZE);
    const struct bytes proven[] = {{challenge.ptr + 24, 8}, {nt + KEY_SIZE, blob_len}};
    const struct bytes proof = {nt, KEY_SIZE};
    size_t len = HEAD_SIZE;

    mac(client->response_key, proven, 2, nt);
    mac(client->response_key, &proof, 1, session_key);
    memset(out, 0, HEAD_SIZE);
    memcpy(out, "NTLMSSP", 8);
    put32(out + 8, 3);
    add(out, &len, 28, (struct bytes){client->domain, client->domain_len});
    add(out, &len, 36, (struct bytes){client->user, client->user_len});
    add(out, &len, 44, (struct bytes){(const unsigned char *)"B\0N", 4});
    add(out, &len, 12, (struct bytes){no_lm, LM_SIZE});
    add(out, &len, 20, (struct bytes){nt, KEY_SIZE + blob_len});
    put32(out + 56, (uint32_t)len); /* no session key, and it is there */
    put32(out + 60, FLAGS);
    write_negotiate(negotiate);
    const struct bytes all[] = {{negotiate, sizeof(negotiate)}, challenge, {out, len}};
    mac(session_key, all, 3, out + MIC_AT);
    return len;
}

int ntlm_client_answer(struct ntlm_client *client, const char *challenge, size_t len,
                       char out[NTLM_CLIENT_TEXT])
{
    unsigned char message[CHALLENGE_SIZE];
    unsigned char answer[HEAD_SIZE + 3 * NTLM_CLIENT_NAME + LM_SIZE + KEY_SIZE + BLOB_MAX + 4];
    struct base64_decode_ctx decoder;
    struct bytes info;
    size_t got = sizeof(message);

    base64_decode_init(&decoder);
    if (BASE64_DECODE_LENGTH(len) > sizeof(message) ||
        base64_decode_update(&decoder, &got, message, len, challenge) != 1 ||
        base64_decode_final(&decoder) != 1)
        return -1;
    if (!find_target_info((struct bytes){message, got}, &info))
        return -1;
    encode(answer, write_authenticate(client, (struct bytes){message, got}, info, answer), out);
    return 0;
}
