/* SPDX-License-Identifier: MIT */
/* explain_target.c - one target of 'explain'; see explain_target.h. */
#include "cli/explain_target.h"

#include <stdio.h>
#include <string.h>

/* Cuts a scheme off *rest; -1 where it is none of those asked through a proxy. */
static int cut_scheme(struct explain_target *t, struct str *rest, struct err *e)
{
    static const struct {
        const char *prefix;
        enum policy_scheme scheme;
        uint16_t port;
    } schemes[] = {
        {"http://", POLICY_HTTP, 80},
        {"https://", POLICY_CONNECT, 443},
        {"wss://", POLICY_CONNECT, 443},
        {"", POLICY_CONNECT, 443},
    };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str prefix = str_of(schemes[i].prefix);
        if (rest->len < prefix.len || !str_ieq((struct str){rest->ptr, prefix.len}, prefix))
            continue;
        t->scheme = schemes[i].scheme;
        t->port = schemes[i].port;
        rest->ptr += prefix.len;
        rest->len -= prefix.len;
        break;
    }
    if (rest->len > 0 && memmem(rest->ptr, rest->len, "://", 3) != NULL)
        return err_set(e, NULL, "%.*s: only http, https and wss can be asked for",
                       STR_ARG(t->text));
    return 0;
}

static int parse_port(struct explain_target *t, struct str text, struct err *e)
{
    uint64_t port;
    if (str_to_u64(text, 65535, &port) != 0 || port == 0)
        return err_set(e, NULL, "%.*s: '%.*s' is not a port", STR_ARG(t->text), STR_ARG(text));
    t->port = (uint16_t)port;
    return 0;
}

static int parse_authority(struct explain_target *t, struct str authority, struct err *e)
{
    struct str host = authority;
    size_t colon = str_find(authority, ':');

    if (str_find(authority, '@') < authority.len)
        return err_set(e, NULL, "a URL that is not shown: user names do not belong here");
    if (authority.len > 0 && authority.ptr[0] == '[') {
        size_t close = str_find(authority, ']');
        host.len = close < authority.len ? close + 1 : authority.len;
    } else if (colon < authority.len &&
               str_find((struct str){authority.ptr + colon + 1, authority.len - colon - 1}, ':') ==
                   authority.len - colon - 1) {
        host.len = colon; /* one colon; more make a bare IPv6 address */
    }
    struct str rest = {authority.ptr + host.len, authority.len - host.len};
    const char *fault = host_parse(&t->host, host);
    if (fault != NULL)
        return err_set(e, NULL, "%.*s: the host %s", STR_ARG(t->text), fault);
    if (rest.len == 0)
        return 0;
    if (rest.ptr[0] != ':')
        return err_set(e, NULL, "%.*s: '%.*s' is not a port", STR_ARG(t->text), STR_ARG(rest));
    return parse_port(t, (struct str){rest.ptr + 1, rest.len - 1}, e);
}

int explain_target_parse(struct explain_target *t, const char *text, struct err *e)
{
    *t = (struct explain_target){.text = str_of(text)};
    t->text.len = strcspn(text, "?#");
    struct str rest = t->text;

    if (cut_scheme(t, &rest, e) != 0)
        return -1;
    bool has_scheme = rest.ptr != t->text.ptr;
    struct str authority = rest;
    authority.len = str_find(rest, '/');
    struct str path = {rest.ptr + authority.len, rest.len - authority.len};
    if (path.len > 0 && !has_scheme)
        return err_set(e, NULL, "%.*s: a path needs a scheme: http://%.*s", STR_ARG(t->text),
                       STR_ARG(t->text));
    if (authority.len == 0)
        return err_set(e, NULL, "%.*s: there is no host", STR_ARG(t->text));
    if (path.len == 0 && has_scheme)
        path = STR_LIT("/");
    if (t->scheme == POLICY_HTTP)
        t->path = path;
    else
        t->inside = path;
    return parse_authority(t, authority, e);
}

void explain_target_format(const struct explain_target *t, char *out, size_t size)
{
    bool is_v6 = t->host.is_address && strchr(t->host.name, ':') != NULL;
    const char *open = is_v6 ? "[" : "", *close = is_v6 ? "]" : "";

    if (t->scheme == POLICY_CONNECT)
        snprintf(out, size, "CONNECT %s%s%s:%u", open, t->host.name, close, (unsigned)t->port);
    else if (t->port == 80)
        snprintf(out, size, "GET http://%s%s%s%.*s", open, t->host.name, close,
                 STR_ARG(t->path));
    else
        snprintf(out, size, "GET http://%s%s%s:%u%.*s", open, t->host.name, close,
                 (unsigned)t->port, STR_ARG(t->path));
}
