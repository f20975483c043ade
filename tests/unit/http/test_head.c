/* SPDX-License-Identifier: MIT */
/* test_head.c - heads that are taken, and the scanner in pieces. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/head.h"
#include "tests/unit/http/head_cases.h"

#define LIMIT 65536

static const struct {
    const char *name, *value;
} CURL_FIELDS[] = {
    {"Host", "origin.test:443"},
    {"User-Agent", "curl/7.88.1"},
    {"Proxy-Connection", "Keep-Alive"},
};

static const char CURL_HEAD[] = "CONNECT origin.test:443 HTTP/1.1\r\n"
                                "Host: origin.test:443\r\n"
                                "User-Agent: curl/7.88.1\r\n"
                                "Proxy-Connection: Keep-Alive\r\n"
                                "\r\n";

START_TEST(parts_are_slices_of_the_head)
{
    struct request_head h;
    const char *fault = NULL;
    struct str bytes = {CURL_HEAD, sizeof(CURL_HEAD) - 1};
    ck_assert_int_eq(head_parse(&h, bytes, &fault), PARSE_OK);
    ck_assert(str_eq(h.method, STR_LIT("CONNECT")));
    ck_assert_ptr_eq(h.method.ptr, CURL_HEAD);
    ck_assert(str_eq(h.target, STR_LIT("origin.test:443")));
    ck_assert_ptr_eq(h.target.ptr, CURL_HEAD + 8);
    ck_assert_uint_eq(h.minor, 1);
    ck_assert_uint_eq(h.field_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(str_eq(h.fields[i].name, str_of(CURL_FIELDS[i].name)));
        ck_assert(str_eq(h.fields[i].value, str_of(CURL_FIELDS[i].value)));
    }
}
END_TEST

/* RFC 9112 section 5: white space around a value is not part of it; what is within,
 * and any byte from 0x80 on, is. */
START_TEST(values_keep_every_byte_within)
{
    static const char head[] = "GET / HTTP/1.0\r\n"
                               "A:\r\n"
                               "B: \t \r\n"
                               "c:x\r\n"
                               "D: \ta  b\t\tc \xff\x80\xc3\xbc;\"q , \\\" \t\r\n"
                               "A: again:and:again\r\n"
                               "!#$%&'*+-.^_`|~9: 0123456789abcdef0123456789\r\n"
                               "\r\n";
    struct request_head h;
    const char *fault = NULL;
    ck_assert_int_eq(head_parse(&h, (struct str){head, sizeof(head) - 1}, &fault), PARSE_OK);
    ck_assert_uint_eq(h.minor, 0);
    ck_assert_uint_eq(h.field_count, 6);
    ck_assert(str_eq(h.fields[0].value, STR_LIT("")));
    ck_assert(str_eq(h.fields[1].value, STR_LIT("")));
    ck_assert(str_eq(h.fields[2].value, STR_LIT("x")));
    ck_assert(str_eq(h.fields[3].value, STR_LIT("a  b\t\tc \xff\x80\xc3\xbc;\"q , \\\"")));
    ck_assert(str_eq(h.fields[4].value, STR_LIT("again:and:again")));
    ck_assert(str_eq(h.fields[5].name, STR_LIT("!#$%&'*+-.^_`|~9")));
    ck_assert_ptr_eq(head_find(&h, STR_LIT("a")), &h.fields[0]);
    ck_assert_ptr_eq(head_find(&h, STR_LIT("C")), &h.fields[2]);
    ck_assert_ptr_null(head_find(&h, STR_LIT("AA")));
    ck_assert_ptr_null(head_find(&h, STR_LIT("Host")));
}
END_TEST

/* Writes a head of that many fields, Host included, on the heap. */
static char *make_fields(unsigned count, size_t *len)
{
    size_t size = 64 + 16 * (size_t)count;
    char *head = malloc(size);
    ck_assert_ptr_nonnull(head);
    *len = (size_t)snprintf(head, size, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 1; i < count; i++)
        *len += (size_t)snprintf(head + *len, size - *len, "X-%u: %u\r\n", i, i);
    *len += (size_t)snprintf(head + *len, size - *len, "\r\n");
    return head;
}

START_TEST(number_of_fields_is_bounded)
{
    struct request_head h;
    const char *fault = NULL;
    size_t len;
    char *head = make_fields(HEAD_MAX_FIELDS, &len);
    ck_assert_int_eq(head_parse(&h, (struct str){head, len}, &fault), PARSE_OK);
    ck_assert_uint_eq(h.field_count, HEAD_MAX_FIELDS);
    ck_assert(str_eq(h.fields[HEAD_MAX_FIELDS - 1].value, STR_LIT("199")));
    free(head);
    head = make_fields(HEAD_MAX_FIELDS + 1, &len);
    ck_assert_int_eq(head_parse(&h, (struct str){head, len}, &fault), PARSE_TOO_LARGE);
    free(head);
}
END_TEST

START_TEST(good_head_is_taken)
{
    head_case_run(&HEAD_GOOD[_i], LIMIT);
}
END_TEST

/* What is behind the head belongs to the tunnel: the scanner stops in front. */
START_TEST(scan_stops_at_the_end)
{
    static const char bytes[] = "\r\nGET / HTTP/1.0\r\n\r\n\x16\x03\0\r\n\r\n";
    struct head_scanner s = {0};
    const char *fault = NULL;
    struct str all = {bytes, sizeof(bytes) - 1};
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(head_scan(&s, all, LIMIT, &fault), PARSE_OK);
        ck_assert_uint_eq(s.skipped, 2);
        ck_assert_uint_eq(s.len, 20);
        ck_assert_uint_eq(s.seen, 20);
    }
}
END_TEST

