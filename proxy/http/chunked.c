/* SPDX-License-Identifier: MIT */
/* chunked.c - reads and writes chunked bodies; see chunked.h. */
#include "proxy/http/chunked.h"

#include <string.h>

#include "proxy/http/chars.h"
#include "proxy/http/fields.h"
#include "proxy/http/hop.h"
#include "proxy/http/writer.h"
#include "util/mem.h"

#define TRAILER_FIRST_SIZE 512

enum chunked_state {
    STATE_FAULT, /* 0, so that what the table does not name is one */
    STATE_BEGIN, /* before the first digit of a size */
    STATE_SIZE,  /* in the size */
    STATE_GAP,   /* behind white space; ';' must come */
    STATE_SEMI,  /* behind ';' */
    STATE_NAME,
    STATE_NAME_GAP, /* white space behind the name */
    STATE_EQUALS,   /* behind '=' */
    STATE_VALUE,
    STATE_QUOTED,  /* in a quoted string */
    STATE_ESCAPED, /* behind its '\' */
    STATE_CLOSED,  /* behind it */
    STATE_SIZE_LF, /* behind the CR of the line */
    STATE_LINE_COUNT,
    STATE_DATA = STATE_LINE_COUNT,
    STATE_DATA_CR, /* behind the content of a chunk */
    STATE_DATA_LF,
    STATE_TRAILER,
    STATE_DONE,
};

enum chunked_kind {
    KIND_CONTROL,
    KIND_CR,
    KIND_BLANK,
    KIND_SEMI,
    KIND_EQUALS,
    KIND_QUOTE,
    KIND_BACKSLASH,
    KIND_TOKEN,
    KIND_TEXT,
    KIND_HIGH,
    KIND_COUNT,
};

#define IN_QUOTES                                                                                  \
    [KIND_BLANK] = STATE_QUOTED, [KIND_SEMI] = STATE_QUOTED, [KIND_EQUALS] = STATE_QUOTED,         \
    [KIND_TOKEN] = STATE_QUOTED, [KIND_TEXT] = STATE_QUOTED, [KIND_HIGH] = STATE_QUOTED

/* chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), RFC 9112
 * section 7.1.1. Digits of the size and the LF are dealt with apart. */
static const uint8_t NEXT_STATE[STATE_LINE_COUNT][KIND_COUNT] = {
    [STATE_SIZE] = {[KIND_CR] = STATE_SIZE_LF, [KIND_BLANK] = STATE_GAP, [KIND_SEMI] = STATE_SEMI},
    [STATE_GAP] = {[KIND_BLANK] = STATE_GAP, [KIND_SEMI] = STATE_SEMI},
    [STATE_SEMI] = {[KIND_BLANK] = STATE_SEMI, [KIND_TOKEN] = STATE_NAME},
    [STATE_NAME] = {[KIND_CR] = STATE_SIZE_LF,
                    [KIND_BLANK] = STATE_NAME_GAP,
                    [KIND_SEMI] = STATE_SEMI,
                    [KIND_EQUALS] = STATE_EQUALS,
                    [KIND_TOKEN] = STATE_NAME},
    [STATE_NAME_GAP] =
        {[KIND_BLANK] = STATE_NAME_GAP, [KIND_SEMI] = STATE_SEMI, [KIND_EQUALS] = STATE_EQUALS},
    [STATE_EQUALS] =
        {[KIND_BLANK] = STATE_EQUALS, [KIND_QUOTE] = STATE_QUOTED, [KIND_TOKEN] = STATE_VALUE},
    [STATE_VALUE] = {[KIND_CR] = STATE_SIZE_LF,
                     [KIND_BLANK] = STATE_GAP,
                     [KIND_SEMI] = STATE_SEMI,
                     [KIND_TOKEN] = STATE_VALUE},
    [STATE_QUOTED] = {IN_QUOTES, [KIND_QUOTE] = STATE_CLOSED, [KIND_BACKSLASH] = STATE_ESCAPED},
    [STATE_ESCAPED] = {IN_QUOTES, [KIND_QUOTE] = STATE_QUOTED, [KIND_BACKSLASH] = STATE_QUOTED},
    [STATE_CLOSED] =
        {[KIND_CR] = STATE_SIZE_LF, [KIND_BLANK] = STATE_GAP, [KIND_SEMI] = STATE_SEMI},
};

static enum chunked_kind kind_of(char c)
{
    if (chars_is(c, CHARS_TOKEN))
        return KIND_TOKEN;
    if (chars_is(c, CHARS_BLANK))
        return KIND_BLANK;
    switch (c) {
    case '\r':
        return KIND_CR;
    case ';':
        return KIND_SEMI;
    case '=':
        return KIND_EQUALS;
    case '"':
        return KIND_QUOTE;
    case '\\':
        return KIND_BACKSLASH;
    default:
        if ((unsigned char)c >= 0x80)
            return KIND_HIGH;
        return chars_is(c, CHARS_VISIBLE) ? KIND_TEXT : KIND_CONTROL;
    }
}

