/* SPDX-License-Identifier: MIT */
/* scan.c - the form of a configuration; see scan.h. */
#include "conf/scan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "conf/source.h"
#include "util/mem.h"

enum expected {
    EXPECT_NAME,         /* or the end of the group */
    EXPECT_ASSIGN,       /* '=' or ':' */
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind '[' or '(' */
    EXPECT_MORE,         /* behind a value */
};

enum value { VALUE_NONE, VALUE_STRING, VALUE_BOOL, VALUE_NUMBER, VALUE_OTHER };

struct scan_seen {
    struct str name;
    struct place at;
};

struct scan_scope {
    char bracket; /* '{', '[', '('; the file is like a group: '{' */
    enum expected expected;
    enum value last; /* the value just read */
    struct place at;
    size_t first_seen;
};

void scan_init(struct scan *s, struct errlist *faults)
{
    *s = (struct scan){.faults = faults};
    s->scopes = mem_must_zalloc((SOURCE_MAX_NESTING + 1) * sizeof(*s->scopes));
    s->scopes[0] = (struct scan_scope){.bracket = '{', .expected = EXPECT_NAME};
}

void scan_fini(struct scan *s)
{
    mem_free(s->seen);
    mem_free(s->scopes);
    *s = (struct scan){0};
}

/* ---- names and numbers ---- */

static void remember(struct scan *s)
{
    if (s->seen_count == s->seen_room) {
        s->seen_room = s->seen_room * 2 + 16;
        s->seen = mem_must_resize(s->seen, s->seen_room * sizeof(*s->seen));
    }
    s->seen[s->seen_count++] = (struct scan_seen){s->name, s->name_at};
}

static void check_name(struct scan *s)
{
    s->is_repeated = true;
    if (str_find(s->name, '*') < s->name.len) {
        errlist_add(s->faults, &s->name_at, "'%.*s' is not a name: '*' cannot stand in one",
                    STR_ARG(s->name));
        return;
    }
    for (size_t i = s->scopes[s->depth].first_seen; i < s->seen_count; i++)
        if (str_eq(s->seen[i].name, s->name)) {
            errlist_add(s->faults, &s->name_at, "'%.*s' is set twice in one group, first at %s:%u",
                        STR_ARG(s->name), s->seen[i].at.file, s->seen[i].at.line);
            return;
        }
    s->is_repeated = false;
    remember(s);
}

static size_t count_digits(const char *p, bool is_hex)
{
    size_t n = 0;
    while ((p[n] >= '0' && p[n] <= '9') ||
           (is_hex && ((p[n] >= 'a' && p[n] <= 'f') || (p[n] >= 'A' && p[n] <= 'F'))))
        n++;
    return n;
}

/* What libconfig takes for a number and reads as the one that is written. Numbers
 * with an exponent are left out: no key has a use for one. */
static int check_number(struct scan *s, struct str number, const struct place *at)
{
    char text[40];
    const char *p = text;

    if (number.len >= sizeof(text))
        goto too_large;
    memcpy(text, number.ptr, number.len);
    text[number.len] = '\0';
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    p += is_hex ? 2 : *p == '-' || *p == '+';
    size_t digits = count_digits(p, is_hex);
    const char *tail = p + digits;
    if (!is_hex && *tail == '.') {
        size_t decimals = count_digits(tail + 1, false);
        if (tail[1 + decimals] == '\0' && digits + decimals > 0)
            return 0;
    }
    bool is_long = *tail == 'L';
    tail += is_long ? 1 + (tail[1] == 'L') : 0;
    if (digits == 0 || *tail != '\0') {
        errlist_add(s->faults, at, "'%.*s' is not a number", STR_ARG(number));
        return -1;
    }
    errno = 0;
    long long value = strtoll(text, NULL, is_hex ? 16 : 10);
    if (errno == 0 && (is_long || (value >= INT32_MIN && value <= INT32_MAX)))
        return 0;
too_large:
    errlist_add(s->faults, at, "the number %.*s is too large", STR_ARG(number));
    return -1;
}

/* ---- the grammar ---- */

static char closing(char bracket)
{
    return bracket == '{' ? '}' : bracket == '[' ? ']' : ')';
}

