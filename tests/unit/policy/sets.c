/* SPDX-License-Identifier: MIT */
/* sets.c - builds a policy from a text of one statement a line; see sets.h. */
#include "tests/unit/policy/sets.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/data.h"

#define MAX_LIST 16

/* The lists of a rule. */
struct lists {
    int from[MAX_LIST];
    int to[MAX_LIST];
    uint16_t ports[MAX_LIST][2];
    struct str methods[MAX_LIST];
};

void sets_init(struct sets *s, const char *file)
{
    *s = (struct sets){policy_builder_new(), file, -1, -1};
}

static uint16_t parse_port(struct str text)
{
    uint64_t port;
    ck_assert_msg(str_to_u64(text, UINT16_MAX, &port) == 0, "'%.*s' is no port", STR_ARG(text));
    return (uint16_t)port;
}

static size_t parse_ports(struct str list, uint16_t ports[MAX_LIST][2])
{
    size_t count = 0;
    while (list.ptr != NULL) {
        struct str last = str_cut(&list, ',');
        struct str first = str_cut(&last, '-');
        ck_assert_uint_lt(count, MAX_LIST);
        ports[count][0] = parse_port(first);
        ports[count++][1] = last.ptr ? parse_port(last) : parse_port(first);
    }
    return count;
}

typedef int (*find_fn)(const struct policy_builder *b, struct str name);

static size_t parse_sets(struct sets *s, struct str list, find_fn find, int numbers[MAX_LIST])
{
    size_t count = 0;
    while (list.ptr != NULL) {
        struct str name = str_cut(&list, ',');
        ck_assert_uint_lt(count, MAX_LIST);
        numbers[count] = find(s->builder, name);
        ck_assert_msg(numbers[count] >= 0, "there is no set '%.*s'", STR_ARG(name));
        count++;
    }
    return count;
}

static enum policy_tls parse_tls(struct str word)
{
    bool is_inspect = str_eq(word, STR_LIT("inspect"));
    ck_assert(is_inspect || str_eq(word, STR_LIT("tunnel")));
    return is_inspect ? POLICY_TLS_INSPECT : POLICY_TLS_TUNNEL;
}

static void add_option(struct sets *s, struct str option, struct policy_rule_spec *rule,
                       struct lists *lists)
{
    struct str key = str_cut(&option, '=');
    if (str_eq(key, STR_LIT("from"))) {
        rule->from = lists->from;
        rule->from_count = parse_sets(s, option, policy_find_source, lists->from);
    } else if (str_eq(key, STR_LIT("to"))) {
        rule->to = lists->to;
        rule->to_count = parse_sets(s, option, policy_find_destination, lists->to);
    } else if (str_eq(key, STR_LIT("ports"))) {
        rule->ports = (const uint16_t(*)[2])lists->ports;
        rule->ports_count = parse_ports(option, lists->ports);
    } else if (str_eq(key, STR_LIT("methods"))) {
        rule->methods = lists->methods;
        while (option.ptr != NULL && rule->methods_count < MAX_LIST)
            lists->methods[rule->methods_count++] = str_cut(&option, ',');
    } else if (str_eq(key, STR_LIT("auth"))) {
        rule->needs_user = true;
    } else if (str_eq(key, STR_LIT("tls"))) {
        rule->tls = parse_tls(option);
    } else {
        ck_abort_msg("a rule has no '%.*s'", STR_ARG(key));
    }
}

static int add_rule(struct sets *s, struct str rest, const struct place *at, struct err *e)
{
    char name[64];
    struct lists lists;
    struct policy_rule_spec rule = {.name = name, .at = *at};
    struct str given = str_cut(&rest, ' ');
    snprintf(name, sizeof(name), "%.*s", STR_ARG(given));
    struct str action = str_cut(&rest, ' ');
    bool is_allow = str_eq(action, STR_LIT("allow"));
    ck_assert(is_allow || str_eq(action, STR_LIT("deny")));
    rule.action = is_allow ? POLICY_ALLOW : POLICY_DENY;
    while (rest.ptr != NULL)
        add_option(s, str_cut(&rest, ' '), &rule, &lists);
    return policy_add_rule(s->builder, &rule, e);
}

