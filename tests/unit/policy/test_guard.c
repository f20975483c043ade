/* SPDX-License-Identifier: MIT */
/* test_guard.c - guard.tsv: every special range, its edges, its IPv6 disguises; then
 * exceptions and own listeners. */
#include "tests/unit/policy/suites.h"

#include <string.h>

#include "policy/guard.h"
#include "tests/unit/policy/data.h"

static struct endpoint parse(struct str text, uint16_t port)
{
    struct endpoint e = {.port = port};
    ck_assert_msg(addr_parse(&e.addr, text) == 0, "'%.*s'", STR_ARG(text));
    return e;
}

static enum guard_verdict judge(const struct guard *g, const char *text, uint16_t port)
{
    struct endpoint e = parse(str_of(text), port);
    return guard_judge(g, &e, NULL);
}

static void allow(struct guard *g, const char *prefix)
{
    struct addr a;
    unsigned bits;
    ck_assert_int_eq(addr_parse_prefix(&a, &bits, str_of(prefix)), 0);
    guard_allow(g, &a, bits);
}

START_TEST(ranges)
{
    struct data d;
    size_t rows = 0;
    struct guard *closed = guard_new(true);
    struct guard *open = guard_new(false);
    for (data_open(&d, "guard.tsv", 4); data_next_row(&d); rows++) {
        const char *class = "left over";
        bool is_forbidden = str_eq(d.fields[1], STR_LIT("forbidden"));
        struct endpoint e = parse(d.fields[0], 443);
        enum guard_verdict verdict = guard_judge(closed, &e, &class);
        ck_assert_msg(verdict == (is_forbidden ? GUARD_FORBIDDEN : GUARD_OK), "%s (%.*s): %s",
                      data_where(&d), STR_ARG(d.fields[0]), class ? class : "passes");
        ck_assert_msg(str_eq(str_of(class), d.fields[2]), "%s (%.*s): class %s", data_where(&d),
                      STR_ARG(d.fields[0]), class ? class : "none");
        ck_assert_int_eq(guard_judge(open, &e, &class), GUARD_OK);
        ck_assert_ptr_null(class);
    }
    data_close(&d);
    ck_assert_uint_ge(rows, 350);
    guard_free(closed);
    guard_free(open);
}
END_TEST

START_TEST(exceptions_lift_what_they_name)
{
    struct guard *g = guard_new(true);
    allow(g, "10.8.0.0/16");
    allow(g, "fd00:1::/32");
    allow(g, "127.0.0.1");
    ck_assert_int_eq(judge(g, "10.8.0.0", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "10.8.255.255", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "::ffff:10.8.0.1", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "10.7.255.255", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "10.9.0.0", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "64:ff9b::10.8.0.1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "2002:a08:1::1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "::10.8.0.1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "fd00:1::1", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "fd00:2::1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "127.0.0.1", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "127.0.0.2", 443), GUARD_FORBIDDEN);
    guard_free(g);
}
END_TEST

START_TEST(every_ipv6_address_is_no_ipv4_address)
{
    struct guard *g = guard_new(true);
    allow(g, "::/0");
    ck_assert_int_eq(judge(g, "10.0.0.1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "::ffff:10.0.0.1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(g, "fd00::1", 443), GUARD_OK);
    ck_assert_int_eq(judge(g, "64:ff9b::10.0.0.1", 443), GUARD_OK);
    allow(g, "0.0.0.0/0");
    ck_assert_int_eq(judge(g, "10.0.0.1", 443), GUARD_OK);
    guard_free(g);
}
END_TEST

/* An own listener is refused under every exception and without deny_private. */
static struct guard *guard_with(const char *proxy, const char *admin)
{
    struct endpoint listener = parse(str_of(proxy), 3128);
    struct endpoint other = parse(str_of(admin), 3129);
    struct addr own[2] = {parse(STR_LIT("192.0.2.10"), 0).addr,
                          parse(STR_LIT("2001:db8::10"), 0).addr};
    struct guard *g = guard_new(false);
    allow(g, "0.0.0.0/0");
    allow(g, "::/0");
    guard_add_listener(g, &listener, true);
    guard_add_listener(g, &other, false);
    guard_add_own_address(g, &own[0]);
    guard_add_own_address(g, &own[1]);
    return g;
}

static const struct {
    const char *listener, *dialled;
    bool is_own;
} LISTENERS[] = {
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "::ffff:127.0.0.1", true},
    {"127.0.0.1", "0.0.0.0", true},
    {"127.0.0.1", "::", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"127.0.0.1", "192.0.2.10", false},
    {"127.0.0.1", "64:ff9b::7f00:1", true},
    {"127.0.0.1", "::127.0.0.1", true},
    {"0.0.0.0", "127.0.0.1", true},
    {"0.0.0.0", "127.9.9.9", true},
    {"0.0.0.0", "192.0.2.10", true},
    {"0.0.0.0", "192.0.2.11", false},
    {"0.0.0.0", "2002:c000:20a::1", true},
    {"0.0.0.0", "64:ff9b::192.0.2.10", true},
    {"0.0.0.0", "64:ff9b::192.0.2.11", false},
    {"::", "2001:db8::10", true},
    {"::", "2001:db8::11", false},
    {"::", "192.0.2.10", true},
    {"::", "::1", true},
    {"::", "0.0.0.0", true},
    {"192.0.2.10", "192.0.2.10", true},
    {"192.0.2.10", "127.0.0.1", false},
    {"192.0.2.10", "0.0.0.0", false},
    {"::1", "::1", true},
    {"::1", "::", true},
    {"::1", "2001:db8::10", false},
};

START_TEST(own_listeners)
{
    const char *class = NULL;
    const char *dialled = LISTENERS[_i].dialled;
    struct guard *g = guard_with(LISTENERS[_i].listener, LISTENERS[_i].listener);
    ck_assert_int_eq(judge(g, dialled, 3128), LISTENERS[_i].is_own ? GUARD_SELF : GUARD_OK);
    ck_assert_int_eq(judge(g, dialled, 3129), LISTENERS[_i].is_own ? GUARD_FORBIDDEN : GUARD_OK);
    ck_assert_int_eq(judge(g, dialled, 3130), GUARD_OK);
    struct endpoint e = parse(str_of(dialled), 3129);
    (void)!guard_judge(g, &e, &class);
    if (LISTENERS[_i].is_own)
        ck_assert_str_eq(class, "an own listener");
    else
        ck_assert_ptr_null(class);
    guard_free(g);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    guard_free(NULL);
}
END_TEST

Suite *guard_suite(void)
{
    Suite *s = suite_create("guard");
    TCase *t = tcase_create("guard");
    tcase_add_test(t, ranges);
    tcase_add_test(t, exceptions_lift_what_they_name);
    tcase_add_test(t, every_ipv6_address_is_no_ipv4_address);
    tcase_add_loop_test(t, own_listeners, 0, (int)ARRAY_LEN(LISTENERS));
    tcase_add_test(t, freeing_nothing_is_fine);
    suite_add_tcase(s, t);
    return s;
}
