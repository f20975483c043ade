/* SPDX-License-Identifier: MIT */
/* test_table.c - the table of ends, and the counters. */
#include "tests/unit/core/suites.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/ops/counters.h"
#include "util/attr.h"

/* The answers that users are promised: a status and an error for each case. */
static const struct {
    enum end_reason end;
    unsigned status;
    const char *error;
} ANSWERS[] = {
    {END_DENIED, 403, "http_request_denied"},
    {END_ADDRESS_FORBIDDEN, 403, "destination_ip_prohibited"},
    {END_BAD_REQUEST, 400, "http_request_error"},
    {END_NOT_TLS, 400, "http_request_error"},
    {END_HEADER_TOO_LARGE, 431, "http_request_error"},
    {END_HEADER_TIMEOUT, 408, "http_request_error"},   /* RFC 9110 section 15.5.9 */
    {END_UNKNOWN_CODING, 501, "http_request_error"},   /* RFC 9112 section 6.1 */
    {END_ORIGIN_CLOSED, 502, "connection_terminated"},
    {END_BAD_RESPONSE, 502, "http_protocol_error"},
    {END_RESPONSE_TIMEOUT, 504, "http_response_timeout"},
    {END_PARENT_REFUSED, 502, "destination_unavailable"},
    {END_NOT_FAITHFUL, 502, "proxy_internal_error"},
    {END_NO_SUCH_HOST, 502, "destination_not_found"},
    {END_DNS_FAILED, 502, "dns_error"},
    {END_DNS_TIMEOUT, 504, "dns_timeout"},
    {END_REFUSED, 502, "connection_refused"},
    {END_UNREACHABLE, 502, "destination_ip_unroutable"},
    {END_CONNECT_TIMEOUT, 504, "connection_timeout"},
    {END_CLIENT_LIMIT, 503, "connection_limit_reached"},
    {END_NO_DESCRIPTORS, 503, "connection_limit_reached"},
    {END_NO_PORTS, 503, "connection_limit_reached"},
    {END_NO_MEMORY, 503, "connection_limit_reached"},
    {END_AUTH_BUSY, 503, "connection_limit_reached"},
    {END_AUTH_UNAVAILABLE, 503, "proxy_internal_error"},
    {END_DRAINING, 503, "connection_limit_reached"},
    {END_LOOP, 508, "proxy_loop_detected"},
    {END_ORIGIN_CERTIFICATE, 502, "tls_certificate_error"},
    {END_ORIGIN_TLS_FAILED, 502, "tls_protocol_error"},
    {END_CLIENT_CERTIFICATE_WANTED, 502, "tls_protocol_error"},
    {END_SNI_DENIED, 403, "http_request_denied"},
    {END_TUNNEL_NOT_TLS, 403, "http_request_denied"},
    {END_MISDIRECTED, 403, "http_request_denied"}, /* RFC 9110 section 15.5.20 */
    {END_INTERNAL, 502, "proxy_internal_error"},
};

/* RFC 9209 section 2.3. */
static const char *const ERRORS[] = {
    "dns_timeout", "dns_error", "destination_not_found", "destination_unavailable",
    "destination_ip_prohibited", "destination_ip_unroutable", "connection_refused",
    "connection_terminated", "connection_timeout", "connection_read_timeout",
    "connection_write_timeout", "connection_limit_reached", "tls_protocol_error",
    "tls_certificate_error", "tls_alert_received", "http_request_error", "http_request_denied",
    "http_response_incomplete", "http_response_header_section_size",
    "http_response_header_size", "http_response_body_size", "http_response_trailer_section_size",
    "http_response_trailer_size", "http_response_transfer_coding",
    "http_response_content_coding", "http_response_timeout", "http_upgrade_failed",
    "http_protocol_error", "proxy_internal_response", "proxy_internal_error",
    "proxy_configuration_error", "proxy_loop_detected",
};

static bool is_registered(const char *error)
{
    for (size_t i = 0; i < ARRAY_LEN(ERRORS); i++)
        if (strcmp(ERRORS[i], error) == 0)
            return true;
    return false;
}

