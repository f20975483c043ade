/* SPDX-License-Identifier: MIT */
/* fuzz_head.c - any bytes as the head of a request. Input: one byte that places the
 * cut, then the head. Beyond what the sanitizers see, these must hold:
 *   - a scan in two pieces ends as a scan in one does;
 *   - what the parser takes, the scanner takes, with its end where the bytes end;
 *   - what was taken, put together again, is the head that came in;
 *   - no target that is taken has a host or port out of range. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/head.h"
#include "proxy/http/target.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly these bytes, so that one step beyond is seen. */
static char *copy_exactly(const char *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static enum parse scan(struct head_scanner *s, const char *bytes, size_t len, const char **fault)
{
    char *copy = copy_exactly(bytes, len);
    enum parse result = head_scan(s, (struct str){copy, len}, LIMIT, fault);
    ASSERT((result == PARSE_BAD) == (*fault != NULL));
    ASSERT(s->seen <= len && s->seen <= LIMIT);
    free(copy);
    return result;
}

/* What does not end in the first piece must go on as if there were one. */
static enum parse check_pieces(struct head_scanner *whole, const char *bytes, size_t len,
                               size_t cut)
{
    struct head_scanner pieces = {0};
    const char *fault = NULL, *fault_whole = NULL;
    enum parse result_whole = scan(whole, bytes, len, &fault_whole);
    enum parse result = scan(&pieces, bytes, cut, &fault);
    if (result == PARSE_MORE)
        result = scan(&pieces, bytes, len, &fault);
    ASSERT(result == result_whole && fault == fault_whole);
    ASSERT(pieces.seen == whole->seen && pieces.skipped == whole->skipped);
    ASSERT(result != PARSE_OK || pieces.len == whole->len);
    return result;
}

/* The parts in their order, with nothing but separators and white space between. */
static void check_parts(const struct request_head *h, const char *bytes, size_t len)
{
    const char *end = bytes + len;
    ASSERT(h->method.ptr == bytes && h->method.len > 0);
    ASSERT(h->target.ptr == bytes + h->method.len + 1 && h->target.len > 0);
    const char *at = h->target.ptr + h->target.len;
    ASSERT(memcmp(at, h->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n", 11) == 0);
    at += 11;
    for (size_t i = 0; i < h->field_count; i++) {
        const struct head_field *f = &h->fields[i];
        ASSERT(f->name.ptr == at && f->name.len > 0 && at[f->name.len] == ':');
        at += f->name.len + 1;
        ASSERT(f->value.ptr >= at && f->value.ptr + f->value.len <= end - 4);
        ASSERT(strspn(at, " \t") >= (size_t)(f->value.ptr - at));
        at = f->value.ptr + f->value.len;
        ASSERT(!memchr(f->value.ptr, '\r', f->value.len));
        ASSERT(!memchr(f->value.ptr, '\n', f->value.len));
        ASSERT(!memchr(f->value.ptr, '\0', f->value.len));
        at += strspn(at, " \t");
        ASSERT(at[0] == '\r' && at[1] == '\n');
        at += 2;
    }
    ASSERT(end - at == 2 && at[0] == '\r' && at[1] == '\n');
}

static void check_target(struct str text)
{
    struct target t;
    char *copy = copy_exactly(text.ptr, text.len);
    struct str exact = {copy, text.len};
    if (!target_parse_authority(&t, exact))
        ASSERT(t.port > 0 && t.host.len > 0 && t.path.len == 0);
    if (!target_parse_absolute(&t, exact)) {
        ASSERT(t.port > 0 && t.host.len > 0);
        ASSERT(t.path.ptr + t.path.len == copy + text.len);
        ASSERT(t.path.len == 0 || t.path.ptr[0] == '/' || t.path.ptr[0] == '?');
    }
    free(copy);
}

static void check_parse(const char *bytes, size_t len)
{
    static struct request_head h;
    struct head_scanner s = {0};
    const char *fault = NULL;
    char *copy = copy_exactly(bytes, len);
    enum parse result = head_parse(&h, (struct str){copy, len}, &fault);
    ASSERT(result != PARSE_MORE && (result == PARSE_BAD) == (fault != NULL));
    if (result == PARSE_OK) {
        check_parts(&h, copy, len);
        check_target(h.target);
        ASSERT(head_scan(&s, (struct str){copy, len}, len, &fault) == PARSE_OK);
        ASSERT(s.len == len && s.skipped == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct head_scanner whole = {0};
    const char *bytes = (const char *)data + 1;
    size_t len = size - 1;
    size_t cut = data[0] * len / 255;
    enum parse result = check_pieces(&whole, bytes, len, cut);
    check_target((struct str){bytes, len});
    check_parse(bytes, len);
    if (result == PARSE_OK)
        check_parse(bytes + whole.skipped, whole.len - whole.skipped);
    return 0;
}
