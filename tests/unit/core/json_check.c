/* SPDX-License-Identifier: MIT */
/* json_check.c - whether a text is one JSON value; see json_check.h. */
#include "tests/unit/core/json_check.h"

#include <ctype.h>
#include <string.h>

struct reader {
    const unsigned char *at, *end;
};

static bool take(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool take_escape(struct reader *r)
{
    if (r->at == r->end)
        return false;
    unsigned char c = *r->at;
    if (c != 'u') {
        r->at++;
        return strchr("\"\\/bfnrt", c) != NULL && c != '\0';
    }
    r->at++;
    for (unsigned i = 0; i < 4; i++, r->at++)
        if (r->at == r->end || !isxdigit(*r->at))
            return false;
    return true;
}

/* Code points by their first byte, then the rest; RFC 3629 section 4. */
static bool take_utf8(struct reader *r)
{
    unsigned char first = *r->at++;
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    unsigned long code = first & (0x3fU >> more);
    if (first < 0xc2 || first > 0xf4 || (size_t)(r->end - r->at) < more)
        return false;
    for (unsigned i = 0; i < more; i++, r->at++) {
        if ((*r->at & 0xc0) != 0x80)
            return false;
        code = code << 6 | (*r->at & 0x3f);
    }
    if (more == 2)
        return code >= 0x800 && (code < 0xd800 || code > 0xdfff);
    return more == 1 || (code >= 0x10000 && code <= 0x10ffff);
}

static bool take_string(struct reader *r)
{
    if (!take(r, "\""))
        return false;
    while (r->at < r->end) {
        unsigned char c = *r->at;
        bool ok = true;
        if (take(r, "\""))
            return true;
        if (take(r, "\\"))
            ok = take_escape(r);
        else if (c >= 0x80)
            ok = take_utf8(r);
        else if (c < 0x20)
            ok = false;
        else
            r->at++;
        if (!ok)
            return false;
    }
    return false;
}

static bool take_number(struct reader *r)
{
    const unsigned char *start = r->at;
    while (r->at < r->end && isdigit(*r->at))
        r->at++;
    return r->at - start == 1 || (r->at - start > 1 && *start != '0');
}

static bool take_value(struct reader *r, unsigned depth);

static bool take_members(struct reader *r, bool has_names, const char *close, unsigned depth)
{
    if (take(r, close))
        return true;
    do {
        if (has_names && (!take_string(r) || !take(r, ":")))
            return false;
        if (!take_value(r, depth + 1))
            return false;
    } while (take(r, ","));
    return take(r, close);
}

static bool take_value(struct reader *r, unsigned depth)
{
    if (depth > 20)
        return false;
    if (r->at < r->end && *r->at == '"')
        return take_string(r);
    if (take(r, "{"))
        return take_members(r, true, "}", depth);
    if (take(r, "["))
        return take_members(r, false, "]", depth);
    return take(r, "true") || take(r, "false") || take(r, "null") || take_number(r);
}

size_t json_check(struct str text)
{
    const unsigned char *start = (const unsigned char *)text.ptr;
    struct reader r = {start, start + text.len};
    bool ok = take_value(&r, 0);
    size_t at = (size_t)(r.at - start);
    return !ok && at == text.len ? at - 1 : at;
}
