/* SPDX-License-Identifier: MIT */
/* helper_line.c - the lines that are spoken with a helper; see helper_line.h. */
#include "auth/helper_line.h"

#include <stdio.h>

/* A buffer that is written from the left and knows when it was too small. */
struct writer {
    char *out;
    size_t size, len;
    bool is_full;
};

static void put(struct writer *w, char c)
{
    if (w->len < w->size)
        w->out[w->len++] = c;
    else
        w->is_full = true;
}

static void put_str(struct writer *w, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        put(w, s.ptr[i]);
}

/* What Squid 5 sends as it is: printable ASCII but for the space, the percent sign and
 * what RFC 1738 section 2.2 calls unsafe, the apostrophe included. */
static bool is_safe(unsigned char c)
{
    return c > ' ' && c < 0x7F && memchr("\"#%'<>[\\]^`{|}~", c, 15) == NULL;
}

static void put_escaped(struct writer *w, struct str s)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_safe(c)) {
            put(w, (char)c);
            continue;
        }
        put(w, '%');
        put(w, HEX[c >> 4]);
        put(w, HEX[c & 15]);
    }
}

static bool has_nul(struct str s)
{
    return str_find(s, '\0') < s.len;
}

size_t helper_line_basic(char *out, size_t size, struct str user, struct str password)
{
    struct writer w = {.out = out, .size = size};
    if (user.len == 0 || has_nul(user) || has_nul(password))
        return 0;
    put_escaped(&w, user);
    put(&w, ' ');
    put_escaped(&w, password);
    put(&w, '\n');
    return w.is_full ? 0 : w.len;
}

static bool is_base64(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], folded = str_lower(c);
        if (!(folded >= 'a' && folded <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
            c != '/' && c != '=')
            return false;
    }
    return s.len > 0;
}

