/* SPDX-License-Identifier: MIT */
/* fuzz_chunked.c - any bytes as a chunked body. Input: a byte for the size of the
 * pieces, then the body. Beyond what the sanitizers see, these must hold:
 *   - in pieces the body ends as it does whole, and the same comes out;
 *   - what comes out is never longer than promised;
 *   - a body written again, read once more, ends where it ends and comes out as it is,
 *     and its content is the content of the first. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum parse result;
    size_t used, len;
    uint64_t payload;
    char *out; /* malloc; the caller frees it */
};

static void run_piece(struct chunked *c, struct str in, struct outcome *o)
{
    size_t used, out_len, room = in.len + CHUNKED_SLACK;
    const char *fault = NULL;
    char *copy = malloc(in.len ? in.len : 1), *out = malloc(room);
    ASSERT(copy && out);
    memcpy(copy, in.ptr, in.len);
    o->result = chunked_run(c, (struct str){copy, in.len}, &used, out, room, &out_len, &fault);
    ASSERT(used <= in.len && out_len <= room);
    ASSERT(o->result == PARSE_MORE ? used == in.len : o->result != PARSE_TOO_LARGE);
    ASSERT((o->result == PARSE_BAD) == (fault != NULL));
    memcpy(o->out + o->len, out, out_len);
    o->len += out_len;
    o->used += used;
    free(copy);
    free(out);
}

static struct outcome run(struct str in, size_t step, bool keeps_framing)
{
    struct outcome o = {PARSE_MORE, 0, 0, 0, malloc(2 * in.len + 2 * CHUNKED_SLACK)};
    struct chunked c;
    ASSERT(o.out);
    chunked_init(&c, keeps_framing);
    while (o.result == PARSE_MORE && o.used < in.len) {
        size_t left = in.len - o.used;
        run_piece(&c, (struct str){in.ptr + o.used, left < step ? left : step}, &o);
    }
    o.payload = c.payload;
    chunked_fini(&c);
    return o;
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    ASSERT(a->result == b->result && a->payload == b->payload);
    ASSERT(a->result == PARSE_BAD || a->used == b->used);
    ASSERT(a->len == b->len && memcmp(a->out, b->out, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct str in = {(const char *)data + 1, size - 1};
    size_t step = 1 + data[0] % 64;
    struct outcome whole = run(in, in.len, true), pieces = run(in, step, true);
    struct outcome content = run(in, in.len, false), content_pieces = run(in, step, false);
    check_same(&whole, &pieces);
    check_same(&content, &content_pieces);
    ASSERT(whole.result == content.result && content.len == content.payload);
    if (whole.result == PARSE_OK) {
        struct str again = {whole.out, whole.len};
        struct outcome second = run(again, again.len, true);
        struct outcome second_content = run(again, step, false);
        ASSERT(second.result == PARSE_OK && second.used == again.len);
        ASSERT(second.len == again.len && memcmp(second.out, again.ptr, again.len) == 0);
        ASSERT(second_content.len == content.len);
        ASSERT(memcmp(second_content.out, content.out, content.len) == 0);
        free(second.out);
        free(second_content.out);
    }
    free(whole.out);
    free(pieces.out);
    free(content.out);
    free(content_pieces.out);
    return 0;
}
