/* SPDX-License-Identifier: MIT */
/* response.c - a strict parser of response heads; see response.h. */
#include "proxy/http/response.h"

#include <string.h>

#include "proxy/http/chars.h"
#include "proxy/http/fields.h"

static const char NO_VERSION[] = "no HTTP version at its beginning";
static const char BAD_VERSION[] = "an HTTP version that is not supported (1.0 and 1.1 are)";
static const char BAD_STATUS[] = "a status code that is not three digits from 100 on";

/* Why c is wrong in the status line. */
static const char *text_fault(char c)
{
    if (c == '\0')
        return "a NUL byte";
    return c == '\n' ? "a line that ends without CR" : "a control byte in the status line";
}

static const char *line_fault(enum fields_state state, char c)
{
    return state == FIELDS_LINE ? text_fault(c) : NO_VERSION;
}

static const struct fields_dialect RESPONSE = {
    .next = {[FIELDS_START] = {[FIELDS_TOKEN] = FIELDS_LINE},
             [FIELDS_LINE] = {[FIELDS_CR] = FIELDS_LINE_LF,
                              [FIELDS_TAB] = FIELDS_LINE,
                              [FIELDS_TOKEN] = FIELDS_LINE,
                              [FIELDS_TEXT] = FIELDS_LINE,
                              [FIELDS_HIGH] = FIELDS_LINE}},
    .line_is_ascii = false,
    .line_fault = line_fault,
};

enum parse response_scan(struct head_scanner *s, struct str bytes, size_t limit, const char **fault)
{
    return fields_scan(s, &RESPONSE, bytes, limit, fault);
}

static const char *parse_version(struct fields_cursor *c, unsigned *minor)
{
    static const char NAME[] = "HTTP/";
    const size_t name_len = sizeof(NAME) - 1, len = name_len + 3;
    if ((size_t)(c->end - c->at) <= len || memcmp(c->at, NAME, name_len) != 0)
        return NO_VERSION;
    const char *digits = c->at + name_len;
    if (digits[0] != '1' || digits[1] != '.' || (digits[2] != '0' && digits[2] != '1'))
        return BAD_VERSION;
    c->at += len;
    if (*c->at != ' ')
        return chars_is(*c->at, CHARS_DIGIT) ? BAD_VERSION : "no space behind its HTTP version";
    c->at++;
    *minor = digits[2] == '1';
    return NULL;
}

static const char *parse_status(struct fields_cursor *c, unsigned *status)
{
    const char *stop = chars_skip(c->at, c->end, CHARS_DIGIT);
    if (stop - c->at != 3 || *c->at == '0')
        return BAD_STATUS;
    *status = 0;
    for (; c->at < stop; c->at++)
        *status = *status * 10 + (unsigned)(*c->at - '0');
    return NULL;
}

/* The reason phrase with the space in front of it, and the end of the line. */
static const char *parse_reason(struct fields_cursor *c, struct str *reason)
{
    const char *from = c->at;
    if (from < c->end && *from == ' ')
        from++;
    else if (from < c->end && *from != '\r')
        return chars_is(*from, CHARS_VISIBLE) ? BAD_STATUS : text_fault(*from);
    c->at = fields_skip_text(from, c->end, false);
    while (c->at < c->end && *c->at == '\t')
        c->at = fields_skip_text(c->at + 1, c->end, false);
    *reason = str_range(from, c->at);
    return fields_take_line_end(c) ? NULL : fields_line_end_fault(c, text_fault);
}

enum parse response_parse(struct response_head *h, struct str bytes, const char **fault)
{
    struct fields_cursor c = {bytes.ptr, bytes.ptr + bytes.len};
    h->field_count = 0;
    const char *wrong = parse_version(&c, &h->minor);
    if (!wrong)
        wrong = parse_status(&c, &h->status);
    if (!wrong)
        wrong = parse_reason(&c, &h->reason);
    while (!wrong && !fields_take_line_end(&c)) {
        if (h->field_count == HEAD_MAX_FIELDS)
            return PARSE_TOO_LARGE;
        wrong = fields_parse(&h->fields[h->field_count], &c, h->field_count == 0, true);
        h->field_count++;
    }
    if (!wrong && c.at != c.end)
        wrong = "bytes behind its empty line";
    if (!wrong)
        return PARSE_OK;
    *fault = wrong;
    return PARSE_BAD;
}

const struct head_field *response_find(const struct response_head *h, struct str name)
{
    return fields_find(h->fields, h->field_count, name);
}
