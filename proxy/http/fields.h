/* SPDX-License-Identifier: MIT */
/*
 * fields.h - what request heads, response heads and trailer sections have in common:
 * a scan for the end that is fed in pieces, and the parser of one field line.
 *
 * Faults are constant noun phrases, as in head.h. Nothing is copied; nothing beyond
 * the end given is looked at. Threads: any; all state is the caller's.
 */
#ifndef PROXY_HTTP_FIELDS_H
#define PROXY_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/http/chars.h"
#include "proxy/http/head.h"
#include "util/attr.h"
#include "util/str.h"

/* Where a scanner is: head_scanner.state. Zero is the beginning of a head; that of a
 * trailer section is FIELDS_FIRST. */
enum fields_state {
    FIELDS_START,    /* before the first byte */
    FIELDS_EMPTY_LF, /* behind the CR of the empty line in front */
    FIELDS_BEGIN,    /* behind that line */
    FIELDS_LINE,     /* in the first line */
    FIELDS_LINE_LF,  /* behind its CR */
    FIELDS_FIRST,    /* at the beginning of the first field line */
    FIELDS_FIELD,    /* in a field line */
    FIELDS_FIELD_LF, /* behind its CR */
    FIELDS_NEXT,     /* at the beginning of another field line */
    FIELDS_END_LF,   /* behind the CR of the last, empty line */
    FIELDS_DONE,
    FIELDS_STATE_COUNT,
};

/* What a scanner tells apart. */
enum fields_kind {
    FIELDS_CONTROL,
    FIELDS_CR,
    FIELDS_LF,
    FIELDS_TAB,
    FIELDS_TOKEN, /* tchar */
    FIELDS_TEXT,  /* SP and the visible ASCII that is no tchar */
    FIELDS_HIGH,  /* 0x80 to 0xff */
    FIELDS_KIND_COUNT,
};

/* What stands in front of the fields. */
struct fields_dialect {
    /* The state behind a byte, for the states up to FIELDS_LINE. What is 0 stands for
     * a fault, as no byte leads back to FIELDS_START. */
    uint8_t next[FIELDS_LINE + 1][FIELDS_KIND_COUNT];
    bool line_is_ascii;
    const char *(*line_fault)(enum fields_state state, char c); /* in these states */
};

/* As head_scan, in a dialect; NULL for a trailer section, whose state starts at
 * FIELDS_FIRST. */
MUST_CHECK enum parse fields_scan(struct head_scanner *s, const struct fields_dialect *dialect,
                                  struct str bytes, size_t limit, const char **fault);

/* A parser's place in the bytes. */
struct fields_cursor {
    const char *at, *end;
};

/* Steps over CR LF at the cursor. */
bool fields_take_line_end(struct fields_cursor *c);

/* What stands at the cursor where CR LF should; text_fault says what is wrong with a
 * byte that is neither. */
const char *fields_line_end_fault(const struct fields_cursor *c, const char *(*text_fault)(char c));

/* The first byte below 0x20 or equal to 0x7f, or also one beyond ASCII; or end. */
const char *fields_skip_text(const char *from, const char *end, bool stops_at_high);

/* One field line, its end included. White space in front of the colon is a fault, or
 * is left out of the name where it is allowed. Returns NULL or the fault. */
MUST_CHECK const char *fields_parse(struct head_field *f, struct fields_cursor *c, bool is_first,
                                    bool allows_space);

/* Behind the CR LF of the line of a field that was parsed. */
static inline const char *fields_line_end(const struct head_field *f)
{
    const char *at = f->value.ptr + f->value.len;
    while (chars_is(*at, CHARS_BLANK))
        at++;
    return at + 2;
}

/* The first field of that name (case makes no difference), or NULL. */
const struct head_field *fields_find(const struct head_field *fields, size_t count,
                                     struct str name);

#endif