/* How a token is shown in a message. */
static struct str shown(enum scan_kind kind, struct str text)
{
    size_t max = 40;
    size_t len = kind == SCAN_STRING ? str_find(text, '\n') : text.len;
    while (max > 0 && max < len && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--; /* not within a character */
    return (struct str){text.ptr, len < max ? len : max};
}

static int report(struct scan *s, enum scan_kind kind, struct str text, const struct place *at)
{
    const struct scan_scope *scope = &s->scopes[s->depth];
    struct str token = shown(kind, text);

    switch (scope->expected) {
    case EXPECT_NAME:
        errlist_add(s->faults, at, "%.*s is not expected: a name belongs here", STR_ARG(token));
        break;
    case EXPECT_ASSIGN:
        errlist_add(s->faults, &s->name_at, "'=' is missing behind '%.*s'", STR_ARG(s->name));
        break;
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_END:
        if (kind == SCAN_NAME)
            errlist_add(s->faults, at, "'%.*s' needs quotes", STR_ARG(token));
        else
            errlist_add(s->faults, at, "a value is missing before %.*s", STR_ARG(token));
        break;
    case EXPECT_MORE:
        if (scope->bracket == '{')
            errlist_add(s->faults, at, "%.*s is not expected behind a value", STR_ARG(token));
        else
            errlist_add(s->faults, at, "',' or '%c' is missing before %.*s",
                        closing(scope->bracket), STR_ARG(token));
        break;
    }
    return -1;
}

static int open_scope(struct scan *s, char bracket, const struct place *at)
{
    struct scan_scope *outer = &s->scopes[s->depth];
    if (outer->bracket == '[') {
        errlist_add(s->faults, at, "an array [ ... ] holds plain values only; write ( ... )");
        return -1;
    }
    if (s->depth == SOURCE_MAX_NESTING) {
        errlist_add(s->faults, at, "brackets are nested more than %d deep", SOURCE_MAX_NESTING);
        return -1;
    }
    outer->expected = EXPECT_MORE;
    outer->last = VALUE_OTHER;
    s->depth++;
    s->scopes[s->depth] = (struct scan_scope){
        .bracket = bracket,
        .expected = bracket == '{' ? EXPECT_NAME : EXPECT_VALUE_OR_END,
        .at = *at,
        .first_seen = s->seen_count,
    };
    return 0;
}

static int close_scope(struct scan *s, char bracket, const struct place *at)
{
    const struct scan_scope *scope = &s->scopes[s->depth];
    if (s->depth == 0) {
        errlist_add(s->faults, at, "'%c' closes nothing", bracket);
        return -1;
    }
    if (closing(scope->bracket) != bracket) {
        errlist_add(s->faults, at, "'%c' cannot close the '%c' of %s:%u", bracket, scope->bracket,
                    scope->at.file, scope->at.line);
        return -1;
    }
    if (scope->expected == EXPECT_ASSIGN || scope->expected == EXPECT_VALUE)
        return report(s, SCAN_MARK, (struct str){&bracket, 1}, at);
    s->seen_count = scope->first_seen;
    s->depth--;
    return 0;
}

static int take_mark(struct scan *s, struct str text, const struct place *at)
{
    struct scan_scope *scope = &s->scopes[s->depth];
    char mark = text.ptr[0];
    bool is_group = scope->bracket == '{';
    bool takes_value = scope->expected == EXPECT_VALUE || scope->expected == EXPECT_VALUE_OR_END;

    if ((mark == '{' || mark == '[' || mark == '(') && takes_value)
        return open_scope(s, mark, at);
    if (mark == '}' || mark == ']' || mark == ')')
        return close_scope(s, mark, at);
    if ((mark == '=' || mark == ':') && scope->expected == EXPECT_ASSIGN) {
        scope->expected = EXPECT_VALUE;
        check_name(s);
        return 0;
    }
    if (scope->expected != EXPECT_MORE || (mark != ',' && (mark != ';' || !is_group)))
        return report(s, SCAN_MARK, text, at);
    scope->expected = is_group ? EXPECT_NAME : EXPECT_VALUE;
    return 0;
}

static int take_value(struct scan *s, enum value value, enum scan_kind kind, struct str text,
                      const struct place *at)
{
    struct scan_scope *scope = &s->scopes[s->depth];
    bool is_joined = scope->expected == EXPECT_MORE && value == VALUE_STRING &&
                     scope->last == VALUE_STRING;

    if (scope->expected != EXPECT_VALUE && scope->expected != EXPECT_VALUE_OR_END && !is_joined)
        return report(s, kind, text, at);
    if (scope->bracket == '[' && scope->last != VALUE_NONE && scope->last != value) {
        errlist_add(s->faults, at, "an array [ ... ] holds values of one type; write ( ... ) for "
                                   "a mix of numbers and strings");
        return -1;
    }
    scope->expected = EXPECT_MORE;
    scope->last = value;
    return value == VALUE_NUMBER ? check_number(s, text, at) : 0;
}

int scan_token(struct scan *s, enum scan_kind kind, struct str text, const struct place *at)
{
    struct scan_scope *scope = &s->scopes[s->depth];

    s->is_repeated = false;
    if (kind == SCAN_MARK)
        return take_mark(s, text, at);
    if (kind == SCAN_STRING)
        return take_value(s, VALUE_STRING, kind, text, at);
    if (kind == SCAN_NUMBER)
        return take_value(s, VALUE_NUMBER, kind, text, at);
    if (str_ieq(text, STR_LIT("true")) || str_ieq(text, STR_LIT("false")))
        return take_value(s, VALUE_BOOL, kind, text, at);
    /* The ';' behind a setting may be left out. */
    if (scope->bracket != '{' || (scope->expected != EXPECT_NAME && scope->expected != EXPECT_MORE))
        return report(s, kind, text, at);
    s->name = text;
    s->name_at = *at;
    scope->expected = EXPECT_ASSIGN;
    return 0;
}

int scan_end(struct scan *s, const struct place *at)
{
    const struct scan_scope *scope = &s->scopes[s->depth];
    if (s->depth > 0) {
        errlist_add(s->faults, &scope->at, "this '%c' is never closed", scope->bracket);
        return -1;
    }
    if (scope->expected == EXPECT_ASSIGN || scope->expected == EXPECT_VALUE)
        return report(s, SCAN_MARK, STR_LIT("the end of the file"), at);
    return 0;
}
