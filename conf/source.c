/* SPDX-License-Identifier: MIT */
/* source.c - the text of a configuration with all it includes; see source.h. */
#include "conf/source.h"

#include <string.h>

#include "conf/file.h"
#include "conf/scan.h"
#include "util/mem.h"

/* From line `line` of the whole text on, lines count up from file_line of file. */
struct source_span {
    unsigned line;
    const char *file;
    unsigned file_line;
};

/* One file that is being read; those that include it hang on parent. */
struct cursor {
    struct source *source;
    struct scan *scan;
    struct str rest;
    struct place at;
    bool is_line_start;
    size_t name_offset; /* of the last name in the whole text */
    const struct cursor *parent;
    unsigned depth;
};

static int read_included(struct cursor *c, struct str path);

/* ---- the whole text ---- */

static void append(struct source *s, const char *bytes, size_t len)
{
    if (s->room - s->len < len + 1) {
        s->room = (s->len + len) * 2 + 4096;
        s->text = mem_must_resize(s->text, s->room);
    }
    memcpy(s->text + s->len, bytes, len);
    s->len += len;
    s->text[s->len] = '\0';
    for (size_t i = 0; i < len; i++)
        s->line += bytes[i] == '\n';
}

static void begin_span(struct source *s, const struct place *at)
{
    s->spans = mem_must_resize(s->spans, (s->span_count + 1) * sizeof(*s->spans));
    s->spans[s->span_count++] = (struct source_span){s->line, at->file, at->line};
}

/* The mark makes the name one that the parser takes and nothing else bears. */
static void mark_name(struct source *s, size_t offset)
{
    char mark[24];
    int len = snprintf(mark, sizeof(mark), "*%zu*", s->len);
    append(s, mark, (size_t)len);
    memmove(s->text + offset + len, s->text + offset, s->len - (size_t)len - offset);
    memcpy(s->text + offset, mark, (size_t)len);
}

/* ---- tokens ---- */

static bool is_name_byte(char c, bool is_first)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
    return is_letter || (!is_first && ((c >= '0' && c <= '9') || c == '-' || c == '_'));
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '.' || c == '+' || c == '-' || c == '_';
}

/* Copies len bytes of the file and moves behind them. */
static void take(struct cursor *c, size_t len)
{
    append(c->source, c->rest.ptr, len);
    for (size_t i = 0; i < len; i++)
        c->at.line += c->rest.ptr[i] == '\n';
    c->is_line_start = len > 0 && c->rest.ptr[len - 1] == '\n';
    c->rest.ptr += len;
    c->rest.len -= len;
}

/* Moves behind a comment of len bytes; only its newlines are kept. */
static void skip_comment(struct cursor *c, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (c->rest.ptr[i] == '\n') {
            append(c->source, "\n", 1);
            c->at.line++;
        }
    append(c->source, " ", 1);
    c->is_line_start = false;
    c->rest.ptr += len;
    c->rest.len -= len;
}

static int take_block_comment(struct cursor *c)
{
    const char *end = memmem(c->rest.ptr + 2, c->rest.len - 2, "*/", 2);
    if (end == NULL) {
        errlist_add(c->scan->faults, &c->at, "this comment is never closed");
        return -1;
    }
    skip_comment(c, (size_t)(end - c->rest.ptr) + 2);
    return 0;
}

/* Shows a token of len bytes to the scan and copies it. */
static int pass(struct cursor *c, enum scan_kind kind, size_t len)
{
    if (scan_token(c->scan, kind, (struct str){c->rest.ptr, len}, &c->at) != 0)
        return -1;
    if (c->scan->is_repeated)
        mark_name(c->source, c->name_offset);
    take(c, len);
    return 0;
}

static int take_string(struct cursor *c)
{
    size_t i = 1;
    while (i < c->rest.len && c->rest.ptr[i] != '"')
        i += c->rest.ptr[i] == '\\' ? 2 : 1;
    if (i >= c->rest.len) {
        errlist_add(c->scan->faults, &c->at, "this string is never closed");
        return -1;
    }
    return pass(c, SCAN_STRING, i + 1);
}

static int take_name(struct cursor *c)
{
    size_t len = 0;
    while (len < c->rest.len && is_name_byte(c->rest.ptr[len], len == 0))
        len++;
    c->name_offset = c->source->len;
    return pass(c, SCAN_NAME, len);
}

static int take_number(struct cursor *c)
{
    size_t len = 0;
    while (len < c->rest.len && is_number_byte(c->rest.ptr[len]))
        len++;
    return pass(c, SCAN_NUMBER, len);
}

/* One byte, or one character where it is none of ASCII. */
static int take_mark(struct cursor *c)
{
    size_t len = 1;
    if ((unsigned char)c->rest.ptr[0] >= 0xc0)
        while (len < c->rest.len && ((unsigned char)c->rest.ptr[len] & 0xc0) == 0x80)
            len++;
    return pass(c, SCAN_MARK, len);
}

/* The length of `@include "path"` where that stands here, with the path; else 0. */
static size_t find_include(const struct cursor *c, struct str *path)
{
    static const struct str word = {"@include", 8};
    struct str s = c->rest;

    if (!c->is_line_start || !str_starts(s, word))
        return 0;
    s.len = str_find(s, '\n');
    s = str_trim((struct str){s.ptr + word.len, s.len - word.len});
    if (s.len < 2 || s.ptr[0] != '"')
        return 0;
    *path = (struct str){s.ptr + 1, s.len - 1};
    path->len = str_find(*path, '"');
    if (path->len == s.len - 1)
        return 0;
    return (size_t)(path->ptr + path->len + 1 - c->rest.ptr);
}

