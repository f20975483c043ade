/* SPDX-License-Identifier: MIT */
/* test_head_faults.c - good and bad heads, each fed whole and in all pieces. */
#include "tests/unit/http/head_cases.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/http/head.h"
#include "tests/unit/http/suites.h"

#define ROW(lit, fault)                                                                            \
    {                                                                                              \
        lit, sizeof(lit) - 1, fault                                                                \
    }
#define GOOD(lit) ROW(lit, NULL)
#define C "CONNECT h:443 HTTP/1.1\r\n"
#define P "POST http://h/ HTTP/1.1\r\nHost: h\r\n"
#define H(value) "GET http://h/ HTTP/1.1\r\nHost: " value "\r\n\r\n"
#define LINE(line) line "\r\nHost: h\r\n\r\n"

static const char CR[] = "a CR without LF";
static const char LF[] = "a line that ends without CR";
static const char SPACES[] = "more than one space in the request line";
static const char NO_VERSION[] = "no HTTP version in the request line";
static const char VERSION[] = "an HTTP version that is not supported (1.0 and 1.1 are)";
static const char METHOD[] = "a method that is no token with one space behind it";
static const char NO_METHOD[] = "no method at its beginning";
static const char CONTROL_LINE[] = "a control byte in the request line";
static const char CONTROL_FIELD[] = "a control byte in a field";
static const char NUL_BYTE[] = "a NUL byte";
static const char NAME[] = "a field name that is no token";
static const char HOST[] = "an invalid Host field";
static const char LENGTH[] = "an invalid Content-Length field";
static const char CODING[] = "a Transfer-Encoding that does not end with chunked";

const struct head_case HEAD_GOOD[] = {
    GOOD(C "Host: h:443\r\n\r\n"),
    GOOD("\r\n" C "Host: h:443\r\n\r\n"),
    GOOD("CONNECT h:443 HTTP/1.0\r\n\r\n"),
    GOOD("CONNECT h:443 HTTP/1.0\r\nHost: other:1\r\n\r\n"),
    GOOD(C "Host: h:443\r\nContent-Length: 0\r\nProxy-Connection: Keep-Alive\r\n\r\n"),
    GOOD("M-SEARCH * HTTP/1.1\r\nHOST:\r\n\r\n"),
    GOOD("OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n"),
    GOOD("GET / HTTP/1.1\r\nhost:\r\n\r\n"),
    GOOD("get http://h/~a?b=[c]|^\"<> HTTP/1.1\r\nhOsT:h\r\n\r\n"),
    GOOD(H("h:")),
    GOOD(H("h:0")),
    GOOD(H("h:65535")),
    GOOD(H("192.0.2.1:80")),
    GOOD(H("[2001:db8::1]")),
    GOOD(H("[::ffff:192.0.2.1]:8080")),
    GOOD(H("a%2Fb%aa!$&'()*+,;=_~-.")),
    GOOD(P "Content-Length: 3\r\n\r\n"),
    GOOD(P "Content-Length: 9223372036854775807\r\n\r\n"),
    GOOD(P "Content-Length: 003\r\n\r\n"),
    GOOD(P "Transfer-Encoding: chunked\r\n\r\n"),
    GOOD(P "transfer-encoding:gzip ,\tChunked\r\n\r\n"),
    GOOD(P "Content-Lengths: x\r\nTransfer-Encodings: x\r\nHosts: a b\r\n\r\n"),
};
const size_t HEAD_GOOD_COUNT = ARRAY_LEN(HEAD_GOOD);

