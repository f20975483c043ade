/* SPDX-License-Identifier: MIT */
/* framing.c - where a message ends; see framing.h. */
#include "proxy/http/framing.h"

#include "util/str.h"

/* The fields that say where a message ends. */
struct lengths {
    const struct head_field *content_length, *transfer_encoding;
    bool is_repeated;
};

static struct lengths find_lengths(const struct head_field *fields, size_t count)
{
    struct lengths found = {NULL, NULL, false};
    for (const struct head_field *f = fields; f < fields + count; f++) {
        const struct head_field **slot;
        if (f->name.len == 14 && str_ieq(f->name, STR_LIT("content-length")))
            slot = &found.content_length;
        else if (f->name.len == 17 && str_ieq(f->name, STR_LIT("transfer-encoding")))
            slot = &found.transfer_encoding;
        else
            continue;
        found.is_repeated |= *slot != NULL;
        *slot = f;
    }
    return found;
}

/* A list of codings that is chunked alone; empty members are none (RFC 9110 section
 * 5.6.1.2). What does not end with chunked has no end that both sides would see. */
static bool is_only_chunked(struct str codings, bool *ends_with_chunked)
{
    unsigned count = 0;
    *ends_with_chunked = false;
    while (codings.ptr) {
        struct str coding = str_trim(str_cut(&codings, ','));
        if (coding.len == 0)
            continue;
        count++;
        *ends_with_chunked = str_ieq(coding, STR_LIT("chunked"));
    }
    return count == 1 && *ends_with_chunked;
}

/* What holds for requests and responses. */
static const char *measure(const struct lengths *found, unsigned minor, struct framing *f,
                           bool *is_unknown_coding)
{
    bool ends_with_chunked;
    *is_unknown_coding = false;
    if (found->is_repeated)
        return "more than one Content-Length or Transfer-Encoding field";
    if (found->transfer_encoding) {
        if (found->content_length)
            return "both Content-Length and Transfer-Encoding";
        if (minor == 0)
            return "Transfer-Encoding in HTTP/1.0";
        f->kind = BODY_CHUNKED;
        if (is_only_chunked(found->transfer_encoding->value, &ends_with_chunked))
            return NULL;
        *is_unknown_coding = ends_with_chunked;
        return ends_with_chunked ? "a transfer coding other than chunked"
                                 : "a Transfer-Encoding that does not end with chunked";
    }
    if (found->content_length) {
        f->kind = BODY_LENGTH;
        if (str_to_u64(found->content_length->value, INT64_MAX, &f->length) != 0)
            return "an invalid Content-Length field";
    }
    return NULL;
}

const char *framing_of_request(const struct request_head *h, struct framing *f, unsigned *status)
{
    bool is_unknown_coding;
    struct lengths found = find_lengths(h->fields, h->field_count);
    *f = (struct framing){BODY_NONE, 0};
    const char *fault = measure(&found, h->minor, f, &is_unknown_coding);
    bool has_content = f->kind == BODY_CHUNKED || f->length > 0;
    if (!fault && has_content && str_eq(h->method, STR_LIT("TRACE")))
        fault = "content with TRACE";
    *status = is_unknown_coding ? 501 : 400;
    return fault;
}

static bool has_no_body(const struct response_head *h, bool is_reply_to_head)
{
    return is_reply_to_head || h->status < 200 || h->status == 204 || h->status == 304;
}

const char *framing_of_response(const struct response_head *h, bool is_reply_to_head,
                                bool is_reply_to_connect, struct framing *f)
{
    bool is_unknown_coding;
    *f = (struct framing){BODY_NONE, 0};
    if (is_reply_to_connect && h->status >= 200 && h->status < 300)
        return NULL;
    struct lengths found = find_lengths(h->fields, h->field_count);
    f->kind = BODY_UNTIL_CLOSE;
    const char *fault = measure(&found, h->minor, f, &is_unknown_coding);
    if (!fault && has_no_body(h, is_reply_to_head))
        *f = (struct framing){BODY_NONE, 0};
    return fault;
}
