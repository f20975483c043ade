/* SPDX-License-Identifier: MIT */
/* network.c - the parts of a specification that are addresses; see network.h. */
#include "conf/network.h"

#include <errno.h>
#include <ifaddrs.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "conf/doors.h"
#include "conf/file.h"
#include "util/mem.h"

#define DEFAULT_HOSTS "/etc/hosts"
#define MAX_HOSTS_BYTES ((size_t)64 << 20)
#define UNIX_PREFIX "unix:"
#define DNS_PORT 53

static bool is_same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && a->port != 0 && addr_eq(&a->addr, &b->addr);
}

/* ---- listeners ---- */

static void check_listener(const struct config *c, const struct listener_config *l,
                           struct errlist *faults)
{
    for (size_t i = 0; i < c->listener_count; i++)
        if (is_same_endpoint(&c->listeners[i].at, &l->at)) {
            errlist_add(faults, &l->where, "the same address and port as the listener at %s:%u",
                        c->listeners[i].where.file, c->listeners[i].where.line);
            return;
        }
}

static void add_listeners(const struct spec *spec, struct config *c, struct errlist *faults)
{
    const struct spec_listener *listeners = spec->listeners.items;

    c->listeners = mem_must_zalloc((spec->listeners.count + 1) * sizeof(*c->listeners));
    for (size_t i = 0; i < spec->listeners.count; i++) {
        const struct spec_listener *s = &listeners[i];
        struct listener_config l = {.at.port = (uint16_t)s->port.value, .where = s->head.at};
        if (s->address.text == NULL)
            continue; /* reported as missing */
        if (addr_parse(&l.at.addr, str_of(s->address.text)) != 0) {
            errlist_add(faults, &s->address.at,
                        "address: '%s' is not an IPv4 or IPv6 address; \"0.0.0.0\" and \"::\" "
                        "stand for all",
                        s->address.text);
            continue;
        }
        check_listener(c, &l, faults);
        if (s->tls.head.is_set)
            l.tls = doors_tls(&s->tls, &l.at, faults);
        c->listeners[c->listener_count++] = l;
    }
    if (spec->listeners.is_set && spec->listeners.count == 0)
        errlist_add(faults, &spec->listeners.at, "listeners is empty: there must be at least one");
}

/* ---- admin ---- */