START_TEST(fault_is_given_again)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nX: a\x01"
                                "b\r\n\r\n";
    struct head_scanner s = {0};
    const char *first = NULL, *second = NULL;
    struct str all = {bytes, sizeof(bytes) - 1};
    ck_assert_int_eq(head_scan(&s, all, LIMIT, &first), PARSE_BAD);
    ck_assert_uint_eq(s.seen, 20);
    ck_assert_int_eq(head_scan(&s, all, LIMIT, &second), PARSE_BAD);
    ck_assert_uint_eq(s.seen, 20);
    ck_assert_ptr_eq(first, second);
}
END_TEST

START_TEST(junk_is_refused_at_its_first_byte)
{
    static const struct {
        char byte;
        const char *fault;
    } rows[] = {
        {0x16, "TLS on a plain port"},          {0x05, "SOCKS on an HTTP port"},
        {0x04, "SOCKS on an HTTP port"},        {'\0', "no method at its beginning"},
        {' ', "no method at its beginning"},    {'\n', "no method at its beginning"},
        {'\t', "no method at its beginning"},   {'/', "no method at its beginning"},
        {'\x80', "no method at its beginning"}, {'\xff', "no method at its beginning"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct head_scanner s = {0};
        const char *fault = NULL;
        struct str one = {&rows[i].byte, 1};
        ck_assert_int_eq(head_scan(&s, one, LIMIT, &fault), PARSE_BAD);
        ck_assert_str_eq(fault, rows[i].fault);
        ck_assert_uint_eq(s.seen, 0);
    }
}
END_TEST

/* The limit counts every byte, skipped ones too; one byte more is needed to pass. */
START_TEST(limit_is_exact)
{
    static const char bytes[] = "\r\nGET / HTTP/1.0\r\nA: b\r\n\r\n";
    const size_t len = sizeof(bytes) - 1;
    for (size_t limit = 0; limit <= len + 1; limit++) {
        struct head_scanner whole = {0}, pieces = {0};
        const char *fault = NULL;
        enum parse expected = limit < len ? PARSE_TOO_LARGE : PARSE_OK;
        ck_assert_int_eq(head_scan(&whole, (struct str){bytes, len}, limit, &fault), expected);
        enum parse got = PARSE_MORE;
        size_t fed = 0;
        while (got == PARSE_MORE && fed < len)
            got = head_scan(&pieces, (struct str){bytes, ++fed}, limit, &fault);
        ck_assert_int_eq(got, expected);
        ck_assert_uint_eq(fed, limit == 0 ? 1 : limit < len ? limit : len);
    }
}
END_TEST

START_TEST(nothing_is_not_yet_anything)
{
    struct head_scanner s = {0};
    const char *fault = NULL;
    ck_assert_int_eq(head_scan(&s, (struct str){NULL, 0}, LIMIT, &fault), PARSE_MORE);
    ck_assert_int_eq(head_scan(&s, STR_LIT("GET"), LIMIT, &fault), PARSE_MORE);
    ck_assert_uint_eq(s.seen, 3);
    ck_assert_ptr_null(fault);
}
END_TEST

/* Every byte value at every offset of an eight-byte word, in each kind of line. */
START_TEST(every_byte_is_judged_in_every_place)
{
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 24; at++) {
            char line[] = "G 0123456789abcdefghijklmnopqrstuvw HTTP/1.0\r\n\r\n";
            char field[] = "G / HTTP/1.0\r\nA: 0123456789abcdefghijklmnopqrs\r\n\r\n";
            struct head_scanner s = {0}, t = {0};
            const char *fault = NULL;
            line[4 + at] = (char)c;
            field[18 + at] = (char)c;
            bool line_ok = c >= 0x20 && c <= 0x7e;
            bool field_ok = c == '\t' || (c >= 0x20 && c != 0x7f);
            struct str text = {line, sizeof(line) - 1};
            ck_assert_int_eq(head_scan(&s, text, LIMIT, &fault), line_ok ? PARSE_OK : PARSE_BAD);
            text = (struct str){field, sizeof(field) - 1};
            ck_assert_int_eq(head_scan(&t, text, LIMIT, &fault), field_ok ? PARSE_OK : PARSE_BAD);
            struct request_head h;
            enum parse parsed = head_parse(&h, text, &fault);
            ck_assert_int_eq(parsed, field_ok ? PARSE_OK : PARSE_BAD);
        }
    }
}
END_TEST

Suite *head_suite(void)
{
    Suite *suite = suite_create("head");
    TCase *tc = tcase_create("head");
    tcase_add_test(tc, parts_are_slices_of_the_head);
    tcase_add_test(tc, values_keep_every_byte_within);
    tcase_add_test(tc, number_of_fields_is_bounded);
    tcase_add_loop_test(tc, good_head_is_taken, 0, (int)HEAD_GOOD_COUNT);
    tcase_add_test(tc, scan_stops_at_the_end);
    tcase_add_test(tc, fault_is_given_again);
    tcase_add_test(tc, junk_is_refused_at_its_first_byte);
    tcase_add_test(tc, limit_is_exact);
    tcase_add_test(tc, nothing_is_not_yet_anything);
    tcase_add_test(tc, every_byte_is_judged_in_every_place);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, head_faults_case());
    return suite;
}
