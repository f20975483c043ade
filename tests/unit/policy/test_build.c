/* SPDX-License-Identifier: MIT */
/* test_build.c - the builder: files of patterns, names that are taken, limits, places. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_build.h"
#include "tests/unit/policy/sets.h"
#include "util/mem.h"

static struct policy_builder *builder_with_set(void)
{
    struct err e;
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, "set", NULL, &e), 0);
    return b;
}

static void add_rule_for_set(struct policy_builder *b)
{
    int set = 0;
    struct err e;
    struct policy_rule_spec rule = {
        .name = "r", .action = POLICY_ALLOW, .to = &set, .to_count = 1, .at = {"rules", 1}};
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
}

/* The pattern that decides for host, and its line; "" where none does. */
static unsigned decide(const struct policy *p, const char *host, char out[256])
{
    struct host h;
    struct policy_verdict v;
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_null(host_parse(&h, str_of(host)));
    struct policy_query q = {.host = &h, .port = 443, .scheme = POLICY_CONNECT};
    policy_eval(p, &q, s, &v);
    snprintf(out, 256, "%.*s", STR_ARG(v.pattern));
    if (v.pattern.len != 0)
        ck_assert_str_eq(v.pattern_at.file, "list.txt");
    policy_scratch_free(s);
    return v.pattern_at.line;
}

START_TEST(lines_of_every_kind)
{
    static const char text[] = "\xef\xbb\xbf# a list\n"
                               "plain.test\r\n"
                               "*.suffix.test   # with a comment\n"
                               "\n"
                               "   \t \r\n"
                               "\tindented.test \n"
                               "UPPER.test.\n"
                               "glob*.test\n"
                               "https://url.test\n"
                               "10.0.0.0/8\n"
                               "2001:db8::/32\n"
                               "192.0.2.7\n"
                               "  # indented comment\n"
                               "last.test";
    static const struct {
        const char *host, *pattern;
        unsigned line;
    } wanted[] = {
        {"plain.test", "plain.test", 2},
        {"a.suffix.test", "*.suffix.test", 3},
        {"indented.test", "indented.test", 6},
        {"upper.test", "UPPER.test.", 7},
        {"globe.test", "glob*.test", 8},
        {"url.test", "https://url.test", 9},
        {"10.1.1.1", "10.0.0.0/8", 10},
        {"[2001:db8::1]", "2001:db8::/32", 11},
        {"192.0.2.7", "192.0.2.7", 12},
        {"last.test", "last.test", 14},
        {"other.test", "", 0},
    };
    char pattern[256];
    struct errlist errors;
    struct policy_builder *b = builder_with_set();
    errlist_init(&errors);
    policy_add_lines(b, 0, (struct str){text, sizeof(text) - 1}, "list.txt", &errors);
    ck_assert_uint_eq(errors.count, 0);
    add_rule_for_set(b);
    struct policy *p = policy_builder_finish(b);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_uint_eq(decide(p, wanted[i].host, pattern), wanted[i].line);
        ck_assert_str_eq(pattern, wanted[i].pattern);
    }
    policy_free(p);
    errlist_fini(&errors);
}
END_TEST

START_TEST(every_faulty_line_is_reported_and_the_others_are_taken)
{
    static const char text[] = "good.test\nbad..test\n0.0.0.0 ads.test\nfoo?.test\n"
                               "10.0.0.1/8\nhttp://\n||ads.test^\n*.good.test\nx#y.test\n";
    static const unsigned lines[] = {2, 3, 4, 5, 6, 7, 9};
    struct errlist errors;
    struct policy_stats stats;
    struct policy_builder *b = builder_with_set();
    errlist_init(&errors);
    policy_add_lines(b, 0, (struct str){text, sizeof(text) - 1}, "list.txt", &errors);
    ck_assert_uint_eq(errors.count, ARRAY_LEN(lines));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        ck_assert_uint_eq(errors.items[i].line, lines[i]);
        ck_assert_str_eq(errors.items[i].file, "list.txt");
    }
    struct policy *p = policy_builder_finish(b);
    policy_stats(p, &stats);
    ck_assert_uint_eq(stats.domains, 2);
    policy_free(p);
    errlist_fini(&errors);
}
END_TEST

