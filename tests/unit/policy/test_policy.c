/* SPDX-License-Identifier: MIT */
/* test_policy.c - webex.tsv and hand.tsv: questions and verdicts; then what a verdict
 * says, addresses after resolution, limits, and running out of memory. */
#include "tests/unit/policy/suites.h"

#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/policy/data.h"
#include "tests/unit/policy/sets.h"
#include "util/mem.h"

enum column { CLIENT, PRODUCT, METHOD, HOST, PORT, PATH, VERDICT, RULE, PATTERN, WHY };

/* A question from a row; false: the host is none. */
static bool read_question(const struct data *d, struct policy_query *q, struct host *h,
                          struct addr *client)
{
    uint64_t port;
    struct str method = d->fields[METHOD];
    *q = (struct policy_query){.host = h, .product = d->fields[PRODUCT], .path = d->fields[PATH]};
    q->scheme = str_eq(method, STR_LIT("CONNECT")) ? POLICY_CONNECT : POLICY_HTTP;
    if (str_starts(method, STR_LIT("https:"))) {
        (void)str_cut(&method, ':');
        q->scheme = POLICY_HTTPS;
    }
    q->method = method;
    ck_assert_msg(str_to_u64(d->fields[PORT], UINT16_MAX, &port) == 0, "%s", data_where(d));
    q->port = (uint16_t)port;
    if (d->fields[CLIENT].len != 0) {
        ck_assert_msg(addr_parse(client, d->fields[CLIENT]) == 0, "%s", data_where(d));
        q->client = client;
    }
    return host_parse(h, d->fields[HOST]) == NULL;
}

static const char *word_of(const struct policy_verdict *v)
{
    if (v->action == POLICY_ALLOW)
        return "allow";
    if (v->action == POLICY_AUTHENTICATE)
        return "authenticate";
    switch (v->reason) {
    case POLICY_BY_RULE:
        return "deny";
    case POLICY_BY_PORT:
        return "port";
    case POLICY_BY_METHOD:
        return "method";
    case POLICY_MATCH_LIMIT:
        return "limit";
    case POLICY_NEEDS_USER:
    case POLICY_NO_RULE:
        break;
    }
    return "none";
}

/* What must hold in every verdict. */
static void check_shape(const struct data *d, const struct policy_query *q,
                        const struct policy_verdict *v)
{
    bool is_tunnel = v->action == POLICY_ALLOW && q->scheme == POLICY_CONNECT;
    ck_assert_msg((v->tls == POLICY_TLS_TUNNEL) == is_tunnel, "%s", data_where(d));
    ck_assert_msg((v->tls_reason != NULL) == is_tunnel, "%s", data_where(d));
    ck_assert_msg((v->rule == NULL) == (v->rule_index < 0), "%s", data_where(d));
    ck_assert_msg((v->rule == NULL) == (v->reason == POLICY_NO_RULE), "%s", data_where(d));
    ck_assert_msg((v->pattern.len == 0) == (v->pattern_at.file == NULL), "%s", data_where(d));
    ck_assert_msg(v->pattern.len == 0 || v->set != NULL, "%s", data_where(d));
    ck_assert_msg(v->rule == NULL || v->rule_at.line > 0, "%s", data_where(d));
}

static void check_row(const struct data *d, const struct policy *p, struct policy_scratch *s)
{
    struct policy_query q;
    struct policy_verdict v;
    struct host h;
    struct addr client;
    bool is_host = read_question(d, &q, &h, &client);
    if (str_eq(d->fields[VERDICT], STR_LIT("bad"))) {
        ck_assert_msg(!is_host, "%s: taken as '%s'", data_where(d), h.name);
        return;
    }
    ck_assert_msg(is_host, "%s: '%.*s' is refused", data_where(d), STR_ARG(d->fields[HOST]));
    memset(&v, 0x5a, sizeof(v));
    policy_eval(p, &q, s, &v);
    ck_assert_msg(
        str_eq(str_of(word_of(&v)), d->fields[VERDICT]) &&
            str_eq(str_of(v.rule), d->fields[RULE]) && str_eq(v.pattern, d->fields[PATTERN]),
        "%s (%.*s:%.*s): %s by %s with '%.*s'", data_where(d), STR_ARG(d->fields[HOST]),
        STR_ARG(d->fields[PORT]), word_of(&v), v.rule ? v.rule : "none", STR_ARG(v.pattern));
    check_shape(d, &q, &v);
}

