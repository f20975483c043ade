/* SPDX-License-Identifier: MIT */
/* digest_params.c - the parameters of Digest credentials; see digest_params.h. */
#include "auth/digest_params.h"

#include "util/attr.h"

#define NAME(text) {(text), sizeof(text) - 1}
static const struct {
    struct str name;
    enum digest_param param;
} NAMES[] = {
    {NAME("username"), DIGEST_USERNAME},   {NAME("username*"), DIGEST_USERNAME_EXT},
    {NAME("realm"), DIGEST_REALM},         {NAME("nonce"), DIGEST_NONCE},
    {NAME("uri"), DIGEST_URI},             {NAME("response"), DIGEST_RESPONSE},
    {NAME("algorithm"), DIGEST_ALGORITHM}, {NAME("cnonce"), DIGEST_CNONCE},
    {NAME("qop"), DIGEST_QOP},             {NAME("nc"), DIGEST_NC},
    {NAME("userhash"), DIGEST_USERHASH},
};

/* Where the reading is; names are kept to find doubles. */
struct reader {
    const char *at, *end;
    struct str names[DIGEST_PARAMS_COUNT_MAX];
    size_t count;
};

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    static const bool IS_MARK[128] = {
        ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true,
        ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true,
        ['`'] = true, ['|'] = true, ['~'] = true,
    };
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           ((unsigned char)c < sizeof(IS_MARK) && IS_MARK[(unsigned char)c]);
}

/* What a quoted-string may hold: tabs, but no other control character. */
static bool is_text_char(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
}

static struct str read_token(struct reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && is_token_char(*r->at))
        r->at++;
    return str_range(start, r->at);
}

/* inside: what stood between the quotes. */
static int unescape(struct digest_params *p, struct str inside, struct str *value)
{
    char *start = p->escaped + p->escaped_len;
    size_t len = 0;
    for (size_t i = 0; i < inside.len; i++) {
        if (p->escaped_len + len == sizeof(p->escaped))
            return -1;
        if (inside.ptr[i] == '\\')
            i++;
        start[len++] = inside.ptr[i];
    }
    p->escaped_len += len;
    *value = (struct str){start, len};
    return 0;
}

/* Behind the opening quote. p NULL: nobody wants the value. */
static int read_quoted(struct digest_params *p, struct reader *r, struct str *value)
{
    const char *start = r->at;
    bool is_escaped = false;
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\') {
            is_escaped = true;
            if (++r->at == r->end)
                return -1;
        }
        if (!is_text_char(*r->at))
            return -1;
    }
    if (r->at == r->end)
        return -1;
    *value = str_range(start, r->at++);
    return is_escaped && p != NULL ? unescape(p, *value, value) : 0;
}

static struct str *find_slot(struct digest_params *p, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (name.len == NAMES[i].name.len && str_ieq(name, NAMES[i].name))
            return &p->values[NAMES[i].param];
    }
    return NULL;
}

static int note_name(struct reader *r, struct str name)
{
    if (name.len == 0 || r->count == DIGEST_PARAMS_COUNT_MAX)
        return -1;
    for (size_t i = 0; i < r->count; i++) {
        if (r->names[i].len == name.len && str_ieq(r->names[i], name))
            return -1;
    }
    r->names[r->count++] = name;
    return 0;
}

static int read_param(struct digest_params *p, struct reader *r)
{
    struct str name = read_token(r), value;
    if (note_name(r, name))
        return -1;
    struct str *slot = find_slot(p, name);
    skip_space(r);
    if (r->at == r->end || *r->at++ != '=')
        return -1;
    skip_space(r);
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        if (read_quoted(slot != NULL ? p : NULL, r, &value))
            return -1;
    } else {
        value = read_token(r);
        if (value.len == 0)
            return -1;
    }
    if (slot != NULL)
        *slot = value;
    return 0;
}

int digest_params_parse(struct digest_params *p, struct str text)
{
    struct reader r = {.at = text.ptr, .end = text.ptr + text.len};
    memset(p->values, 0, sizeof(p->values));
    p->escaped_len = 0;
    if (text.len == 0)
        return -1;
    for (;;) {
        skip_space(&r);
        while (r.at < r.end && *r.at == ',') { /* elements may be empty: section 5.6.1.2 */
            r.at++;
            skip_space(&r);
        }
        if (r.at == r.end)
            return r.count > 0 ? 0 : -1;
        if (read_param(p, &r))
            return -1;
        skip_space(&r);
        if (r.at < r.end && *r.at != ',')
            return -1;
    }
}

static int hex_digit(char c)
{
    c = str_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of the sequence at s (RFC 3629), or 0 where it is none or a control character. */
static size_t char_len(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len == 0 || p[0] > 0xf4 || len > s.len || p[0] < 0x20 || p[0] == 0x7f)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

static bool is_utf8(struct str s)
{
    for (size_t len; s.len > 0; s.ptr += len, s.len -= len) {
        len = char_len(s);
        if (len == 0)
            return false;
    }
    return true;
}

/* value-chars of RFC 8187 section 3.2.1: pct-encoded or attr-char. */
static bool decode_percent(struct str text, char room[ACCOUNT_NAME_MAX], struct str *name)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        char c = text.ptr[i];
        if (len == ACCOUNT_NAME_MAX)
            return false;
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (!is_token_char(c) || c == '*' || c == '\'') {
            return false;
        }
        room[len] = c;
    }
    *name = (struct str){room, len};
    return is_utf8(*name);
}

/* charset "'" [ language ] "'" value-chars */
static bool decode_ext(struct str text, char room[ACCOUNT_NAME_MAX], struct str *name)
{
    struct str charset = str_cut(&text, '\'');
    size_t quote = str_find(text, '\'');
    if (!str_ieq(charset, STR_LIT("UTF-8")) || text.ptr == NULL || quote == text.len)
        return false;
    str_cut(&text, '\''); /* the language: of no interest */
    return decode_percent(text, room, name);
}

bool digest_params_user(const struct digest_params *p, char room[ACCOUNT_NAME_MAX],
                        struct str *name, bool *is_hash)
{
    struct str plain = p->values[DIGEST_USERNAME], ext = p->values[DIGEST_USERNAME_EXT];
    struct str userhash = p->values[DIGEST_USERHASH];
    *is_hash = str_ieq(userhash, STR_LIT("true"));
    if (userhash.ptr != NULL && !*is_hash && !str_ieq(userhash, STR_LIT("false")))
        return false;
    if ((plain.ptr == NULL) == (ext.ptr == NULL) || (ext.ptr != NULL && *is_hash))
        return false;
    *name = plain;
    if (ext.ptr != NULL && !decode_ext(ext, room, name))
        return false;
    return name->len > 0 && name->len <= ACCOUNT_NAME_MAX;
}