static void set_unix_path(const struct spec_text *address, struct config *c,
                          struct errlist *faults)
{
    const char *path = address->text + strlen(UNIX_PREFIX);
    if (path[0] == '\0') {
        errlist_add(faults, &address->at, "address: a path belongs behind \"unix:\"");
        return;
    }
    c->admin.unix_path = file_relative(address->at.file, path);
    if (strlen(c->admin.unix_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        errlist_add(faults, &address->at, "address: the path %s is too long for a socket",
                    c->admin.unix_path);
}

static void set_admin(const struct spec_admin *spec, struct config *c, struct errlist *faults)
{
    c->admin.is_on = spec->head.is_set;
    if (!c->admin.is_on)
        return;
    const struct spec_text *address = &spec->address;
    if (strncmp(address->text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        set_unix_path(address, c, faults);
        if (spec->port.is_set)
            errlist_add(faults, &spec->port.at, "port: a unix socket has none");
        return;
    }
    c->admin.at.port = (uint16_t)spec->port.value;
    if (strcmp(address->text, "127.0.0.1") != 0 && strcmp(address->text, "::1") != 0) {
        errlist_add(faults, &address->at,
                    "address: admin is for this machine only: \"127.0.0.1\", \"::1\" or "
                    "\"unix:PATH\", not '%s'",
                    address->text);
        return;
    }
    ASSERT(addr_parse(&c->admin.at.addr, str_of(address->text)) == 0);
    for (size_t i = 0; i < c->listener_count; i++)
        if (is_same_endpoint(&c->listeners[i].at, &c->admin.at))
            errlist_add(faults, &spec->head.at,
                        "admin: the same address and port as the listener at %s:%u",
                        c->listeners[i].where.file, c->listeners[i].where.line);
}

/* ---- dns ---- */

/* "a", "a:port", "v6" or "[v6]:port". */
static int parse_resolver(const char *text, struct endpoint *out)
{
    struct str s = str_of(text);
    uint64_t port = DNS_PORT;

    if (s.len > 0 && s.ptr[0] == '[') {
        struct str rest = {s.ptr + 1, s.len - 1};
        s = str_cut(&rest, ']');
        if (rest.ptr == NULL || (rest.len > 0 && rest.ptr[0] != ':'))
            return -1;
        if (rest.len > 0 &&
            str_to_u64((struct str){rest.ptr + 1, rest.len - 1}, 65535, &port) != 0)
            return -1;
    } else if (strchr(text, ':') == strrchr(text, ':') && strchr(text, ':') != NULL) {
        struct str rest = s;
        s = str_cut(&rest, ':');
        if (str_to_u64(rest, 65535, &port) != 0)
            return -1;
    }
    out->port = (uint16_t)port;
    return port == 0 ? -1 : addr_parse(&out->addr, s);
}

static char *format_resolvers(const struct spec_texts *servers, struct errlist *faults)
{
    size_t room = servers->count * (ADDR_TEXT_SIZE + sizeof(",[]:65535")) + 1;
    char *list = mem_must_zalloc(room);
    size_t used = 0;

    for (size_t i = 0; i < servers->count; i++) {
        char text[ADDR_TEXT_SIZE];
        struct endpoint at;
        const struct spec_text *item = &servers->items[i];
        if (parse_resolver(item->text, &at) != 0) {
            errlist_add(faults, &item->at,
                        "servers: '%s' is not an address with or without a port: "
                        "\"10.0.0.1\", \"10.0.0.1:53\", \"[2001:db8::1]:53\"",
                        item->text);
            continue;
        }
        addr_format(&at.addr, text);
        used += (size_t)snprintf(list + used, room - used,
                                 addr_is_v4(&at.addr) ? "%s%s:%u" : "%s[%s]:%u", used ? "," : "",
                                 text, (unsigned)at.port);
    }
    return list;
}

static void set_dns(const struct spec_dns *spec, struct config *c, struct errlist *faults)
{
    const struct place *named_at = spec->hosts.text ? &spec->hosts.at : NULL;
    char *path = named_at ? file_relative(named_at->file, spec->hosts.text)
                          : mem_must_dup(DEFAULT_HOSTS, strlen(DEFAULT_HOSTS));
    char *text = NULL;
    size_t len = 0;
    struct err e;

    c->dns.timeout_ms = spec->timeout.value;
    if (spec->servers.is_set)
        c->dns.servers = format_resolvers(&spec->servers, faults);
    if (file_read(path, MAX_HOSTS_BYTES, named_at, &text, &len, &e) != 0 && named_at != NULL)
        errlist_add_err(faults, &e);
    c->dns.hosts = hosts_read((struct str){text, len}, path, named_at == NULL, faults);
    mem_free(text);
    mem_free(path);
}

/* ---- guard ---- */

static bool is_unspecified(const struct addr *a)
{
    struct addr any;
    ASSERT(addr_parse(&any, STR_LIT("::")) == 0);
    if (addr_eq(a, &any))
        return true;
    ASSERT(addr_parse(&any, STR_LIT("0.0.0.0")) == 0);
    return addr_eq(a, &any);
}

static void add_own_addresses(struct guard *g, struct errlist *faults)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) {
        errlist_add(faults, NULL, "cannot list the addresses of this machine: %s",
                    strerror(errno));
        return;
    }
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        struct endpoint own;
        if (i->ifa_addr != NULL && addr_from_sockaddr(&own, i->ifa_addr) == 0)
            guard_add_own_address(g, &own.addr);
    }
    freeifaddrs(list);
}

static void set_guard(const struct spec_guard *spec, struct config *c, struct errlist *faults)
{
    bool is_wildcard = false;

    c->guard = guard_new(spec->deny_private.value != 0);
    for (size_t i = 0; i < spec->allow.count; i++) {
        struct addr prefix;
        unsigned bits;
        const struct spec_text *item = &spec->allow.items[i];
        if (addr_parse_prefix(&prefix, &bits, str_of(item->text)) != 0)
            errlist_add(faults, &item->at,
                        "allow: '%s' is not an address or prefix such as \"10.8.0.0/16\" (no bits "
                        "set behind the prefix)",
                        item->text);
        else
            guard_allow(c->guard, &prefix, bits);
    }
    /* A port that the system picks is not known yet: whoever binds it adds it. */
    for (size_t i = 0; i < c->listener_count; i++) {
        is_wildcard = is_wildcard || is_unspecified(&c->listeners[i].at.addr);
        if (c->listeners[i].at.port != 0)
            guard_add_listener(c->guard, &c->listeners[i].at, true);
    }
    if (c->admin.is_on && c->admin.unix_path == NULL && c->admin.at.port != 0)
        guard_add_listener(c->guard, &c->admin.at, false);
    if (is_wildcard)
        add_own_addresses(c->guard, faults);
}

void network_free(struct config *c)
{
    for (size_t i = 0; i < c->listener_count; i++)
        SSL_CTX_free(c->listeners[i].tls);
    mem_free(c->listeners);
}

void network_build(const struct spec *spec, struct config *c, struct errlist *faults)
{
    add_listeners(spec, c, faults);
    set_admin(&spec->admin, c, faults);
    set_dns(&spec->dns, c, faults);
    set_guard(&spec->guard, c, faults);
}
