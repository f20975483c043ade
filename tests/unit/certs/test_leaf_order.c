/* SPDX-License-Identifier: MIT */
/* test_leaf_order.c - which names and dates of an origin get into an order, and what is none. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "certs/leaf_order.h"
#include "tests/unit/certs/leaf_kit.h"
#include "util/mem.h"

#define NOW ((time_t)1764000000)
#define DAY LEAF_TEST_DAY
#define L63 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"
#define L61 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwx"

static struct leaf_names read_order(const struct leaf_order *o)
{
    struct leaf_names names;
    ck_assert_ptr_nonnull(o);
    ck_assert_int_eq(leaf_order_read(&names, leaf_bytes(o)), 0);
    return names;
}

/* The names as text, each behind a space; addresses in hexadecimal. */
static const char *format_names(const struct leaf_order *o, char *out, size_t size)
{
    struct leaf_names names = read_order(o);
    enum leaf_name_kind kind;
    struct str name;
    size_t used = 0, count = 0;
    out[0] = '\0';
    for (; leaf_names_next(&names, &kind, &name); count++) {
        used += (size_t)snprintf(out + used, size - used, "%s", count > 0 ? " " : "");
        if (kind == LEAF_DNS)
            used += (size_t)snprintf(out + used, size - used, "%.*s", STR_ARG(name));
        for (size_t i = 0; kind == LEAF_IP && i < name.len; i++)
            used += (size_t)snprintf(out + used, size - used, "%02x", (unsigned char)name.ptr[i]);
        ck_assert_uint_lt(used, size);
    }
    ck_assert_uint_eq(count, names.count);
    return out;
}

static struct leaf_order *order_of(const struct origin_name *names, size_t count, const char *host)
{
    X509 *origin = leaf_origin_make(names, count, NOW - DAY, NOW + DAY);
    struct leaf_order *o = leaf_order_of_origin(origin, str_of(host), NOW);
    X509_free(origin);
    return o;
}

static const struct {
    struct origin_name names[6];
    const char *host, *want; /* NULL: no order */
} origins[] = {
    {{DNS_NAME("www.example.com")}, "www.example.com", "www.example.com"},
    {{DNS_NAME("WWW.Example.COM")}, "www.example.com", "www.example.com"},
    {{DNS_NAME("portal"), DNS_NAME("a_b.example")}, "portal", "portal a_b.example"},
    /* RFC 5891: a name in another script travels as A-labels. */
    {{DNS_NAME("xn--bcher-kva.example")}, "xn--bcher-kva.example", "xn--bcher-kva.example"},
    {{DNS_NAME("b\xc3\xbc" "cher.example"), DNS_NAME("ok.example")}, "ok.example", "ok.example"},
    /* Those that cover the host come first: by name, then by wildcard. */
    {{DNS_NAME("a.example"), DNS_NAME("*.example.com"), DNS_NAME("z.example"),
      DNS_NAME("www.example.com")}, "WWW.example.com",
     "www.example.com *.example.com a.example z.example"},
    /* RFC 6125 section 6.4.3: a wildcard is one label. */
    {{DNS_NAME("a.example"), DNS_NAME("*.example.com")}, "x.y.example.com",
     "a.example *.example.com"},
    {{DNS_NAME("a.example"), DNS_NAME("*.example.com")}, "example.com", "a.example *.example.com"},
    {{DNS_NAME("a.example"), DNS_NAME("*.Example.com")}, "y.example.com",
     "*.example.com a.example"},
    /* Addresses, of both families. */
    {{DNS_NAME("a.example"), IP_NAME("\x0a\x01\x02\x03"),
      IP_NAME("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01")}, "2001:db8::1",
     "20010db8000000000000000000000001 a.example 0a010203"},
    {{DNS_NAME("a.example"), IP_NAME("\x0a\x01\x02\x03")}, "10.1.2.3", "0a010203 a.example"},
    {{IP_NAME("\x0a\x01\x02\x03\xff\xff\xff\xff"), IP_NAME(""), IP_NAME("\x7f\0\0\x01")},
     "127.0.0.1", "7f000001"},
    /* An address is covered by no name that looks like it. */
    {{DNS_NAME("10.1.2.3"), DNS_NAME("*.2.3"), DNS_NAME("a.example")}, "10.1.2.3", "a.example"},
    /* What is no name of a host, or one that no client takes. */
    {{DNS_NAME("a.example\0.evil.example"), DNS_NAME("\0"), DNS_NAME("b.example")}, "b.example",
     "b.example"},
    {{DNS_NAME("a..example"), DNS_NAME(".a.example"), DNS_NAME("a.example."), DNS_NAME(""),
      DNS_NAME("b.example")}, "b.example", "b.example"},
    {{DNS_NAME("*"), DNS_NAME("*."), DNS_NAME("*.com"), DNS_NAME("a.*.example"),
      DNS_NAME("a*.example.com"), DNS_NAME("**.example.com")}, "a.com", NULL},
    {{DNS_NAME("a b.example"), DNS_NAME("a/b.example"), DNS_NAME("a:1"), DNS_NAME("a\r\n.example"),
      DNS_NAME("[::1]"), DNS_NAME("\xff.example")}, "a.example", NULL},
    {{DNS_NAME(L63 ".example"), DNS_NAME(L63 "x.example")}, "a.example", L63 ".example"},
    {{DNS_NAME(L63 "." L63 "." L63 "." L61), DNS_NAME(L63 "." L63 "." L63 "." L61 "x")},
     "a.example", L63 "." L63 "." L63 "." L61},
    /* Other kinds are left out, and so is the subject. */
    {{{GEN_EMAIL, {"alice@corp.example", 18}}, {GEN_URI, {"https://corp.example/", 21}},
      DNS_NAME("www.corp.example")}, "www.corp.example", "www.corp.example"},
    {{{GEN_EMAIL, {"alice@corp.example", 18}}}, "corp.example", NULL},
    {{{0, {NULL, 0}}}, "common.example", NULL},
    {{DNS_NAME("www.example.com")}, "", "www.example.com"},
};