static const struct head_case BAD[] = {
    /* RFC 9112 section 2.2: ends of lines, and what stands in front. */
    ROW("\r\n\r\n" C "Host: h\r\n\r\n", "more than one empty line before it"),
    ROW("\n" C "Host: h\r\n\r\n", NO_METHOD),
    ROW("\rGET / HTTP/1.1\r\n", CR),
    ROW("GET / HTTP/1.1\nHost: h\n\n", LF),
    ROW(C "Host: h\n\r\n", LF),
    ROW(C "Host: h\r\n\n", LF),
    ROW(C "\nHost: h\r\n\r\n", LF),
    ROW(C "Host: h\r\n\rX", CR),
    ROW(C "Host: h\r\r\n\r\n", CR),
    ROW("GET / HTTP/1.1\rHost: h\r\n\r\n", CR),
    ROW("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", CR),
    ROW("GET /\r HTTP/1.1\r\n\r\n", CR),
    ROW("G\rET / HTTP/1.1\r\n\r\n", CR),
    ROW(C "\rHost: h\r\n\r\n", CR),
    ROW(C " Host: h\r\n\r\n", "white space before its first field"),
    ROW(C "\tHost: h\r\n\r\n", "white space before its first field"),
    ROW(C "  \r\nHost: h\r\n\r\n", "white space before its first field"),
    /* RFC 9112 section 3: the request line. */
    ROW(LINE(" GET / HTTP/1.1"), NO_METHOD),
    ROW(LINE("G(T / HTTP/1.1"), METHOD),
    ROW(LINE("GET\t/ HTTP/1.1"), CONTROL_LINE),
    ROW(LINE("GET /\tHTTP/1.1"), CONTROL_LINE),
    ROW(LINE("GET / HTTP/1.1\t"), CONTROL_LINE),
    ROW(LINE("GET /\x0b HTTP/1.1"), CONTROL_LINE),
    ROW(LINE("GET /\x7f HTTP/1.1"), CONTROL_LINE),
    ROW(LINE("GET /\0 HTTP/1.1"), NUL_BYTE),
    ROW(LINE("GET /\xc3\xbc HTTP/1.1"), "a byte beyond ASCII in the request line"),
    ROW(LINE("G\xc9T / HTTP/1.1"), "a byte beyond ASCII in the request line"),
    ROW(LINE("GET  / HTTP/1.1"), SPACES),
    ROW(LINE("GET /  HTTP/1.1"), SPACES),
    ROW(LINE("GET /a b HTTP/1.1"), NO_VERSION),
    ROW(LINE("GET / HTTP/1.1 "), "more behind the HTTP version"),
    ROW(LINE("GET / HTTP/1.1x"), "more behind the HTTP version"),
    ROW(LINE("GET / HTTP/1.1 HTTP/1.1"), "more behind the HTTP version"),
    ROW(LINE("GET"), METHOD),
    ROW(LINE("GET "), "no target in the request line"),
    ROW(LINE("GET /"), NO_VERSION),
    ROW(LINE("GET / "), NO_VERSION),
    ROW(LINE("GET / http/1.1"), NO_VERSION),
    ROW(LINE("GET / Http/1.1"), NO_VERSION),
    ROW(LINE("GET / HTTPS/1.1"), NO_VERSION),
    ROW(LINE("GET / ICAP/1.0"), NO_VERSION),
    ROW(LINE("GET / HTTP/0.9"), VERSION),
    ROW(LINE("GET / HTTP/1.2"), VERSION),
    ROW(LINE("GET / HTTP/2.0"), VERSION),
    ROW(LINE("GET / HTTP/3"), VERSION),
    ROW(LINE("GET / HTTP/1.10"), VERSION),
    ROW(LINE("GET / HTTP/11"), VERSION),
    ROW(LINE("GET / HTTP/01.1"), VERSION),
    ROW(LINE("GET / HTTP/1.01"), VERSION),
    ROW(LINE("GET / HTTP/1,1"), VERSION),
    ROW(LINE("GET / HTTP/+1.1"), VERSION),
    ROW("PRI * HTTP/2.0\r\n\r\n", VERSION), /* the preface of HTTP/2, RFC 9113 section 3.4 */
    /* RFC 9112 section 5: field lines. */
    ROW(C "Host: h\r\nX-Bad : 1\r\n\r\n", "white space before the colon of a field"),
    ROW(C "Host: h\r\nX-Bad\t: 1\r\n\r\n", "white space before the colon of a field"),
    ROW(C "Host : h\r\n\r\n", "white space before the colon of a field"),
    ROW(C "Host: h\r\nX-F: one\r\n two\r\n\r\n", "a folded field line"),
    ROW(C "Host: h\r\nX-F: one\r\n\ttwo\r\n\r\n", "a folded field line"),
    ROW(C "Host: h\r\nX-F: one\r\n \r\n\r\n", "a folded field line"),
    ROW(C "Host: h\r\nX-A: b\rc\r\n\r\n", CR),
    ROW(C "Host: h\r\nX-A: b\nc\r\n\r\n", LF),
    ROW(C "Host: h\r\nX-N: b\0c\r\n\r\n", NUL_BYTE),
    ROW(C "Host: h\r\nX-N\0: b\r\n\r\n", NUL_BYTE),
    ROW(C "Host: h\r\n\0X: b\r\n\r\n", NUL_BYTE),
    ROW(C "Host: h\r\nX-C: \x1b[1m\r\n\r\n", CONTROL_FIELD),
    ROW(C "Host: h\r\nX-C: a\x7f\r\n\r\n", CONTROL_FIELD),
    ROW(C "Host: h\r\nX\x01: a\r\n\r\n", CONTROL_FIELD),
    ROW(C "Host: h\r\n: a\r\n\r\n", "a field without a name"),
    ROW(C "Host: h\r\nX\r\n\r\n", "a field line without a colon"),
    ROW(C "Host: h\r\nX(y): a\r\n\r\n", NAME),
    ROW(C "Host: h\r\nX=y: a\r\n\r\n", NAME),
    ROW(C "Host: h\r\n(X: a\r\n\r\n", NAME),
    ROW(C "Host: h\r\nX\xff: a\r\n\r\n", NAME),
    ROW(C "Host: h\r\n\xffX: a\r\n\r\n", NAME),
    ROW(C "Host: h\r\n\"X\": a\r\n\r\n", NAME),
    /* RFC 9112 section 3.2: Host. */
    ROW(C "\r\n", "no Host field"),
    ROW("GET http://h/ HTTP/1.1\r\nX-Host: h\r\n\r\n", "no Host field"),
    ROW(C "Host: h\r\nHost: h\r\n\r\n", "more than one Host field"),
    ROW(C "Host: h\r\nX: y\r\nhOST: i\r\n\r\n", "more than one Host field"),
    ROW("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", "more than one Host field"),
    ROW("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", HOST),
    ROW(H(""), "an empty Host field"),
    ROW(C "Host:\r\n\r\n", "an empty Host field"),
    ROW(H("a b"), HOST),
    ROW(H("a\tb"), HOST),
    ROW(H("a, b:80, c:1x"), HOST),
    ROW(H("user@h"), HOST),
    ROW(H("h/path"), HOST),
    ROW(H("http://h"), HOST),
    ROW(H("h?x"), HOST),
    ROW(H("h#x"), HOST),
    ROW(H("h\\x"), HOST),
    ROW(H("h:65536"), HOST),
    ROW(H("h:99999999999999999999"), HOST),
    ROW(H("h:+80"), HOST),
    ROW(H("h:80a"), HOST),
    ROW(H("h:80:80"), HOST),
    ROW(H(":80"), HOST),
    ROW(H(":"), HOST),
    ROW(H("::1"), HOST),
    ROW(H("[::1"), HOST),
    ROW(H("[::1]x"), HOST),
    ROW(H("[::1]80"), HOST),
    ROW(H("[]"), HOST),
    ROW(H("["), HOST),
    ROW(H("[h]"), HOST),
    ROW(H("[192.0.2.1]"), HOST),
    ROW(H("[::1%25lo]"), HOST),
    ROW(H("[::1]]"), HOST),
    ROW(H("a%"), HOST),
    ROW(H("a%2"), HOST),
    ROW(H("a%2x"), HOST),
    ROW(H("a%2:80"), HOST),
    ROW(H("<script>"), HOST),
    ROW(H("b\xc3\xbc"), HOST),
    /* RFC 9112 sections 6.1 to 6.3: where the request ends. */
    ROW(P "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
        "both Content-Length and Transfer-Encoding"),
    ROW(P "Transfer-Encoding: chunked\r\ncontent-length: 6\r\n\r\n",
        "both Content-Length and Transfer-Encoding"),
    ROW(P "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", "more than one Content-Length field"),
    ROW(P "Content-Length: 3\r\nContent-length: 4\r\n\r\n", "more than one Content-Length field"),
    ROW(P "Content-Length: 3, 3\r\n\r\n", LENGTH),
    ROW(P "Content-Length: 3 3\r\n\r\n", LENGTH),
    ROW(P "Content-Length: +3\r\n\r\n", LENGTH),
    ROW(P "Content-Length: -1\r\n\r\n", LENGTH),
    ROW(P "Content-Length: 0x3\r\n\r\n", LENGTH),
    ROW(P "Content-Length: 3.0\r\n\r\n", LENGTH),
    ROW(P "Content-Length:\r\n\r\n", LENGTH),
    ROW(P "Content-Length: 9223372036854775808\r\n\r\n", LENGTH),
    ROW(P "Content-Length: 18446744073709551619\r\n\r\n", LENGTH),
    ROW(P "Transfer-Encoding: chunked, gzip\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: xchunked\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: chunked;a=b\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: chunked, chunked\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: chunked,\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: \"chunked\"\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
        CONTROL_FIELD),
    ROW(P "Transfer-Encoding: identity\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding:\r\n\r\n", CODING),
    ROW(P "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        "more than one Transfer-Encoding field"),
    ROW("POST http://h/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding in HTTP/1.0"),
    /* RFC 9110 section 9.3.6. */
    ROW(C "Host: h\r\nContent-Length: 1\r\n\r\n", "content with CONNECT"),
    ROW(C "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n", "content with CONNECT"),
};

/* Scans the bytes up to first, then up to the step after that and so on, and parses
 * what was found. Each time in a block of its own that ends where the bytes end, so
 * that the sanitizer sees a step beyond. Returns the fault, NULL for none. */
static const char *read_in_pieces(const struct head_case *row, size_t limit, size_t first,
                                  size_t step)
{
    struct head_scanner s = {0};
    struct request_head h;
    const char *fault = NULL;
    size_t fed = first;
    enum parse result = PARSE_MORE;
    while (result == PARSE_MORE) {
        char *copy = malloc(fed + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, row->bytes, fed);
        result = head_scan(&s, (struct str){copy + 1, fed}, limit, &fault);
        if (result == PARSE_OK) {
            ck_assert_uint_eq(s.len, row->len);
            struct str head = {copy + 1 + s.skipped, s.len - s.skipped};
            result = head_parse(&h, head, &fault);
            ck_assert_int_ne(result, PARSE_MORE);
        }
        free(copy);
        ck_assert(result != PARSE_MORE || fed < row->len);
        fed = row->len - fed > step ? fed + step : row->len;
    }
    ck_assert_int_ne(result, PARSE_TOO_LARGE);
    ck_assert_int_eq(result == PARSE_BAD, fault != NULL);
    return fault;
}

static void assert_same(const struct head_case *row, const char *fault)
{
    if (!row->fault)
        ck_assert_msg(!fault, "%s is refused: %s", row->bytes, fault);
    else
        ck_assert_msg(fault && strcmp(fault, row->fault) == 0, "%s\nhas %s, not %s", row->bytes,
                      fault ? fault : "no fault", row->fault);
}

void head_case_run(const struct head_case *row, size_t limit)
{
    for (size_t cut = 0; cut <= row->len; cut++)
        assert_same(row, read_in_pieces(row, limit, cut, row->len));
    assert_same(row, read_in_pieces(row, limit, 0, 1));
}

START_TEST(bad_head_is_refused)
{
    head_case_run(&BAD[_i], 65536);
}
END_TEST

/* The parser does not lean on the scanner: it finds a fault of its own in each. */
START_TEST(bad_head_is_refused_without_a_scan)
{
    struct request_head h;
    const char *fault = NULL;
    char *copy = malloc(BAD[_i].len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, BAD[_i].bytes, BAD[_i].len);
    ck_assert_int_eq(head_parse(&h, (struct str){copy, BAD[_i].len}, &fault), PARSE_BAD);
    ck_assert_ptr_nonnull(fault);
    free(copy);
}
END_TEST

/* A head that was cut off, or has something behind it, is none. */
START_TEST(only_a_whole_head_is_parsed)
{
    static const char head[] = C "Host: h:443\r\nX: y \t\r\n\r\nz";
    for (size_t len = 1; len < sizeof(head); len++) {
        struct request_head h;
        const char *fault = NULL;
        char *copy = malloc(len);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, head, len);
        enum parse expected = len == sizeof(head) - 2 ? PARSE_OK : PARSE_BAD;
        ck_assert_int_eq(head_parse(&h, (struct str){copy, len}, &fault), expected);
        free(copy);
    }
}
END_TEST

TCase *head_faults_case(void)
{
    TCase *tc = tcase_create("faults");
    tcase_add_loop_test(tc, bad_head_is_refused, 0, (int)ARRAY_LEN(BAD));
    tcase_add_loop_test(tc, bad_head_is_refused_without_a_scan, 0, (int)ARRAY_LEN(BAD));
    tcase_add_test(tc, only_a_whole_head_is_parsed);
    return tc;
}
