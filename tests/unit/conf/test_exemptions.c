/* SPDX-License-Identifier: MIT */
/* test_exemptions.c - exemptions.tsv asked of conf/webex.conf: what is never decrypted, whatever
 * the rules say, and that a rule that says otherwise is an error. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <string.h>

#include "conf/config.h"
#include "tests/unit/conf/ca_files.h"
#include "util/mem.h"

#define TEXT_SIZE 2048

/* The shipped sets under one rule and one section; where: the folder of the CA. */
static struct config *parse(const struct ca_files *where, const char *never, const char *rule,
                            struct errlist *faults)
{
    char text[TEXT_SIZE];
    int len = snprintf(text, sizeof(text),
                       "@include \"webex.conf\"\n"
                       "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
                       "rules = ( { name = \"all\"; action = \"allow\"; %s } );\n"
                       "inspection = { enabled = true; default = \"inspect\"; %s\n"
                       "ca_certificate = \"%s/ca.pem\"; ca_key = \"%s/ca.key\";\n"
                       "trust = \"%s/ca.pem\"; };\n",
                       rule, never, where->path, where->path, where->path);
    ck_assert_int_lt(len, TEXT_SIZE);
    struct str content = {text, (size_t)len};
    return config_parse(project_path("conf/exemptions-test.conf"), &content, faults);
}

static const char *const NEVER[] = {
    "never = [ \"webex-uninspectable\", \"webex-media\" ];",
    "", /* they are never inspected all the same */
    "never = [ \"webex-hybrid\" ];",
};

struct row {
    struct str host, verdict, pattern;
};

static bool next_row(struct str *rest, struct row *row)
{
    struct str line;
    do {
        if (rest->len == 0)
            return false;
        line = str_cut(rest, '\n');
    } while (line.len == 0 || line.ptr[0] == '#');
    row->host = str_cut(&line, '\t');
    row->verdict = str_cut(&line, '\t');
    row->pattern = line;
    return true;
}

struct asking {
    const struct policy *p;
    struct policy_scratch *s;
};

static void ask(const struct asking *a, struct str name, struct host *host,
                struct policy_verdict *v)
{
    ck_assert_msg(host_parse(host, name) == NULL, "'%.*s'", STR_ARG(name));
    struct policy_query q = {.host = host, .port = 443, .scheme = POLICY_CONNECT};
    policy_eval(a->p, &q, a->s, v);
    ck_assert_int_eq(v->action, POLICY_ALLOW);
}

/* set: the one that exempts. */
static void check_verdict(const struct row *row, const struct policy_verdict *v, const char *set)
{
    bool is_exempt = str_eq(row->verdict, STR_LIT("exempt"));
    struct str pattern = is_exempt ? row->pattern : (struct str){NULL, 0};
    ck_assert_msg(v->is_exempt == is_exempt && str_eq(v->tls_pattern, pattern), "%.*s: '%.*s'",
                  STR_ARG(row->host), STR_ARG(v->tls_pattern));
    ck_assert_int_eq(v->tls, is_exempt ? POLICY_TLS_TUNNEL : POLICY_TLS_INSPECT);
    if (!is_exempt)
        return;
    ck_assert_str_eq(v->tls_set, set);
    ck_assert_ptr_nonnull(strstr(v->tls_at.file, "webex.conf"));
    ck_assert_uint_gt(v->tls_at.line, 0);
}

static void check_row(const struct asking *a, const struct row *row)
{
    struct host host;
    struct host name;
    struct policy_verdict v;
    ck_assert_msg(str_eq(row->verdict, STR_LIT("exempt")) || str_eq(row->verdict, STR_LIT("not")),
                  "%.*s", STR_ARG(row->host));
    ask(a, row->host, &host, &v);
    check_verdict(row, &v, host.is_address ? "webex-media" : "webex-uninspectable");
    if (!host.is_address)
        return;
    ask(a, STR_LIT("somewhere.example"), &name, &v);
    ck_assert_int_eq(v.tls, POLICY_TLS_INSPECT);
    ck_assert(policy_exempts_address(a->p, &host.addr, a->s, &v) == v.is_exempt);
    check_verdict(row, &v, "webex-media");
}

START_TEST(every_exemption_inside_and_just_outside)
{
    struct ca_files ca;
    struct errlist faults;
    struct row row;
    size_t len;
    size_t names = 0, rows = 0;
    errlist_init(&faults);
    ca_files_make(&ca);
    struct config *c = parse(&ca, NEVER[_i], "tls = \"inspect\";", &faults);
    ca_files_remove(&ca);
    ck_assert_msg(faults.count == 0, "%s", faults.count ? faults.items[0].text : "");
    ck_assert_ptr_nonnull(c);
    struct asking a = {c->policy, policy_scratch_new(c->policy)};
    ck_assert_ptr_nonnull(a.s);
    char *text = read_project_file("tests/data/policy/exemptions.tsv", &len);
    struct str rest = {text, len};
    ck_assert(next_row(&rest, &row)); /* the names of the columns */
    for (; next_row(&rest, &row); rows++) {
        check_row(&a, &row);
        names += memmem(row.pattern.ptr, row.pattern.len, "webex", 5) != NULL;
    }
    ck_assert_uint_ge(names, 3 * 10);
    ck_assert_uint_ge(rows, 3 * 20 + 35 * 4);
    mem_free(text);
    policy_scratch_free(a.s);
    config_unref(c);
    errlist_fini(&faults);
}
END_TEST

/* What `check` must refuse, and what it must not. */
static const struct {
    const char *rule, *fault; /* NULL: none */
} RULES[] = {
    {"to = [ \"webex\" ]; tls = \"inspect\";", NULL},
    {"to = [ \"webex\", \"webex-media\" ];", NULL},
    {"to = [ \"webex-media\" ]; tls = \"tunnel\";", NULL},
    {"to = [ \"webex-media\" ]; tls = \"inspect\";",
     "rule 'all' says tls = \"inspect\", but its destination set webex-media is in "
     "inspection.never: it is never inspected"},
    {"to = [ \"webex\", \"webex-uninspectable\" ]; tls = \"inspect\";",
     "rule 'all' says tls = \"inspect\", but its destination set webex-uninspectable is in "
     "inspection.never: it is never inspected"},
};

START_TEST(a_rule_that_would_break_the_promise_is_an_error)
{
    struct ca_files ca;
    struct errlist faults;
    errlist_init(&faults);
    ca_files_make(&ca);
    struct config *c = parse(&ca, NEVER[0], RULES[_i].rule, &faults);
    ca_files_remove(&ca);
    ck_assert((c == NULL) == (RULES[_i].fault != NULL));
    ck_assert_uint_eq(faults.errors, RULES[_i].fault != NULL);
    if (RULES[_i].fault != NULL)
        ck_assert_str_eq(faults.items[0].text, RULES[_i].fault);
    config_unref(c);
    errlist_fini(&faults);
}
END_TEST

Suite *exemptions_suite(void)
{
    Suite *s = suite_create("exemptions");
    TCase *t = tcase_create("exemptions");
    tcase_add_loop_test(t, every_exemption_inside_and_just_outside, 0, (int)ARRAY_LEN(NEVER));
    tcase_add_loop_test(t, a_rule_that_would_break_the_promise_is_an_error, 0,
                        (int)ARRAY_LEN(RULES));
    suite_add_tcase(s, t);
    return s;
}