START_TEST(names_of_an_origin)
{
    char text[2048];
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        size_t count = 0;
        while (count < ARRAY_LEN(origins[i].names) && origins[i].names[count].type != 0)
            count++;
        struct leaf_order *o = order_of(origins[i].names, count, origins[i].host);
        ck_assert_msg((o != NULL) == (origins[i].want != NULL), "row %zu", i);
        if (o != NULL)
            ck_assert_str_eq(format_names(o, text, sizeof(text)), origins[i].want);
        leaf_order_free(o);
    }
}
END_TEST

/* count names of a length, and the host's last. */
static size_t count_names(size_t count, size_t len)
{
    struct origin_name *list = calloc(count, sizeof(*list));
    char *text = malloc(count * (len + 1)), out[64];
    for (size_t i = 0; i < count; i++) {
        char *one = text + i * (len + 1);
        memset(one, 'a', len);
        one[len] = '\0';
        for (size_t at = 50; at < len; at += 51)
            one[at] = '.';
        snprintf(out, sizeof(out), "n%05zu.", i);
        memcpy(one, out, strlen(out));
        list[i] = (struct origin_name){GEN_DNS, {one, len}};
    }
    struct leaf_order *o = order_of(list, count, list[count - 1].value.ptr);
    struct leaf_names names = read_order(o);
    size_t found = names.count;
    enum leaf_name_kind kind;
    struct str first;
    ck_assert(leaf_names_next(&names, &kind, &first));
    ck_assert(str_eq(first, list[count - 1].value));
    ck_assert_uint_le(o->len, LEAF_ORDER_MAX);
    leaf_order_free(o);
    free(text);
    free(list);
    return found;
}

START_TEST(many_names_are_cut)
{
    ck_assert_uint_eq(count_names(100, 20), 100);
    ck_assert_uint_eq(count_names(LEAF_NAMES_MAX, 20), LEAF_NAMES_MAX);
    ck_assert_uint_eq(count_names(2000, 20), LEAF_NAMES_MAX);
    ck_assert_uint_eq(count_names(2000, 250), (LEAF_ORDER_MAX - 16) / 252);
}
END_TEST

