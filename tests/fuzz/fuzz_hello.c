/* SPDX-License-Identifier: MIT */
/* fuzz_hello.c - any bytes as the first of a TLS client. Input: one byte that says how it
 * comes in pieces, then the bytes. Beyond what the sanitizers see, these must hold:
 *   - in pieces it ends as it does at once, and with the same in it;
 *   - what is behind the hello makes no difference;
 *   - a name is a host name, and protocols are what the list can hold;
 *   - the same message in other records is the same hello. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A look at a block of exactly these bytes, so that one step beyond is seen. */
static enum parse look(struct hello_scanner *s, const char *bytes, size_t len, struct hello *h)
{
    char *copy = malloc(len ? len : 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    enum parse rc = hello_read(s, (struct str){copy, len}, h);
    free(copy);
    return rc;
}

static enum parse look_once(const char *bytes, size_t len, struct hello *h)
{
    struct hello_scanner s = {0};
    return look(&s, bytes, len, h);
}

static void check_same(const struct hello *a, const struct hello *b)
{
    ASSERT(a->version == b->version && a->sni == b->sni && a->has_ech == b->has_ech);
    ASSERT(a->name_len == b->name_len && a->alpn_len == b->alpn_len);
    ASSERT(memcmp(a->name, b->name, a->name_len) == 0);
    ASSERT(memcmp(a->alpn, b->alpn, a->alpn_len) == 0 && a->is_alpn_cut == b->is_alpn_cut);
}

static void check_contents(const struct hello *h)
{
    static const char FINE[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t at = 0;
    struct str protocol, name = hello_name(h);
    ASSERT((h->sni == HELLO_SNI_NAME) == (name.len != 0));
    ASSERT(h->name_len <= HELLO_NAME_MAX && h->alpn_len <= HELLO_ALPN_BYTES);
    for (size_t i = 0; i < name.len; i++)
        ASSERT(memchr(FINE, name.ptr[i], sizeof(FINE) - 1));
    while (hello_next_protocol(h, &at, &protocol))
        ASSERT(protocol.len > 0 && protocol.ptr + protocol.len <= h->alpn + h->alpn_len);
    ASSERT(at == h->alpn_len);
    ASSERT(h->version == 0 || h->version >> 8 == 3);
}

static void check_pieces(const char *bytes, size_t len, size_t step, enum parse want,
                         const struct hello *whole)
{
    struct hello_scanner s = {0};
    struct hello h;
    enum parse rc = PARSE_MORE;
    for (size_t at = 0; rc == PARSE_MORE && at < len;) {
        at = at + step < len ? at + step : len;
        rc = look(&s, bytes, at, &h);
    }
    ASSERT(rc == want);
    if (rc == PARSE_OK) {
        ASSERT(h.len == whole->len);
        check_same(&h, whole);
    }
}

/* The records of a hello that was read, with the message put into records of one size. */
static void check_records(const char *bytes, const struct hello *whole, size_t size)
{
    static unsigned char message[HELLO_MAX], wire[6 * HELLO_MAX];
    size_t len = 0, wire_len = 0;
    struct hello h;
    for (size_t at = 0; at < whole->len;) {
        size_t some = (size_t)(uint8_t)bytes[at + 3] << 8 | (uint8_t)bytes[at + 4];
        memcpy(message + len, bytes + at + 5, some);
        len += some;
        at += 5 + some;
    }
    for (size_t at = 0; at < len; at += size) {
        size_t some = len - at < size ? len - at : size;
        const unsigned char header[] = {22, 3, 3, (unsigned char)(some >> 8),
                                        (unsigned char)some};
        memcpy(wire + wire_len, header, 5);
        memcpy(wire + wire_len + 5, message + at, some);
        wire_len += 5 + some;
    }
    enum parse rc = look_once((const char *)wire, wire_len, &h);
    ASSERT(rc == (wire_len > HELLO_MAX ? PARSE_TOO_LARGE : PARSE_OK));
    if (rc == PARSE_OK)
        check_same(&h, whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hello whole, h;
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t len = size - 1;
    size_t step = data[0] < 128 ? 1U + data[0] % 8 : (data[0] - 127U) * len / 128 + 1;
    enum parse rc = look_once(bytes, len, &whole);
    check_pieces(bytes, len, step, rc, &whole);
    if (rc != PARSE_OK)
        return 0;
    ASSERT(whole.len <= len && whole.len <= HELLO_MAX);
    check_contents(&whole);
    ASSERT(look_once(bytes, whole.len, &h) == PARSE_OK);
    check_same(&whole, &h);
    ASSERT(look_once(bytes, whole.len - 1, &h) == PARSE_MORE);
    check_records(bytes, &whole, step);
    return 0;
}