/* Lower-case ASCII goes a short way; it must take what the long way takes. */
START_TEST(the_short_way_of_lines_is_the_long_way)
{
    static const char *const names[] = {
        "a",      "a.b", "a-b_c.test", "1.test", "*.a.test", "xn--bcher-kva.test",
        "-",      "_",   "*.-.test",   "a.1",    "a.0x1",    "1.2.3.4",
        "0x7f.1", "1",   "a.",         ".a",     "a..b",     "*.",
        "*..a",   "*.1", "*.a.1",      "A.test", "a.b c",    "*",
        "*a",     "a.*"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct errlist errors;
        struct policy_stats by_line;
        struct policy_stats by_call;
        struct policy_builder *b = builder_with_set();
        errlist_init(&errors);
        policy_add_lines(b, 0, str_of(names[i]), "list.txt", &errors);
        struct policy *p = policy_builder_finish(b);
        policy_stats(p, &by_line);
        policy_free(p);
        b = builder_with_set();
        int rc = policy_add_domain(b, 0, str_of(names[i]), NULL, NULL);
        p = policy_builder_finish(b);
        policy_stats(p, &by_call);
        policy_free(p);
        ck_assert_msg((rc != 0) == (errors.count != 0), "'%s'", names[i]);
        ck_assert_msg(by_line.domains == by_call.domains && by_line.globs == by_call.globs &&
                          by_line.prefixes == by_call.prefixes,
                      "'%s'", names[i]);
        errlist_fini(&errors);
    }
}
END_TEST

START_TEST(labels_and_names_of_lines_have_their_lengths)
{
    char text[400];
    struct errlist errors;
    struct policy_builder *b = builder_with_set();
    errlist_init(&errors);
    for (size_t len = 62; len <= 64; len++) {
        memset(text, 'a', sizeof(text));
        memcpy(text + len, ".test\n", 6);
        policy_add_lines(b, 0, (struct str){text, len + 6}, "list.txt", &errors);
        memcpy(text, "x.", 2);
        memset(text + 2, 'a', len);
        policy_add_lines(b, 0, (struct str){text, len + 2}, "list.txt", &errors);
        ck_assert_uint_eq(errors.count, len == 64 ? 2 : 0);
    }
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    policy_add_lines(b, 0, (struct str){text, 253}, "list.txt", &errors);
    ck_assert_uint_eq(errors.count, 2);
    policy_add_lines(b, 0, (struct str){text, 254}, "list.txt", &errors);
    ck_assert_uint_eq(errors.count, 3);
    policy_builder_free(b);
    errlist_fini(&errors);
}
END_TEST

START_TEST(names_are_taken_once)
{
    struct err e;
    struct place first = {"a.conf", 3};
    struct place second = {"b.conf", 4};
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, "one", &first, &e), 0);
    ck_assert_int_eq(policy_add_destination(b, "two", NULL, &e), 1);
    ck_assert_int_eq(policy_add_destination(b, "one", &second, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.text, "a.conf:3"));
    ck_assert_str_eq(e.file, "b.conf");
    ck_assert_int_eq(policy_add_destination(b, "two", &second, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.text, "twice"));
    ck_assert_int_eq(policy_add_source(b, "one", &first, &e), 0);
    ck_assert_int_eq(policy_add_source(b, "one", &second, &e), -1);
    ck_assert_int_eq(policy_find_destination(b, STR_LIT("two")), 1);
    ck_assert_int_eq(policy_find_destination(b, STR_LIT("tw")), -1);
    ck_assert_int_eq(policy_find_source(b, STR_LIT("one")), 0);
    ck_assert_int_eq(policy_find_source(b, STR_LIT("two")), -1);
    struct policy_rule_spec rule = {.name = "r", .at = first};
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), -1);
    policy_builder_free(b);
}
END_TEST

START_TEST(sets_and_rules_have_limits)
{
    char name[32];
    struct err e;
    struct policy_builder *b = policy_builder_new();
    for (int i = 0; i < POLICY_MAX_SETS; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        ck_assert_int_eq(policy_add_destination(b, name, NULL, &e), i);
        ck_assert_int_eq(policy_add_source(b, name, NULL, &e), i);
        struct policy_rule_spec rule = {.name = name};
        ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    }
    ck_assert_int_eq(policy_add_destination(b, "more", NULL, &e), -1);
    ck_assert_int_eq(policy_add_source(b, "more", NULL, &e), -1);
    struct policy_rule_spec rule = {.name = "more"};
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), -1);
    policy_free(policy_builder_finish(b));
}
END_TEST

