/* SPDX-License-Identifier: MIT */
/* head.c - a scan that finds the end of a head, and a strict parser; see head.h. */
#include "proxy/http/head.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/http/chars.h"
#include "proxy/http/fields.h"
#include "util/addr.h"

/* Faults that are found in more than one place. */
static const char NO_METHOD[] = "no method at its beginning";
static const char EXTRA_SPACE[] = "more than one space in the request line";
static const char NO_VERSION[] = "no HTTP version in the request line";
static const char BAD_VERSION[] = "an HTTP version that is not supported (1.0 and 1.1 are)";

/* Why c is wrong in the request line. */
static const char *text_fault(char c)
{
    if (c == '\0')
        return "a NUL byte";
    if (c == '\n')
        return "a line that ends without CR";
    if ((unsigned char)c >= 0x80)
        return "a byte beyond ASCII in the request line";
    return "a control byte in the request line";
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

static const char *line_fault(enum fields_state state, char c)
{
    return state == FIELDS_LINE ? text_fault(c) : begin_fault(c);
}

static const struct fields_dialect REQUEST = {
    .next = {[FIELDS_START] = {[FIELDS_CR] = FIELDS_EMPTY_LF, [FIELDS_TOKEN] = FIELDS_LINE},
             [FIELDS_EMPTY_LF] = {[FIELDS_LF] = FIELDS_BEGIN},
             [FIELDS_BEGIN] = {[FIELDS_TOKEN] = FIELDS_LINE},
             [FIELDS_LINE] = {[FIELDS_CR] = FIELDS_LINE_LF,
                              [FIELDS_TOKEN] = FIELDS_LINE,
                              [FIELDS_TEXT] = FIELDS_LINE}},
    .line_is_ascii = true,
    .line_fault = line_fault,
};

enum parse head_scan(struct head_scanner *s, struct str bytes, size_t limit, const char **fault)
{
    return fields_scan(s, &REQUEST, bytes, limit, fault);
}

/* Bytes of a class with one SP behind them. */
static bool take_word(struct fields_cursor *c, unsigned class, struct str *word)
{
    const char *stop = chars_skip(c->at, c->end, class);
    if (stop == c->at || stop == c->end || *stop != ' ')
        return false;
    *word = str_range(c->at, stop);
    c->at = stop + 1;
    return true;
}

static const char *parse_version(struct fields_cursor *c, unsigned *minor)
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
    if (!fields_take_line_end(c))
        return fields_line_end_fault(c, text_fault);
    *minor = digits[2] == '1';
    return NULL;
}

/* What the byte at which a method or target ended says. */
static const char *word_fault(const struct fields_cursor *c, const char *stop,
                              const char *otherwise)
{
    bool is_odd = stop < c->end && *stop != ' ' && *stop != '\r' && !chars_is(*stop, CHARS_VISIBLE);
    return is_odd ? text_fault(*stop) : otherwise;
}

static const char *parse_line(struct request_head *h, struct fields_cursor *c)
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
    struct fields_cursor c = {bytes.ptr, bytes.ptr + bytes.len};
    struct vital vital = {NULL, NULL, NULL};
    h->field_count = 0;
    const char *wrong = parse_line(h, &c);
    while (!wrong && !fields_take_line_end(&c)) {
        if (h->field_count == HEAD_MAX_FIELDS)
            return PARSE_TOO_LARGE;
        struct head_field *f = &h->fields[h->field_count];
        wrong = fields_parse(f, &c, h->field_count == 0, false);
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
    return fields_find(h->fields, h->field_count, name);
}
