/* SPDX-License-Identifier: MIT */
/* test_pattern.c - kinds of patterns, and faults.tsv: what is refused, in which words. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/policy_build.h"
#include "tests/unit/policy/data.h"

/* What each pattern is, by the rules for patterns in the manual. */
static const struct {
    const char *text;
    enum pattern_kind kind;
    const char *key;
} KINDS[] = {
    {"webex.com", PATTERN_EXACT, "webex.com"},
    {"WEBEX.Com.", PATTERN_EXACT, "webex.com"},
    {"b\xc3\xbc"
     "cher.example",
     PATTERN_EXACT, "xn--bcher-kva.example"},
    {"*.webex.com", PATTERN_SUFFIX, "webex.com"},
    {"*.WEBEX.com.", PATTERN_SUFFIX, "webex.com"},
    {"*.b\xc3\xbc"
     "cher.example",
     PATTERN_SUFFIX, "xn--bcher-kva.example"},
    {"*", PATTERN_GLOB, "*"},
    {"**", PATTERN_GLOB, "*"},
    {"*mcs*.webex.com", PATTERN_GLOB, "*mcs*.webex.com"},
    {"*S3.amazonaws.com", PATTERN_GLOB, "*s3.amazonaws.com"},
    {"a*b", PATTERN_GLOB, ".a*b"},
    {"a***b.c.", PATTERN_GLOB, ".a*b.c"},
    {"*.a*.b", PATTERN_GLOB, "*.a*.b"},
    {"webex.*", PATTERN_GLOB, ".webex.*"},
    {"*.*", PATTERN_GLOB, "*.*"},
    {"x*.b\xc3\xbc"
     "cher.example",
     PATTERN_GLOB, ".x*.xn--bcher-kva.example"},
    {"10.*", PATTERN_GLOB, ".10.*"},
};

START_TEST(kinds)
{
    struct pattern p;
    const char *fault = pattern_parse_domain(&p, str_of(KINDS[_i].text));
    ck_assert_msg(fault == NULL, "'%s' %s", KINDS[_i].text, fault);
    ck_assert_int_eq(p.kind, KINDS[_i].kind);
    ck_assert_str_eq(p.key, KINDS[_i].key);
    ck_assert_uint_eq(p.key_len, strlen(KINDS[_i].key));
    ck_assert(!p.is_url);
}
END_TEST

/* Literals among the domains: 128 bits of the mapped form. */
START_TEST(literals_are_prefixes)
{
    static const char *const texts[] = {"10.1.2.3", "0x0a.1.2.3", "[::ffff:10.1.2.3]", "10.66051."};
    struct addr wanted;
    struct pattern p;
    ck_assert_int_eq(addr_parse(&wanted, STR_LIT("10.1.2.3")), 0);
    ck_assert_ptr_null(pattern_parse_domain(&p, str_of(texts[_i])));
    ck_assert_int_eq(p.kind, PATTERN_PREFIX);
    ck_assert_uint_eq(p.bits, 128);
    ck_assert(addr_eq(&p.addr, &wanted));
}
END_TEST

static const struct {
    const char *text;
    enum pattern_scheme scheme;
    uint16_t port;
    const char *key, *path;
} URLS[] = {
    {"http://a.example", PATTERN_HTTP, 80, "a.example", ""},
    {"HTTP://A.example/", PATTERN_HTTP, 80, "a.example", "/"},
    {"https://a.example/x", PATTERN_HTTPS, 443, "a.example", "/x"},
    {"https://a.example:8443/X", PATTERN_HTTPS, 8443, "a.example", "/X"},
    {"http://a.example.:65535", PATTERN_HTTP, 65535, "a.example", ""},
    {"http://*.a.example/x*", PATTERN_HTTP, 80, "a.example", "/x*"},
    {"http://*a*:81/", PATTERN_HTTP, 81, "*a*", "/"},
};

START_TEST(urls)
{
    struct pattern p;
    const char *fault = pattern_parse_url(&p, str_of(URLS[_i].text));
    ck_assert_msg(fault == NULL, "'%s' %s", URLS[_i].text, fault);
    ck_assert(p.is_url);
    ck_assert_int_eq(p.scheme, URLS[_i].scheme);
    ck_assert_uint_eq(p.port, URLS[_i].port);
    ck_assert_str_eq(p.key, URLS[_i].key);
    ck_assert(str_eq(p.path, str_of(URLS[_i].path)));
}
END_TEST

START_TEST(a_path_behind_a_domain_is_a_url_of_any_scheme_and_port)
{
    struct pattern p;
    ck_assert_ptr_null(pattern_parse_domain(&p, STR_LIT("*.a.example/b/*")));
    ck_assert_int_eq(p.kind, PATTERN_SUFFIX);
    ck_assert(p.is_url);
    ck_assert_int_eq(p.scheme, PATTERN_ANY_SCHEME);
    ck_assert_uint_eq(p.port, 0);
    ck_assert(str_eq(p.path, STR_LIT("/b/*")));
}
END_TEST

static const struct {
    const char *text;
    unsigned bits;
} PREFIXES[] = {{"10.0.0.0/8", 104},  {"0.0.0.0/0", 96},           {"10.1.2.3", 128},
                {"::/0", 0},          {"2001:db8::/32", 32},       {"::1", 128},
                {"10.1.2.3/32", 128}, {"::ffff:10.0.0.0/104", 104}};