static const struct {
    const char *first, *second, *want; /* NULL: no order */
} pages[] = {
    {"www.example.com", "", "www.example.com"},
    {"www.example.com", "other.example", "www.example.com other.example"},
    {"www.example.com", "www.example.com", "www.example.com"},
    {"", "other.example", "other.example"},
    {"a_b.xn--bcher-kva.example", "", "a_b.xn--bcher-kva.example"},
    {"10.1.2.3", "www.example.com", "0a010203 www.example.com"},
    {"::1", "::ffff:10.1.2.3", "00000000000000000000000000000001 0a010203"},
    {"2001:DB8::1", "", "20010db8000000000000000000000001"},
    {"-a.example", "a-.example", "-a.example a-.example"},
    {"*.example.com", "", NULL},
    {"", "", NULL},
    {"a b", "a..b", NULL},
};

START_TEST(names_of_a_page)
{
    char text[512];
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct leaf_order *o =
            leaf_order_of_page(str_of(pages[i].first), str_of(pages[i].second), NOW);
        ck_assert_msg((o != NULL) == (pages[i].want != NULL), "row %zu", i);
        if (o == NULL)
            continue;
        ck_assert_str_eq(format_names(o, text, sizeof(text)), pages[i].want);
        struct leaf_names names = read_order(o);
        ck_assert_int_eq(names.not_before, NOW - 3600);
        ck_assert_int_eq(names.not_after, NOW + 23 * 3600);
        leaf_order_free(o);
    }
    struct leaf_order *o = leaf_order_of_page((struct str){"a.b\0c", 5}, STR_LIT(""), NOW);
    ck_assert_ptr_null(o);
}
END_TEST

static const struct {
    const char *what;
    int64_t from, to, want_from, want_to; /* want_to 0: no order */
} dates[] = {
    {"short", NOW - 100, NOW + 100, NOW - 100, NOW + 100},
    {"began now", NOW, NOW + 5 * DAY, NOW, NOW + 5 * DAY},
    {"long ago", NOW - 400 * DAY, NOW + 5 * DAY, NOW - DAY, NOW + 5 * DAY},
    {"ten years", NOW - 400 * DAY, NOW + 3650 * DAY, NOW - DAY, NOW + 89 * DAY - 1},
    {"ten years from now", NOW, NOW + 3650 * DAY, NOW, NOW + 90 * DAY - 1},
    {"year 9999", NOW, INT64_C(253402300799), NOW, NOW + 90 * DAY - 1},
    {"nearly expired", NOW - DAY, NOW + 1, NOW - DAY, NOW + 1},
    {"the last second", NOW - DAY, NOW, NOW - DAY, NOW},
    {"expired", NOW - DAY, NOW - 1, 0, 0},
    {"backwards", NOW + DAY, NOW + 1, 0, 0},
};

START_TEST(dates_of_an_origin)
{
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        const struct origin_name name = DNS_NAME("a.example");
        X509 *origin = leaf_origin_make(&name, 1, dates[i].from, dates[i].to);
        struct leaf_order *o = leaf_order_of_origin(origin, STR_LIT("a.example"), NOW);
        ck_assert_msg((o != NULL) == (dates[i].want_to != 0), "%s", dates[i].what);
        if (o != NULL) {
            struct leaf_names names = read_order(o);
            ck_assert_msg(names.not_before == dates[i].want_from, "%s", dates[i].what);
            ck_assert_msg(names.not_after == dates[i].want_to, "%s", dates[i].what);
        }
        leaf_order_free(o);
        X509_free(origin);
    }
}
END_TEST

#define FROM "\0\0\0\0\x10\0\0\0"
#define TO "\0\0\0\0\x10\0\0\x09"
#define GOOD FROM TO "\x01\x03" "a.b"