/* One call of chunked_run. */
struct pass {
    const char *at, *end; /* of what is to be read */
    struct writer out;
};

void chunked_init(struct chunked *c, bool keeps_framing)
{
    *c = (struct chunked){.state = STATE_BEGIN, .keeps_framing = keeps_framing};
}

void chunked_fini(struct chunked *c)
{
    mem_free(c->trailer);
    mem_free(c->named);
    c->trailer = NULL;
    c->named = NULL;
}

int chunked_drop_named(struct chunked *c, const struct head_field *fields, size_t count)
{
    struct hop_names n;
    size_t size = 0;
    if (hop_collect(&n, fields, count) != 0)
        return -1;
    for (size_t i = 0; i < n.count; i++)
        size += n.names[i].len + 1;
    if (size == 0)
        return 0;
    char *text = mem_alloc(size + 1);
    if (!text)
        return -1;
    struct writer w = {text, 0, size, false};
    for (size_t i = 0; i < n.count; i++) {
        writer_put(&w, n.names[i]);
        writer_put(&w, STR_LIT(","));
    }
    text[size] = '\0';
    mem_free(c->named);
    c->named = text;
    return 0;
}

static unsigned hex_value(char c)
{
    if (chars_is(c, CHARS_DIGIT))
        return (unsigned)(c - '0');
    return (unsigned)(str_lower(c) - 'a') + 10;
}

static void put_size_line(struct writer *w, uint64_t size)
{
    static const char DIGITS[] = "0123456789abcdef";
    char line[18];
    char *at = line + sizeof(line);
    *--at = '\n';
    *--at = '\r';
    for (; size > 0; size >>= 4)
        *--at = DIGITS[size & 15];
    writer_put(w, str_range(at, line + sizeof(line)));
}

/* The line is over. */
static void end_size_line(struct chunked *c, struct pass *p)
{
    c->line_len = 0;
    if (c->left == 0) {
        c->scanner = (struct head_scanner){.state = FIELDS_FIRST};
        c->state = STATE_TRAILER;
        return;
    }
    if (c->keeps_framing)
        put_size_line(&p->out, c->left);
    c->state = STATE_DATA;
}

static const char *take_digit(struct chunked *c, char digit)
{
    if (c->left > (uint64_t)INT64_MAX >> 4)
        return "a chunk size that is too large";
    c->left = c->left << 4 | hex_value(digit);
    c->state = STATE_SIZE;
    return NULL;
}

static const char *read_size_line(struct chunked *c, struct pass *p)
{
    while (p->at < p->end) {
        char byte = *p->at;
        if (c->state == STATE_SIZE_LF) {
            if (byte != '\n')
                return "a CR without LF";
            p->at++;
            end_size_line(c, p);
            return NULL;
        }
        if (++c->line_len > CHUNKED_SIZE_LINE_MAX)
            return "chunk extensions that are too long";
        if (c->state <= STATE_SIZE && chars_is(byte, CHARS_HEX)) {
            const char *fault = take_digit(c, byte);
            if (fault)
                return fault;
        } else {
            bool is_extension = c->state > STATE_SIZE;
            c->state = NEXT_STATE[c->state][kind_of(byte)];
            if (c->state == STATE_FAULT)
                return is_extension ? "an invalid chunk extension" : "an invalid chunk size";
        }
        p->at++;
    }
    return NULL;
}

static const char *read_data(struct chunked *c, struct pass *p)
{
    size_t len = (size_t)(p->end - p->at);
    if (len > c->left)
        len = (size_t)c->left;
    writer_put(&p->out, (struct str){p->at, len});
    p->at += len;
    c->payload += len;
    c->left -= len;
    if (c->left == 0)
        c->state = STATE_DATA_CR;
    return NULL;
}

static const char *read_data_end(struct chunked *c, struct pass *p)
{
    char wanted = c->state == STATE_DATA_CR ? '\r' : '\n';
    if (*p->at != wanted)
        return "a chunk that is longer than its size";
    p->at++;
    c->state = c->state == STATE_DATA_CR ? STATE_DATA_LF : STATE_BEGIN;
    if (c->state == STATE_BEGIN && c->keeps_framing)
        writer_put(&p->out, STR_LIT("\r\n"));
    return NULL;
}

static bool is_named(const struct chunked *c, struct str name)
{
    struct str rest = str_of(c->named);
    while (rest.len > 0)
        if (str_ieq(str_cut(&rest, ','), name))
            return true;
    return false;
}

