/* SPDX-License-Identifier: MIT */
/* test_inspection.c - which tunnels are inspected: inspection.tsv, what a dialled address
 * adds, and exemptions.tsv. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy/data.h"
#include "tests/unit/policy/sets.h"
#include "util/mem.h"

enum column { CLIENT, PRODUCT, USER, METHOD, HOST, PORT, TLS, REASON, SET, PATTERN, AT, WHY };

static void read_host(struct host *h, struct str text, const char *where)
{
    ck_assert_msg(host_parse(h, text) == NULL, "%s: '%.*s'", where, STR_ARG(text));
}

static void read_addr(struct addr *a, struct str text, const char *where)
{
    ck_assert_msg(addr_parse(a, text) == 0, "%s: '%.*s'", where, STR_ARG(text));
}

static void read_question(const struct data *d, struct policy_query *q, struct host *h,
                          struct addr *client)
{
    uint64_t port;
    struct str method = d->fields[METHOD];
    *q = (struct policy_query){.host = h, .product = d->fields[PRODUCT]};
    q->scheme = str_eq(method, STR_LIT("CONNECT")) ? POLICY_CONNECT : POLICY_HTTP;
    if (str_starts(method, STR_LIT("https:"))) {
        (void)str_cut(&method, ':');
        q->scheme = POLICY_HTTPS;
    }
    q->method = method;
    q->path = q->scheme == POLICY_CONNECT ? (struct str){NULL, 0} : STR_LIT("/");
    ck_assert_msg(str_to_u64(d->fields[PORT], UINT16_MAX, &port) == 0, "%s", data_where(d));
    q->port = (uint16_t)port;
    if (!str_eq(d->fields[USER], STR_LIT("?")))
        q->user = d->fields[USER];
    if (d->fields[CLIENT].len != 0) {
        read_addr(client, d->fields[CLIENT], data_where(d));
        q->client = client;
    }
    read_host(h, d->fields[HOST], data_where(d));
}

static const char *word_of(enum policy_tls tls)
{
    static const char *const words[] = {"none", "tunnel", "inspect"};
    return words[tls];
}

/* The statement on a line of the sets, from 1. */
static struct str line_at(struct str text, unsigned line)
{
    struct str statement = {NULL, 0};
    for (; line > 0; line--)
        statement = str_cut(&text, '\n');
    return statement;
}

/* at: how the line begins; empty: the verdict points nowhere. */
static void check_place(const struct data *d, const struct policy_verdict *v, struct str sets)
{
    struct str at = d->fields[AT];
    struct str statement = line_at(sets, v->tls_at.line);
    ck_assert_msg((v->tls_at.file == NULL) == (at.len == 0), "%s", data_where(d));
    ck_assert_msg(str_starts(statement, at), "%s: points to '%.*s'", data_where(d),
                  STR_ARG(statement));
    if (at.len != 0)
        ck_assert_str_eq(v->tls_at.file, "inspection.sets");
}

static void check_row(const struct data *d, const struct policy *p, struct policy_scratch *s,
                      struct str sets)
{
    struct policy_query q;
    struct policy_verdict v;
    struct host h;
    struct addr client;
    read_question(d, &q, &h, &client);
    memset(&v, 0x5a, sizeof(v));
    policy_eval(p, &q, s, &v);
    ck_assert_msg(str_eq(str_of(word_of(v.tls)), d->fields[TLS]) &&
                      str_eq(str_of(v.tls_reason), d->fields[REASON]) &&
                      str_eq(str_of(v.tls_set), d->fields[SET]) &&
                      str_eq(v.tls_pattern, d->fields[PATTERN]),
                  "%s: %s by '%s' of %s with '%.*s'", data_where(d), word_of(v.tls),
                  v.tls_reason ? v.tls_reason : "", v.tls_set ? v.tls_set : "none",
                  STR_ARG(v.tls_pattern));
    bool is_tunnel = v.action == POLICY_ALLOW && q.scheme == POLICY_CONNECT;
    ck_assert_msg(is_tunnel == (v.tls != POLICY_TLS_NONE), "%s", data_where(d));
    ck_assert_msg(is_tunnel == (v.tls_reason != NULL), "%s", data_where(d));
    ck_assert_msg(v.is_exempt == (v.tls_set != NULL), "%s", data_where(d));
    check_place(d, &v, sets);
}