START_TEST(each_promised_answer_is_given)
{
    for (size_t i = 0; i < ARRAY_LEN(ANSWERS); i++) {
        const struct end_row *row = end_row(ANSWERS[i].end);
        ck_assert_uint_eq(row->status, ANSWERS[i].status);
        ck_assert_str_eq(row->error, ANSWERS[i].error);
    }
}
END_TEST

START_TEST(what_is_not_answered_has_no_error)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < END_REASON_COUNT; i++) {
        const struct end_row *row = end_row((enum end_reason)i);
        bool is_answered = row->status != 0 && row->status != 407; /* which is no error */
        ck_assert(is_answered == (row->error != NULL));
        if (!is_answered)
            continue;
        answered++;
        ck_assert(row->status >= 400 && row->status <= 599);
        ck_assert_msg(is_registered(row->error), "%s is no error of RFC 9209", row->error);
    }
    /* None is answered that the table above does not know. */
    ck_assert_uint_eq(answered, ARRAY_LEN(ANSWERS));
}
END_TEST

START_TEST(tokens_are_words_and_differ)
{
    for (unsigned i = 0; i < END_REASON_COUNT; i++) {
        const struct end_row *row = end_row((enum end_reason)i);
        size_t len = strlen(row->token);
        ck_assert_uint_gt(len, 0);
        ck_assert_uint_eq(strspn(row->token, "abcdefghijklmnopqrstuvwxyz_"), len);
        for (unsigned k = 0; k < i; k++)
            ck_assert_str_ne(row->token, end_row((enum end_reason)k)->token);
    }
}
END_TEST

START_TEST(each_text_is_a_sentence)
{
    for (unsigned i = 0; i < END_REASON_COUNT; i++) {
        const char *text = end_row((enum end_reason)i)->text;
        ck_assert(text[0] >= 'A' && text[0] <= 'Z');
        ck_assert_int_eq(text[strlen(text) - 1], '.');
        ck_assert_ptr_null(strpbrk(text, "<>&\"\r\n")); /* it goes into pages as it is */
    }
}
END_TEST

START_TEST(counters_add_and_subtract)
{
    counter c = 0;
    count_add(&c, 5);
    count_add(&c, 1ULL << 40);
    count_sub(&c, 2);
    ck_assert_uint_eq(count_read(&c), (1ULL << 40) + 3);
    count_sub(&c, (1ULL << 40) + 3);
    ck_assert_uint_eq(count_read(&c), 0);
}
END_TEST

/* A bucket holds what is at most its bound, as Prometheus counts ("le"). */
START_TEST(connect_times_fall_into_their_buckets)
{
    static struct counters c;
    uint64_t sum = 0;
    for (unsigned i = 0; i < CONNECT_BUCKETS; i++) {
        if (i > 0)
            ck_assert_uint_gt(CONNECT_BOUNDS_USEC[i], CONNECT_BOUNDS_USEC[i - 1]);
        count_connect(&c, CONNECT_BOUNDS_USEC[i]);
        ck_assert_uint_eq(count_read(&c.connect_buckets[i]), i == 0 ? 1 : 2);
        count_connect(&c, CONNECT_BOUNDS_USEC[i] + 1);
        ck_assert_uint_eq(count_read(&c.connect_buckets[i + 1]), 1);
        sum += 2 * CONNECT_BOUNDS_USEC[i] + 1;
    }
    count_connect(&c, 0);
    count_connect(&c, UINT64_C(1) << 40);
    ck_assert_uint_eq(count_read(&c.connect_buckets[0]), 2);
    ck_assert_uint_eq(count_read(&c.connect_buckets[CONNECT_BUCKETS]), 2);
    ck_assert_uint_eq(count_read(&c.connect_usec), sum + (UINT64_C(1) << 40));
}
END_TEST

Suite *table_suite(void)
{
    Suite *suite = suite_create("table");
    TCase *tc = tcase_create("table");
    tcase_add_test(tc, each_promised_answer_is_given);
    tcase_add_test(tc, what_is_not_answered_has_no_error);
    tcase_add_test(tc, tokens_are_words_and_differ);
    tcase_add_test(tc, each_text_is_a_sentence);
    tcase_add_test(tc, counters_add_and_subtract);
    tcase_add_test(tc, connect_times_fall_into_their_buckets);
    suite_add_tcase(suite, tc);
    return suite;
}