static const struct {
    const char *sets, *rows;
    size_t least;
} FILES[] = {{"webex.sets", "webex.tsv", 500}, {"hand.sets", "hand.tsv", 130}};

START_TEST(verdicts)
{
    struct data d;
    size_t rows = 0;
    struct policy *p = sets_load(FILES[_i].sets);
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    for (data_open(&d, FILES[_i].rows, 10); data_next_row(&d); rows++)
        check_row(&d, p, s);
    data_close(&d);
    ck_assert_uint_ge(rows, FILES[_i].least);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

/* One policy and a name with its default question. */
struct fixture {
    struct policy *p;
    struct policy_scratch *s;
    struct host host;
    struct policy_query q;
    struct policy_verdict v;
};

static void open_fixture(struct fixture *f, const char *text)
{
    f->p = sets_parse(text);
    f->s = policy_scratch_new(f->p);
    ck_assert_ptr_nonnull(f->s);
}

static void close_fixture(struct fixture *f)
{
    policy_scratch_free(f->s);
    policy_free(f->p);
}

static void ask(struct fixture *f, const char *host, uint16_t port)
{
    ck_assert_ptr_null(host_parse(&f->host, str_of(host)));
    f->q = (struct policy_query){.host = &f->host, .port = port, .scheme = POLICY_CONNECT};
    policy_eval(f->p, &f->q, f->s, &f->v);
}

START_TEST(a_verdict_says_what_decided_and_where_it_stands)
{
    struct fixture f;
    struct addr client;
    open_fixture(&f, "set a\ndomain *.webex.com\nsource rooms\nclient 10.0.0.0/8\n"
                     "rule first deny ports=1\nrule second allow from=rooms to=a\n");
    ck_assert_int_eq(addr_parse(&client, STR_LIT("10.1.1.1")), 0);
    ask(&f, "x.webex.com", 443);
    ck_assert_int_eq(f.v.reason, POLICY_NO_RULE);
    ck_assert_int_eq(f.v.rule_index, -1);
    f.q.client = &client;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert_int_eq(f.v.rule_index, 1);
    ck_assert_str_eq(f.v.rule, "second");
    ck_assert_str_eq(f.v.rule_at.file, "text");
    ck_assert_uint_eq(f.v.rule_at.line, 6);
    ck_assert_str_eq(f.v.source, "rooms");
    ck_assert_str_eq(f.v.set, "a");
    ck_assert(str_eq(f.v.pattern, STR_LIT("*.webex.com")));
    ck_assert_uint_eq(f.v.pattern_at.line, 2);
    ck_assert_str_eq(f.v.tls_reason, "inspection is off");
    close_fixture(&f);
}
END_TEST

START_TEST(a_tunnel_without_a_method_is_a_connect)
{
    struct fixture f;
    open_fixture(&f, "set a\ndomain *\nrule r allow to=a methods=CONNECT\n");
    ask(&f, "a.test", 443);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    f.q.scheme = POLICY_HTTP;
    f.q.port = 80;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.reason, POLICY_BY_METHOD);
    close_fixture(&f);
}
END_TEST

START_TEST(no_rules_no_answer_but_no)
{
    struct fixture f;
    open_fixture(&f, "");
    ask(&f, "a.test", 443);
    ck_assert_int_eq(f.v.action, POLICY_DENY);
    ck_assert_int_eq(f.v.reason, POLICY_NO_RULE);
    close_fixture(&f);
}
END_TEST

START_TEST(ports_of_inspected_requests_follow_those_of_tunnels_unless_given)
{
    struct fixture f;
    open_fixture(&f, "set a\ndomain *\nrule r allow to=a\ndefault connect 444\n");
    ask(&f, "a.test", 444);
    f.q.scheme = POLICY_HTTPS;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    close_fixture(&f);
    open_fixture(&f,
                 "set a\ndomain *\nrule r allow to=a\ndefault https 445\ndefault connect 444\n");
    ask(&f, "a.test", 445);
    f.q.scheme = POLICY_HTTPS;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    close_fixture(&f);
}
END_TEST

