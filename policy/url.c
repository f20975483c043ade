/* SPDX-License-Identifier: MIT */
/* url.c - the part of a URL pattern behind its host; see url.h. */
#include "policy/url.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = str_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 2.3. */
static bool is_unreserved(char c)
{
    char low = str_lower(c);
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* RFC 3986 sections 6.2.2.1 and 6.2.2.2. */
static size_t decode_unreserved(struct str in, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        int high = in.ptr[i] == '%' && in.len - i > 2 ? hex_value(in.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(in.ptr[i + 2]) : -1;
        if (low < 0) {
            out[len++] = in.ptr[i];
            continue;
        }
        char byte = (char)(unsigned char)(high * 16 + low);
        i += 2;
        if (is_unreserved(byte)) {
            out[len++] = byte;
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[high];
        out[len++] = digits[low];
    }
    return len;
}

static bool is_dots(const char *segment, size_t len, size_t dots)
{
    return len == dots && memcmp(segment, "..", dots) == 0;
}

/* RFC 3986 section 5.2.4, in place; path begins with '/'. */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t kept = 0;
    size_t next;
    for (size_t at = 0; at < len; at = next) {
        const char *slash = memchr(path + at + 1, '/', len - at - 1);
        next = slash ? (size_t)(slash - path) : len;
        size_t segment = next - at - 1;
        bool is_parent = is_dots(path + at + 1, segment, 2);
        if (!is_parent && !is_dots(path + at + 1, segment, 1)) {
            memmove(path + kept, path + at, segment + 1);
            kept += segment + 1;
            continue;
        }
        while (is_parent && kept > 0 && path[--kept] != '/')
            ;
        if (next == len)
            path[kept++] = '/';
    }
    return kept;
}

size_t url_normalise(struct str path, char *out)
{
    path.len = str_find(path, '?');
    if (path.len == 0) {
        out[0] = '/';
        return 1;
    }
    size_t len = decode_unreserved(path, out);
    return out[0] == '/' ? remove_dot_segments(out, len) : len;
}

bool url_fits(const struct url *u, enum policy_scheme scheme, uint16_t port)
{
    if (u->port != 0 && u->port != port)
        return false;
    if (scheme == POLICY_CONNECT)
        return u->scheme == PATTERN_HTTPS && u->path_len == 0;
    if (u->scheme == PATTERN_ANY_SCHEME)
        return true;
    return (u->scheme == PATTERN_HTTP) == (scheme == POLICY_HTTP);
}