START_TEST(the_table)
{
    struct data d;
    size_t len;
    size_t rows = 0;
    char *text = data_read("inspection.sets", &len);
    struct policy *p = sets_load("inspection.sets");
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    (void)mem_fail_at(1, 1); /* nothing is allocated for it */
    for (data_open(&d, "inspection.tsv", 12); data_next_row(&d); rows++)
        check_row(&d, p, s, (struct str){text, len});
    ck_assert_uint_eq(mem_fail_at(0, 0), 0);
    data_close(&d);
    ck_assert_uint_ge(rows, 68);
    free(text);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

/* One policy and one question. */
struct fixture {
    struct policy *p;
    struct policy_scratch *s;
    struct host host;
    struct policy_query q;
    struct policy_verdict v;
};

static void open_fixture(struct fixture *f, struct policy *p)
{
    f->p = p;
    f->s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(f->s);
}

static void close_fixture(struct fixture *f)
{
    policy_scratch_free(f->s);
    policy_free(f->p);
}

static void ask(struct fixture *f, struct str host)
{
    read_host(&f->host, host, "asked");
    f->q = (struct policy_query){.host = &f->host, .port = 443, .scheme = POLICY_CONNECT};
    policy_eval(f->p, &f->q, f->s, &f->v);
}

static bool dial(struct fixture *f, struct str address)
{
    struct addr dialled;
    read_addr(&dialled, address, "dialled");
    return policy_exempts_address(f->p, &dialled, f->s, &f->v);
}

START_TEST(what_rules_say_counts_for_nothing_while_inspection_is_off)
{
    struct fixture f;
    open_fixture(&f, sets_parse("set a\ndomain *\nprefix 0.0.0.0/0\n"
                                "rule r allow to=a tls=inspect\n"));
    ask(&f, STR_LIT("a.example"));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_TUNNEL);
    ck_assert_str_eq(f.v.tls_reason, "inspection is off");
    ck_assert_ptr_null(f.v.tls_at.file);
    ck_assert(!dial(&f, STR_LIT("23.89.1.1")));
    ck_assert_str_eq(f.v.tls_reason, "inspection is off");
    ck_assert(!f.v.is_exempt);
    close_fixture(&f);
}
END_TEST

START_TEST(the_fallback_may_be_a_tunnel)
{
    struct fixture f;
    open_fixture(&f, sets_parse("set a\ndomain *\ninspection inspect never=a\ninspection tunnel\n"
                                "rule r allow\n"));
    ask(&f, STR_LIT("a.example"));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_TUNNEL);
    ck_assert_str_eq(f.v.tls_reason, "inspection.default");
    ck_assert(!f.v.is_exempt); /* what is said last counts */
    close_fixture(&f);
}
END_TEST

static const struct {
    const char *host, *dialled, *reason, *set, *pattern; /* set NULL: not exempt */
    bool was_exempt;
} DIALLED[] = {
    {"a.example", "23.89.1.1", "never: nets", "nets", "23.89.0.0/16", false},
    {"a.example", "::ffff:23.89.1.1", "never: nets", "nets", "23.89.0.0/16", false},
    {"a.example", "2402:2500::1", "never: nets", "nets", "2402:2500::/34", false},
    /* RFC 6052 section 2.1: 23.89.1.1 and 23.90.1.1 behind a translator. */
    {"a.example", "64:ff9b::1759:101", "never: nets", "nets", "23.89.0.0/16", false},
    {"a.example", "64:ff9b::175a:101", "inspection.default", NULL, "", false},
    {"a.example", "64:ff9c::1759:101", "inspection.default", NULL, "", false},
    {"a.example", "2402:2500:4000::", "inspection.default", NULL, "", false},
    {"a.example", "23.88.255.255", "inspection.default", NULL, "", false},
    {"a.example", "23.90.0.0", "inspection.default", NULL, "", false},
    /* The longest prefix, whatever the order of the sets. */
    {"a.example", "23.89.4.1", "never: nets", "nets", "23.89.4.0/24", false},
    {"a.example", "23.89.4.200", "never: more", "more", "23.89.4.128/25", false},
    /* A URL names a host as it was asked for, not where that leads. */
    {"a.example", "198.51.100.7", "never: nets", "nets", "198.51.100.7", false},
    {"a.example", "198.51.100.9", "inspection.default", NULL, "", false},
    {"a.example", "198.51.100.10", "inspection.default", NULL, "", false},
    /* Whatever the rule says. */
    {"a.shown.example", "23.89.1.1", "never: nets", "nets", "23.89.0.0/16", false},
    {"a.quiet.example", "23.89.1.1", "never: nets", "nets", "23.89.0.0/16", false},
    {"a.shown.example", "192.0.2.1", "tls of the rule", NULL, "", false},
    /* What is exempt already stays so. */
    {"mcs.webex.com", "192.0.2.1", "never: names", "names", "*mcs*.webex.com", true},
    {"mcs.webex.com", "23.89.1.1", "never: names", "names", "*mcs*.webex.com", true},
};

