/* SPDX-License-Identifier: MIT */
/* pattern.c - reads one pattern of a configuration; see pattern.h. */
#include "policy/pattern.h"

#include <string.h>

static const char TOO_LONG[] = "is too long";
static const char EMPTY_LABEL[] = "has an empty label";

/* Mistakes that people make, each with its own words. NULL: none of them. */
static const char *find_mistake(struct str text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len > PATTERN_MAX)
        return TOO_LONG;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == ' ' || c == '\t')
            return "has a space in it";
        if (c < 0x20 || c == 0x7f)
            return "has a control character in it";
    }
    return NULL;
}

static const char *find_host_mistake(struct str host)
{
    if (host.len == 0)
        return "has no host";
    if (host.ptr[0] == '.')
        return host.len > 1 && host.ptr[1] != '.' ? "begins with a dot: write '*.' in front instead"
                                                  : EMPTY_LABEL;
    if (str_find(host, '?') != host.len)
        return "has a '?', which is not a wildcard here: only '*' is";
    if (str_find(host, '@') != host.len)
        return "has an '@': a host is wanted, not a user";
    return NULL;
}

static const char *set_name(struct pattern *p, enum pattern_kind kind, const struct host *h)
{
    p->kind = kind;
    p->key_len = h->len;
    memcpy(p->key, h->name, h->len + 1);
    return NULL;
}

