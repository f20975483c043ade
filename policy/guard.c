/* SPDX-License-Identifier: MIT */
/* guard.c - which addresses may be dialled at all; see guard.h. */
#include "policy/guard.h"

#include <string.h>

#include "util/mem.h"

struct prefix {
    struct addr addr;
    unsigned bits;
};

struct listener {
    struct endpoint at;
    bool is_proxy;
};

struct guard {
    bool deny_private;
    struct prefix *allowed;
    size_t allowed_count;
    struct listener *listeners;
    size_t listeners_count;
    struct addr *own;
    size_t own_count;
};

struct range {
    uint8_t bytes[16];
    uint8_t bits;
    const char *class;
};

#define V4(a, b, c, n, class)                                                                      \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c}, 96 + (n), class                       \
    }

/* The IANA registries of special-purpose addresses (RFC 6890 and updates), as far
 * as they are not reachable over the Internet. */
static const struct range SPECIAL[] = {
    V4(0, 0, 0, 8, "this host (RFC 1122)"),
    V4(10, 0, 0, 8, "private (RFC 1918)"),
    V4(100, 64, 0, 10, "shared (RFC 6598)"),
    V4(127, 0, 0, 8, "loopback"),
    V4(169, 254, 0, 16, "link-local"),
    V4(172, 16, 0, 12, "private (RFC 1918)"),
    V4(192, 0, 0, 24, "protocol assignments (RFC 6890)"),
    V4(192, 0, 2, 24, "documentation (RFC 5737)"),
    V4(192, 88, 99, 24, "6to4 relay (RFC 7526)"),
    V4(192, 168, 0, 16, "private (RFC 1918)"),
    V4(198, 18, 0, 15, "benchmarking (RFC 2544)"),
    V4(198, 51, 100, 24, "documentation (RFC 5737)"),
    V4(203, 0, 113, 24, "documentation (RFC 5737)"),
    V4(224, 0, 0, 4, "multicast"),
    V4(240, 0, 0, 4, "reserved (RFC 1112)"),
    {{0}, 128, "unspecified"},
    {{[15] = 1}, 128, "loopback"},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "local NAT64 (RFC 8215)"},
    {{0x01, 0x00}, 64, "discard (RFC 6666)"},
    {{0x20, 0x01, 0x00, 0x02}, 48, "benchmarking (RFC 5180)"},
    {{0x20, 0x01, 0x00, 0x10}, 28, "reserved (RFC 4843)"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation (RFC 3849)"},
    {{0x3f, 0xff}, 20, "documentation (RFC 9637)"},
    {{0x5f, 0x00}, 16, "segment routing (RFC 9602)"},
    {{0xfc}, 7, "unique local (RFC 4193)"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "site-local (RFC 3879)"},
    {{0xff}, 8, "multicast"},
};

/* IPv6 forms that carry an IPv4 address, and at which byte. Mapped addresses are
 * not here: struct addr makes no difference between those and IPv4. */
static const struct carrier {
    struct addr prefix;
    uint8_t bits;
    uint8_t at;
    uint8_t flip; /* each byte is XORed with this */
} CARRIERS[] = {
    {{{0}}, 96, 12, 0},                         /* compatible, RFC 4291 2.5.5.1 */
    {{{[8] = 0xff, [9] = 0xff}}, 96, 12, 0},    /* translated, RFC 2765 */
    {{{0x00, 0x64, 0xff, 0x9b}}, 96, 12, 0},    /* NAT64, RFC 6052 */
    {{{0x20, 0x02}}, 16, 2, 0},                 /* 6to4, RFC 3056 */
    {{{0x20, 0x01, 0x00, 0x00}}, 32, 4, 0},     /* Teredo server, RFC 4380 */
    {{{0x20, 0x01, 0x00, 0x00}}, 32, 12, 0xff}, /* Teredo client */
};

struct guard *guard_new(bool deny_private)
{
    struct guard *g = mem_must_zalloc(sizeof(*g));
    g->deny_private = deny_private;
    return g;
}

void guard_allow(struct guard *g, const struct addr *prefix, unsigned bits)
{
    g->allowed = mem_must_resize(g->allowed, (g->allowed_count + 1) * sizeof(*g->allowed));
    g->allowed[g->allowed_count++] = (struct prefix){*prefix, bits};
}

void guard_add_listener(struct guard *g, const struct endpoint *listener, bool is_proxy)
{
    size_t size = (g->listeners_count + 1) * sizeof(*g->listeners);
    g->listeners = mem_must_resize(g->listeners, size);
    g->listeners[g->listeners_count++] = (struct listener){*listener, is_proxy};
}

