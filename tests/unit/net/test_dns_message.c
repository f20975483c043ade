/* SPDX-License-Identifier: MIT */
/* test_dns_message.c - replies, whole and broken (proxy/net/dns_message.h). The
 * layout is that of RFC 1035 section 4. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/net/dns_message.h"
#include "tests/unit/net/dns_server.h"
#include "tests/unit/net/dns_suites.h"

static struct dns_records records;

/* A reply without a question section; flags and RCODE as given. */
static size_t wrap(uint8_t *out, unsigned flags, const struct server_reply *r)
{
    memset(out, 0, 12);
    out[2] = (uint8_t)(flags >> 8);
    out[3] = (uint8_t)flags;
    out[7] = (uint8_t)r->answers;
    out[9] = (uint8_t)r->authorities;
    memcpy(out + 12, r->records, r->len);
    return 12 + r->len;
}

static void read_reply(unsigned flags, const struct server_reply *r, const char *name,
                       enum dns_type type)
{
    static uint8_t bytes[9000];

    dns_message_read(bytes, wrap(bytes, flags, r), str_of(name), type, &records);
}

/* Reads a copy of exactly this size, so that a sanitizer sees each byte too far. */
static void read_bytes(const uint8_t *bytes, size_t len, const char *name, enum dns_type type)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    dns_message_read(copy, len, str_of(name), type, &records);
    free(copy);
}

/* A reply by hand: a question for a.test, and two answers that point at it. */
static const uint8_t by_hand[] = {
    0x12, 0x34, 0x81, 0x80, 0,   1,   0,   2, 0, 0,  0, 0,               /* header */
    1,    'a',  4,    't',  'e', 's', 't', 0, 0, 1,  0, 1,               /* question, at 12 */
    0xC0, 12,   0,    5,    0,   1,   0,   0, 0, 50, 0, 4,               /* a.test CNAME, at 24 */
    1,    'B',  0xC0, 14,                                                /* b.test, at 36 */
    0xC0, 36,   0,    1,    0,   1,   0,   0, 0, 90, 0, 4, 192, 0, 2, 1, /* b.test A, at 40 */
};

START_TEST(compressed_names_are_followed)
{
    read_bytes(by_hand, sizeof(by_hand), "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FOUND);
    ck_assert_uint_eq(records.count, 1);
    ck_assert(records.has_ttl);
    ck_assert_uint_eq(records.ttl_s, 50);
    ck_assert(addr_is_v4(&records.addrs[0]));
    ck_assert_uint_eq(records.addrs[0].bytes[15], 1);
}
END_TEST

START_TEST(each_prefix_of_a_reply_fails)
{
    for (size_t len = 0; len < sizeof(by_hand); len++) {
        read_bytes(by_hand, len, "a.test", DNS_TYPE_A);
        ck_assert_int_eq(records.status, DNS_FAILED);
        ck_assert_uint_eq(records.count, 0);
    }
}
END_TEST

/* No value of any byte, alone, reads beyond the end or gives a broken result. */
START_TEST(each_changed_byte_is_survived)
{
    uint8_t bytes[sizeof(by_hand)];

    for (size_t at = 0; at < sizeof(bytes); at++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(bytes, by_hand, sizeof(bytes));
            bytes[at] = (uint8_t)value;
            read_bytes(bytes, sizeof(bytes), "a.test", DNS_TYPE_A);
            ck_assert_int_ne(records.status, DNS_WAITING);
            ck_assert_int_ne(records.status, DNS_TIMED_OUT);
            ck_assert_int_eq(records.status == DNS_FOUND, records.count > 0);
        }
    }
}
END_TEST

START_TEST(a_pointer_must_point_backwards)
{
    uint8_t bytes[sizeof(by_hand)];

    for (unsigned target = 24; target < 64; target++) {
        memcpy(bytes, by_hand, sizeof(bytes));
        bytes[25] = (uint8_t)target; /* of the first answer's owner, at 24 */
        read_bytes(bytes, sizeof(bytes), "a.test", DNS_TYPE_A);
        ck_assert_int_eq(records.status, DNS_FAILED);
    }
}
END_TEST

START_TEST(a_chain_may_stand_in_any_order)
{
    struct server_reply r = {0};

    reply_a(&r, "c.test", 10, "192.0.2.3");
    reply_cname(&r, "b.test", 20, "c.test");
    reply_cname(&r, "a.test", 30, "b.test");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FOUND);
    ck_assert_uint_eq(records.ttl_s, 10);
}
END_TEST

START_TEST(records_of_other_names_are_not_taken)
{
    struct server_reply r = {0};

    reply_a(&r, "evil.test", 5, "192.0.2.66");
    reply_cname(&r, "a.test", 30, "b.test");
    reply_a(&r, "a.test", 5, "192.0.2.67"); /* beside an alias there is nothing else */
    reply_a(&r, "b.test", 20, "192.0.2.2");
    reply_aaaa(&r, "b.test", 5, "2001:db8::2");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FOUND);
    ck_assert_uint_eq(records.count, 1);
    ck_assert_uint_eq(records.addrs[0].bytes[15], 2);
    ck_assert_uint_eq(records.ttl_s, 20);
}
END_TEST