size_t helper_line_ntlm(char *out, size_t size, bool is_first, struct str base64)
{
    struct writer w = {.out = out, .size = size};
    if (!is_base64(base64))
        return 0;
    put_str(&w, is_first ? STR_LIT("YR ") : STR_LIT("KK "));
    put_str(&w, base64);
    put(&w, '\n');
    return w.is_full ? 0 : w.len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_spaces(struct str *rest)
{
    while (rest->len > 0 && is_space(*rest->ptr)) {
        rest->ptr++;
        rest->len--;
    }
}

static struct str trim(struct str s)
{
    skip_spaces(&s);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Cuts one word off, which ends at a space. */
static struct str cut_word(struct str *rest)
{
    size_t len = 0;
    skip_spaces(rest);
    while (len < rest->len && !is_space(rest->ptr[len]))
        len++;
    struct str word = {rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return word;
}

static int hex_digit(char c)
{
    char folded = str_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* A value as it stands: in quotes with backslashes, or bare with %XX. */
struct value {
    struct str raw;
    bool is_quoted;
};

/* Without a closing quote the value is the whole rest. */
static struct value cut_value(struct str *rest)
{
    if (rest->len == 0 || *rest->ptr != '"')
        return (struct value){.raw = cut_word(rest)};
    size_t end = 1;
    while (end < rest->len && rest->ptr[end] != '"')
        end += rest->ptr[end] == '\\' ? 2 : 1;
    if (end > rest->len)
        end = rest->len;
    struct value v = {.raw = {rest->ptr + 1, end - 1}, .is_quoted = true};
    size_t used = end < rest->len ? end + 1 : end;
    rest->ptr += used;
    rest->len -= used;
    return v;
}

static char unescape_quoted(char c)
{
    return (char)(c == 'n' ? '\n' : c == 'r' ? '\r' : c);
}

/* One character of a value, and how many bytes it stands in. A percent sign without two
 * digits, or with two zeros, means itself. */
static size_t next_char(const struct value *v, size_t at, char *c)
{
    struct str s = {v->raw.ptr + at, v->raw.len - at};
    *c = *s.ptr;
    if (v->is_quoted && *c == '\\' && s.len > 1) {
        *c = unescape_quoted(s.ptr[1]);
        return 2;
    }
    if (v->is_quoted || *c != '%' || s.len < 3)
        return 1;
    int high = hex_digit(s.ptr[1]), low = hex_digit(s.ptr[2]);
    if (high < 0 || low < 0 || high + low == 0)
        return 1;
    *c = (char)(high * 16 + low);
    return 3;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7F;
}

/* Into a text that may not be cut and holds no control characters. False: it does not
 * fit or does. */
static bool decode_name(struct value v, bool may_have_space, char *out, size_t size)
{
    size_t len = 0;
    char c;
    for (size_t at = 0; at < v.raw.len;) {
        at += next_char(&v, at, &c);
        if (len + 1 >= size || is_control(c) || (c == ' ' && !may_have_space))
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

/* For people: cut where it is too long, made printable. */
static void set_message(struct helper_answer *a, struct value v)
{
    size_t len = 0;
    char c;
    for (size_t at = 0; at < v.raw.len && len + 1 < sizeof(a->message);) {
        at += next_char(&v, at, &c);
        a->message[len++] = is_control(c) || (unsigned char)c > 0x7F ? '?' : c;
    }
    a->message[len] = '\0';
}

static void set_strange(struct helper_answer *a, enum helper_kind kind, const char *why)
{
    a->kind = kind;
    a->user[0] = a->groups[0] = '\0';
    a->token = (struct str){NULL, 0};
    set_message(a, (struct value){.raw = str_of(why), .is_quoted = true});
}

static bool add_group(struct helper_answer *a, struct value v)
{
    size_t len = strlen(a->groups);
    char *end = a->groups + len;
    if (v.raw.len == 0)
        return true;
    if (len > 0) {
        if (len + 1 >= sizeof(a->groups))
            return false;
        *end++ = ' ';
        len++;
    }
    return decode_name(v, false, end, sizeof(a->groups) - len);
}

/* What became of a key: the answer holds, or is none that can be used. */
static bool use_pair(struct helper_answer *a, struct str key, struct value v)
{
    if (str_eq(key, STR_LIT("message"))) {
        set_message(a, v);
    } else if (str_eq(key, STR_LIT("token"))) {
        a->token = v.raw;
    } else if (a->kind == HELPER_OK && str_eq(key, STR_LIT("user"))) {
        if (!decode_name(v, true, a->user, sizeof(a->user))) {
            set_strange(a, HELPER_STRANGE, "a user name that is too long or not printable");
            return false;
        }
    } else if (a->kind == HELPER_OK && str_eq(key, STR_LIT("group"))) {
        if (!add_group(a, v)) {
            set_strange(a, HELPER_BROKEN,
                        "more groups than there is room for, or one with a space");
            return false;
        }
    }
    return true;
}

static bool is_key_char(char c)
{
    char folded = str_lower(c);
    return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Takes "key=" off; false where there is none. */
static bool cut_key(struct str *rest, struct str *key)
{
    size_t len = 0;
    skip_spaces(rest);
    while (len < rest->len && is_key_char(rest->ptr[len]))
        len++;
    if (len == 0 || len == rest->len || rest->ptr[len] != '=')
        return false;
    *key = (struct str){rest->ptr, len};
    rest->ptr += len + 1;
    rest->len -= len + 1;
    return true;
}

/* Pairs, and what stands behind them: a message of the old form. */
static bool parse_pairs(struct helper_answer *a, struct str rest)
{
    struct str key;
    while (cut_key(&rest, &key)) {
        if (!use_pair(a, key, cut_value(&rest)))
            return false;
    }
    rest = trim(rest);
    if (rest.len > 0 && a->message[0] == '\0')
        set_message(a, (struct value){.raw = rest});
    return true;
}

/* The token stands bare, with its padding, or in a pair. */
static void parse_token(struct helper_answer *a, struct str rest)
{
    struct str all = rest, key;
    a->kind = HELPER_TOKEN;
    if (cut_key(&rest, &key) &&
        (str_eq(key, STR_LIT("token")) || (rest.len > 0 && *rest.ptr != '=')))
        (void)parse_pairs(a, all);
    else
        a->token = cut_word(&all);
    if (!is_base64(a->token) || a->token.len > HELPER_TOKEN_MAX)
        set_strange(a, HELPER_STRANGE, "a challenge without a token, or with a bad one");
}

/* The old form names the user and nothing else, so a name may hold spaces. A token in
 * front of it, "*" or "=" for an empty one, has no use in NTLM. */
static void parse_af(struct helper_answer *a, struct str rest)
{
    struct str after = rest, word = cut_word(&after);
    bool has_mark = str_eq(word, STR_LIT("*")) || str_eq(word, STR_LIT("="));
    struct value user = {.raw = trim(has_mark ? after : rest), .is_quoted = false};
    a->kind = HELPER_OK;
    /* Not encoded: a backslash and a percent sign are the user's. */
    if (user.raw.len >= sizeof(a->user)) {
        set_strange(a, HELPER_STRANGE, "a user name that is too long");
        return;
    }
    for (size_t i = 0; i < user.raw.len; i++) {
        if (is_control(user.raw.ptr[i])) {
            set_strange(a, HELPER_STRANGE, "a user name that is not printable");
            return;
        }
        a->user[i] = user.raw.ptr[i];
    }
    a->user[user.raw.len] = '\0';
}

/* The number in front, where there are channels. False: it is not there. */
static bool cut_channel(struct helper_answer *a, struct str *line)
{
    uint64_t number;
    if (str_to_u64(cut_word(line), INT32_MAX, &number) != 0)
        return false;
    a->channel = (int64_t)number;
    return true;
}

static void parse_word(struct helper_answer *a, enum helper_protocol protocol, struct str word,
                       struct str rest)
{
    bool is_ntlm = protocol == HELPER_NTLMSSP;
    if (str_eq(word, STR_LIT("OK")))
        a->kind = HELPER_OK;
    else if (str_eq(word, STR_LIT("ERR")) || (is_ntlm && str_eq(word, STR_LIT("NA"))))
        a->kind = HELPER_ERR;
    else if (str_eq(word, STR_LIT("BH")))
        a->kind = HELPER_BROKEN;
    else if (is_ntlm && str_eq(word, STR_LIT("TT")))
        parse_token(a, rest);
    else if (is_ntlm && str_eq(word, STR_LIT("AF")))
        parse_af(a, rest);
    else
        set_strange(a, HELPER_STRANGE, "an answer that the protocol does not have");
    if (!str_eq(word, STR_LIT("TT")) && !str_eq(word, STR_LIT("AF")) && a->kind != HELPER_STRANGE)
        (void)parse_pairs(a, rest);
    if (a->kind != HELPER_TOKEN)
        a->token = (struct str){NULL, 0};
    if (is_ntlm && a->kind == HELPER_OK && a->user[0] == '\0')
        set_strange(a, HELPER_STRANGE, "a success without a user name");
}

void helper_parse_answer(struct helper_answer *a, enum helper_protocol protocol,
                         bool has_channels, struct str line)
{
    a->kind = HELPER_STRANGE;
    a->channel = HELPER_NO_CHANNEL;
    a->token = (struct str){NULL, 0};
    a->user[0] = a->groups[0] = a->message[0] = '\0';
    line = trim(line);
    if (has_channels && !cut_channel(a, &line)) {
        set_strange(a, HELPER_STRANGE, "an answer without a channel number");
        return;
    }
    struct str word = cut_word(&line);
    parse_word(a, protocol, word, line);
}
