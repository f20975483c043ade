/* SPDX-License-Identifier: MIT */
/* json.c - writes one JSON object into a buffer of fixed size; see json.h. */
#include "util/json.h"

#include <string.h>

static const char HEX[] = "0123456789abcdef";

void json_begin(struct json *j, char *buf, size_t size)
{
    ASSERT(size >= 8);
    *j = (struct json){.buf = buf, .size = size - 2, .len = 1};
    buf[0] = '{';
}

static bool put(struct json *j, const char *bytes, size_t len)
{
    if (len > j->size - j->len)
        return false;
    memcpy(j->buf + j->len, bytes, len);
    j->len += len;
    return true;
}

/* Length of the UTF-8 sequence at p (RFC 3629), or 0 where it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

static bool put_escaped(struct json *j, unsigned char c)
{
    char text[6] = {'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]};
    if (c == '"' || c == '\\') {
        text[1] = (char)c;
        return put(j, text, 2);
    }
    return put(j, text, 6);
}

/* Plain ASCII goes out in runs; a byte that is no UTF-8 becomes \u00XX. */
static bool put_text(struct json *j, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t from = 0, at = 0;
    while (at < s.len) {
        unsigned char c = p[at];
        size_t step = c < 0x80 ? (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
                               : utf8_len(p + at, s.len - at);
        if (step != 0) {
            at += step;
            continue;
        }
        if (!put(j, s.ptr + from, at - from) || !put_escaped(j, c))
            return false;
        from = ++at;
    }
    return s.len == from || put(j, s.ptr + from, s.len - from);
}

static bool put_name(struct json *j, const char *name)
{
    if (j->len > 1 && !put(j, ",", 1))
        return false;
    return put(j, "\"", 1) && put(j, name, strlen(name)) && put(j, "\":", 2);
}

/* Takes a member back that did not fit whole. */
static void settle(struct json *j, size_t start, bool is_whole)
{
    if (is_whole)
        return;
    j->len = start;
    j->is_cut = true;
}

void json_str(struct json *j, const char *name, struct str value)
{
    size_t start = j->len;
    settle(j, start, put_name(j, name) && put(j, "\"", 1) && put_text(j, value) && put(j, "\"", 1));
}

void json_u64(struct json *j, const char *name, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits), start = j->len;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    settle(j, start, put_name(j, name) && put(j, digits + at, sizeof(digits) - at));
}

void json_bool(struct json *j, const char *name, bool value)
{
    size_t start = j->len;
    settle(j, start, put_name(j, name) && put(j, value ? "true" : "false", value ? 4 : 5));
}

void json_list(struct json *j, const char *name, const struct str *values, size_t count)
{
    size_t start = j->len;
    bool ok = put_name(j, name) && put(j, "[", 1);
    for (size_t i = 0; ok && i < count; i++)
        ok = (i == 0 || put(j, ",", 1)) && put(j, "\"", 1) && put_text(j, values[i]) &&
             put(j, "\"", 1);
    settle(j, start, ok && put(j, "]", 1));
}

void json_members(struct json *j, struct str members)
{
    size_t start = j->len;
    if (members.len != 0)
        settle(j, start, (j->len == 1 || put(j, ",", 1)) && put(j, members.ptr, members.len));
}

struct str json_inner(const struct json *j)
{
    return (struct str){j->buf + 1, j->len - 1};
}

size_t json_end(struct json *j)
{
    j->buf[j->len++] = '}';
    return j->len;
}
