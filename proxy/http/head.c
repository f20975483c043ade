/* SPDX-License-Identifier: MIT */
/* head.c - a scan that finds the end of a head, and a strict parser; see head.h. */
#include "proxy/http/head.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/http/chars.h"
#include "util/addr.h"

/* Faults that are found in more than one place. */
static const char BARE_CR[] = "a CR without LF";
static const char NO_END[] = "no empty line at its end";
static const char NO_METHOD[] = "no method at its beginning";
static const char EXTRA_SPACE[] = "more than one space in the request line";
static const char NO_VERSION[] = "no HTTP version in the request line";
static const char BAD_VERSION[] = "an HTTP version that is not supported (1.0 and 1.1 are)";

/* Where the scanner is; zero is the beginning. */
enum scan_state {
    SCAN_START,    /* before the first byte */
    SCAN_EMPTY_LF, /* behind the CR of the empty line in front */
    SCAN_BEGIN,    /* behind that line */
    SCAN_LINE,     /* in the request line */
    SCAN_LINE_LF,  /* behind its CR */
    SCAN_FIRST,    /* at the beginning of the first field line */
    SCAN_FIELD,    /* in a field line */
    SCAN_FIELD_LF, /* behind its CR */
    SCAN_NEXT,     /* at the beginning of another field line */
    SCAN_END_LF,   /* behind the CR of the last, empty line */
    SCAN_DONE,
    SCAN_FAULT,
};

/* What the scanner tells apart. */
enum scan_kind {
    KIND_CONTROL,
    KIND_CR,
    KIND_LF,
    KIND_TAB,
    KIND_TOKEN, /* tchar */
    KIND_TEXT,  /* SP and the visible ASCII that is no tchar */
    KIND_HIGH,  /* 0x80 to 0xff */
    KIND_COUNT,
};

/* The state behind a byte. What is not named is 0 and stands for a fault, as no
 * byte leads back to SCAN_START. */
static const uint8_t NEXT_STATE[SCAN_FAULT][KIND_COUNT] = {
    [SCAN_START] = {[KIND_CR] = SCAN_EMPTY_LF, [KIND_TOKEN] = SCAN_LINE},
    [SCAN_EMPTY_LF] = {[KIND_LF] = SCAN_BEGIN},
    [SCAN_BEGIN] = {[KIND_TOKEN] = SCAN_LINE},
    [SCAN_LINE] = {[KIND_CR] = SCAN_LINE_LF, [KIND_TOKEN] = SCAN_LINE, [KIND_TEXT] = SCAN_LINE},
    [SCAN_LINE_LF] = {[KIND_LF] = SCAN_FIRST},
    [SCAN_FIRST] = {[KIND_CR] = SCAN_END_LF, [KIND_TOKEN] = SCAN_FIELD},
    [SCAN_FIELD] = {[KIND_CR] = SCAN_FIELD_LF,
                    [KIND_TAB] = SCAN_FIELD,
                    [KIND_TOKEN] = SCAN_FIELD,
                    [KIND_TEXT] = SCAN_FIELD,
                    [KIND_HIGH] = SCAN_FIELD},
    [SCAN_FIELD_LF] = {[KIND_LF] = SCAN_NEXT},
    [SCAN_NEXT] = {[KIND_CR] = SCAN_END_LF, [KIND_TOKEN] = SCAN_FIELD},
    [SCAN_END_LF] = {[KIND_LF] = SCAN_DONE},
};