/* Whether a trailer field stays behind, and why (RFC 9110 section 6.5.1). */
static bool is_dropped(const struct chunked *c, struct str name, enum header_field field,
                       enum header_reason *reason)
{
    bool is_fixed = hop_is_fixed(field);
    bool is_barred = field == HEADER_CONTENT_LENGTH || field == HEADER_HOST ||
                     field == HEADER_MAX_FORWARDS || field == HEADER_TRAILER ||
                     field == HEADER_TRANSFER_ENCODING;
    if (!c->keeps_framing)
        *reason = HEADER_NO_TRAILERS;
    else if (is_barred)
        *reason = HEADER_BARRED;
    else if (is_fixed)
        *reason = hop_reason(field);
    else
        *reason = HEADER_NAMED;
    return !c->keeps_framing || is_barred || is_fixed || is_named(c, name);
}

/* The last chunk and the whole trailer section, or nothing of it. */
static const char *put_trailer(struct chunked *c, struct str section, struct writer *out)
{
    struct fields_cursor at = {section.ptr, section.ptr + section.len};
    size_t start = out->len;
    bool is_first = true;
    if (c->keeps_framing)
        writer_put(out, STR_LIT("0\r\n"));
    while (!fields_take_line_end(&at)) {
        struct head_field f;
        enum header_reason reason;
        const char *fault = fields_parse(&f, &at, is_first, false);
        if (fault) {
            out->len = start;
            return fault;
        }
        enum header_field field = hop_field(f.name);
        if (!is_dropped(c, f.name, field, &reason))
            writer_put(out, str_range(f.name.ptr, at.at));
        else if (c->ledger)
            ledger_add(c->ledger, field, reason);
        is_first = false;
    }
    if (c->keeps_framing)
        writer_put(out, STR_LIT("\r\n"));
    c->state = STATE_DONE;
    return NULL;
}

/* Puts what there is behind the part that came before. */
static const char *keep_trailer(struct chunked *c, struct str more)
{
    size_t need = c->trailer_len + more.len;
    if (need > c->trailer_size) {
        size_t size = c->trailer_size ? c->trailer_size : TRAILER_FIRST_SIZE;
        while (size < need)
            size *= 2;
        char *grown = mem_resize(c->trailer, size);
        if (!grown)
            return "more trailer fields than there is memory for";
        c->trailer = grown;
        c->trailer_size = size;
    }
    if (more.len > 0)
        memcpy(c->trailer + c->trailer_len, more.ptr, more.len);
    c->trailer_len = need;
    return NULL;
}

static const char *read_trailer(struct chunked *c, struct pass *p)
{
    const char *fault = NULL;
    struct str more = str_range(p->at, p->end), section = more;
    size_t before = c->trailer_len;
    if (more.len > CHUNKED_TRAILER_MAX - before)
        more.len = CHUNKED_TRAILER_MAX - before;
    if (before > 0) {
        fault = keep_trailer(c, more);
        if (fault)
            return fault;
        section = (struct str){c->trailer, c->trailer_len};
    }
    switch (fields_scan(&c->scanner, NULL, section, CHUNKED_TRAILER_MAX, &fault)) {
    case PARSE_OK:
        p->at += c->scanner.len - before;
        return put_trailer(c, (struct str){section.ptr, c->scanner.len}, &p->out);
    case PARSE_MORE:
        p->at = p->end;
        return before > 0 ? NULL : keep_trailer(c, more);
    case PARSE_BAD:
        return fault;
    default:
        return "a trailer section that is too large";
    }
}

static const char *read_some(struct chunked *c, struct pass *p)
{
    switch (c->state) {
    case STATE_DATA:
        return read_data(c, p);
    case STATE_DATA_CR:
    case STATE_DATA_LF:
        return read_data_end(c, p);
    case STATE_TRAILER:
        return read_trailer(c, p);
    default:
        return read_size_line(c, p);
    }
}

enum parse chunked_run(struct chunked *c, struct str in, size_t *used, char *out, size_t out_size,
                       size_t *out_len, const char **fault)
{
    const char *from = in.len > 0 ? in.ptr : "";
    struct pass p = {from, from + in.len, {out, 0, out_size, false}};
    const char *wrong = NULL;
    ASSERT(out_size >= in.len + CHUNKED_SLACK);
    while (!wrong && p.at < p.end && c->state != STATE_DONE)
        wrong = read_some(c, &p);
    *used = (size_t)(p.at - from);
    *out_len = p.out.len;
    if (wrong) {
        *fault = wrong;
        return PARSE_BAD;
    }
    return c->state == STATE_DONE ? PARSE_OK : PARSE_MORE;
}