START_TEST(sixteen_aliases_are_followed_and_no_more)
{
    for (int aliases = 15; aliases <= 18; aliases++) {
        struct server_reply r = {0};
        char from[] = "na.test", to[] = "na.test";
        for (int i = 0; i < aliases; i++) {
            from[1] = (char)('a' + i);
            to[1] = (char)('a' + i + 1);
            reply_cname(&r, from, 60, to);
        }
        reply_a(&r, to, 60, "192.0.2.1");
        read_reply(0x8180, &r, "na.test", DNS_TYPE_A);
        ck_assert_int_eq(records.status, aliases <= 16 ? DNS_FOUND : DNS_FAILED);
    }
}
END_TEST

START_TEST(a_loop_of_aliases_fails)
{
    struct server_reply r = {0};

    reply_cname(&r, "a.test", 60, "b.test");
    reply_cname(&r, "b.test", 60, "a.test");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FAILED);
}
END_TEST

START_TEST(a_negative_ttl_is_the_lesser_of_two)
{
    struct server_reply r = {0}, s = {0}, none = {0};

    reply_soa(&r, "test", 100, 30);
    read_reply(0x8183, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_NO_NAME);
    ck_assert_uint_eq(records.ttl_s, 30);
    reply_soa(&s, "test", 20, 30);
    read_reply(0x8180, &s, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_NO_DATA);
    ck_assert_uint_eq(records.ttl_s, 20);
    read_reply(0x8180, &none, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_NO_DATA);
    ck_assert(!records.has_ttl);
}
END_TEST

START_TEST(a_chain_to_nowhere_is_negative)
{
    struct server_reply r = {0};

    reply_cname(&r, "a.test", 15, "gone.test");
    reply_soa(&r, "test", 100, 100);
    read_reply(0x8183, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_NO_NAME);
    ck_assert_uint_eq(records.ttl_s, 15);
    read_reply(0x8180, &r, "a.test", DNS_TYPE_AAAA);
    ck_assert_int_eq(records.status, DNS_NO_DATA);
    ck_assert_uint_eq(records.ttl_s, 15);
}
END_TEST

/* RFC 2181 section 8. */
START_TEST(a_ttl_with_the_highest_bit_is_zero)
{
    struct server_reply r = {0};

    reply_a(&r, "a.test", 0x80000000U, "192.0.2.1");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FOUND);
    ck_assert_uint_eq(records.ttl_s, 0);
}
END_TEST

START_TEST(mapped_addresses_in_aaaa_are_dropped)
{
    struct server_reply r = {0};

    reply_aaaa(&r, "a.test", 60, "::ffff:10.0.0.1");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_AAAA);
    ck_assert_int_eq(records.status, DNS_NO_DATA);
    reply_aaaa(&r, "a.test", 60, "2001:db8::1");
    read_reply(0x8180, &r, "a.test", DNS_TYPE_AAAA);
    ck_assert_int_eq(records.status, DNS_FOUND);
    ck_assert_uint_eq(records.count, 1);
}
END_TEST

START_TEST(headers_that_are_no_answer_fail)
{
    static const unsigned flags[] = {0x0100, 0xA980, 0x8181, 0x8182, 0x8184, 0x8185};
    struct server_reply r = {0};

    reply_a(&r, "a.test", 60, "192.0.2.1");
    read_reply(flags[_i], &r, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FAILED);
    ck_assert_int_eq(records.is_format_error, flags[_i] == 0x8181);
}
END_TEST

START_TEST(an_address_of_the_wrong_size_fails)
{
    uint8_t bytes[sizeof(by_hand)];

    memcpy(bytes, by_hand, sizeof(bytes));
    bytes[51] = 3; /* RDLENGTH of the A record */
    read_bytes(bytes, sizeof(bytes) - 1, "a.test", DNS_TYPE_A);
    ck_assert_int_eq(records.status, DNS_FAILED);
}
END_TEST

Suite *dns_message_suite(void)
{
    Suite *suite = suite_create("dns_message");
    TCase *replies = tcase_create("replies");

    tcase_add_test(replies, compressed_names_are_followed);
    tcase_add_test(replies, each_prefix_of_a_reply_fails);
    tcase_add_test(replies, each_changed_byte_is_survived);
    tcase_add_test(replies, a_pointer_must_point_backwards);
    tcase_add_test(replies, a_chain_may_stand_in_any_order);
    tcase_add_test(replies, records_of_other_names_are_not_taken);
    tcase_add_test(replies, sixteen_aliases_are_followed_and_no_more);
    tcase_add_test(replies, a_loop_of_aliases_fails);
    tcase_add_test(replies, a_negative_ttl_is_the_lesser_of_two);
    tcase_add_test(replies, a_chain_to_nowhere_is_negative);
    tcase_add_test(replies, a_ttl_with_the_highest_bit_is_zero);
    tcase_add_test(replies, mapped_addresses_in_aaaa_are_dropped);
    tcase_add_loop_test(replies, headers_that_are_no_answer_fail, 0, 6);
    tcase_add_test(replies, an_address_of_the_wrong_size_fails);
    suite_add_tcase(suite, replies);
    return suite;
}