static enum scan_kind kind_of(char c)
{
    unsigned char byte = (unsigned char)c;
    if (chars_is(c, CHARS_TOKEN))
        return KIND_TOKEN;
    if (byte >= 0x80)
        return KIND_HIGH;
    if (byte >= 0x20 && byte != 0x7f)
        return KIND_TEXT;
    if (c == '\r')
        return KIND_CR;
    if (c == '\n')
        return KIND_LF;
    return c == '\t' ? KIND_TAB : KIND_CONTROL;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
#define TOP_BITS EACH_BYTE(0x80)

/* The first byte below 0x20 or equal to 0x7f; also one with its top bit set where
 * also is TOP_BITS (else 0); end where there is none. Eight bytes at a time: a
 * borrow can only come from a byte that is a hit itself, so that a word is taken
 * for clean only where it is. */
static const char *skip_text(const char *from, const char *end, uint64_t also)
{
    while (end - from >= 8) {
        uint64_t word;
        memcpy(&word, from, sizeof(word));
        uint64_t del = word ^ EACH_BYTE(0x7f);
        uint64_t hits = ((word - EACH_BYTE(0x20)) & ~word) | ((del - EACH_BYTE(0x01)) & ~del);
        if (((hits & TOP_BITS) | (word & also)) != 0)
            break;
        from += 8;
    }
    for (; from < end; from++) {
        unsigned char c = (unsigned char)*from;
        if (c < 0x20 || c == 0x7f || (also && c >= 0x80))
            break;
    }
    return from;
}

/* Why c is wrong in a line, the request line or a field line. */
static const char *text_fault(char c, bool is_field)
{
    if (c == '\0')
        return "a NUL byte";
    if (c == '\n')
        return "a line that ends without CR";
    if ((unsigned char)c >= 0x80)
        return "a byte beyond ASCII in the request line";
    return is_field ? "a control byte in a field" : "a control byte in the request line";
}

/* Why c cannot be the first byte of a request. */
static const char *begin_fault(char c)
{
    switch (c) {
    case 0x16: /* a handshake record, RFC 8446 section 5.1 */
        return "TLS on a plain port";
    case 0x04:
    case 0x05: /* RFC 1928 section 3 and its forerunner */
        return "SOCKS on an HTTP port";
    case '\r':
        return "more than one empty line before it";
    default:
        return NO_METHOD;
    }
}

/* Why c cannot be the first byte of a field line. */
static const char *field_fault(char c, bool is_first)
{
    if (chars_is(c, CHARS_BLANK))
        return is_first ? "white space before its first field" : "a folded field line";
    if (c == ':')
        return "a field without a name";
    if (c == '\r')
        return BARE_CR;
    return c == '\n' || c == '\0' ? text_fault(c, true) : "a field name that is no token";
}

static const char *fault_in(enum scan_state state, char c)
{
    switch (state) {
    case SCAN_START:
    case SCAN_BEGIN:
        return begin_fault(c);
    case SCAN_LINE:
    case SCAN_FIELD:
        return text_fault(c, state == SCAN_FIELD);
    case SCAN_FIRST:
    case SCAN_NEXT:
        return field_fault(c, state == SCAN_FIRST);
    default:
        return BARE_CR;
    }
}

enum parse head_scan(struct head_scanner *s, struct str bytes, size_t limit, const char **fault)
{
    size_t len = bytes.len < limit ? bytes.len : limit;
    unsigned state = s->state;
    size_t at = s->seen;
    while (at < len && state != SCAN_DONE) {
        if (state == SCAN_LINE || state == SCAN_FIELD) {
            uint64_t also = state == SCAN_LINE ? TOP_BITS : 0;
            const char *stop = skip_text(bytes.ptr + at, bytes.ptr + len, also);
            at = (size_t)(stop - bytes.ptr);
            if (at == len)
                break;
        }
        unsigned next = NEXT_STATE[state][kind_of(bytes.ptr[at])];
        if (next == SCAN_START) {
            *fault = fault_in((enum scan_state)state, bytes.ptr[at]);
            s->state = state;
            s->seen = at;
            return PARSE_BAD;
        }
        at++;
        if (next == SCAN_BEGIN)
            s->skipped = at;
        state = next;
    }
    s->state = state;
    s->seen = at;
    if (state == SCAN_DONE) {
        s->len = at;
        return PARSE_OK;
    }
    return bytes.len >= limit ? PARSE_TOO_LARGE : PARSE_MORE;
}

/* A parser's place in the head. */
struct cursor {
    const char *at, *end;
};

/* CR LF at the cursor. */
static bool take_line_end(struct cursor *c)
{
    if (c->end - c->at < 2 || c->at[0] != '\r' || c->at[1] != '\n')
        return false;
    c->at += 2;
    return true;
}

/* What stands where CR LF should. */
static const char *line_end_fault(const struct cursor *c, bool is_field)
{
    if (c->at == c->end)
        return NO_END;
    return *c->at == '\r' ? BARE_CR : text_fault(*c->at, is_field);
}

/* Bytes of a class with one SP behind them. */
static bool take_word(struct cursor *c, unsigned class, struct str *word)
{
    const char *stop = chars_skip(c->at, c->end, class);
    if (stop == c->at || stop == c->end || *stop != ' ')
        return false;
    *word = str_range(c->at, stop);
    c->at = stop + 1;
    return true;
}

static const char *parse_version(struct cursor *c, unsigned *minor)
{
    static const char NAME[] = "HTTP/";
    const size_t name_len = sizeof(NAME) - 1;
    struct str rest = str_range(c->at, c->end);
    if (rest.len > 0 && rest.ptr[0] == ' ')
        return EXTRA_SPACE;
    if (rest.len < name_len + 3 || memcmp(rest.ptr, NAME, name_len) != 0)
        return NO_VERSION;
    const char *digits = rest.ptr + name_len;
    if (digits[0] != '1' || digits[1] != '.' || (digits[2] != '0' && digits[2] != '1'))
        return BAD_VERSION;
    c->at = digits + 3;
    if (c->at < c->end && chars_is(*c->at, CHARS_DIGIT))
        return BAD_VERSION;
    if (c->at < c->end && chars_is(*c->at, CHARS_VISIBLE | CHARS_BLANK))
        return "more behind the HTTP version";
    if (!take_line_end(c))
        return line_end_fault(c, false);
    *minor = digits[2] == '1';
    return NULL;
}

/* What the byte at which a method or target ended says. */
static const char *word_fault(const struct cursor *c, const char *stop, const char *otherwise)
{
    bool is_odd = stop < c->end && *stop != ' ' && *stop != '\r' && !chars_is(*stop, CHARS_VISIBLE);
    return is_odd ? text_fault(*stop, false) : otherwise;
}

static const char *parse_line(struct request_head *h, struct cursor *c)
{
    if (!take_word(c, CHARS_TOKEN, &h->method)) {
        const char *stop = chars_skip(c->at, c->end, CHARS_TOKEN);
        if (stop == c->at)
            return c->at < c->end ? begin_fault(*stop) : NO_METHOD;
        return word_fault(c, stop, "a method that is no token with one space behind it");
    }
    if (!take_word(c, CHARS_VISIBLE, &h->target)) {
        const char *stop = chars_skip(c->at, c->end, CHARS_VISIBLE);
        if (stop < c->end && stop == c->at && *stop == ' ')
            return EXTRA_SPACE;
        return word_fault(c, stop, stop == c->at ? "no target in the request line" : NO_VERSION);
    }
    return parse_version(c, &h->minor);
}

/* One field line, its end included. */
static const char *parse_field(struct head_field *f, struct cursor *c, bool is_first)
{
    const char *colon = chars_skip(c->at, c->end, CHARS_TOKEN);
    if (colon == c->end)
        return NO_END;
    if (colon == c->at)
        return field_fault(*colon, is_first);
    if (*colon != ':') {
        if (chars_is(*colon, CHARS_BLANK))
            return "white space before the colon of a field";
        return *colon == '\r' ? "a field line without a colon" : field_fault(*colon, false);
    }
    f->name = str_range(c->at, colon);
    const char *from = chars_skip(colon + 1, c->end, CHARS_BLANK);
    c->at = skip_text(from, c->end, 0);
    while (c->at < c->end && *c->at == '\t')
        c->at = skip_text(c->at + 1, c->end, 0);
    const char *to = c->at;
    if (!take_line_end(c))
        return line_end_fault(c, true);
    while (to > from && chars_is(to[-1], CHARS_BLANK))
        to--;
    f->value = str_range(from, to);
    return NULL;
}

/* The fields whose number or value every request must get right. */
struct vital {
    const struct str *host, *content_length, *transfer_encoding;
};

/* A second line is a fault for each of them, though Transfer-Encoding is a list by
 * its grammar: no client splits it, and two readers may not agree on two lines. */
static const char *note_field(struct vital *v, const struct head_field *f)
{
    /* Lengths first: most fields are none of these. */
    if (f->name.len == 4 && str_ieq(f->name, STR_LIT("host"))) {
        if (v->host)
            return "more than one Host field";
        v->host = &f->value;
    } else if (f->name.len == 14 && str_ieq(f->name, STR_LIT("content-length"))) {
        if (v->content_length)
            return "more than one Content-Length field";
        v->content_length = &f->value;
    } else if (f->name.len == 17 && str_ieq(f->name, STR_LIT("transfer-encoding"))) {
        if (v->transfer_encoding)
            return "more than one Transfer-Encoding field";
        v->transfer_encoding = &f->value;
    }
    return NULL;
}

/* uri-host of RFC 3986 section 3.2.2, without IPvFuture. */
static bool is_uri_host(struct str host)
{
    if (host.len > 0 && host.ptr[0] == '[') {
        struct addr a;
        struct str inner = {host.ptr + 1, host.len - 1};
        if (inner.len == 0 || inner.ptr[inner.len - 1] != ']')
            return false;
        inner.len--;
        return str_find(inner, ':') < inner.len && addr_parse(&a, inner) == 0;
    }
    const char *at = host.ptr, *end = host.ptr + host.len;
    while ((at = chars_skip(at, end, CHARS_REG_NAME)) < end) {
        if (*at != '%' || end - at < 3 || !chars_is(at[1], CHARS_HEX) ||
            !chars_is(at[2], CHARS_HEX))
            return false;
        at += 3;
    }
    return true;
}

/* uri-host [ ":" port ], RFC 9110 section 7.2; the port may be empty. */
static bool is_host_value(struct str value)
{
    const char *end = value.ptr + value.len;
    const char *port = end;
    uint64_t number;
    while (port > value.ptr && chars_is(port[-1], CHARS_DIGIT))
        port--;
    if (port == value.ptr || port[-1] != ':')
        return is_uri_host(value);
    if (port < end && str_to_u64(str_range(port, end), UINT16_MAX, &number) != 0)
        return false;
    struct str host = str_range(value.ptr, port - 1);
    return host.len > 0 && is_uri_host(host);
}

static const char *check_host(const struct request_head *h, const struct vital *v)
{
    if (!v->host)
        return h->minor > 0 ? "no Host field" : NULL;
    if (v->host->len > 0)
        return is_host_value(*v->host) ? NULL : "an invalid Host field";
    bool names_no_host = h->target.ptr[0] == '/' || str_eq(h->target, STR_LIT("*"));
    return names_no_host ? NULL : "an empty Host field";
}

/* Whether chunked is the last of a list of transfer codings and stands there only
 * (RFC 9112 section 6.1). What the others are is for those who decode them. */
static bool ends_with_chunked(struct str codings)
{
    bool is_chunked = false;
    while (codings.ptr) {
        if (is_chunked)
            return false;
        is_chunked = str_ieq(str_trim(str_cut(&codings, ',')), STR_LIT("chunked"));
    }
    return is_chunked;
}

/* RFC 9112 section 6.3: one meaning of where the request ends, or none. */
static const char *check_length(const struct request_head *h, const struct vital *v)
{
    uint64_t length = 0;
    if (v->content_length && str_to_u64(*v->content_length, INT64_MAX, &length) != 0)
        return "an invalid Content-Length field";
    if (v->transfer_encoding) {
        if (v->content_length)
            return "both Content-Length and Transfer-Encoding";
        if (h->minor == 0)
            return "Transfer-Encoding in HTTP/1.0";
        if (!ends_with_chunked(*v->transfer_encoding))
            return "a Transfer-Encoding that does not end with chunked";
    }
    bool has_content = v->transfer_encoding || length > 0;
    return has_content && str_eq(h->method, STR_LIT("CONNECT")) ? "content with CONNECT" : NULL;
}

enum parse head_parse(struct request_head *h, struct str bytes, const char **fault)
{
    struct cursor c = {bytes.ptr, bytes.ptr + bytes.len};
    struct vital vital = {NULL, NULL, NULL};
    h->field_count = 0;
    const char *wrong = parse_line(h, &c);
    while (!wrong && !take_line_end(&c)) {
        if (h->field_count == HEAD_MAX_FIELDS)
            return PARSE_TOO_LARGE;
        struct head_field *f = &h->fields[h->field_count];
        wrong = parse_field(f, &c, h->field_count == 0);
        if (!wrong)
            wrong = note_field(&vital, f);
        h->field_count++;
    }
    if (!wrong && c.at != c.end)
        wrong = "bytes behind its empty line";
    if (!wrong)
        wrong = check_host(h, &vital);
    if (!wrong)
        wrong = check_length(h, &vital);
    if (!wrong)
        return PARSE_OK;
    *fault = wrong;
    return PARSE_BAD;
}

const struct head_field *head_find(const struct request_head *h, struct str name)
{
    for (size_t i = 0; i < h->field_count; i++)
        if (str_ieq(h->fields[i].name, name))
            return &h->fields[i];
    return NULL;
}