static const char *append_key(struct pattern *p, struct str part)
{
    if (part.len > PATTERN_KEY_MAX - p->key_len)
        return TOO_LONG;
    memcpy(p->key + p->key_len, part.ptr, part.len);
    p->key_len += part.len;
    p->key[p->key_len] = '\0';
    return NULL;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

/* A label of a glob that is ASCII; a run of stars is one star. */
static const char *append_label(struct pattern *p, struct str label)
{
    size_t literals = 0;
    for (size_t i = 0; i < label.len; i++) {
        char c = str_lower(label.ptr[i]);
        bool is_star = c == '*';
        if (!is_star && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return "has a character that no host name has";
        if (is_star && p->key_len > 0 && p->key[p->key_len - 1] == '*')
            continue;
        const char *fault = append_key(p, (struct str){&c, 1});
        if (fault != NULL)
            return fault;
        literals += is_star ? 0 : 1;
    }
    return literals > 63 ? "has a label longer than 63 characters" : NULL;
}

/* A label of a glob with U-labels in it: IDNA works on whole labels only. */
static const char *append_unicode_label(struct pattern *p, struct str label)
{
    struct host h;
    if (str_find(label, '*') != label.len)
        return "has a '*' in a label with letters beyond ASCII: write that label as an A-label";
    const char *fault = host_parse(&h, label);
    if (fault == NULL && h.is_address)
        fault = "mixes an address and a name";
    return fault != NULL ? fault : append_key(p, host_str(&h));
}

static const char *parse_glob(struct pattern *p, struct str text)
{
    struct str rest = text;
    const char *fault = NULL;
    p->kind = PATTERN_GLOB;
    p->key_len = 0;
    if (text.ptr[0] != '*')
        fault = append_key(p, STR_LIT("."));
    for (bool is_first = true; fault == NULL && rest.ptr != NULL; is_first = false) {
        struct str label = str_cut(&rest, '.');
        if (label.len == 0)
            return EMPTY_LABEL;
        if (!is_first)
            fault = append_key(p, STR_LIT("."));
        if (fault == NULL)
            fault = is_ascii(label) ? append_label(p, label) : append_unicode_label(p, label);
    }
    size_t literals = 0;
    for (size_t i = 0; i < p->key_len; i++)
        literals += p->key[i] != '*';
    return fault == NULL && literals > HOST_MAX + 1 ? TOO_LONG : fault;
}

static const char *parse_suffix(struct pattern *p, struct str parent)
{
    struct host h;
    const char *fault = host_parse(&h, parent);
    if (fault == NULL && h.is_address)
        fault = "has a '*.' in front of a number: addresses are written as CIDR";
    return fault != NULL ? fault : set_name(p, PATTERN_SUFFIX, &h);
}

static const char *parse_host(struct pattern *p, struct str host)
{
    struct host h;
    const char *fault = find_host_mistake(host);
    if (fault != NULL)
        return fault;
    if (str_find(host, '*') == host.len) {
        fault = host_parse(&h, host);
        if (fault != NULL || !h.is_address)
            return fault != NULL ? fault : set_name(p, PATTERN_EXACT, &h);
        p->kind = PATTERN_PREFIX;
        p->addr = h.addr;
        p->bits = 128;
        return NULL;
    }
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (str_find(host, ':') != host.len)
        return "has a ':' in it: a port belongs in the rule, a scheme in urls";
    struct str parent = {host.ptr + 2, host.len - 2};
    if (str_starts(host, STR_LIT("*.")) && str_find(parent, '*') == parent.len)
        return parse_suffix(p, parent);
    return parse_glob(p, host);
}

static const char *set_path(struct pattern *p, struct str path)
{
    if (str_find(path, '?') != path.len)
        return "has a query: only the path of a URL is compared";
    if (str_find(path, '#') != path.len)
        return "has a fragment, which no request carries";
    p->path = path;
    p->is_url = p->is_url || path.len != 0;
    return NULL;
}

static void reset(struct pattern *p)
{
    p->kind = PATTERN_EXACT;
    p->key_len = 0;
    p->key[0] = '\0';
    p->addr = (struct addr){{0}};
    p->bits = 0;
    p->is_url = false;
    p->scheme = PATTERN_ANY_SCHEME;
    p->port = 0;
    p->path = (struct str){NULL, 0};
}

/* Up to the first '/'; the rest stays with it in *path. */
static struct str cut_host(struct str text, struct str *path)
{
    size_t slash = str_find(text, '/');
    *path = (struct str){text.ptr + slash, text.len - slash};
    return (struct str){text.ptr, slash};
}

bool pattern_is_range(struct str text)
{
    struct addr a;
    struct str path;
    uint64_t bits;
    struct str host = cut_host(text, &path);
    struct str digits = {path.ptr + 1, path.len - 1};
    return path.len > 1 && addr_parse(&a, host) == 0 && str_to_u64(digits, 999, &bits) == 0;
}

static bool has_port(struct str host)
{
    size_t colon = str_find(host, ':');
    uint64_t port;
    struct str rest = {host.ptr + colon + 1, host.len - colon - 1};
    return colon != host.len && str_to_u64(rest, UINT16_MAX, &port) == 0 &&
           str_find((struct str){host.ptr, colon}, '[') == colon;
}

const char *pattern_parse_domain(struct pattern *p, struct str text)
{
    struct str path;
    const char *fault = find_mistake(text);
    reset(p);
    if (fault != NULL)
        return fault;
    if (memmem(text.ptr, text.len, "://", 3) != NULL)
        return "has a scheme: URLs belong in urls";
    struct str host = cut_host(text, &path);
    if (pattern_is_range(text))
        return "is an address range: those belong in addresses";
    if (has_port(host))
        fault = path.len ? "has a port: write it as a URL in urls"
                         : "has a port: ports belong in the rule";
    if (fault == NULL)
        fault = parse_host(p, host);
    return fault != NULL ? fault : set_path(p, path);
}

/* Takes ":port" off the end of *host. */
static const char *cut_port(struct pattern *p, struct str *host)
{
    size_t from = 0;
    uint64_t port;
    if (host->len > 0 && host->ptr[0] == '[')
        from = str_find(*host, ']');
    struct str tail = {host->ptr + from, host->len - from};
    size_t colon = from + str_find(tail, ':');
    if (colon == host->len)
        return NULL;
    struct str digits = {host->ptr + colon + 1, host->len - colon - 1};
    if (str_find(digits, ':') != digits.len)
        return "has an IPv6 address without brackets";
    if (str_to_u64(digits, UINT16_MAX, &port) != 0 || port == 0)
        return "has no port from 1 to 65535 behind its ':'";
    p->port = (uint16_t)port;
    host->len = colon;
    return NULL;
}

const char *pattern_parse_url(struct pattern *p, struct str text)
{
    static const struct {
        const char *prefix;
        enum pattern_scheme scheme;
        uint16_t port;
    } schemes[] = {{"http://", PATTERN_HTTP, 80}, {"https://", PATTERN_HTTPS, 443}};
    struct str path;
    const char *fault = find_mistake(text);
    reset(p);
    if (fault != NULL)
        return fault;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str prefix = str_of(schemes[i].prefix);
        if (text.len < prefix.len || !str_ieq((struct str){text.ptr, prefix.len}, prefix))
            continue;
        p->is_url = true;
        p->scheme = schemes[i].scheme;
        p->port = schemes[i].port;
        text = (struct str){text.ptr + prefix.len, text.len - prefix.len};
        break;
    }
    if (!p->is_url)
        return "does not begin with http:// or https://";
    struct str host = cut_host(text, &path);
    fault = cut_port(p, &host);
    if (fault == NULL)
        fault = parse_host(p, host);
    return fault != NULL ? fault : set_path(p, path);
}

const char *pattern_parse_prefix(struct pattern *p, struct str text)
{
    const char *fault = find_mistake(text);
    reset(p);
    if (fault != NULL)
        return fault;
    p->kind = PATTERN_PREFIX;
    if (addr_parse_prefix(&p->addr, &p->bits, text) == 0)
        return NULL;
    if (pattern_is_range(text))
        return "has bits set beyond its prefix length, or a length too big";
    return str_find(text, '/') == text.len ? "is no address" : "is no CIDR prefix";
}