/* A path that cannot be judged is denied, where a pattern asks for it; elsewhere it is
 * as good as any. */
START_TEST(a_path_too_long_to_judge_is_denied)
{
    struct fixture f;
    size_t len = 70000;
    char *path = malloc(len);
    ck_assert_ptr_nonnull(path);
    memset(path, 'a', len);
    path[0] = '/';
    open_fixture(&f, "set a\nurl http://a.test/*\nset all\ndomain *\n"
                     "rule url allow to=a\nrule all allow to=all\n");
    ask(&f, "a.test", 80);
    f.q.scheme = POLICY_HTTP;
    f.q.path = (struct str){path, len};
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.reason, POLICY_MATCH_LIMIT);
    ck_assert_str_eq(f.v.rule, "url");
    f.q.path.len = 65536;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert_str_eq(f.v.rule, "url");
    ck_assert_ptr_null(host_parse(&f.host, STR_LIT("b.test")));
    f.q.path.len = len;
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert_str_eq(f.v.rule, "all");
    close_fixture(&f);
    free(path);
}
END_TEST

static const char *const DENY_BY_ADDRESS =
    "set names\ndomain *.webex.com\n"
    "set private\nprefix 10.0.0.0/8\nprefix 2001:db8::/32\ndomain 192.0.2.1\nurl "
    "http://198.51.100.1/x\n"
    "set later\nprefix 172.16.0.0/12\n"
    "source rooms\nclient 10.20.0.0/16\n"
    "rule private deny to=private ports=443\n"
    "rule rooms deny from=rooms to=later\n"
    "rule posts deny to=later methods=POST\n"
    "rule other allow to=private,later\n"
    "rule webex allow to=names ports=443,444\n"
    "rule late deny to=later\n";

static const struct {
    const char *address;
    uint16_t port;
    const char *client, *rule; /* NULL: the address is fine */
} DIALLED[] = {
    {"10.1.2.3", 443, NULL, "private"},
    {"::ffff:10.1.2.3", 443, NULL, "private"},
    {"2001:db8::1", 443, NULL, "private"},
    {"192.0.2.1", 443, NULL, "private"},
    {"192.0.2.2", 443, NULL, NULL},
    {"198.51.100.1", 443, NULL, NULL}, /* a URL is no address */
    {"10.1.2.3", 444, NULL, NULL},     /* not the ports of that rule */
    {"172.16.0.1", 443, NULL, NULL},   /* its deny rule stands behind */
    {"172.16.0.1", 443, "10.20.0.1", "rooms"},
    {"172.16.0.1", 443, "10.21.0.1", NULL},
    {"170.72.0.1", 443, NULL, NULL},
};

START_TEST(deny_rules_in_front_judge_the_resolved_address)
{
    struct fixture f;
    struct addr dialled;
    struct addr client;
    open_fixture(&f, DENY_BY_ADDRESS);
    ask(&f, "x.webex.com", DIALLED[_i].port);
    if (DIALLED[_i].client != NULL) {
        ck_assert_int_eq(addr_parse(&client, str_of(DIALLED[_i].client)), 0);
        f.q.client = &client;
        policy_eval(f.p, &f.q, f.s, &f.v);
    }
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert_str_eq(f.v.rule, "webex");
    ck_assert_int_eq(addr_parse(&dialled, str_of(DIALLED[_i].address)), 0);
    bool is_fine = policy_allows_address(f.p, &f.q, &dialled, f.s, &f.v);
    ck_assert(is_fine == (DIALLED[_i].rule == NULL));
    ck_assert_int_eq(f.v.action, is_fine ? POLICY_ALLOW : POLICY_DENY);
    ck_assert_str_eq(f.v.rule, is_fine ? "webex" : DIALLED[_i].rule);
    if (!is_fine) {
        ck_assert_int_eq(f.v.reason, POLICY_BY_RULE);
        ck_assert_uint_gt(f.v.pattern.len, 0);
        ck_assert_ptr_null(f.v.tls_reason);
    }
    close_fixture(&f);
}
END_TEST