START_TEST(port_ranges_that_hold_nothing_are_faults)
{
    static const uint16_t ranges[][1][2] = {{{0, 0}}, {{0, 80}}, {{81, 80}}};
    struct err e;
    struct policy_builder *b = policy_builder_new();
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        struct policy_rule_spec rule = {.name = "r", .ports = ranges[i], .ports_count = 1};
        ck_assert_int_eq(policy_add_rule(b, &rule, &e), -1);
    }
    static const uint16_t all[][2] = {{1, 65535}};
    struct policy_rule_spec rule = {.name = "r", .ports = all, .ports_count = 1};
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    policy_builder_free(b);
}
END_TEST

/* Whatever the caller gave may be gone or changed when the policy is asked. */
START_TEST(everything_is_copied)
{
    char file[] = "list.txt";
    char text[] = "*.copied.test";
    char name[] = "name";
    char out[256];
    int to[] = {0};
    struct err e;
    struct place at = {file, 5};
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, name, &at, &e), 0);
    ck_assert_int_eq(policy_add_domain(b, 0, str_of(text), &at, &e), 0);
    struct policy_rule_spec rule = {
        .name = name, .at = at, .action = POLICY_ALLOW, .to = to, .to_count = 1};
    ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    memset(file, 'x', sizeof(file) - 1);
    memset(text, 'x', sizeof(text) - 1);
    memset(name, 'x', sizeof(name) - 1);
    to[0] = 77;
    struct policy *p = policy_builder_finish(b);
    ck_assert_uint_eq(decide(p, "a.copied.test", out), 5);
    ck_assert_str_eq(out, "*.copied.test");
    policy_free(p);
}
END_TEST

START_TEST(statistics_count_and_weigh)
{
    struct policy_stats stats;
    struct policy *p = sets_load("hand.sets");
    policy_stats(p, &stats);
    ck_assert_uint_eq(stats.domains, 13);
    ck_assert_uint_eq(stats.globs, 11);
    ck_assert_uint_eq(stats.regexes, 3);
    ck_assert_uint_eq(stats.urls, 9);
    ck_assert_uint_eq(stats.prefixes, 12);
    ck_assert_uint_eq(stats.rules, 11);
    ck_assert_uint_gt(stats.bytes, 2000);
    policy_free(p);
}
END_TEST

/* A million lines: at most 80 bytes a domain. */
START_TEST(a_long_list_is_small)
{
    enum { COUNT = 200000 };
    struct policy_stats stats;
    struct errlist errors;
    size_t len = 0;
    char *text = malloc(COUNT * 40);
    ck_assert_ptr_nonnull(text);
    for (unsigned i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, 40, "%shost-%u.example-%u.com\n", i % 2 ? "*." : "", i,
                                i % 1000);
    struct policy_builder *b = builder_with_set();
    errlist_init(&errors);
    policy_add_lines(b, 0, (struct str){text, len}, "list.txt", &errors);
    free(text);
    ck_assert_uint_eq(errors.count, 0);
    struct policy *p = policy_builder_finish(b);
    policy_stats(p, &stats);
    ck_assert_uint_eq(stats.domains, COUNT);
    ck_assert_uint_le(stats.bytes / COUNT, 80);
    policy_free(p);
    errlist_fini(&errors);
}
END_TEST

Suite *build_suite(void)
{
    Suite *s = suite_create("policy_build");
    TCase *t = tcase_create("policy_build");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, lines_of_every_kind);
    tcase_add_test(t, every_faulty_line_is_reported_and_the_others_are_taken);
    tcase_add_test(t, the_short_way_of_lines_is_the_long_way);
    tcase_add_test(t, labels_and_names_of_lines_have_their_lengths);
    tcase_add_test(t, names_are_taken_once);
    tcase_add_test(t, sets_and_rules_have_limits);
    tcase_add_test(t, port_ranges_that_hold_nothing_are_faults);
    tcase_add_test(t, everything_is_copied);
    tcase_add_test(t, statistics_count_and_weigh);
    tcase_add_test(t, a_long_list_is_small);
    suite_add_tcase(s, t);
    return s;
}