START_TEST(prefixes)
{
    struct pattern p;
    ck_assert_ptr_null(pattern_parse_prefix(&p, str_of(PREFIXES[_i].text)));
    ck_assert_int_eq(p.kind, PATTERN_PREFIX);
    ck_assert_uint_eq(p.bits, PREFIXES[_i].bits);
}
END_TEST

/* Lengths: a name may have 253 characters, a label 63, a glob as many as names have. */
START_TEST(lengths)
{
    struct pattern p;
    char text[2 * PATTERN_MAX];
    memset(text, 'a', sizeof(text));
    ck_assert_ptr_null(pattern_parse_domain(&p, (struct str){text, 63}));
    ck_assert_ptr_nonnull(pattern_parse_domain(&p, (struct str){text, 64}));
    ck_assert_ptr_nonnull(pattern_parse_domain(&p, (struct str){text, PATTERN_MAX}));
    ck_assert_ptr_nonnull(pattern_parse_domain(&p, (struct str){text, PATTERN_MAX + 1}));
    text[0] = '*';
    ck_assert_ptr_null(pattern_parse_domain(&p, (struct str){text, 64}));
    ck_assert_ptr_nonnull(pattern_parse_domain(&p, (struct str){text, 65}));
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? '*' : 'a';
    ck_assert_ptr_null(pattern_parse_domain(&p, (struct str){text, 124}));
    for (size_t i = 60; i < sizeof(text); i += 60)
        text[i] = '.';
    ck_assert_ptr_null(pattern_parse_domain(&p, (struct str){text, 500}));
    ck_assert_ptr_nonnull(pattern_parse_domain(&p, (struct str){text, 600}));
    memcpy(text, "a.example/", 10);
    memset(text + 10, 'x', sizeof(text) - 10);
    ck_assert_ptr_null(pattern_parse_domain(&p, (struct str){text, PATTERN_MAX}));
    ck_assert_uint_eq(p.path.len, PATTERN_MAX - 9);
}
END_TEST

static int add(struct policy_builder *b, struct str kind, struct str pattern, struct err *e)
{
    static const struct place at = {"faults", 7};
    if (str_eq(kind, STR_LIT("domain")))
        return policy_add_domain(b, 0, pattern, &at, e);
    if (str_eq(kind, STR_LIT("url")))
        return policy_add_url(b, 0, pattern, &at, e);
    if (str_eq(kind, STR_LIT("prefix")))
        return policy_add_prefix(b, 0, pattern, &at, e);
    ck_assert(str_eq(kind, STR_LIT("regex")));
    return policy_add_regex(b, 0, pattern, &at, e);
}

/* Each fault has its words and its place, and leaves nothing behind. */
START_TEST(faults)
{
    struct data d;
    struct err e;
    size_t rows = 0;
    struct policy_stats stats;
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, "set", NULL, &e), 0);
    for (data_open(&d, "faults.tsv", 4); data_next_row(&d); rows++) {
        ck_assert_msg(add(b, d.fields[0], d.fields[1], &e) == -1, "%s: taken", data_where(&d));
        ck_assert_msg(memmem(e.text, strlen(e.text), d.fields[2].ptr, d.fields[2].len) != NULL,
                      "%s: says \"%s\"", data_where(&d), e.text);
        ck_assert_str_eq(e.file, "faults");
        ck_assert_uint_eq(e.line, 7);
    }
    data_close(&d);
    ck_assert_uint_ge(rows, 75);
    struct policy *p = policy_builder_finish(b);
    policy_stats(p, &stats);
    ck_assert_uint_eq(stats.domains + stats.globs + stats.regexes + stats.urls + stats.prefixes, 0);
    policy_free(p);
}
END_TEST

/* A message is no way to a terminal, and no longer than a line. */
START_TEST(messages_are_clean_and_short)
{
    struct err e;
    char text[1000];
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, "set", NULL, &e), 0);
    ck_assert_int_eq(policy_add_domain(b, 0, STR_LIT("a\x1b[31m\nb"), NULL, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.text, "'a?[31m?b'"));
    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(policy_add_domain(b, 0, (struct str){text, sizeof(text)}, NULL, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.text, "xxx...'"));
    ck_assert_uint_lt(strlen(e.text), 200);
    policy_builder_free(b);
}
END_TEST

Suite *pattern_suite(void)
{
    Suite *s = suite_create("pattern");
    TCase *t = tcase_create("pattern");
    tcase_add_loop_test(t, kinds, 0, (int)ARRAY_LEN(KINDS));
    tcase_add_loop_test(t, literals_are_prefixes, 0, 4);
    tcase_add_loop_test(t, urls, 0, (int)ARRAY_LEN(URLS));
    tcase_add_test(t, a_path_behind_a_domain_is_a_url_of_any_scheme_and_port);
    tcase_add_loop_test(t, prefixes, 0, (int)ARRAY_LEN(PREFIXES));
    tcase_add_test(t, lengths);
    tcase_add_test(t, faults);
    tcase_add_test(t, messages_are_clean_and_short);
    suite_add_tcase(s, t);
    return s;
}
