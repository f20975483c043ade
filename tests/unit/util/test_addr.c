/* SPDX-License-Identifier: MIT */
/* test_addr.c - addresses: text of RFC 4291 and RFC 5952, prefixes, sockets. */
#include "tests/unit/util/suites.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "util/addr.h"

static struct addr parse(const char *text)
{
    struct addr a;
    ck_assert_msg(addr_parse(&a, str_of(text)) == 0, "'%s' is an address", text);
    return a;
}

/* Spellings and their canonical text; from RFC 4291 section 2.2 and RFC 5952
 * sections 1, 4 and 5. */
static const struct {
    const char *text, *canonical;
} SPELLINGS[] = {
    {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
    {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
    {"FF01:0:0:0:0:0:0:101", "ff01::101"},
    {"0:0:0:0:0:0:0:1", "::1"},
    {"0:0:0:0:0:0:0:0", "::"},
    {"::", "::"},
    {"2001:0db8::0001", "2001:db8::1"},
    {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"2001:DB8::AAAA", "2001:db8::aaaa"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"0:0:0:0:0:FFFF:129.144.52.38", "129.144.52.38"},
    {"::FFFF:8190:3426", "129.144.52.38"},
    {"129.144.52.38", "129.144.52.38"},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
};

START_TEST(spellings_have_one_canonical_text)
{
    char out[ADDR_TEXT_SIZE];
    struct addr a = parse(SPELLINGS[_i].text);
    ck_assert_ptr_eq(addr_format(&a, out), out);
    ck_assert_str_eq(out, SPELLINGS[_i].canonical);
    struct addr again = parse(out);
    ck_assert(addr_eq(&a, &again));
}
END_TEST

static const char *const NO_ADDRESSES[] = {
    "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4",
    "01.2.3.4", "1.2.3.04", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "127.1", "1.2.3.4.",
    ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::",
    "g::1", "[::1]", "::1%lo", "fe80::1%1", "::1.2.3", "::1.2.3.256", "::ffff:01.2.3.4",
    "1.2.3.4::", "webex.com", "::1/128", "1.2.3.4:80",
    "0000:0000:0000:0000:0000:ffff:255.255.255.2550",
};

START_TEST(nothing_else_is_an_address)
{
    struct addr a;
    ck_assert_msg(addr_parse(&a, str_of(NO_ADDRESSES[_i])) == -1, "'%s'", NO_ADDRESSES[_i]);
}
END_TEST

START_TEST(a_nul_inside_is_no_address)
{
    struct addr a;
    ck_assert_int_eq(addr_parse(&a, STR_LIT("1.2.3.4\0")), -1);
    ck_assert_int_eq(addr_parse(&a, STR_LIT("::1\0.webex.com")), -1);
    ck_assert_int_eq(addr_parse(&a, (struct str){NULL, 0}), -1);
}
END_TEST

START_TEST(the_longest_text_fits)
{
    char out[ADDR_TEXT_SIZE];
    struct addr a = parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
    ck_assert_str_eq(addr_format(&a, out), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}
END_TEST

START_TEST(ipv4_and_its_mapped_form_are_one)
{
    struct addr plain = parse("10.0.0.1"), mapped = parse("::ffff:10.0.0.1");
    struct addr compatible = parse("::10.0.0.1"), six = parse("fe80::1");
    ck_assert(addr_eq(&plain, &mapped));
    ck_assert(addr_is_v4(&plain));
    ck_assert(addr_is_v4(&mapped));
    ck_assert(!addr_is_v4(&compatible));
    ck_assert(!addr_is_v4(&six));
    ck_assert(!addr_eq(&plain, &compatible));
}
END_TEST

static const struct {
    const char *prefix;
    unsigned bits;
    const char *address;
    int result;
} PREFIXES[] = {
    {"10.0.0.0/8", 104, "10.255.255.255", 1},
    {"10.0.0.0/8", 104, "11.0.0.0", 0},
    {"172.16.0.0/12", 108, "172.31.255.255", 1},
    {"172.16.0.0/12", 108, "172.32.0.0", 0},
    {"172.16.0.0/12", 108, "172.15.255.255", 0},
    {"100.64.0.0/10", 106, "100.127.255.255", 1},
    {"100.64.0.0/10", 106, "100.128.0.0", 0},
    {"192.0.2.1", 128, "192.0.2.1", 1},
    {"192.0.2.1/32", 128, "192.0.2.0", 0},
    {"192.0.2.128/31", 127, "192.0.2.129", 1},
    {"192.0.2.128/31", 127, "192.0.2.130", 0},
    {"0.0.0.0/0", 96, "255.255.255.255", 1},
    {"0.0.0.0/0", 96, "::1", 0},
    {"::/0", 0, "255.255.255.255", 1},
    {"::/0", 0, "ffff::", 1},
    {"::ffff:10.0.0.0/104", 104, "10.1.2.3", 1},
    {"::ffff:0:0/96", 96, "1.2.3.4", 1},
    {"fc00::/7", 7, "fdff::1", 1},
    {"fc00::/7", 7, "fe00::1", 0},
    {"fe80::/10", 10, "febf:ffff::1", 1},
    {"fe80::/10", 10, "fec0::", 0},
    {"2001:db8::/33", 33, "2001:db8:7fff::1", 1},
    {"2001:db8::/33", 33, "2001:db8:8000::1", 0},
    {"::1/128", 128, "::1", 1},
    {"::1", 128, "::2", 0},
};

START_TEST(prefixes_hold_their_addresses)
{
    struct addr prefix, a = parse(PREFIXES[_i].address);
    unsigned bits = 999;
    ck_assert_int_eq(addr_parse_prefix(&prefix, &bits, str_of(PREFIXES[_i].prefix)), 0);
    ck_assert_uint_eq(bits, PREFIXES[_i].bits);
    ck_assert_int_eq(addr_in_prefix(&a, &prefix, bits), PREFIXES[_i].result);
}
END_TEST

/* One bit flipped: inside for every prefix that ends before it, outside for
 * every longer one. */
START_TEST(each_bit_counts)
{
    struct addr prefix = parse("2001:db8:aaaa:5555:f00f:1234:8000:1"), a = prefix;
    unsigned flipped = (unsigned)_i;
    a.bytes[flipped / 8] ^= (uint8_t)(0x80 >> flipped % 8);
    for (unsigned bits = 0; bits <= 128; bits++)
        ck_assert_int_eq(addr_in_prefix(&a, &prefix, bits), bits <= flipped);
}
END_TEST

static const char *const NO_PREFIXES[] = {
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
    "10.0.0.0/ 8", "10.0.0.0 /8", "10.0.0.0/0x8", "10.0.0.0/255.0.0.0", "10.0.0.0/0008",
    "10.0.0.0/4294967304", "::/129", "::/", "::ffff:10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/6",
    "fe80::1/64", "webex.com/8", "10.0.0/24", "255.255.255.255/31",
};

START_TEST(nothing_else_is_a_prefix)
{
    struct addr a;
    unsigned bits;
    ck_assert_msg(addr_parse_prefix(&a, &bits, str_of(NO_PREFIXES[_i])) == -1, "'%s'",
                  NO_PREFIXES[_i]);
}
END_TEST

START_TEST(ipv4_goes_to_the_kernel_as_ipv4)
{
    struct endpoint e = {parse("192.0.2.7"), 443}, back = {0};
    struct sockaddr_storage ss;
    struct sockaddr_in in;
    ck_assert_uint_eq(addr_to_sockaddr(&e, &ss), sizeof(in));
    memcpy(&in, &ss, sizeof(in));
    ck_assert_int_eq(in.sin_family, AF_INET);
    ck_assert_uint_eq(in.sin_port, htons(443));
    ck_assert_uint_eq(in.sin_addr.s_addr, htonl(0xc0000207));
    ck_assert_int_eq(addr_from_sockaddr(&back, (const struct sockaddr *)&ss), 0);
    ck_assert(addr_eq(&back.addr, &e.addr));
    ck_assert_uint_eq(back.port, 443);
}
END_TEST

START_TEST(ipv6_goes_to_the_kernel_as_ipv6)
{
    struct endpoint e = {parse("2001:db8::7"), 5004}, back = {0};
    struct sockaddr_storage ss;
    struct sockaddr_in6 in6;
    ck_assert_uint_eq(addr_to_sockaddr(&e, &ss), sizeof(in6));
    memcpy(&in6, &ss, sizeof(in6));
    ck_assert_int_eq(in6.sin6_family, AF_INET6);
    ck_assert_uint_eq(in6.sin6_port, htons(5004));
    ck_assert_int_eq(memcmp(&in6.sin6_addr, e.addr.bytes, 16), 0);
    ck_assert_uint_eq(in6.sin6_scope_id, 0);
    ck_assert_int_eq(addr_from_sockaddr(&back, (const struct sockaddr *)&ss), 0);
    ck_assert(addr_eq(&back.addr, &e.addr));
    ck_assert_uint_eq(back.port, 5004);
}
END_TEST

START_TEST(a_mapped_peer_is_an_ipv4_peer)
{
    /* What accept gives for an IPv4 client on a socket of both families. */
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    struct endpoint e;
    struct addr want = parse("198.51.100.9");
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:198.51.100.9", &in6.sin6_addr), 1);
    ck_assert_int_eq(addr_from_sockaddr(&e, (const struct sockaddr *)&in6), 0);
    ck_assert(addr_is_v4(&e.addr));
    ck_assert(addr_eq(&e.addr, &want));
}
END_TEST

START_TEST(other_families_are_refused)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct endpoint e;
    ck_assert_int_eq(addr_from_sockaddr(&e, (const struct sockaddr *)&un), -1);
}
END_TEST

Suite *addr_suite(void)
{
    Suite *suite = suite_create("addr");
    TCase *tc = tcase_create("all");
    tcase_add_loop_test(tc, spellings_have_one_canonical_text, 0, ARRAY_LEN(SPELLINGS));
    tcase_add_loop_test(tc, nothing_else_is_an_address, 0, ARRAY_LEN(NO_ADDRESSES));
    tcase_add_test(tc, a_nul_inside_is_no_address);
    tcase_add_test(tc, the_longest_text_fits);
    tcase_add_test(tc, ipv4_and_its_mapped_form_are_one);
    tcase_add_loop_test(tc, prefixes_hold_their_addresses, 0, ARRAY_LEN(PREFIXES));
    tcase_add_loop_test(tc, each_bit_counts, 0, 128);
    tcase_add_loop_test(tc, nothing_else_is_a_prefix, 0, ARRAY_LEN(NO_PREFIXES));
    tcase_add_test(tc, ipv4_goes_to_the_kernel_as_ipv4);
    tcase_add_test(tc, ipv6_goes_to_the_kernel_as_ipv6);
    tcase_add_test(tc, a_mapped_peer_is_an_ipv4_peer);
    tcase_add_test(tc, other_families_are_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
