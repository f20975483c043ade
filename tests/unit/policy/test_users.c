/* SPDX-License-Identifier: MIT */
/* test_users.c - users.tsv: who it is decides; then addresses after resolution, sources
 * by client alone, and random rules against what they mean for every user. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy_build.h"
#include "tests/unit/policy/data.h"
#include "tests/unit/policy/sets.h"

enum column {
    CLIENT, PRODUCT, USER, GROUPS, METHOD, HOST, PORT, VERDICT, RULE, SOURCE, NEEDS, WHY
};
#define COLUMNS 12
#define MAX_GROUPS 4

struct question {
    struct policy_query q;
    struct host host;
    struct addr client;
    struct str groups[MAX_GROUPS];
};

static void read_question(const struct data *d, struct question *a)
{
    uint64_t port;
    struct str rest = d->fields[GROUPS];
    struct str user = d->fields[USER];
    a->q = (struct policy_query){.host = &a->host,
                                 .method = d->fields[METHOD],
                                 .product = d->fields[PRODUCT],
                                 .path = STR_LIT("/"),
                                 .groups = a->groups};
    a->q.scheme = str_eq(a->q.method, STR_LIT("CONNECT")) ? POLICY_CONNECT : POLICY_HTTP;
    if (!str_eq(user, STR_LIT("?")))
        a->q.user = user;
    while (rest.len != 0)
        a->groups[a->q.group_count++] = str_cut(&rest, ',');
    ck_assert_msg(str_to_u64(d->fields[PORT], UINT16_MAX, &port) == 0, "%s", data_where(d));
    a->q.port = (uint16_t)port;
    if (d->fields[CLIENT].len != 0) {
        ck_assert_msg(addr_parse(&a->client, d->fields[CLIENT]) == 0, "%s", data_where(d));
        a->q.client = &a->client;
    }
    ck_assert_msg(host_parse(&a->host, d->fields[HOST]) == NULL, "%s", data_where(d));
}

static const char *word_of(const struct policy_verdict *v)
{
    static const char *const words[] = {"deny", "none", "port", "method", "limit"};
    if (v->action == POLICY_ALLOW)
        return "allow";
    if (v->action == POLICY_AUTHENTICATE)
        return "authenticate";
    return (size_t)v->reason < ARRAY_LEN(words) ? words[v->reason] : "?";
}

static void check_row(const struct data *d, const struct policy *p, struct policy_scratch *s)
{
    struct question a;
    struct policy_verdict v;
    read_question(d, &a);
    memset(&v, 0x5a, sizeof(v));
    policy_eval(p, &a.q, s, &v);
    ck_assert_msg(str_eq(str_of(word_of(&v)), d->fields[VERDICT]) &&
                      str_eq(str_of(v.rule), d->fields[RULE]) &&
                      str_eq(str_of(v.source), d->fields[SOURCE]) &&
                      str_eq(str_of(v.needs_user ? "yes" : "no"), d->fields[NEEDS]),
                  "%s: %s by %s for %s", data_where(d), word_of(&v), v.rule ? v.rule : "none",
                  v.source ? v.source : "everybody");
    bool is_asking = v.action == POLICY_AUTHENTICATE;
    ck_assert_msg(is_asking == (v.reason == POLICY_NEEDS_USER), "%s", data_where(d));
    ck_assert_msg(!is_asking || a.q.user.ptr == NULL, "%s", data_where(d));
    ck_assert_msg(!is_asking || (v.tls == POLICY_TLS_NONE && v.pattern.len != 0 && v.set != NULL &&
                                 v.rule_at.line != 0),
                  "%s", data_where(d));
}

START_TEST(verdicts)
{
    struct data d;
    size_t rows = 0;
    struct policy *p = sets_load("users.sets");
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    for (data_open(&d, "users.tsv", COLUMNS); data_next_row(&d); rows++)
        check_row(&d, p, s);
    data_close(&d);
    ck_assert_uint_ge(rows, 50);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

static const char *const DENY_BY_ADDRESS = "set names\ndomain *.webex.com\n"
                                           "set private\nprefix 10.0.0.0/8\n"
                                           "set lab\nprefix 172.16.0.0/12\n"
                                           "source guests\nuser guest\ngroup visitors\n"
                                           "rule guests deny from=guests to=private\n"
                                           "rule lab deny to=lab\n"
                                           "rule webex allow to=names\n";

static const struct {
    const char *address, *user, *group, *rule; /* rule NULL: the address is fine */
} DIALLED[] = {
    {"10.1.2.3", NULL, NULL, "guests"}, /* not known who it is: nobody can be asked */
    {"10.1.2.3", "Guest", NULL, "guests"},
    {"10.1.2.3", "alice", NULL, NULL},
    {"10.1.2.3", "alice", "visitors", "guests"},
    {"10.1.2.3", "alice", "staff", NULL},
    {"172.16.0.1", NULL, NULL, "lab"},
    {"172.16.0.1", "alice", NULL, "lab"},
    {"192.0.2.1", NULL, NULL, NULL},
};

