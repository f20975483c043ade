/* SPDX-License-Identifier: MIT */
/* fuzz_response.c - any bytes as the head of a response, and as that of a request, up
 * to what is sent for it. Input: a byte that places the cut, one of switches, the head.
 * Beyond what the sanitizers see, these must hold:
 *   - a scan in two pieces ends as a scan in one does;
 *   - what the parser takes, the scanner takes, with its end where the bytes end;
 *   - what is sent finds favour with fidelity.h and is a head that the strict parser
 *     takes, with a framing of one meaning and no hop-by-hop field of another. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/fidelity.h"
#include "proxy/http/framing.h"
#include "proxy/http/hop.h"
#include "proxy/http/response.h"
#include "proxy/http/rewrite.h"
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
    enum parse result = response_scan(s, (struct str){copy, len}, LIMIT, fault);
    ASSERT((result == PARSE_BAD) == (*fault != NULL));
    ASSERT(s->seen <= len && s->seen <= LIMIT && s->skipped == 0);
    free(copy);
    return result;
}

static void check_pieces(const char *bytes, size_t len, size_t cut)
{
    struct head_scanner pieces = {0}, whole = {0};
    const char *fault = NULL, *fault_whole = NULL;
    enum parse result_whole = scan(&whole, bytes, len, &fault_whole);
    enum parse result = scan(&pieces, bytes, cut, &fault);
    if (result == PARSE_MORE)
        result = scan(&pieces, bytes, len, &fault);
    ASSERT(result == result_whole && fault == fault_whole && pieces.seen == whole.seen);
    ASSERT(result != PARSE_OK || pieces.len == whole.len);
}

static void check_sent_response(const struct response_head *in, struct str sent,
                                enum body_kind body)
{
    static struct response_head h;
    struct framing f;
    const char *fault = fidelity_check_response(in, sent);
    ASSERT(!fault);
    ASSERT(response_parse(&h, sent, &fault) == PARSE_OK);
    ASSERT(h.status == in->status && h.minor == 1 && str_eq(h.reason, in->reason));
    ASSERT(!framing_of_response(&h, body == BODY_NONE, false, &f));
    ASSERT(f.kind == body || body == BODY_NONE);
}

static void check_response(const char *bytes, size_t len, unsigned switches)
{
    static struct response_head h;
    static char out[LIMIT + HEAD_MAX_FIELDS + REWRITE_GROWTH];
    struct header_ledger ledger = {.count = 0};
    struct head_scanner s = {0};
    struct framing f;
    const char *fault = NULL;
    enum parse result = response_parse(&h, (struct str){bytes, len}, &fault);
    ASSERT(result != PARSE_MORE && (result == PARSE_BAD) == (fault != NULL));
    if (result != PARSE_OK)
        return;
    ASSERT(response_scan(&s, (struct str){bytes, len}, len, &fault) == PARSE_OK && s.len == len);
    if (framing_of_response(&h, switches & 1, false, &f) || hop_fault_of_response(&h))
        return;
    if ((switches & 2) && (f.kind == BODY_CHUNKED || f.kind == BODY_UNTIL_CLOSE))
        f.kind = switches & 4 ? BODY_CHUNKED : BODY_UNTIL_CLOSE;
    struct response_rewrite r = {.via = STR_LIT("px1"),
                                 .is_upgrade = switches & 8,
                                 .body = f.kind,
                                 .closes = switches & 16,
                                 .keeps_alive_10 = switches & 32,
                                 .relays_proxy_auth = switches & 64,
                                 .date = STR_LIT("Sun, 06 Nov 1994 08:49:37 GMT"),
                                 .is_interim = h.status < 200};
    size_t sent = rewrite_response(&h, &r, out, sizeof(out), &ledger);
    ASSERT(sent > 0 || len > LIMIT);
    if (sent > 0 && h.field_count < HEAD_MAX_FIELDS - 4)
        check_sent_response(&h, (struct str){out, sent}, f.kind);
    ASSERT(rewrite_response(&h, &r, out, sent / 2, &ledger) == 0);
}

static void check_sent_request(const struct request_head *in, struct str sent)
{
    static struct request_head h;
    struct framing f, before;
    unsigned status;
    const char *fault = fidelity_check_request(in, sent);
    ASSERT(!fault);
    ASSERT(head_parse(&h, sent, &fault) == PARSE_OK);
    ASSERT(str_eq(h.method, in->method) && h.minor == 1);
    ASSERT(!framing_of_request(&h, &f, &status) && !framing_of_request(in, &before, &status));
    ASSERT(f.kind == before.kind && f.length == before.length);
    ASSERT(!hop_fault_of_request(&h));
}

static void check_request(const char *bytes, size_t len, unsigned switches)
{
    static struct request_head h;
    static char out[2 * LIMIT + REWRITE_GROWTH], path[LIMIT + 2];
    struct header_ledger ledger = {.count = 0};
    struct framing f;
    struct target t;
    unsigned status;
    const char *fault = NULL;
    if (head_parse(&h, (struct str){bytes, len}, &fault) != PARSE_OK)
        return;
    (void)hop_has_via(&h, STR_LIT("px1"));
    (void)hop_has_connection_auth(h.fields, h.field_count);
    if (framing_of_request(&h, &f, &status) || hop_fault_of_request(&h) || len > LIMIT ||
        target_parse_absolute(&t, h.target))
        return;
    path[0] = '/';
    memcpy(path + 1, t.path.ptr, t.path.len);
    struct str target = {path, t.path.len + 1};
    if (t.path.len > 0 && t.path.ptr[0] == '/')
        target = t.path;
    else if (t.path.len == 0 && str_eq(h.method, STR_LIT("OPTIONS")))
        target = STR_LIT("*");
    struct request_rewrite r = {.target = switches & 1 ? h.target : target,
                                .host = str_range(h.target.ptr + 7, t.path.ptr),
                                .client = STR_LIT("192.0.2.9"),
                                .via = STR_LIT("px1"),
                                .adds_forwarded_for = switches & 2,
                                .is_upgrade = switches & 4,
                                .parent_authorization = switches & 8 ? "Basic eDp5" : NULL,
                                .closes = switches & 16};
    size_t sent = rewrite_request(&h, &r, out, sizeof(out), &ledger);
    ASSERT(sent > 0);
    if (h.field_count < HEAD_MAX_FIELDS - 5)
        check_sent_request(&h, (struct str){out, sent});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = size - 2;
    char *bytes = copy_exactly((const char *)data + 2, len);
    check_pieces(bytes, len, data[0] * len / 255);
    check_response(bytes, len, data[1]);
    check_request(bytes, len, data[1]);
    free(bytes);
    return 0;
}