START_TEST(a_dialled_address_exempts)
{
    struct fixture f;
    struct addr client;
    open_fixture(&f, sets_load("inspection.sets"));
    read_addr(&client, STR_LIT("10.0.0.1"), "client");
    ask(&f, str_of(DIALLED[_i].host));
    f.q.client = &client;
    policy_eval(f.p, &f.q, f.s, &f.v);
    const char *rule = f.v.rule;
    ck_assert(f.v.is_exempt == DIALLED[_i].was_exempt);
    bool is_exempt = dial(&f, str_of(DIALLED[_i].dialled));
    ck_assert(is_exempt == (DIALLED[_i].set != NULL));
    ck_assert(f.v.is_exempt == is_exempt);
    ck_assert(str_eq(str_of(f.v.tls_set), str_of(DIALLED[_i].set)));
    ck_assert_str_eq(f.v.tls_reason, DIALLED[_i].reason);
    ck_assert_msg(str_eq(f.v.tls_pattern, str_of(DIALLED[_i].pattern)), "'%.*s'",
                  STR_ARG(f.v.tls_pattern));
    if (is_exempt) {
        ck_assert_int_eq(f.v.tls, POLICY_TLS_TUNNEL);
        ck_assert_str_eq(f.v.tls_at.file, "inspection.sets");
    }
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert_ptr_eq(f.v.rule, rule);
    close_fixture(&f);
}
END_TEST

START_TEST(of_equal_prefixes_the_first_set_in_never_is_named)
{
    struct fixture f;
    open_fixture(&f, sets_parse("set a\nprefix 192.0.2.0/24\nset b\nprefix 192.0.2.0/24\n"
                                "set c\nprefix 192.0.2.0/24\nprefix 192.0.2.0/25\n"
                                "inspection inspect never=b,a\nrule r allow\n"));
    ask(&f, STR_LIT("a.example"));
    ck_assert(dial(&f, STR_LIT("192.0.2.1"))); /* in c too, which exempts nothing */
    ck_assert_str_eq(f.v.tls_set, "b");
    ck_assert_uint_eq(f.v.tls_at.line, 4);
    close_fixture(&f);
}
END_TEST

START_TEST(an_address_exempts_nothing_but_an_allowed_tunnel)
{
    struct fixture f;
    open_fixture(&f, sets_load("inspection.sets"));
    ask(&f, STR_LIT("a.asked.example"));
    ck_assert_int_eq(f.v.action, POLICY_AUTHENTICATE);
    ck_assert(!dial(&f, STR_LIT("23.89.1.1")));
    ck_assert_ptr_null(f.v.tls_reason);
    ask(&f, STR_LIT("refused.never.example"));
    ck_assert(!dial(&f, STR_LIT("23.89.1.1")));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_NONE);
    f.q.scheme = POLICY_HTTPS;
    f.q.method = STR_LIT("GET");
    read_host(&f.host, STR_LIT("a.shown.example"), "inside");
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert(!dial(&f, STR_LIT("23.89.1.1")));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_NONE);
    close_fixture(&f);
}
END_TEST

