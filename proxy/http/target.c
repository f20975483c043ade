/* SPDX-License-Identifier: MIT */
/* target.c - authority and absolute form; see target.h. */
#include "proxy/http/target.h"

#include "proxy/http/chars.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

static const char *check_bytes(struct str text)
{
    if (text.len == 0)
        return "is empty";
    const char *end = text.ptr + text.len;
    const char *stop = chars_skip(text.ptr, end, CHARS_VISIBLE);
    if (stop == end)
        return NULL;
    return chars_is(*stop, CHARS_BLANK) ? "has a space in it" : "has a byte beyond visible ASCII";
}

/* Splits "host" or "host:rest" at the colon; has_colon tells which. Brackets stay
 * on the host. */
static const char *split_authority(struct str text, struct str *host, struct str *port,
                                   bool *has_colon)
{
    size_t at = str_find(text, ':');
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t close = str_find(text, ']');
        if (close == text.len)
            return "has a '[' without its ']'";
        at = close + 1;
        if (at < text.len && text.ptr[at] != ':')
            return "has something between the bracket and the port";
    }
    *has_colon = at < text.len;
    *host = (struct str){text.ptr, at};
    *port = *has_colon ? str_range(text.ptr + at + 1, text.ptr + text.len) : (struct str){NULL, 0};
    if (str_find(*port, ':') < port->len)
        return "has an IPv6 address without brackets";
    return at == 0 ? "has no host" : NULL;
}

/* RFC 9110 section 9.3.6 asks for a refusal of an empty or invalid port. A leading
 * zero is refused as well: readers differ on it, and no client writes one. */
static const char *parse_port(uint16_t *port, struct str text)
{
    uint64_t number;
    if (text.len == 0)
        return "has an empty port";
    if (chars_skip(text.ptr, text.ptr + text.len, CHARS_DIGIT) != text.ptr + text.len)
        return "has a port that is no number";
    if (str_to_u64(text, UINT16_MAX, &number) != 0 || number == 0)
        return "has a port that is not from 1 to 65535";
    if (text.ptr[0] == '0')
        return "has a port with a leading zero";
    *port = (uint16_t)number;
    return NULL;
}

const char *target_parse_authority(struct target *t, struct str text)
{
    struct str host, port;
    bool has_colon;
    const char *fault = check_bytes(text);
    if (fault)
        return fault;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '@')
            return "has a user name in it";
        if (text.ptr[i] == '/' || text.ptr[i] == '?' || text.ptr[i] == '#')
            return "is a URL or a path, not host:port";
    }
    fault = split_authority(text, &host, &port, &has_colon);
    if (!fault && !has_colon)
        fault = "has no port";
    if (!fault)
        fault = parse_port(&t->port, port);
    if (!fault)
        fault = host_parse(&t->host, host);
    t->path = (struct str){NULL, 0};
    return fault;
}

/* Cuts the scheme, which ends with "//", off *text. */
static const char *take_scheme(struct str *text, struct str scheme)
{
    bool is_https = scheme.len > sizeof("http://") - 1;
    if (text->len >= scheme.len && str_ieq((struct str){text->ptr, scheme.len}, scheme)) {
        *text = (struct str){text->ptr + scheme.len, text->len - scheme.len};
        return NULL;
    }
    const char *end = text->ptr + text->len;
    const char *stop = chars_skip(text->ptr, end, CHARS_SCHEME);
    if (end - stop >= 3 && stop > text->ptr && memcmp(stop, "://", 3) == 0)
        return is_https ? "has a scheme other than https" : "has a scheme other than http";
    return is_https ? "is no path and no URL that begins with https://"
                    : "is no URL that begins with http://";
}

static const char *parse_absolute(struct target *t, struct str text, struct str scheme,
                                  uint16_t default_port)
{
    struct str host, port;
    bool has_colon;
    const char *fault = check_bytes(text);
    if (fault)
        return fault;
    if (str_find(text, '#') < text.len)
        return "has a fragment";
    fault = take_scheme(&text, scheme);
    if (fault)
        return fault;
    size_t path_at = str_find(text, '/');
    size_t query_at = str_find(text, '?');
    size_t len = path_at < query_at ? path_at : query_at;
    struct str authority = {text.ptr, len};
    if (str_find(authority, '@') < len)
        return "has a user name in it";
    fault = split_authority(authority, &host, &port, &has_colon);
    t->port = default_port;
    if (!fault && port.len > 0)
        fault = parse_port(&t->port, port);
    if (!fault)
        fault = host_parse(&t->host, host);
    t->path = (struct str){text.ptr + len, text.len - len};
    return fault;
}

const char *target_parse_absolute(struct target *t, struct str text)
{
    return parse_absolute(t, text, STR_LIT("http://"), HTTP_PORT);
}

/* The value of a Host field, which is not empty. */
static const char *parse_host_field(struct target *t, struct str text)
{
    struct str host, port;
    bool has_colon;
    const char *fault = split_authority(text, &host, &port, &has_colon);
    t->port = HTTPS_PORT;
    if (!fault && port.len > 0)
        fault = parse_port(&t->port, port);
    return fault ? fault : host_parse(&t->host, host);
}

const char *target_parse_inside(struct target *t, struct str method, struct str text,
                                struct str host)
{
    bool is_asterisk = str_eq(text, STR_LIT("*"));
    if (is_asterisk && !str_eq(method, STR_LIT("OPTIONS")))
        return "is '*', which stands for the server itself and for OPTIONS alone";
    if (!is_asterisk && (text.len == 0 || text.ptr[0] != '/'))
        return parse_absolute(t, text, STR_LIT("https://"), HTTPS_PORT);
    const char *fault = check_bytes(text);
    if (fault)
        return fault;
    if (str_find(text, '#') < text.len)
        return "has a fragment";
    t->path = is_asterisk ? (struct str){NULL, 0} : text;
    t->host.len = 0;
    t->port = 0;
    if (host.len == 0)
        return NULL;
    return parse_host_field(t, host) == NULL ? NULL : "stands beside a Host that is none";
}