static int take_token(struct cursor *c)
{
    struct str path;
    char byte = c->rest.ptr[0];
    char next = c->rest.len > 1 ? c->rest.ptr[1] : '\0';
    size_t directive = find_include(c, &path);

    if (directive > 0) {
        c->rest.ptr += directive;
        c->rest.len -= directive;
        c->is_line_start = false;
        return read_included(c, path);
    }
    if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
        bool is_line_start = c->is_line_start;
        take(c, 1);
        c->is_line_start = c->is_line_start || (is_line_start && byte != '\n');
        return 0;
    }
    if (byte == '#' || (byte == '/' && next == '/')) {
        skip_comment(c, str_find(c->rest, '\n'));
        return 0;
    }
    if (byte == '/' && next == '*')
        return take_block_comment(c);
    if (is_name_byte(byte, true))
        return take_name(c);
    if (byte == '"')
        return take_string(c);
    bool is_number = (byte >= '0' && byte <= '9') || byte == '.' || byte == '+' || byte == '-';
    return is_number ? take_number(c) : take_mark(c);
}

/* ---- files ---- */

static int read_text(struct cursor *c, struct str text)
{
    static const struct str byte_order_mark = {"\xef\xbb\xbf", 3};
    int result = 0;

    if (c->source->len + text.len > SOURCE_MAX_BYTES) {
        errlist_add(c->scan->faults, &c->at, "the configuration is larger than %zu MiB",
                    SOURCE_MAX_BYTES >> 20);
        return -1;
    }
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        errlist_add(c->scan->faults, &(struct place){c->at.file, 0}, "contains a NUL byte");
        return -1;
    }
    if (str_starts(text, byte_order_mark)) {
        text.ptr += byte_order_mark.len;
        text.len -= byte_order_mark.len;
    }
    c->rest = text;
    begin_span(c->source, &c->at);
    while (result == 0 && c->rest.len > 0)
        result = take_token(c);
    return result;
}

/* Names of files and their texts are kept: places and the scan point into them. */
static const char *keep(char ***kept, size_t *count, char *text)
{
    *kept = mem_must_resize(*kept, (*count + 1) * sizeof(**kept));
    (*kept)[(*count)++] = text;
    return text;
}

static const char *keep_file(struct source *s, char *name)
{
    return keep(&s->files, &s->file_count, name);
}

static const char *keep_text(struct source *s, char *text)
{
    return keep(&s->texts, &s->text_count, text);
}

static void free_kept(char **kept, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(kept[i]);
    mem_free(kept);
}

static bool is_open_already(const struct cursor *c, const char *path)
{
    for (; c != NULL; c = c->parent)
        if (strcmp(c->at.file, path) == 0)
            return true;
    return false;
}

static int read_included(struct cursor *c, struct str path)
{
    char *written = mem_must_dup(path.ptr, path.len);
    char *joined = file_relative(c->at.file, written);
    char *text = NULL;
    size_t len = 0;
    struct err e;
    int result = -1;

    mem_free(written);
    if (is_open_already(c, joined) || c->depth == SOURCE_MAX_INCLUDES) {
        errlist_add(c->scan->faults, &c->at, "%s: includes go round in a circle or too deep",
                    joined);
        mem_free(joined);
        return -1;
    }
    if (file_read(joined, SOURCE_MAX_BYTES, &c->at, &text, &len, &e) != 0) {
        errlist_add_err(c->scan->faults, &e);
        mem_free(joined);
        return -1;
    }
    struct cursor inner = {.source = c->source, .scan = c->scan, .is_line_start = true,
                           .parent = c, .depth = c->depth + 1};
    inner.at = (struct place){keep_file(c->source, joined), 1};
    keep_text(c->source, text);
    result = read_text(&inner, (struct str){text, len});
    append(c->source, "\n", 1);
    begin_span(c->source, &c->at);
    return result;
}

int source_read(struct source *s, const char *path, const struct str *text, struct errlist *faults)
{
    struct scan scan;
    struct err e;
    struct str content;
    char *read = NULL;
    int result = -1;

    *s = (struct source){.line = 1};
    scan_init(&scan, faults);
    const char *file = keep_file(s, mem_must_dup(path, strlen(path)));
    if (text != NULL) {
        content = *text;
    } else if (file_read(path, SOURCE_MAX_BYTES, NULL, &read, &content.len, &e) != 0) {
        errlist_add_err(faults, &e);
        s->is_unreadable = true;
        goto out;
    } else {
        content.ptr = keep_text(s, read);
    }
    struct cursor c = {.source = s, .scan = &scan, .at = {file, 1}, .is_line_start = true};
    append(s, "", 0);
    result = read_text(&c, content);
    if (result == 0)
        result = scan_end(&scan, &c.at);
out:
    scan_fini(&scan);
    return result;
}

struct place source_place(const struct source *s, unsigned line)
{
    size_t low = 0, high = s->span_count;

    if (line == 0 || high == 0)
        return (struct place){s->files[0], 0};
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->spans[middle].line <= line)
            low = middle;
        else
            high = middle;
    }
    const struct source_span *span = &s->spans[low];
    return (struct place){span->file, span->file_line + (line - span->line)};
}

bool source_is_reported(const char *setting_name)
{
    return strchr(setting_name, '*') != NULL;
}

char **source_take_files(struct source *s, size_t *count)
{
    char **files = s->files;
    *count = s->file_count;
    s->files = NULL;
    s->file_count = 0;
    return files;
}

void source_fini(struct source *s)
{
    free_kept(s->files, s->file_count);
    free_kept(s->texts, s->text_count);
    mem_free(s->text);
    mem_free(s->spans);
    *s = (struct source){0};
}
