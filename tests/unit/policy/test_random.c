/* SPDX-License-Identifier: MIT */
/* test_random.c - random patterns and hosts: the compiled policy against a matcher as
 * plain as the definition, and every warning of the lint against what is decided. */
#include "tests/unit/policy/suites.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_build.h"

#define SETS 6
#define MAX_PATTERNS 12
#define ROUNDS 400
#define HOSTS 150

/* The same each time, so that a failure can be looked at (xorshift64*). */
static uint64_t state = 88172645463325252;

static unsigned below(unsigned limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

/* Few letters, so that patterns and hosts meet often. */
static size_t put_label(char *out, bool stars)
{
    size_t len = 1 + below(3);
    for (size_t i = 0; i < len; i++) {
        bool may_be_star = stars && below(3) == 0 && (i == 0 || out[i - 1] != '*');
        out[i] = "ab*"[below(may_be_star ? 3 : 2)];
    }
    return len;
}

static void make_name(char *out, bool stars)
{
    size_t len = 0;
    for (unsigned labels = 1 + below(4); labels > 0; labels--) {
        len += put_label(out + len, stars);
        out[len++] = '.';
    }
    snprintf(out + len, 3, "%s", below(2) ? "x" : "yy");
}

static void make_address(char *out, size_t size)
{
    if (below(3) != 0)
        snprintf(out, size, "10.%u.%u.%u", below(2), below(3), below(4) * 85);
    else
        snprintf(out, size, "2001:db8:%x::%x", below(3), below(3));
}

static void make_prefix(char *out, size_t size)
{
    static const char *const some[] = {
        "10.0.0.0/8",      "10.0.0.0/16",       "10.1.0.0/16",  "10.1.2.0/24",
        "10.0.0.0/31",     "0.0.0.0/0",         "::/0",         "2001:db8::/32",
        "2001:db8:1::/48", "2001:db8:2::2/128", "10.1.1.128/25"};
    if (below(3) == 0)
        make_address(out, size);
    else
        snprintf(out, size, "%s", some[below((unsigned)ARRAY_LEN(some))]);
}

/* By the definition; the texts are short. */
static bool matches_glob(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return matches_glob(pattern + 1, text) ||
               (*text != '\0' && matches_glob(pattern, text + 1));
    return *pattern == *text && matches_glob(pattern + 1, text + 1);
}

static bool matches_prefix(const char *pattern, const char *host)
{
    unsigned char want[16];
    unsigned char have[16];
    char copy[64];
    int family = strchr(host, ':') ? AF_INET6 : AF_INET;
    snprintf(copy, sizeof(copy), "%s", pattern);
    char *slash = strchr(copy, '/');
    unsigned bits = family == AF_INET6 ? 128 : 32;
    if (slash != NULL) {
        bits = (unsigned)strtoul(slash + 1, NULL, 10);
        *slash = '\0';
    }
    if (inet_pton(family, copy, want) != 1 || inet_pton(family, host, have) != 1)
        return false;
    for (unsigned i = 0; i < bits; i++)
        if ((want[i / 8] ^ have[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

struct pattern_text {
    bool is_prefix;
    char text[64];
};

struct model {
    struct pattern_text patterns[SETS][MAX_PATTERNS];
    size_t counts[SETS];
    bool denies[SETS];
};

static bool matches(const struct pattern_text *p, const char *host, bool is_address)
{
    if (p->is_prefix)
        return is_address && matches_prefix(p->text, host);
    bool has_parent = strncmp(p->text, "*.", 2) == 0;
    return matches_glob(p->text, host) || (has_parent && matches_glob(p->text + 2, host));
}

/* The first set that matches, or -1. */
static int first_match(const struct model *m, const char *host, bool is_address)
{
    for (int set = 0; set < SETS; set++)
        for (size_t i = 0; i < m->counts[set]; i++)
            if (matches(&m->patterns[set][i], host, is_address))
                return set;
    return -1;
}

static void fill_pattern(struct pattern_text *p)
{
    p->is_prefix = below(4) == 0;
    if (p->is_prefix) {
        make_prefix(p->text, sizeof(p->text));
        return;
    }
    size_t skip = below(3) == 0 ? 2 : 0;
    memcpy(p->text, "*.", 2);
    make_name(p->text + skip, below(3) == 0);
}

static struct policy *compile(struct model *m)
{
    struct err e;
    struct policy_builder *b = policy_builder_new();
    for (int set = 0; set < SETS; set++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", set);
        ck_assert_int_eq(policy_add_destination(b, name, NULL, &e), set);
        m->counts[set] = 1 + below(MAX_PATTERNS);
        m->denies[set] = below(2) == 0;
        for (size_t i = 0; i < m->counts[set]; i++) {
            struct pattern_text *p = &m->patterns[set][i];
            fill_pattern(p);
            int rc = p->is_prefix ? policy_add_prefix(b, set, str_of(p->text), NULL, &e)
                                  : policy_add_domain(b, set, str_of(p->text), NULL, &e);
            ck_assert_msg(rc == 0, "%s", e.text);
        }
        struct policy_rule_spec rule = {.name = name,
                                        .action = m->denies[set] ? POLICY_DENY : POLICY_ALLOW,
                                        .to = &set,
                                        .to_count = 1};
        ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    }
    return policy_builder_finish(b);
}

/* Is it one of the set's patterns, and does that match? */
static bool is_right_pattern(const struct model *m, const struct policy_verdict *v,
                             const char *host, bool is_address)
{
    for (size_t i = 0; i < m->counts[v->rule_index]; i++) {
        const struct pattern_text *p = &m->patterns[v->rule_index][i];
        if (str_eq(v->pattern, str_of(p->text)) && matches(p, host, is_address))
            return true;
    }
    return false;
}

static void check_host(const struct model *m, const struct policy *p, struct policy_scratch *s,
                       bool decided[SETS])
{
    struct host h;
    struct policy_verdict v;
    char text[64];
    bool is_address = below(4) == 0;
    if (is_address)
        make_address(text, sizeof(text));
    else
        make_name(text, false);
    ck_assert_ptr_null(host_parse(&h, str_of(text)));
    struct policy_query q = {.host = &h, .port = 443, .scheme = POLICY_CONNECT};
    policy_eval(p, &q, s, &v);
    ck_assert_msg(v.rule_index == first_match(m, h.name, is_address), "%s: %d, not %d", h.name,
                  v.rule_index, first_match(m, h.name, is_address));
    if (v.rule_index < 0)
        return;
    decided[v.rule_index] = true;
    ck_assert_msg(is_right_pattern(m, &v, h.name, is_address), "%s: '%.*s'", h.name,
                  STR_ARG(v.pattern));
}

START_TEST(decides_as_the_definition_does)
{
    size_t warnings = 0;
    size_t hits = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct model m;
        struct errlist lint;
        bool decided[SETS] = {false};
        struct policy *p = compile(&m);
        struct policy_scratch *s = policy_scratch_new(p);
        ck_assert_ptr_nonnull(s);
        for (int i = 0; i < HOSTS; i++)
            check_host(&m, p, s, decided);
        errlist_init(&lint);
        policy_lint(p, &lint);
        for (size_t i = 0; i < lint.count; i++) {
            int set = lint.items[i].text[strlen("rule '")] - '0';
            ck_assert_msg(!decided[set], "%s", lint.items[i].text);
        }
        warnings += lint.count;
        for (int set = 0; set < SETS; set++)
            hits += decided[set];
        errlist_fini(&lint);
        policy_scratch_free(s);
        policy_free(p);
    }
    /* Else the hosts and patterns did not meet and nothing was shown. */
    ck_assert_uint_gt(hits, ROUNDS);
    ck_assert_uint_gt(warnings, ROUNDS / 20);
}
END_TEST

Suite *random_suite(void)
{
    Suite *s = suite_create("random");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, decides_as_the_definition_does);
    suite_add_tcase(s, t);
    return s;
}