/* A verdict of an address that is denied afterwards speaks of no TLS any more. */
START_TEST(a_denied_address_is_not_inspected)
{
    struct fixture f;
    struct addr dialled;
    open_fixture(&f, sets_parse("set n\nprefix 10.0.0.0/8\ninspection inspect never=n\n"
                                "rule no deny to=n\nrule r allow\n"));
    ask(&f, STR_LIT("a.example"));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_INSPECT);
    read_addr(&dialled, STR_LIT("10.1.1.1"), "dialled");
    ck_assert(!policy_allows_address(f.p, &f.q, &dialled, f.s, &f.v));
    ck_assert(!policy_exempts_address(f.p, &dialled, f.s, &f.v));
    ck_assert_int_eq(f.v.tls, POLICY_TLS_NONE);
    ck_assert_ptr_null(f.v.tls_reason);
    close_fixture(&f);
}
END_TEST

/* The sets of the shipped file as they stand there; tests/unit/conf asks that file itself. */
static struct policy *build_shipped(void)
{
    char text[4096] = "set webex-uninspectable\ndomain *mcs*.webex.com\ndomain *cb*.webex.com\n"
                      "domain *mcc*.webex.com\nset webex-media\n";
    size_t len;
    char *facts = data_read("../facts/webex-media-subnets.tsv", &len);
    struct str rest = {facts, len};
    size_t used = strlen(text);
    while (rest.len != 0) {
        struct str cidr = str_cut(&rest, '\n');
        cidr = str_cut(&cidr, '\t');
        if (cidr.len != 0 && memchr(cidr.ptr, '/', cidr.len) != NULL && cidr.ptr[0] != '#')
            used += (size_t)snprintf(text + used, sizeof(text) - used, "prefix %.*s\n",
                                     STR_ARG(cidr));
    }
    snprintf(text + used, sizeof(text) - used,
             "inspection inspect never=webex-uninspectable,webex-media\n"
             "rule all allow tls=inspect\n");
    free(facts);
    return sets_parse(text);
}

START_TEST(every_exemption_inside_and_just_outside)
{
    struct data d;
    struct fixture f;
    size_t rows = 0;
    open_fixture(&f, build_shipped());
    for (data_open(&d, "exemptions.tsv", 3); data_next_row(&d); rows++) {
        bool wanted = str_eq(d.fields[1], STR_LIT("exempt"));
        ck_assert(wanted || str_eq(d.fields[1], STR_LIT("not")));
        ask(&f, d.fields[0]);
        ck_assert_msg(f.v.is_exempt == wanted && str_eq(f.v.tls_pattern, d.fields[2]),
                      "%s: %.*s: '%.*s'", data_where(&d), STR_ARG(d.fields[0]),
                      STR_ARG(f.v.tls_pattern));
        ck_assert_int_eq(f.v.tls, wanted ? POLICY_TLS_TUNNEL : POLICY_TLS_INSPECT);
        if (!f.host.is_address)
            continue;
        struct addr dialled = f.host.addr;
        ask(&f, STR_LIT("a.example"));
        ck_assert_msg(policy_exempts_address(f.p, &dialled, f.s, &f.v) == wanted &&
                          str_eq(f.v.tls_pattern, d.fields[2]),
                      "%s: %.*s is dialled", data_where(&d), STR_ARG(d.fields[0]));
    }
    data_close(&d);
    ck_assert_uint_ge(rows, 3 * 20 + 35 * 4);
    close_fixture(&f);
}
END_TEST

Suite *inspection_suite(void)
{
    Suite *s = suite_create("inspection");
    TCase *t = tcase_create("inspection");
    tcase_add_test(t, the_table);
    tcase_add_test(t, what_rules_say_counts_for_nothing_while_inspection_is_off);
    tcase_add_test(t, the_fallback_may_be_a_tunnel);
    tcase_add_loop_test(t, a_dialled_address_exempts, 0, (int)ARRAY_LEN(DIALLED));
    tcase_add_test(t, of_equal_prefixes_the_first_set_in_never_is_named);
    tcase_add_test(t, an_address_exempts_nothing_but_an_allowed_tunnel);
    tcase_add_test(t, a_denied_address_is_not_inspected);
    tcase_add_test(t, every_exemption_inside_and_just_outside);
    suite_add_tcase(s, t);
    return s;
}