static const struct {
    struct str bytes;
    bool is_order;
} orders[] = {
    {STR_LIT(GOOD), true},
    {STR_LIT(GOOD "\x02\x04" "\0\0\0\0"), true},
    {STR_LIT(GOOD "\x02\x10" "0123456789abcdef"), true},
    {STR_LIT(FROM TO "\x01\x05" "*.a.b"), true},
    {STR_LIT(""), false},
    {STR_LIT(FROM), false},
    {STR_LIT(FROM TO), false},
    {STR_LIT(FROM TO "\x01"), false},
    {STR_LIT(GOOD "\x01"), false},
    {STR_LIT(GOOD "\x01\x01"), false},
    {STR_LIT(GOOD "\x01\0"), false},
    {STR_LIT(GOOD "\x02\0"), false},
    {STR_LIT(GOOD "\x02\x05" "12345"), false},
    {STR_LIT(GOOD "\0\x03" "a.b"), false},
    {STR_LIT(GOOD "\x03\x03" "a.b"), false},
    {STR_LIT(GOOD "\x81\x03" "a.b"), false},
    {STR_LIT(FROM TO "\x01\x04" "a.b"), false},
    {STR_LIT(FROM TO "\x01\x03" "A.b"), false},
    {STR_LIT(FROM TO "\x01\x03" "a.1"), false},
    {STR_LIT(FROM TO "\x01\x03" "*.b"), false},
    {STR_LIT(FROM TO "\x01\x04" "a.b."), false},
    {STR_LIT(FROM TO "\x01\x03" "a\0b"), false},
    {STR_LIT(TO FROM "\x01\x03" "a.b"), false},
    {STR_LIT(FROM FROM "\x01\x03" "a.b"), false},
    {STR_LIT("\x80\0\0\0\0\0\0\0" TO "\x01\x03" "a.b"), false},
    {STR_LIT("\xff\xff\xff\xff\xff\xff\xff\xff" TO "\x01\x03" "a.b"), false},
    {STR_LIT(FROM "\x7f\xff\xff\xff\xff\xff\xff\xff" "\x01\x03" "a.b"), false},
    /* 90 days less a second, and 90 days */
    {STR_LIT(FROM "\0\0\0\0\x10\x76\xa6\xff" "\x01\x03" "a.b"), true},
    {STR_LIT(FROM "\0\0\0\0\x10\x76\xa7\0" "\x01\x03" "a.b"), false},
};

START_TEST(what_is_an_order)
{
    struct leaf_names names;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        char *exact = malloc(orders[i].bytes.len + 1);
        memcpy(exact + 1, orders[i].bytes.ptr, orders[i].bytes.len);
        int result = leaf_order_read(&names, (struct str){exact + 1, orders[i].bytes.len});
        ck_assert_msg((result == 0) == orders[i].is_order, "row %zu", i);
        free(exact);
    }
}
END_TEST

/* 16 bytes of dates and so many names of five bytes. */
static int read_names(size_t count)
{
    size_t len = 16 + 5 * count;
    char *bytes = malloc(len);
    struct leaf_names names;
    memcpy(bytes, FROM TO, 16);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + 16 + 5 * i, "\x01\x03" "a.b", 5);
    int result = leaf_order_read(&names, (struct str){bytes, len});
    free(bytes);
    return result;
}

START_TEST(too_many_names_are_no_order)
{
    ck_assert_int_eq(read_names(LEAF_NAMES_MAX), 0);
    ck_assert_int_eq(read_names(LEAF_NAMES_MAX + 1), -1);
    ck_assert_int_eq(read_names(LEAF_ORDER_MAX / 5), -1);
}
END_TEST

START_TEST(without_memory)
{
    struct leaf_order *o;
    mem_fail_at(1, 1);
    o = leaf_order_of_page(STR_LIT("a.example"), STR_LIT(""), NOW);
    mem_fail_at(0, 0);
    ck_assert_ptr_null(o);
    mem_fail_at(2, 1); /* the block stays as large as it was */
    o = leaf_order_of_page(STR_LIT("a.example"), STR_LIT(""), NOW);
    mem_fail_at(0, 0);
    ck_assert_uint_eq(read_order(o).count, 1);
    leaf_order_free(o);
    leaf_order_free(NULL);
}
END_TEST

Suite *leaf_order_suite(void);
Suite *leaf_order_suite(void)
{
    Suite *s = suite_create("leaf_order");
    TCase *t = tcase_create("all");
    tcase_add_test(t, names_of_an_origin);
    tcase_add_test(t, many_names_are_cut);
    tcase_add_test(t, names_of_a_page);
    tcase_add_test(t, dates_of_an_origin);
    tcase_add_test(t, what_is_an_order);
    tcase_add_test(t, too_many_names_are_no_order);
    tcase_add_test(t, without_memory);
    suite_add_tcase(s, t);
    return s;
}
