/* SPDX-License-Identifier: MIT */
/* test_chunked.c - chunked bodies, each whole, in two pieces at every place and byte by
 * byte, written again and as bare content. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/chunked.h"
#include "util/mem.h"

struct good {
    const char *in;    /* "|" stands where the body ends */
    const char *again; /* written again */
    const char *content;
};

static const struct good GOOD[] = {
    {"0\r\n\r\n|", "0\r\n\r\n", ""},
    {"4;ext=1\r\nWiki\r\n5\r\npedia\r\n0\r\nX-Sum: 9\r\n\r\n|",
     "4\r\nWiki\r\n5\r\npedia\r\n0\r\nX-Sum: 9\r\n\r\n", "Wikipedia"},
    {"3\r\na\r\n\r\n0\r\n\r\n|GET / HTTP/1.1\r\n", "3\r\na\r\n\r\n0\r\n\r\n", "a\r\n"},
    {"A\r\n0123456789\r\n00\r\n\r\n|", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
    {"0000000000000000000001\r\nx\r\n0000\r\n\r\n|0\r\n\r\n", "1\r\nx\r\n0\r\n\r\n", "x"},
    {"1 ; a = b ;c;d=\"e;\\\" ,\xff\";f\t=\t\"\"\r\nx\r\n0;z\r\n\r\n|", "1\r\nx\r\n0\r\n\r\n", "x"},
    {"1;a=\"b\" ;c=d\r\nx\r\n0\r\n\r\n|", "1\r\nx\r\n0\r\n\r\n", "x"},
    {"0\r\nConnection: x\r\nX-A:1 \r\nTransfer-Encoding: chunked\r\nhost: h\r\nX-a: 2\r\n"
     "Content-length: 3\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: u\r\nProxy-Authorization: p\r\n"
     "Max-Forwards: 1\r\nKeep-Alive: 3\r\nx-b:\t\r\n\r\n|",
     "0\r\nX-A:1 \r\nX-a: 2\r\nx-b:\t\r\n\r\n", ""},
};

static const struct {
    const char *in;
    size_t len;
    const char *fault;
} BAD[] = {
#define ROW(lit, fault)                                                                            \
    {                                                                                              \
        lit, sizeof(lit) - 1, fault                                                                \
    }
#define SIZE "an invalid chunk size"
#define EXT "an invalid chunk extension"
    ROW("\r\n", SIZE),
    ROW(" 1\r\nx\r\n", SIZE),
    ROW("+1\r\nx\r\n", SIZE),
    ROW("-1\r\nx\r\n", SIZE),
    ROW("0x1\r\nx\r\n", SIZE),
    ROW("g\r\n", SIZE),
    ROW("1_0\r\n", SIZE),
    ROW("1\nx\r\n", SIZE),
    ROW(";a\r\n", SIZE),
    ROW("1,1\r\n", SIZE),
    ROW("1\0\r\n", SIZE),
    ROW("1 \r\nx\r\n", EXT),
    ROW("1 1\r\nx\r\n", EXT),
    ROW("1;\r\nx\r\n", EXT),
    ROW("1;a \r\nx\r\n", EXT),
    ROW("1;a=\r\nx\r\n", EXT),
    ROW("1;a=b=c\r\n", EXT),
    ROW("1;=b\r\n", EXT),
    ROW("1;a\nb\r\n", EXT),
    ROW("1;a=\"b\r\n0\r\n\"\r\n", EXT),
    ROW("1;a=\"b\nc\"\r\n", EXT),
    ROW("1;a=\"b\"c\r\n", EXT),
    ROW("1;a=\"\\\r\"\r\n", EXT),
    ROW("1;a=\"b\r,\"\r\n", EXT),
    ROW("1;a=\"\x01\"\r\n", EXT),
    ROW("1;a=\"\x7f\"\r\n", EXT),
    ROW("1;\xff\r\n", EXT),
    ROW("1;a=[\r\n", EXT),
    ROW("1\rx\r\n", "a CR without LF"),
    ROW("1\r\r\nx", "a CR without LF"),
    ROW("1\r\nxy\r\n", "a chunk that is longer than its size"),
    ROW("1\r\nx\n0\r\n\r\n", "a chunk that is longer than its size"),
    ROW("1\r\nx\r0\r\n\r\n", "a chunk that is longer than its size"),
    ROW("1\r\nx0\r\n\r\n", "a chunk that is longer than its size"),
    ROW("8000000000000000\r\n", "a chunk size that is too large"),
    ROW("10000000000000001\r\n", "a chunk size that is too large"),
    ROW("ffffffffffffffff\r\n", "a chunk size that is too large"),
    ROW("00000000000000000ffffffffffffffffffff\r\n", "a chunk size that is too large"),
    ROW("0\r\nX: a\nY: b\r\n\r\n", "a line that ends without CR"),
    ROW("0\r\nX: a\r\n b\r\n\r\n", "a folded field line"),
    ROW("0\r\n X: a\r\n\r\n", "white space before its first field"),
    ROW("0\r\nX : a\r\n\r\n", "white space before the colon of a field"),
    ROW("0\r\nX: a\r\nb\r\n\r\n", "a field line without a colon"),
    ROW("0\r\nX: a\0\r\n\r\n", "a NUL byte"),
    ROW("0\r\nX: a\rb\r\n\r\n", "a CR without LF"),
    ROW("0\r\n\n", "a line that ends without CR"),
    ROW("0\r\n: a\r\n\r\n", "a field without a name"),
#undef ROW
};

/* What came of a body. */
struct outcome {
    enum parse result;
    const char *fault;
    size_t used, len;
    uint64_t payload;
    char out[65536];
};

/* One call, on blocks of exactly the size that is promised. */
static void run_piece(struct chunked *c, const char *bytes, size_t len, struct outcome *o)
{
    size_t used, out_len, size = len + CHUNKED_SLACK;
    char *in = malloc(len + 1), *out = malloc(size);
    ck_assert(in && out);
    memcpy(in, bytes, len);
    o->result =
        chunked_run(c, (struct str){len ? in : NULL, len}, &used, out, size, &out_len, &o->fault);
    ck_assert_uint_le(used, len);
    ck_assert(o->result != PARSE_MORE || used == len);
    ck_assert_int_eq(o->fault != NULL, o->result == PARSE_BAD);
    ck_assert_uint_lt(o->len + out_len, sizeof(o->out));
    memcpy(o->out + o->len, out, out_len);
    o->len += out_len;
    o->used += used;
    free(in);
    free(out);
}

/* In pieces: the first of cut bytes, then of step bytes (0: all the rest). */
static void run_body(const char *bytes, size_t len, size_t cut, size_t step, bool keeps_framing,
                     struct outcome *o)
{
    struct chunked c;
    chunked_init(&c, keeps_framing);
    o->len = o->used = 0;
    o->fault = NULL;
    o->result = PARSE_MORE;
    for (size_t at = 0, to = cut; o->result == PARSE_MORE;) {
        run_piece(&c, bytes + at, to - at, o);
        if (to == len)
            break;
        at = to;
        to = step && at + step < len ? at + step : len;
    }
    o->payload = c.payload;
    chunked_fini(&c);
}

static void check_good(const struct good *row, const char *in, size_t len, size_t body_len,
                       size_t cut, size_t step)
{
    static struct outcome o;
    run_body(in, len, cut, step, true, &o);
    ck_assert_msg(o.result == PARSE_OK, "%s: %s", row->in, o.fault ? o.fault : "no end");
    ck_assert_uint_eq(o.used, body_len);
    ck_assert_uint_eq(o.payload, strlen(row->content));
    ck_assert_uint_eq(o.len, strlen(row->again));
    ck_assert_mem_eq(o.out, row->again, o.len);
    run_body(in, len, cut, step, false, &o);
    ck_assert_int_eq(o.result, PARSE_OK);
    ck_assert_uint_eq(o.used, body_len);
    ck_assert_uint_eq(o.len, strlen(row->content));
    ck_assert_mem_eq(o.out, row->content, o.len);
}

START_TEST(body_goes_through)
{
    const struct good *row = &GOOD[_i];
    static struct outcome o;
    char in[1024];
    const char *bar = strchr(row->in, '|');
    size_t body_len = (size_t)(bar - row->in), len = strlen(row->in) - 1;
    memcpy(in, row->in, body_len);
    memcpy(in + body_len, bar + 1, len - body_len);
    for (size_t cut = 0; cut <= len; cut++) {
        check_good(row, in, len, body_len, cut, 0);
        check_good(row, in, len, body_len, cut, 1);
        /* A body that is cut never looks whole. */
        if (cut < body_len) {
            run_body(in, cut, cut, 0, true, &o);
            ck_assert_int_eq(o.result, PARSE_MORE);
            ck_assert(o.len < 5 || memcmp(o.out + o.len - 5, "0\r\n\r\n", 5) != 0);
        }
    }
}
END_TEST

START_TEST(bad_body_is_refused)
{
    static struct outcome whole, o;
    run_body(BAD[_i].in, BAD[_i].len, BAD[_i].len, 0, true, &whole);
    ck_assert_msg(whole.result == PARSE_BAD && strcmp(whole.fault, BAD[_i].fault) == 0,
                  "row %d: %s", _i, whole.fault ? whole.fault : "taken");
    ck_assert(!memmem(whole.out, whole.len, "0\r\n", 3));
    for (size_t cut = 0; cut <= BAD[_i].len; cut++)
        for (size_t step = 0; step < 2; step++) {
            run_body(BAD[_i].in, BAD[_i].len, cut, step, true, &o);
            ck_assert_int_eq(o.result, PARSE_BAD);
            ck_assert_uint_eq(o.len, whole.len);
            ck_assert_mem_eq(o.out, whole.out, o.len);
        }
}
END_TEST

START_TEST(largest_size_is_taken)
{
    static struct outcome o;
    static const char in[] = "7FFFFFFFFFFFFFFF\r\nx";
    run_body(in, sizeof(in) - 1, 3, 0, true, &o);
    ck_assert_int_eq(o.result, PARSE_MORE);
    ck_assert_uint_eq(o.len, 19);
    ck_assert_mem_eq(o.out, "7fffffffffffffff\r\nx", 19);
}
END_TEST

/* The digits and the extensions of a chunk, up to its CR. */
START_TEST(size_line_is_bounded)
{
    static struct outcome o;
    static char in[CHUNKED_SIZE_LINE_MAX + 64];
    for (size_t extra = 0; extra < 2; extra++)
        for (size_t step = 0; step < 2; step++) {
            size_t len = CHUNKED_SIZE_LINE_MAX + extra - 1; /* the CR counts */
            memset(in, 'a', len);
            memcpy(in, "1;", 2);
            memcpy(in + len, "\r\nx\r\n0\r\n\r\n", 10);
            run_body(in, len + 10, 1, step, true, &o);
            ck_assert_int_eq(o.result, extra ? PARSE_BAD : PARSE_OK);
            if (extra)
                ck_assert_str_eq(o.fault, "chunk extensions that are too long");
        }
}
END_TEST

START_TEST(trailer_section_is_bounded)
{
    static struct outcome o;
    static char in[CHUNKED_TRAILER_MAX + 64];
    for (size_t extra = 0; extra < 2; extra++)
        for (size_t step = 0; step <= 1000; step += 1000) {
            size_t len = 3 + CHUNKED_TRAILER_MAX + extra;
            memset(in, 'a', len);
            memcpy(in, "0\r\nX:", 5);
            memcpy(in + len - 4, "\r\n\r\n", 4);
            run_body(in, len, 100, step, true, &o);
            ck_assert_int_eq(o.result, extra ? PARSE_BAD : PARSE_OK);
            ck_assert_uint_eq(o.len, extra ? 0 : len);
            if (extra)
                ck_assert_str_eq(o.fault, "a trailer section that is too large");
        }
}
END_TEST

static const char TRAILERS[] = "0\r\nX-A: 1\r\nX-B: 2\r\nX-Hop: 3\r\nHost: h\r\nTE: t\r\n"
                               "Proxy-Authorization: p\r\n\r\n";

/* RFC 9110 section 7.6.1: what Connection names is dropped from trailers, too. */
START_TEST(named_trailers_are_dropped_and_counted)
{
    static struct outcome o;
    static struct request_head h;
    struct header_ledger ledger = {.count = 0};
    struct chunked c;
    const char *fault = NULL;
    char text[] =
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-hop, close\r\nConnection: X-a\r\n\r\n";
    ck_assert_int_eq(head_parse(&h, str_of(text), &fault), PARSE_OK);
    chunked_init(&c, true);
    c.ledger = &ledger;
    ck_assert_int_eq(chunked_drop_named(&c, h.fields, h.field_count), 0);
    memset(text, '#', sizeof(text) - 1); /* nothing of the head is kept */
    memset(&o, 0, sizeof(o));
    run_piece(&c, TRAILERS, sizeof(TRAILERS) - 1, &o);
    chunked_fini(&c);
    ck_assert_int_eq(o.result, PARSE_OK);
    ck_assert_str_eq(o.out, "0\r\nX-B: 2\r\n\r\n");
    static const struct header_change expected[] = {
        {HEADER_OTHER, HEADER_NAMED, 2},
        {HEADER_HOST, HEADER_BARRED, 1},
        {HEADER_TE, HEADER_HOP_BY_HOP, 1},
        {HEADER_PROXY_AUTHORIZATION, HEADER_FOR_THE_PROXY, 1},
    };
    ck_assert_uint_eq(ledger.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        ck_assert_mem_eq(&ledger.changes[i], &expected[i], sizeof(expected[i]));
}
END_TEST

START_TEST(trailers_for_http10_are_counted)
{
    static struct outcome o;
    struct header_ledger ledger = {.count = 0};
    struct chunked c;
    chunked_init(&c, false);
    c.ledger = &ledger;
    memset(&o, 0, sizeof(o));
    run_piece(&c, TRAILERS, sizeof(TRAILERS) - 1, &o);
    chunked_fini(&c);
    ck_assert_int_eq(o.result, PARSE_OK);
    ck_assert_uint_eq(o.len, 0);
    unsigned sum = 0;
    for (size_t i = 0; i < ledger.count; i++) {
        ck_assert_uint_eq(ledger.changes[i].reason, HEADER_NO_TRAILERS);
        sum += ledger.changes[i].count;
    }
    ck_assert_uint_eq(sum, 6);
}
END_TEST

START_TEST(no_memory_for_a_trailer_is_a_fault)
{
    static struct outcome o;
    static const char in[] = "0\r\nX: 1\r\n\r\n";
    (void)mem_fail_at(1, 1);
    run_body(in, sizeof(in) - 1, 5, 0, true, &o);
    ck_assert_int_eq(o.result, PARSE_BAD);
    ck_assert_str_eq(o.fault, "more trailer fields than there is memory for");
    ck_assert_uint_eq(o.len, 0);
    run_body(in, sizeof(in) - 1, 3, 0, true, &o); /* in one piece none is needed */
    ck_assert_int_eq(o.result, PARSE_OK);
    struct head_field named = {STR_LIT("Connection"), STR_LIT("x")};
    struct chunked c;
    chunked_init(&c, true);
    ck_assert_int_eq(chunked_drop_named(&c, &named, 1), -1);
    chunked_fini(&c);
    (void)mem_fail_at(0, 0);
}
END_TEST

Suite *chunked_suite(void)
{
    Suite *suite = suite_create("chunked");
    TCase *tc = tcase_create("bodies");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, body_goes_through, 0, (int)ARRAY_LEN(GOOD));
    tcase_add_loop_test(tc, bad_body_is_refused, 0, (int)ARRAY_LEN(BAD));
    tcase_add_test(tc, largest_size_is_taken);
    tcase_add_test(tc, size_line_is_bounded);
    tcase_add_test(tc, trailer_section_is_bounded);
    tcase_add_test(tc, named_trailers_are_dropped_and_counted);
    tcase_add_test(tc, trailers_for_http10_are_counted);
    tcase_add_test(tc, no_memory_for_a_trailer_is_a_fault);
    suite_add_tcase(suite, tc);
    return suite;
}
