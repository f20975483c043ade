/* SPDX-License-Identifier: MIT */
/* test_dns_channel.c - how the way to the resolvers is set up (dns_channel.h). */
#include <check.h>
#include <string.h>

#include "proxy/net/dns.h"
#include "tests/unit/net/dns_suites.h"
#include "util/mem.h"

START_TEST(servers_are_read_strictly)
{
    static const char *const wrong[] = {
        "",
        "localhost:53",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1,",
        ",127.0.0.1",
        "127.0.0.1:53 1",
        "[::1",
        "[::1]53",
        "[::1]:",
        "127.0.0.1:+53",
        "127.1",
        "127.0.0.1;::1",
        "[::1]:99999",
        "::1,::1,::1,::1,::1,::1,::1,::1,::1",
    };
    static const char *const right[] = {"127.0.0.1", "::1", "[::1]", "[::1]:5353",
                                        " 127.0.0.1:5353 , [::1]:53 "};
    struct event_base *base = event_base_new();

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct dns_settings settings = {wrong[i], 1000, 0};
        struct err e = {.line = 0};
        struct dns *d = dns_new(base, &settings, &e);
        ck_assert_msg(d == NULL, "'%s' was taken", wrong[i]);
        ck_assert_uint_gt(strlen(e.text), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        struct dns_settings settings = {right[i], 1000, 0};
        struct err e = {.line = 0};
        struct dns *d = dns_new(base, &settings, &e);
        ck_assert_msg(d != NULL, "'%s': %s", right[i], e.text);
        dns_free(d);
    }
    event_base_free(base);
}
END_TEST

START_TEST(starting_without_memory_fails)
{
    struct event_base *base = event_base_new();
    struct dns_settings settings = {"127.0.0.1:53", 1000, 16};
    unsigned long nth = 0;
    struct dns *d;

    do {
        struct err e = {.line = 0};
        (void)mem_fail_at(++nth, 0);
        d = dns_new(base, &settings, &e);
        (void)mem_fail_at(0, 0);
        ck_assert(d != NULL || e.text[0] != '\0');
    } while (d == NULL);
    ck_assert_uint_ge(nth, 4); /* dns, buckets and channel were refused */
    dns_free(d);
    event_base_free(base);
}
END_TEST

Suite *dns_channel_suite(void)
{
    Suite *suite = suite_create("dns_channel");
    TCase *setup = tcase_create("setup");

    tcase_add_test(setup, servers_are_read_strictly);
    tcase_add_test(setup, starting_without_memory_fails);
    suite_add_tcase(suite, setup);
    return suite;
}