void guard_add_own_address(struct guard *g, const struct addr *own)
{
    g->own = mem_must_resize(g->own, (g->own_count + 1) * sizeof(*g->own));
    g->own[g->own_count++] = *own;
}

/* The IPv4 address that a carries at byte at, in its mapped form. */
static struct addr carried(const struct addr *a, const struct carrier *c)
{
    struct addr v4 = {{[10] = 0xff, [11] = 0xff}};
    for (unsigned i = 0; i < 4; i++)
        v4.bytes[12 + i] = a->bytes[c->at + i] ^ c->flip;
    return v4;
}

static const char *special_class(const struct addr *a)
{
    for (size_t i = 0; i < ARRAY_LEN(SPECIAL); i++) {
        struct addr prefix;
        memcpy(prefix.bytes, SPECIAL[i].bytes, sizeof(prefix.bytes));
        if (addr_in_prefix(a, &prefix, SPECIAL[i].bits))
            return SPECIAL[i].class;
    }
    return NULL;
}

static const char *forbidden_class(const struct addr *a)
{
    const char *class = special_class(a);
    for (size_t i = 0; class == NULL && i < ARRAY_LEN(CARRIERS); i++) {
        if (!addr_in_prefix(a, &CARRIERS[i].prefix, CARRIERS[i].bits))
            continue;
        struct addr v4 = carried(a, &CARRIERS[i]);
        class = special_class(&v4);
    }
    return class;
}

static bool is_unspecified(const struct addr *a)
{
    static const struct addr any6 = {{0}};
    static const struct addr any4 = {{[10] = 0xff, [11] = 0xff}};
    return addr_eq(a, &any6) || addr_eq(a, &any4);
}

static bool is_loopback(const struct addr *a)
{
    static const struct addr loop6 = {{[15] = 1}};
    static const struct addr loop4 = {{[10] = 0xff, [11] = 0xff, [12] = 127}};
    return addr_eq(a, &loop6) || addr_in_prefix(a, &loop4, 104);
}

static bool is_own(const struct guard *g, const struct addr *a)
{
    for (size_t i = 0; i < g->own_count; i++)
        if (addr_eq(a, &g->own[i]))
            return true;
    return is_loopback(a) || is_unspecified(a);
}

/* Would dialling a end at listener l? To dial the unspecified address is to dial
 * this machine's loopback. */
static bool reaches(const struct guard *g, const struct addr *a, const struct listener *l)
{
    if (addr_eq(a, &l->at.addr))
        return true;
    if (is_unspecified(&l->at.addr))
        return is_own(g, a);
    return is_unspecified(a) && is_loopback(&l->at.addr);
}

static const struct listener *find_listener(const struct guard *g, const struct endpoint *to)
{
    for (size_t i = 0; i < g->listeners_count; i++) {
        const struct listener *l = &g->listeners[i];
        if (l->at.port != to->port)
            continue;
        if (reaches(g, &to->addr, l))
            return l;
        for (size_t k = 0; k < ARRAY_LEN(CARRIERS); k++) {
            if (!addr_in_prefix(&to->addr, &CARRIERS[k].prefix, CARRIERS[k].bits))
                continue;
            struct addr v4 = carried(&to->addr, &CARRIERS[k]);
            if (reaches(g, &v4, l))
                return l;
        }
    }
    return NULL;
}

/* A prefix in IPv6 notation that is wider than the mapped range says nothing
 * about IPv4. */
static bool is_allowed(const struct guard *g, const struct addr *a)
{
    bool is_v4 = addr_is_v4(a);
    for (size_t i = 0; i < g->allowed_count; i++) {
        const struct prefix *p = &g->allowed[i];
        if ((!is_v4 || p->bits >= 96) && addr_in_prefix(a, &p->addr, p->bits))
            return true;
    }
    return false;
}

enum guard_verdict guard_judge(const struct guard *g, const struct endpoint *to, const char **class)
{
    const struct listener *l = find_listener(g, to);
    const char *found = l != NULL ? "an own listener" : NULL;
    enum guard_verdict verdict = GUARD_OK;
    if (l != NULL)
        verdict = l->is_proxy ? GUARD_SELF : GUARD_FORBIDDEN;
    else if (g->deny_private && !is_allowed(g, &to->addr))
        found = forbidden_class(&to->addr);
    if (l == NULL && found != NULL)
        verdict = GUARD_FORBIDDEN;
    if (class != NULL)
        *class = found;
    return verdict;
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    mem_free(g->allowed);
    mem_free(g->listeners);
    mem_free(g->own);
    mem_free(g);
}
