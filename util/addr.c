/* SPDX-License-Identifier: MIT */
/* addr.c - IP addresses of both families as one type; see addr.h. */
#include "util/addr.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_is_v4(const struct addr *a)
{
    return memcmp(a->bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool addr_in_prefix(const struct addr *a, const struct addr *prefix, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a->bytes, prefix->bytes, whole) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    unsigned mask = 0xffU << (8 - bits % 8) & 0xffU;
    return (a->bytes[whole] & mask) == (prefix->bytes[whole] & mask);
}

static void set_v4(struct addr *a, const void *four)
{
    memcpy(a->bytes, V4_MAPPED, sizeof(V4_MAPPED));
    memcpy(a->bytes + 12, four, 4);
}

int addr_parse(struct addr *a, struct str text)
{
    char copy[ADDR_TEXT_SIZE];
    uint8_t four[4];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return -1;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, four) == 1) {
        set_v4(a, four);
        return 0;
    }
    return inet_pton(AF_INET6, copy, a->bytes) == 1 ? 0 : -1;
}

static bool has_bits_beyond(const struct addr *a, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        if (a->bytes[i / 8] >> (7 - i % 8) & 1)
            return true;
    return false;
}

int addr_parse_prefix(struct addr *a, unsigned *bits, struct str text)
{
    struct str rest = text;
    struct str address = str_cut(&rest, '/');
    uint64_t given;
    if (addr_parse(a, address) != 0)
        return -1;
    /* "::ffff:1.2.3.4/n" counts n from the front of the IPv6 form. */
    bool is_v4_text = str_find(address, ':') == address.len;
    unsigned most = is_v4_text ? 32 : 128;
    if (address.len == text.len)
        given = most;
    else if (rest.len > 3 || str_to_u64(rest, most, &given) != 0)
        return -1;
    *bits = (unsigned)given + (is_v4_text ? 96 : 0);
    return has_bits_beyond(a, *bits) ? -1 : 0;
}

char *addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE])
{
    if (addr_is_v4(a))
        inet_ntop(AF_INET, a->bytes + 12, out, ADDR_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, a->bytes, out, ADDR_TEXT_SIZE);
    return out;
}

int addr_from_sockaddr(struct endpoint *e, const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        set_v4(&e->addr, &in.sin_addr);
        e->port = ntohs(in.sin_port);
        return 0;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        memcpy(e->addr.bytes, &in6.sin6_addr, 16);
        e->port = ntohs(in6.sin6_port);
        return 0;
    }
    return -1;
}

socklen_t addr_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (addr_is_v4(&e->addr)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&in.sin_addr, e->addr.bytes + 12, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    memcpy(&in6.sin6_addr, e->addr.bytes, 16);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}
