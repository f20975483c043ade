/* SPDX-License-Identifier: MIT */
/* test_response.c - parts of a response head, and the scanner in pieces. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http/response.h"

#define LIMIT 65536

START_TEST(parts_are_slices_of_the_head)
{
    static const char text[] = "HTTP/1.0 404 Not\tFound \xe9\r\n"
                               "Server : a b \r\n"
                               "Set-Cookie: 1\r\n"
                               "set-cookie: 2\r\n"
                               "\r\n";
    static struct response_head h;
    const char *fault = NULL;
    ck_assert_int_eq(response_parse(&h, STR_LIT(text), &fault), PARSE_OK);
    ck_assert_uint_eq(h.minor, 0);
    ck_assert_uint_eq(h.status, 404);
    ck_assert(str_eq(h.reason, STR_LIT("Not\tFound \xe9")));
    ck_assert_ptr_eq(h.reason.ptr, text + 13);
    ck_assert_uint_eq(h.field_count, 3);
    ck_assert(str_eq(h.fields[0].name, STR_LIT("Server")));
    ck_assert(str_eq(h.fields[0].value, STR_LIT("a b")));
    ck_assert_ptr_eq(response_find(&h, STR_LIT("SET-cookie")), &h.fields[1]);
    ck_assert_ptr_null(response_find(&h, STR_LIT("Date")));
}
END_TEST

static const struct {
    const char *text;
    size_t len;
    bool is_good;
} HEADS[] = {
#define ROW(lit, good)                                                                             \
    {                                                                                              \
        lit, sizeof(lit) - 1, good                                                                 \
    }
    ROW("HTTP/1.1 200 OK\r\n\r\n", true),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\nC : d\r\n\r\n", true),
    ROW("HTTP/1.1 200 \xff\t\r\nA: \xff\t\r\n\r\n", true),
    ROW("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", false),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n", false),
    ROW("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", false),
    ROW("HTTP/1.1 200 OK\nA: b\r\n\r\n", false),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", false),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\n\n", false),
    ROW("\r\nHTTP/1.1 200 OK\r\n\r\n", false),
    ROW("HTTP/1.1 200 O\x7fK\r\n\r\n", false),
#undef ROW
};

/* From pieces that end at cut and, where step is not 0, every step bytes. */
static enum parse scan_in_pieces(size_t row, size_t cut, size_t step, struct head_scanner *s)
{
    const char *fault = NULL;
    enum parse result = PARSE_MORE;
    size_t len = cut;
    while (result == PARSE_MORE) {
        char *copy = malloc(len + 1); /* so that a look beyond the end is seen */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, HEADS[row].text, len);
        result = response_scan(s, (struct str){copy, len}, LIMIT, &fault);
        free(copy);
        if (len == HEADS[row].len)
            break;
        len = step && len + step < HEADS[row].len ? len + step : HEADS[row].len;
    }
    ck_assert_int_eq(fault != NULL, result == PARSE_BAD);
    return result;
}

START_TEST(pieces_make_no_difference)
{
    struct head_scanner whole = {0};
    enum parse expected = HEADS[_i].is_good ? PARSE_OK : PARSE_BAD;
    ck_assert_int_eq(scan_in_pieces((size_t)_i, HEADS[_i].len, 0, &whole), expected);
    for (size_t cut = 0; cut <= HEADS[_i].len; cut++)
        for (size_t step = 0; step < 2; step++) {
            struct head_scanner s = {0};
            ck_assert_int_eq(scan_in_pieces((size_t)_i, cut, step, &s), expected);
            ck_assert_uint_eq(s.seen, whole.seen);
            ck_assert_uint_eq(s.len, whole.len);
            ck_assert_uint_eq(s.skipped, 0);
        }
}
END_TEST

START_TEST(size_is_bounded)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    struct head_scanner s = {0}, exact = {0};
    const char *fault = NULL;
    ck_assert_int_eq(response_scan(&s, STR_LIT(text), sizeof(text) - 2, &fault), PARSE_TOO_LARGE);
    ck_assert_int_eq(response_scan(&exact, STR_LIT(text), sizeof(text) - 1, &fault), PARSE_OK);
}
END_TEST

START_TEST(number_of_fields_is_bounded)
{
    static struct response_head h;
    static char text[8192];
    for (unsigned count = HEAD_MAX_FIELDS; count <= HEAD_MAX_FIELDS + 1; count++) {
        const char *fault = NULL;
        size_t len = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n");
        for (unsigned i = 0; i < count; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "X: %u\r\n", i);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        ck_assert_int_eq(response_parse(&h, (struct str){text, len}, &fault),
                         count == HEAD_MAX_FIELDS ? PARSE_OK : PARSE_TOO_LARGE);
    }
}
END_TEST

/* What a parser must say of a head that was cut anywhere. */
START_TEST(cut_head_is_refused)
{
    static struct response_head h;
    static const char text[] = "HTTP/1.1 200 OK\r\nA : b\r\nC:\r\n\r\n";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        const char *fault = NULL;
        char *copy = malloc(len + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, len);
        ck_assert_int_eq(response_parse(&h, (struct str){copy, len}, &fault), PARSE_BAD);
        ck_assert_ptr_nonnull(fault);
        free(copy);
    }
}
END_TEST

Suite *response_suite(void)
{
    Suite *suite = suite_create("response");
    TCase *tc = tcase_create("heads");
    tcase_add_test(tc, parts_are_slices_of_the_head);
    tcase_add_loop_test(tc, pieces_make_no_difference, 0, (int)ARRAY_LEN(HEADS));
    tcase_add_test(tc, size_is_bounded);
    tcase_add_test(tc, number_of_fields_is_bounded);
    tcase_add_test(tc, cut_head_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