START_TEST(deny_rules_for_users_judge_the_resolved_address)
{
    struct host host;
    struct addr dialled;
    struct policy_verdict v;
    struct policy *p = sets_parse(DENY_BY_ADDRESS);
    struct policy_scratch *s = policy_scratch_new(p);
    struct str group = str_of(DIALLED[_i].group);
    struct policy_query q = {.host = &host,
                             .port = 443,
                             .scheme = POLICY_CONNECT,
                             .user = str_of(DIALLED[_i].user),
                             .groups = &group,
                             .group_count = group.ptr ? 1 : 0};
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_null(host_parse(&host, STR_LIT("x.webex.com")));
    policy_eval(p, &q, s, &v);
    ck_assert_int_eq(v.action, POLICY_ALLOW);
    ck_assert_int_eq(addr_parse(&dialled, str_of(DIALLED[_i].address)), 0);
    bool is_fine = policy_allows_address(p, &q, &dialled, s, &v);
    ck_assert(is_fine == (DIALLED[_i].rule == NULL));
    ck_assert_int_eq(v.action, is_fine ? POLICY_ALLOW : POLICY_DENY);
    ck_assert_str_eq(v.rule, is_fine ? "webex" : DIALLED[_i].rule);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

START_TEST(no_address_is_fine_before_somebody_is_known)
{
    struct host host;
    struct addr dialled;
    struct policy_verdict v;
    struct policy *p = sets_parse("set a\ndomain *.test\nrule a allow to=a auth\n");
    struct policy_scratch *s = policy_scratch_new(p);
    struct policy_query q = {.host = &host, .port = 443, .scheme = POLICY_CONNECT};
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_null(host_parse(&host, STR_LIT("x.test")));
    policy_eval(p, &q, s, &v);
    ck_assert_int_eq(v.action, POLICY_AUTHENTICATE);
    ck_assert_int_eq(addr_parse(&dialled, STR_LIT("192.0.2.1")), 0);
    ck_assert(!policy_allows_address(p, &q, &dialled, s, &v));
    ck_assert_int_eq(v.action, POLICY_AUTHENTICATE);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

static const struct {
    const char *source, *client, *product;
    bool holds;
} HELD[] = {
    {"office", "10.30.1.1", NULL, true},
    {"office", "10.31.1.1", NULL, false},
    {"office", NULL, NULL, false},
    {"staff", "192.0.2.1", NULL, true}, /* users alone: every client */
    {"staff", NULL, NULL, true},
    {"room-people", "10.20.1.1", NULL, true}, /* the users do not count */
    {"room-people", "10.21.1.1", NULL, false},
    {"boards", "10.20.1.1", NULL, true}, /* the product is not known on live traffic */
    {"boards", "10.20.1.1", "webex-board", true},
    {"boards", "10.20.1.1", "webex-mac", false},
    {"boards", "10.21.1.1", "webex-board", false},
    {"boards", NULL, "webex-board", true},
    {NULL, "192.0.2.1", NULL, true}, /* everybody */
};

START_TEST(sources_hold_clients_whoever_their_user_is)
{
    static const char *const names[] = {"staff", "players", "room-people", "boards", "office"};
    int source = -1;
    struct addr client;
    struct policy *p = sets_load("users.sets");
    struct policy_scratch *s = policy_scratch_new(p);
    ck_assert_ptr_nonnull(s);
    for (int i = 0; HELD[_i].source != NULL && i < (int)ARRAY_LEN(names); i++)
        if (strcmp(names[i], HELD[_i].source) == 0)
            source = i;
    if (HELD[_i].client != NULL)
        ck_assert_int_eq(addr_parse(&client, str_of(HELD[_i].client)), 0);
    ck_assert(policy_source_holds(p, source, HELD[_i].client ? &client : NULL,
                                  str_of(HELD[_i].product), s) == HELD[_i].holds);
    policy_scratch_free(s);
    policy_free(p);
}
END_TEST

START_TEST(statistics_weigh_names)
{
    struct policy_stats without;
    struct policy_stats with;
    struct policy *p = sets_parse("source a\nclient 10.0.0.0/8\n");
    policy_stats(p, &without);
    policy_free(p);
    p = sets_parse("source a\nclient 10.0.0.0/8\nuser alice\ngroup staff\n");
    policy_stats(p, &with);
    policy_free(p);
    ck_assert_uint_ge(with.bytes, without.bytes + 2 * (sizeof(struct str) + 6));
    ck_assert_uint_eq(with.prefixes, without.prefixes);
}
END_TEST

/* ---- random rules ---- */

#define SOURCES 4
#define RULES 5
#define NAMES 3
#define ROUNDS 3000
#define NO_PREFIX 0

/* The same each time, so that a failure can be looked at (xorshift64*). */
static uint64_t state = 88172645463325252;

static unsigned below(unsigned limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

/* Sets of users, groups and sources are bits; the client is in prefix 1 and in no other. */
struct model {
    unsigned users[SOURCES], groups[SOURCES], prefix[SOURCES];
    unsigned from[RULES];
    bool allows[RULES], asks[RULES], is_elsewhere[RULES];
};

struct who {
    bool is_known;
    unsigned user, groups; /* user: NAMES stands for one that no set names */
};

static const char *const USERS[] = {"u0", "u1", "u2", "u3"};
static const char *const GROUP_NAMES[] = {"g0", "g1", "g2"};

static bool holds_client(const struct model *m, unsigned source)
{
    bool is_nobody = m->prefix[source] == NO_PREFIX && !m->users[source] && !m->groups[source];
    return !is_nobody && m->prefix[source] != 2;
}

static bool has_names(const struct model *m, unsigned source)
{
    return m->users[source] != 0 || m->groups[source] != 0;
}

static bool fits(const struct model *m, unsigned rule, const struct who *who)
{
    if (m->is_elsewhere[rule])
        return false;
    for (unsigned i = 0; i < SOURCES; i++) {
        bool is_named = (m->users[i] >> who->user & 1) || (m->groups[i] & who->groups) != 0;
        if ((m->from[rule] >> i & 1) && holds_client(m, i) && (is_named || !has_names(m, i)))
            return true;
    }
    return m->from[rule] == 0;
}

/* Whether the rule fits for somebody, and whether it has to know for whom. */
static bool fits_somebody(const struct model *m, unsigned rule, bool *has_to_know)
{
    bool is_found = m->from[rule] == 0;
    *has_to_know = true;
    for (unsigned i = 0; i < SOURCES; i++) {
        if (!(m->from[rule] >> i & 1) || !holds_client(m, i))
            continue;
        is_found = true;
        *has_to_know &= has_names(m, i);
    }
    if (m->from[rule] == 0)
        *has_to_know = false;
    return is_found && !m->is_elsewhere[rule];
}

static struct policy *compile(struct model *m)
{
    struct err e;
    struct policy_builder *b = policy_builder_new();
    ck_assert_int_eq(policy_add_destination(b, "here", NULL, &e), 0);
    ck_assert_int_eq(policy_add_domain(b, 0, STR_LIT("a.test"), NULL, &e), 0);
    ck_assert_int_eq(policy_add_destination(b, "there", NULL, &e), 1);
    ck_assert_int_eq(policy_add_domain(b, 1, STR_LIT("b.test"), NULL, &e), 0);
    for (unsigned i = 0; i < SOURCES; i++) {
        static const char *const prefixes[] = {NULL, "10.0.0.0/8", "11.0.0.0/8"};
        ck_assert_int_eq(policy_add_source(b, USERS[i], NULL, &e), (int)i);
        m->prefix[i] = below(3);
        m->users[i] = below(2) ? below(1 << NAMES) : 0;
        m->groups[i] = below(2) ? below(1 << NAMES) : 0;
        if (m->prefix[i] != NO_PREFIX)
            ck_assert_int_eq(policy_add_client_prefix(b, (int)i, str_of(prefixes[m->prefix[i]]),
                                                      NULL, &e), 0);
        for (unsigned k = 0; k < NAMES; k++) {
            if (m->users[i] >> k & 1)
                policy_add_user(b, (int)i, str_of(USERS[k]));
            if (m->groups[i] >> k & 1)
                policy_add_group(b, (int)i, str_of(GROUP_NAMES[k]));
        }
    }
    for (unsigned i = 0; i < RULES; i++) {
        int from[SOURCES];
        char name[2] = {(char)('0' + i), '\0'};
        m->from[i] = below(3) ? below(1 << SOURCES) : 0;
        m->allows[i] = below(2) == 0;
        m->asks[i] = below(3) == 0;
        m->is_elsewhere[i] = below(3) == 0;
        int to = m->is_elsewhere[i] ? 1 : 0;
        struct policy_rule_spec rule = {.name = name,
                                        .action = m->allows[i] ? POLICY_ALLOW : POLICY_DENY,
                                        .needs_user = m->asks[i],
                                        .from = from,
                                        .to = &to,
                                        .to_count = 1};
        for (int k = 0; k < SOURCES; k++)
            if (m->from[i] >> k & 1)
                from[rule.from_count++] = k;
        ck_assert_int_eq(policy_add_rule(b, &rule, &e), 0);
    }
    return policy_builder_finish(b);
}

static void ask(const struct policy *p, struct policy_scratch *s, const struct who *who,
                struct policy_verdict *v)
{
    struct host host;
    struct addr client;
    struct str groups[NAMES];
    struct policy_query q = {.host = &host,
                             .port = 443,
                             .scheme = POLICY_CONNECT,
                             .client = &client,
                             .groups = groups};
    ck_assert_ptr_null(host_parse(&host, STR_LIT("a.test")));
    ck_assert_int_eq(addr_parse(&client, STR_LIT("10.1.1.1")), 0);
    if (who->is_known)
        q.user = str_of(USERS[who->user]);
    for (unsigned i = 0; i < NAMES; i++)
        if (who->groups >> i & 1)
            groups[q.group_count++] = str_of(GROUP_NAMES[i]);
    policy_eval(p, &q, s, v);
}

/* Somebody who is known gets the first rule that fits, and is never asked again. */
static bool check_known(const struct model *m, const struct policy *p, struct policy_scratch *s,
                        const struct who *who, bool decided[RULES])
{
    struct policy_verdict v;
    unsigned rule = 0;
    while (rule < RULES && !fits(m, rule, who))
        rule++;
    ask(p, s, who, &v);
    ck_assert_int_eq(v.rule_index, rule < RULES ? (int)rule : -1);
    ck_assert_int_eq(v.action, rule < RULES && m->allows[rule] ? POLICY_ALLOW : POLICY_DENY);
    if (rule < RULES)
        decided[rule] = true;
    return v.action == POLICY_ALLOW;
}

/* What somebody is told who is not known: allowed or denied only where everybody is. */
static enum policy_action check_unknown(const struct model *m, const struct policy *p,
                                        struct policy_scratch *s, bool decided[RULES])
{
    size_t allowed = 0;
    size_t asked = 0;
    bool some_allows = false;
    bool has_to_know;
    int first = -1;
    struct policy_verdict v;
    for (unsigned i = 0; i < (NAMES + 1) << NAMES; i++, asked++) {
        struct who who = {true, i >> NAMES, i & ((1 << NAMES) - 1)};
        allowed += check_known(m, p, s, &who, decided);
    }
    for (int i = RULES - 1; i >= 0; i--) {
        if (!fits_somebody(m, (unsigned)i, &has_to_know))
            continue;
        some_allows |= m->allows[i];
        first = has_to_know || (m->allows[i] && m->asks[i]) ? -1 : i;
    }
    ask(p, s, &(struct who){false, 0, 0}, &v);
    if (v.action == POLICY_ALLOW)
        ck_assert_uint_eq(allowed, asked);
    if (v.action == POLICY_DENY)
        ck_assert_uint_eq(allowed, 0);
    ck_assert(v.action != POLICY_AUTHENTICATE || some_allows);
    if (first >= 0) /* the first rule that may fit does, whoever it is */
        ck_assert_int_eq(v.rule_index, first);
    if (v.action != POLICY_AUTHENTICATE && v.rule_index >= 0)
        decided[v.rule_index] = true;
    return v.action;
}

START_TEST(nobody_is_asked_in_vain_and_nobody_passes_unasked)
{
    size_t counts[3] = {0, 0, 0};
    size_t warnings = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct model m;
        struct errlist lint;
        bool decided[RULES] = {false};
        struct policy *p = compile(&m);
        struct policy_scratch *s = policy_scratch_new(p);
        ck_assert_ptr_nonnull(s);
        counts[check_unknown(&m, p, s, decided)]++;
        errlist_init(&lint);
        policy_lint(p, &lint);
        warnings += lint.count;
        for (size_t i = 0; i < lint.count; i++)
            ck_assert_msg(!decided[lint.items[i].text[strlen("rule '")] - '0'], "%s",
                          lint.items[i].text);
        errlist_fini(&lint);
        policy_scratch_free(s);
        policy_free(p);
    }
    /* Else nothing was shown. */
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        ck_assert_uint_gt(counts[i], ROUNDS / 10);
    ck_assert_uint_gt(warnings, ROUNDS / 20);
}
END_TEST

Suite *users_suite(void)
{
    Suite *s = suite_create("policy_users");
    TCase *t = tcase_create("policy_users");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, verdicts);
    tcase_add_loop_test(t, deny_rules_for_users_judge_the_resolved_address, 0,
                        (int)ARRAY_LEN(DIALLED));
    tcase_add_test(t, no_address_is_fine_before_somebody_is_known);
    tcase_add_loop_test(t, sources_hold_clients_whoever_their_user_is, 0, (int)ARRAY_LEN(HELD));
    tcase_add_test(t, statistics_weigh_names);
    tcase_add_test(t, nobody_is_asked_in_vain_and_nobody_passes_unasked);
    suite_add_tcase(s, t);
    return s;
}
