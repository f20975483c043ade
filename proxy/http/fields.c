/* SPDX-License-Identifier: MIT */
/* fields.c - scans field lines and takes them apart; see fields.h. */
#include "proxy/http/fields.h"

#include <string.h>

/* Faults that are found in more than one place. */
static const char BARE_CR[] = "a CR without LF";
static const char NO_END[] = "no empty line at its end";

/* The state behind a byte, from FIELDS_LINE_LF on; 0 stands for a fault. */
static const uint8_t NEXT_STATE[FIELDS_DONE][FIELDS_KIND_COUNT] = {
    [FIELDS_LINE_LF] = {[FIELDS_LF] = FIELDS_FIRST},
    [FIELDS_FIRST] = {[FIELDS_CR] = FIELDS_END_LF, [FIELDS_TOKEN] = FIELDS_FIELD},
    [FIELDS_FIELD] = {[FIELDS_CR] = FIELDS_FIELD_LF,
                      [FIELDS_TAB] = FIELDS_FIELD,
                      [FIELDS_TOKEN] = FIELDS_FIELD,
                      [FIELDS_TEXT] = FIELDS_FIELD,
                      [FIELDS_HIGH] = FIELDS_FIELD},
    [FIELDS_FIELD_LF] = {[FIELDS_LF] = FIELDS_NEXT},
    [FIELDS_NEXT] = {[FIELDS_CR] = FIELDS_END_LF, [FIELDS_TOKEN] = FIELDS_FIELD},
    [FIELDS_END_LF] = {[FIELDS_LF] = FIELDS_DONE},
};

static enum fields_kind kind_of(char c)
{
    unsigned char byte = (unsigned char)c;
    if (chars_is(c, CHARS_TOKEN))
        return FIELDS_TOKEN;
    if (byte >= 0x80)
        return FIELDS_HIGH;
    if (byte >= 0x20 && byte != 0x7f)
        return FIELDS_TEXT;
    if (c == '\r')
        return FIELDS_CR;
    if (c == '\n')
        return FIELDS_LF;
    return c == '\t' ? FIELDS_TAB : FIELDS_CONTROL;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
#define TOP_BITS EACH_BYTE(0x80)

/* Eight bytes at a time: a borrow can only come from a byte that is a hit itself, so
 * that a word is taken for clean only where it is. */
const char *fields_skip_text(const char *from, const char *end, bool stops_at_high)
{
    uint64_t also = stops_at_high ? TOP_BITS : 0;
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

/* Why c is wrong in a field line. */
static const char *text_fault(char c)
{
    if (c == '\0')
        return "a NUL byte";
    return c == '\n' ? "a line that ends without CR" : "a control byte in a field";
}

/* Why c cannot be the first byte of a field line. */
static const char *begin_fault(char c, bool is_first)
{
    if (chars_is(c, CHARS_BLANK))
        return is_first ? "white space before its first field" : "a folded field line";
    if (c == ':')
        return "a field without a name";
    if (c == '\r')
        return BARE_CR;
    return c == '\n' || c == '\0' ? text_fault(c) : "a field name that is no token";
}

static const char *fault_in(enum fields_state state, char c)
{
    switch (state) {
    case FIELDS_FIELD:
        return text_fault(c);
    case FIELDS_FIRST:
    case FIELDS_NEXT:
        return begin_fault(c, state == FIELDS_FIRST);
    default:
        return BARE_CR;
    }
}

/* The fault that c is in that state. */
static const char *find_fault(const struct fields_dialect *dialect, unsigned state, char c)
{
    bool is_in_front = state == FIELDS_START || state == FIELDS_BEGIN || state == FIELDS_LINE;
    if (is_in_front)
        return dialect->line_fault((enum fields_state)state, c);
    return fault_in((enum fields_state)state, c);
}

enum parse fields_scan(struct head_scanner *s, const struct fields_dialect *dialect,
                       struct str bytes, size_t limit, const char **fault)
{
    size_t len = bytes.len < limit ? bytes.len : limit;
    unsigned state = s->state;
    size_t at = s->seen;
    while (at < len && state != FIELDS_DONE) {
        if (state == FIELDS_LINE || state == FIELDS_FIELD) {
            bool is_ascii = state == FIELDS_LINE && dialect->line_is_ascii;
            const char *stop = fields_skip_text(bytes.ptr + at, bytes.ptr + len, is_ascii);
            at = (size_t)(stop - bytes.ptr);
            if (at == len)
                break;
        }
        const uint8_t *row = state <= FIELDS_LINE ? dialect->next[state] : NEXT_STATE[state];
        unsigned next = row[kind_of(bytes.ptr[at])];
        if (next == FIELDS_START) {
            *fault = find_fault(dialect, state, bytes.ptr[at]);
            s->state = state;
            s->seen = at;
            return PARSE_BAD;
        }
        at++;
        if (next == FIELDS_BEGIN)
            s->skipped = at;
        state = next;
    }
    s->state = state;
    s->seen = at;
    if (state == FIELDS_DONE) {
        s->len = at;
        return PARSE_OK;
    }
    return bytes.len >= limit ? PARSE_TOO_LARGE : PARSE_MORE;
}

bool fields_take_line_end(struct fields_cursor *c)
{
    if (c->end - c->at < 2 || c->at[0] != '\r' || c->at[1] != '\n')
        return false;
    c->at += 2;
    return true;
}

const char *fields_line_end_fault(const struct fields_cursor *c, const char *(*of_text)(char c))
{
    if (c->at == c->end)
        return NO_END;
    return *c->at == '\r' ? BARE_CR : of_text(*c->at);
}

/* Sets *colon behind the name. */
static const char *find_colon(struct str *name, const char **colon, const struct fields_cursor *c,
                              bool is_first, bool allows_space)
{
    const char *stop = chars_skip(c->at, c->end, CHARS_TOKEN);
    if (stop == c->end)
        return NO_END;
    if (stop == c->at)
        return begin_fault(*stop, is_first);
    *name = str_range(c->at, stop);
    if (allows_space && chars_is(*stop, CHARS_BLANK)) {
        stop = chars_skip(stop, c->end, CHARS_BLANK);
        if (stop == c->end)
            return NO_END;
    }
    *colon = stop;
    if (*stop == ':')
        return NULL;
    if (chars_is(*stop, CHARS_BLANK))
        return "white space before the colon of a field";
    return *stop == '\r' ? "a field line without a colon" : begin_fault(*stop, false);
}

const char *fields_parse(struct head_field *f, struct fields_cursor *c, bool is_first,
                         bool allows_space)
{
    const char *colon = NULL;
    const char *fault = find_colon(&f->name, &colon, c, is_first, allows_space);
    if (fault)
        return fault;
    const char *from = chars_skip(colon + 1, c->end, CHARS_BLANK);
    c->at = fields_skip_text(from, c->end, false);
    while (c->at < c->end && *c->at == '\t')
        c->at = fields_skip_text(c->at + 1, c->end, false);
    const char *to = c->at;
    if (!fields_take_line_end(c))
        return fields_line_end_fault(c, text_fault);
    while (to > from && chars_is(to[-1], CHARS_BLANK))
        to--;
    f->value = str_range(from, to);
    return NULL;
}

const struct head_field *fields_find(const struct head_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].name.len == name.len && str_ieq(fields[i].name, name))
            return &fields[i];
    return NULL;
}