/* A URL names a host as it was asked for, not where that leads. */
START_TEST(urls_do_not_judge_the_resolved_address)
{
    struct fixture f;
    struct addr dialled;
    open_fixture(&f, "set u\nurl http://198.51.100.1/x\nset all\ndomain *\n"
                     "rule u deny to=u\nrule all allow to=all\n");
    ck_assert_int_eq(addr_parse(&dialled, STR_LIT("198.51.100.1")), 0);
    ask(&f, "a.test", 80);
    f.q.scheme = POLICY_HTTP;
    f.q.path = STR_LIT("/x");
    policy_eval(f.p, &f.q, f.s, &f.v);
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    ck_assert(policy_allows_address(f.p, &f.q, &dialled, f.s, &f.v));
    ck_assert_int_eq(f.v.action, POLICY_ALLOW);
    close_fixture(&f);
}
END_TEST

START_TEST(an_address_is_not_allowed_after_a_denial)
{
    struct fixture f;
    struct addr dialled;
    open_fixture(&f, DENY_BY_ADDRESS);
    ask(&f, "x.test", 443);
    struct policy_verdict before = f.v;
    ck_assert_int_eq(addr_parse(&dialled, STR_LIT("170.72.0.1")), 0);
    ck_assert(!policy_allows_address(f.p, &f.q, &dialled, f.s, &f.v));
    ck_assert_int_eq(f.v.reason, before.reason);
    close_fixture(&f);
}
END_TEST

START_TEST(every_reason_has_words)
{
    static const enum policy_reason reasons[] = {POLICY_BY_RULE, POLICY_NO_RULE, POLICY_BY_PORT,
                                                 POLICY_BY_METHOD, POLICY_MATCH_LIMIT,
                                                 POLICY_NEEDS_USER};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(policy_reason_text(reasons[i]), policy_reason_text(reasons[k]));
    ck_assert_str_eq(policy_reason_text(POLICY_NO_RULE), "no rule allows it");
}
END_TEST

START_TEST(a_scratch_without_memory_is_null)
{
    struct policy *p = sets_load("hand.sets");
    size_t failed = 0;
    for (unsigned long nth = 1; nth < 20; nth++) {
        (void)mem_fail_at(nth, 0);
        struct policy_scratch *s = policy_scratch_new(p);
        (void)mem_fail_at(0, 0);
        failed += s == NULL;
        policy_scratch_free(s);
    }
    /* The scratch itself, its three arrays, that of the regexes and the path. */
    ck_assert_uint_eq(failed, 6);
    policy_free(p);
}
END_TEST

START_TEST(deciding_allocates_nothing)
{
    struct data d;
    struct policy *p = sets_load("hand.sets");
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    data_open(&d, "hand.tsv", 10);
    (void)mem_fail_at(1, 1);
    while (data_next_row(&d))
        check_row(&d, p, s);
    ck_assert_uint_eq(mem_fail_at(0, 0), 0);
    data_close(&d);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    policy_free(NULL);
    policy_scratch_free(NULL);
    policy_builder_free(NULL);
}
END_TEST

Suite *policy_suite(void)
{
    Suite *s = suite_create("policy");
    TCase *t = tcase_create("policy");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, verdicts, 0, (int)ARRAY_LEN(FILES));
    tcase_add_test(t, a_verdict_says_what_decided_and_where_it_stands);
    tcase_add_test(t, a_tunnel_without_a_method_is_a_connect);
    tcase_add_test(t, no_rules_no_answer_but_no);
    tcase_add_test(t, ports_of_inspected_requests_follow_those_of_tunnels_unless_given);
    tcase_add_test(t, a_path_too_long_to_judge_is_denied);
    tcase_add_loop_test(t, deny_rules_in_front_judge_the_resolved_address, 0,
                        (int)ARRAY_LEN(DIALLED));
    tcase_add_test(t, urls_do_not_judge_the_resolved_address);
    tcase_add_test(t, an_address_is_not_allowed_after_a_denial);
    tcase_add_test(t, every_reason_has_words);
    tcase_add_test(t, a_scratch_without_memory_is_null);
    tcase_add_test(t, deciding_allocates_nothing);
    tcase_add_test(t, freeing_nothing_is_fine);
    suite_add_tcase(s, t);
    return s;
}
