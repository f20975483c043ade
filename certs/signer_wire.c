/* SPDX-License-Identifier: MIT */
/* signer_wire.c - the form of the messages to the signer; see signer_wire.h. */
#include "certs/signer_wire.h"

#define HEAD_LEN 9
#define SETUP_PARTS 3

static void put_number(unsigned char *out, size_t octets, uint64_t value)
{
    for (size_t i = octets; i > 0; i--, value >>= 8)
        out[i - 1] = (unsigned char)value;
}

static uint64_t get_number(const char *bytes, size_t octets)
{
    uint64_t value = 0;
    for (size_t i = 0; i < octets; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static bool has_id(enum signer_kind kind)
{
    return kind == SIGNER_ORDER || kind == SIGNER_LEAF || kind == SIGNER_REFUSED;
}

/* Behind what is there; 0 where it does not fit. */
static size_t put_bytes(unsigned char *out, size_t size, size_t used, struct str bytes)
{
    if (used == 0 || bytes.len > size - used)
        return 0;
    if (bytes.len > 0)
        memcpy(out + used, bytes.ptr, bytes.len);
    return used + bytes.len;
}

static size_t put_part(unsigned char *out, size_t size, size_t used, struct str part)
{
    if (used == 0 || size - used < 4 || part.len > UINT32_MAX)
        return 0;
    put_number(out + used, 4, part.len);
    return put_bytes(out, size, used + 4, part);
}

size_t signer_write(const struct signer_message *m, unsigned char *out, size_t size)
{
    size_t used = HEAD_LEN;
    if (size > SIGNER_WIRE_MAX)
        size = SIGNER_WIRE_MAX;
    if (size < HEAD_LEN)
        return 0;
    out[0] = (unsigned char)m->kind;
    put_number(out + 1, 8, has_id(m->kind) ? m->id : 0);
    if (m->kind == SIGNER_SETUP) {
        used = put_part(out, size, used, m->certificate);
        used = put_part(out, size, used, m->key);
        return put_part(out, size, used, m->leaf_key);
    }
    return m->kind == SIGNER_READY ? used : put_bytes(out, size, used, m->body);
}

static int read_setup(struct signer_message *m, struct str rest)
{
    struct str *parts[SETUP_PARTS] = {&m->certificate, &m->key, &m->leaf_key};
    for (size_t i = 0; i < SETUP_PARTS; i++) {
        if (rest.len < 4)
            return -1;
        uint64_t len = get_number(rest.ptr, 4);
        if (len > rest.len - 4)
            return -1;
        *parts[i] = (struct str){rest.ptr + 4, (size_t)len};
        rest = (struct str){rest.ptr + 4 + len, rest.len - 4 - (size_t)len};
    }
    return rest.len == 0 ? 0 : -1;
}

int signer_read(struct signer_message *m, struct str bytes)
{
    *m = (struct signer_message){0};
    if (bytes.len < HEAD_LEN || bytes.len > SIGNER_WIRE_MAX || bytes.ptr[0] < SIGNER_SETUP ||
        bytes.ptr[0] > SIGNER_REFUSED)
        return -1;
    m->kind = (enum signer_kind)bytes.ptr[0];
    m->id = get_number(bytes.ptr + 1, 8);
    if (m->id != 0 && !has_id(m->kind))
        return -1;
    struct str rest = {bytes.ptr + HEAD_LEN, bytes.len - HEAD_LEN};
    if (m->kind == SIGNER_SETUP)
        return read_setup(m, rest);
    m->body = rest;
    return m->kind != SIGNER_READY || rest.len == 0 ? 0 : -1;
}