static void set_default(struct sets *s, struct str rest)
{
    uint16_t ports[MAX_LIST][2];
    struct str scheme = str_cut(&rest, ' ');
    size_t count = parse_ports(rest, ports);
    enum policy_scheme which = POLICY_CONNECT;
    if (str_eq(scheme, STR_LIT("http")))
        which = POLICY_HTTP;
    else if (str_eq(scheme, STR_LIT("https")))
        which = POLICY_HTTPS;
    else
        ck_assert(str_eq(scheme, STR_LIT("connect")));
    policy_set_default_ports(s->builder, which, (const uint16_t(*)[2])ports, count);
}

static void set_inspection(struct sets *s, struct str rest)
{
    int never[MAX_LIST];
    int never_from[MAX_LIST];
    struct policy_inspection inspection = {.never = never, .never_from = never_from};
    inspection.fallback = parse_tls(str_cut(&rest, ' '));
    while (rest.ptr != NULL) {
        struct str list = str_cut(&rest, ' ');
        struct str key = str_cut(&list, '=');
        if (str_eq(key, STR_LIT("never"))) {
            inspection.never_count = parse_sets(s, list, policy_find_destination, never);
        } else {
            ck_assert(str_eq(key, STR_LIT("never_from")));
            inspection.never_from_count = parse_sets(s, list, policy_find_source, never_from);
        }
    }
    policy_set_inspection(s->builder, &inspection);
}

static int open_set(struct sets *s, bool is_source, struct str name, const struct place *at,
                    struct err *e)
{
    char text[64];
    snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
    int *number = is_source ? &s->source : &s->set;
    *number = is_source ? policy_add_source(s->builder, text, at, e)
                        : policy_add_destination(s->builder, text, at, e);
    return *number < 0 ? -1 : 0;
}

void sets_add(struct sets *s, struct str statement, unsigned line)
{
    struct place at = {s->file, line};
    struct err e = {.text = "no such statement"};
    struct str rest = statement;
    struct str word = str_cut(&rest, ' ');
    struct policy_builder *b = s->builder;
    int rc = -1;
    if (str_eq(word, STR_LIT("set")) || str_eq(word, STR_LIT("source"))) {
        rc = open_set(s, word.len == 6, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("domain"))) {
        rc = policy_add_domain(b, s->set, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("url"))) {
        rc = policy_add_url(b, s->set, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("prefix"))) {
        rc = policy_add_prefix(b, s->set, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("regex"))) {
        rc = policy_add_regex(b, s->set, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("client"))) {
        rc = policy_add_client_prefix(b, s->source, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("rule"))) {
        rc = add_rule(s, rest, &at, &e);
    } else if (str_eq(word, STR_LIT("product"))) {
        policy_set_product(b, s->source, rest);
        rc = 0;
    } else if (str_eq(word, STR_LIT("user"))) {
        policy_add_user(b, s->source, rest);
        rc = 0;
    } else if (str_eq(word, STR_LIT("group"))) {
        policy_add_group(b, s->source, rest);
        rc = 0;
    } else if (str_eq(word, STR_LIT("default"))) {
        set_default(s, rest);
        rc = 0;
    } else if (str_eq(word, STR_LIT("inspection"))) {
        set_inspection(s, rest);
        rc = 0;
    }
    ck_assert_msg(rc == 0, "%s:%u: '%.*s': %s", s->file, line, STR_ARG(statement), e.text);
}

static struct policy *build(struct str text, const char *file)
{
    struct sets s;
    sets_init(&s, file);
    for (unsigned line = 1; text.len != 0; line++) {
        struct str statement = str_cut(&text, '\n');
        if (statement.len != 0 && statement.ptr[0] != '#')
            sets_add(&s, statement, line);
    }
    return policy_builder_finish(s.builder);
}

struct policy *sets_load(const char *file)
{
    size_t len;
    char *text = data_read(file, &len);
    struct policy *p = build((struct str){text, len}, file);
    free(text);
    return p;
}

struct policy *sets_parse(const char *text)
{
    return build(str_of(text), "text");
}
