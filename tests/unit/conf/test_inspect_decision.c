/* SPDX-License-Identifier: MIT */
/* test_inspect_decision.c - what becomes of an allowed CONNECT, as a table: host, hello and
 * address in, outcome and reason out; and the section of a snapshot that leads there. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <string.h>

#include "conf/inspect_decision.h"
#include "tests/unit/conf/ca_files.h"
#include "util/mem.h"

#define MCS "*mcs*.webex.com"

/* A rule a host, so that each differs from the others in one key. */
static const char RULES[] =
    "listeners = ( { address = \"127.0.0.1\"; port = 0; } );\n"
    "destinations = {\n"
    "  webex-media = { addresses = [ \"198.51.100.0/24\" ]; };\n"
    "  bad = { addresses = [ \"203.0.113.0/24\" ]; };\n"
    "  bank = { domains = [ \"*.bank.test\" ]; };\n"
    "  plain = { domains = [ \"*.plain.test\" ]; };\n"
    "  loose = { domains = [ \"*.loose.test\" ]; };\n"
    "  strict = { domains = [ \"*.strict.test\", \"*mcs9.webex.com\" ]; };\n"
    "  web = { domains = [ \"*.web.test\", \"*.webex.com\", \"bank.bank.test\" ]; };\n"
    "  staff = { domains = [ \"*.staff.test\" ]; };\n"
    "};\n"
    "sources = { nodes = { addresses = [ \"10.9.0.0/16\" ]; };\n"
    "  people = { users = [ \"alice\" ]; }; };\n"
    "rules = (\n"
    "  { name = \"bank\"; to = [ \"bank\" ]; action = \"allow\"; auth = \"none\"; },\n"
    "  { name = \"bad\"; to = [ \"bad\" ]; action = \"deny\"; },\n"
    "  { name = \"plain\"; to = [ \"plain\" ]; action = \"allow\"; tls = \"tunnel\";\n"
    "    auth = \"none\"; },\n"
    "  { name = \"loose\"; to = [ \"loose\" ]; action = \"allow\"; not_tls = \"tunnel\";\n"
    "    auth = \"none\"; },\n"
    "  { name = \"strict\"; to = [ \"strict\" ]; action = \"allow\"; tls = \"tunnel\";\n"
    "    not_tls = \"deny\"; auth = \"none\"; },\n"
    "  { name = \"web\"; to = [ \"web\", \"webex-media\" ]; action = \"allow\";\n"
    "    auth = \"none\"; },\n"
    "  { name = \"staff\"; from = [ \"people\" ]; to = [ \"staff\" ]; action = \"allow\"; }\n"
    ");\n"
    "auth = { ntlm = { helper = \"/bin/true\"; }; };\n";
static const char INSPECTION[] =
    "inspection = { enabled = true; ca_certificate = \"ca.pem\"; ca_key = \"ca.key\";\n"
    "  trust = \"ca.pem\"; never = [ \"bank\" ]; never_from = [ \"nodes\" ]; };\n";

static struct ca_files files;
static struct config *on, *off;

static struct config *load(const char *more)
{
    char path[128], text[8192], line[1024];
    struct errlist faults;
    snprintf(path, sizeof(path), "%s/t.conf", files.path);
    snprintf(text, sizeof(text), "%s%s", RULES, more);
    struct str content = str_of(text);
    errlist_init(&faults);
    struct config *c = config_parse(path, &content, &faults);
    if (c == NULL)
        ck_abort_msg("%s", err_format(&faults.items[0], line, sizeof(line)));
    errlist_fini(&faults);
    return c;
}

static void set_up(void)
{
    ca_files_make(&files);
    on = load(INSPECTION);
    off = load("");
}

static void tear_down(void)
{
    config_unref(on);
    config_unref(off);
    ca_files_remove(&files);
}

/* sni: NULL: none; "?": it is no host name. alpn: as on the wire, NULL: none. */
struct a_case {
    bool is_off, is_not_tls, is_origin_first;
    const char *host, *client, *dialled, *sni, *alpn;
    enum inspect_outcome outcome;
    const char *reason; /* tls_reason; NULL: none */
    const char *details;
    const char *rule;   /* of the verdict; NULL: not looked at */
};

static const struct a_case CASES[] = {
    /* Ordinary. */
    {.host = "a.web.test", .outcome = INSPECT_DECRYPT, .reason = "inspection.default"},
    {.host = "a.web.test", .sni = "a.web.test", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default", .rule = "web"},
    {.host = "a.web.test", .sni = "b.web.test", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.plain.test", .outcome = INSPECT_TUNNEL, .reason = "tls of the rule"},
    {.is_off = true, .host = "a.web.test", .sni = "evil.test", .outcome = INSPECT_TUNNEL,
     .reason = "inspection is off"},
    {.is_off = true, .host = "a.web.test", .sni = "?", .outcome = INSPECT_TUNNEL,
     .reason = "inspection is off"},
    /* Exempt: by name, by address, by client; whatever the SNI, the ALPN or the rule. */
    {.host = "a.bank.test", .sni = "a.bank.test", .outcome = INSPECT_TUNNEL,
     .reason = "never: bank"},
    {.host = "a.bank.test", .sni = "a.web.test", .outcome = INSPECT_TUNNEL,
     .reason = "never: bank"},
    {.host = "amcs1.webex.com", .outcome = INSPECT_TUNNEL, .reason = "never: webex-uninspectable"},
    {.host = "xcb1.webex.com", .outcome = INSPECT_TUNNEL, .reason = "never: webex-uninspectable"},
    {.host = "xmcc1.webex.com", .outcome = INSPECT_TUNNEL, .reason = "never: webex-uninspectable"},
    {.host = "amc1.webex.com", .outcome = INSPECT_DECRYPT, .reason = "inspection.default"},
    {.host = "amcs1.webex.com", .alpn = "\2h2", .outcome = INSPECT_TUNNEL,
     .reason = "never: webex-uninspectable"},
    {.host = "198.51.100.7", .outcome = INSPECT_TUNNEL, .reason = "never: webex-media"},
    {.host = "a.web.test", .dialled = "198.51.100.7", .outcome = INSPECT_TUNNEL,
     .reason = "never: webex-media"},
    {.host = "a.web.test", .dialled = "198.51.101.7", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.web.test", .client = "10.9.1.1", .outcome = INSPECT_TUNNEL,
     .reason = "never_from: nodes"},
    /* The SNI is judged, for exempt tunnels too. */
    {.host = "a.web.test", .sni = "evil.test", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI evil.test: no rule allows it"},
    {.host = "a.bank.test", .sni = "evil.test", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI evil.test: no rule allows it"},
    {.host = "a.web.test", .dialled = "198.51.100.7", .sni = "evil.test",
     .outcome = INSPECT_DENY_SNI, .details = "the SNI evil.test: no rule allows it"},
    {.host = "a.web.test", .client = "10.9.1.1", .sni = "evil.test", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI evil.test: no rule allows it"},
    {.host = "a.web.test", .sni = "?", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI is no host name"},
    {.host = "a.web.test", .sni = "a..b", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI is no host name"},
    {.host = "a.web.test", .sni = "203.0.113.9", .outcome = INSPECT_DENY_SNI,
     .details = "the SNI 203.0.113.9: a rule denies it", .rule = "bad"},
    {.host = "a.web.test", .sni = "a.staff.test", .outcome = INSPECT_DENY_SNI, .rule = "staff"},
    /* By the address that is dialled: fine for the name in the CONNECT, not for the SNI. */
    {.host = "a.bank.test", .dialled = "203.0.113.9", .sni = "a.web.test",
     .outcome = INSPECT_DENY_SNI, .details = "the SNI a.web.test: a rule denies it", .rule = "bad"},
    /* It adds inspection, and exempts nothing. */
    {.host = "a.plain.test", .sni = "a.web.test", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default", .rule = "plain"},
    {.host = "a.web.test", .sni = "a.plain.test", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.web.test", .sni = "amcs1.webex.com", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.web.test", .sni = "a.bank.test", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.plain.test", .sni = "amcs1.webex.com", .outcome = INSPECT_TUNNEL,
     .reason = "tls of the rule"},
    /* What is not TLS. */
    {.host = "a.web.test", .is_not_tls = true, .outcome = INSPECT_DENY_NOT_TLS,
     .reason = "not_tls", .details = "the client does not speak TLS", .rule = "web"},
    {.host = "a.web.test", .is_not_tls = true, .is_origin_first = true,
     .outcome = INSPECT_DENY_NOT_TLS, .reason = "not_tls",
     .details = "the origin speaks first: this is not TLS"},
    {.host = "a.loose.test", .is_not_tls = true, .outcome = INSPECT_TUNNEL, .reason = "not_tls"},
    {.host = "a.plain.test", .is_not_tls = true, .outcome = INSPECT_TUNNEL,
     .reason = "tls of the rule"},
    {.host = "a.strict.test", .is_not_tls = true, .outcome = INSPECT_DENY_NOT_TLS,
     .reason = "not_tls", .details = "the client does not speak TLS"},
    {.host = "a.strict.test", .outcome = INSPECT_TUNNEL, .reason = "tls of the rule"},
    {.host = "a.bank.test", .is_not_tls = true, .outcome = INSPECT_TUNNEL, .reason = "never: bank"},
    {.host = "amcs9.webex.com", .is_not_tls = true, .outcome = INSPECT_DENY_NOT_TLS,
     .reason = "not_tls", .details = "the client does not speak TLS", .rule = "strict"},
    {.is_off = true, .host = "a.strict.test", .is_not_tls = true, .outcome = INSPECT_DENY_NOT_TLS,
     .reason = "not_tls", .details = "the client does not speak TLS"},
    {.is_off = true, .host = "a.web.test", .is_not_tls = true, .outcome = INSPECT_TUNNEL,
     .reason = "inspection is off"},
    {.is_off = true, .host = "a.loose.test", .is_not_tls = true, .outcome = INSPECT_TUNNEL,
     .reason = "inspection is off"},
    /* TLS around something that is not HTTP/1. */
    {.host = "a.web.test", .alpn = "\2h2\x8http/1.1", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.web.test", .alpn = "\x8http/1.1\x8http/1.0", .outcome = INSPECT_DECRYPT,
     .reason = "inspection.default"},
    {.host = "a.web.test", .alpn = "\2h2", .outcome = INSPECT_DENY_NOT_TLS, .reason = "alpn: h2",
     .details = "the client does not offer HTTP/1 (alpn: h2)"},
    {.host = "a.web.test", .alpn = "\2h2\5h\nj\x80 ", .outcome = INSPECT_DENY_NOT_TLS,
     .reason = "alpn: h2, h?j?\?",
     .details = "the client does not offer HTTP/1 (alpn: h2, h?j?\?)"},
    {.host = "a.loose.test", .alpn = "\2h2", .outcome = INSPECT_TUNNEL, .reason = "alpn: h2"},
    {.host = "a.plain.test", .alpn = "\2h2", .outcome = INSPECT_TUNNEL,
     .reason = "tls of the rule"},
    {.host = "a.strict.test", .alpn = "\2h2", .outcome = INSPECT_TUNNEL,
     .reason = "tls of the rule"},
};

static void make_hello(const struct a_case *c, struct hello *hello)
{
    memset(hello, 0, sizeof(*hello));
    hello->version = 0x0303;
    if (c->sni != NULL) {
        hello->sni = strcmp(c->sni, "?") == 0 ? HELLO_SNI_ODD : HELLO_SNI_NAME;
        hello->name_len = (uint8_t)strlen(c->sni);
        memcpy(hello->name, c->sni, hello->name_len);
    }
    if (c->alpn != NULL) {
        hello->alpn_len = (uint16_t)strlen(c->alpn);
        memcpy(hello->alpn, c->alpn, hello->alpn_len);
    }
}

static enum inspect_outcome decide(const struct a_case *c, const struct hello *hello,
                                   struct inspect_answer *answer)
{
    struct config *config = c->is_off ? off : on;
    struct policy_scratch *scratch = policy_scratch_new(config->policy);
    struct policy_verdict v;
    struct host host;
    struct addr client, dialled;
    ck_assert_ptr_null(host_parse(&host, str_of(c->host)));
    ck_assert_int_eq(addr_parse(&client, str_of(c->client ? c->client : "10.1.1.1")), 0);
    if (c->dialled != NULL)
        ck_assert_int_eq(addr_parse(&dialled, str_of(c->dialled)), 0);
    struct policy_query q = {.host = &host, .port = 443, .scheme = POLICY_CONNECT,
                             .method = STR_LIT("CONNECT"), .client = &client};
    policy_eval(config->policy, &q, scratch, &v);
    ck_assert_int_eq(v.action, POLICY_ALLOW);
    struct inspect_question question = {
        .config = config, .scratch = scratch, .query = &q, .verdict = &v,
        .dialled = c->dialled != NULL ? &dialled : NULL,
        .hello = c->is_not_tls ? NULL : hello, .is_origin_first = c->is_origin_first};
    enum inspect_outcome outcome = inspect_decide(&question, answer);
    policy_scratch_free(scratch);
    return outcome;
}

static void check_text(const struct a_case *c, const char *what, const char *is, const char *wanted)
{
    ck_assert_msg(strcmp(is ? is : "", wanted ? wanted : "") == 0, "%s, SNI %s: %s is '%s'",
                  c->host, c->sni ? c->sni : "none", what, is ? is : "NULL");
}

START_TEST(every_case)
{
    const struct a_case *c = &CASES[_i];
    struct inspect_answer a;
    struct hello hello;
    make_hello(c, &hello);
    enum inspect_outcome outcome = decide(c, &hello, &a);
    ck_assert_msg(outcome == c->outcome, "%s, SNI %s: %d", c->host, c->sni ? c->sni : "none",
                  (int)outcome);
    ck_assert_int_eq(a.outcome, outcome);
    check_text(c, "tls_reason", a.verdict.tls_reason, c->reason);
    if (c->details != NULL || outcome == INSPECT_TUNNEL || outcome == INSPECT_DECRYPT)
        check_text(c, "details", a.details, c->details);
    if (c->rule != NULL)
        check_text(c, "rule", a.verdict.rule, c->rule);
    bool is_denied = outcome == INSPECT_DENY_SNI || outcome == INSPECT_DENY_NOT_TLS;
    ck_assert_int_eq(a.verdict.action, is_denied ? POLICY_DENY : POLICY_ALLOW);
    ck_assert_int_eq(a.verdict.tls, is_denied                    ? POLICY_TLS_NONE
                                    : outcome == INSPECT_DECRYPT ? POLICY_TLS_INSPECT
                                                                 : POLICY_TLS_TUNNEL);
    if (outcome == INSPECT_DECRYPT)
        ck_assert(!a.verdict.is_exempt);
}
END_TEST

START_TEST(a_list_of_protocols_that_was_cut_may_hold_http)
{
    struct hello hello;
    const struct a_case c = {.host = "a.web.test", .alpn = "\2h2"};
    struct inspect_answer a;
    make_hello(&c, &hello);
    hello.is_alpn_cut = true;
    ck_assert_int_eq(decide(&c, &hello, &a), INSPECT_DECRYPT);
}
END_TEST

START_TEST(a_long_list_of_protocols_is_cut_in_the_reason)
{
    struct hello hello;
    const struct a_case c = {.host = "a.web.test"};
    struct inspect_answer a;
    make_hello(&c, &hello);
    hello.alpn_len = 300;
    memset(hello.alpn, 'x', 300);
    hello.alpn[0] = (char)255;
    hello.alpn[256] = 43;
    ck_assert_int_eq(decide(&c, &hello, &a), INSPECT_DENY_NOT_TLS);
    ck_assert_uint_eq(strlen(a.alpn), sizeof(a.alpn) - 1);
    ck_assert_ptr_eq(a.verdict.tls_reason, a.alpn);
}
END_TEST

START_TEST(a_long_name_is_cut_in_the_details)
{
    struct hello hello;
    char name[254];
    struct a_case c = {.host = "a.web.test", .sni = name};
    struct inspect_answer a;
    for (size_t i = 0; i < 253; i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    name[253] = '\0';
    make_hello(&c, &hello);
    ck_assert_int_eq(decide(&c, &hello, &a), INSPECT_DENY_SNI);
    ck_assert_ptr_nonnull(strstr(a.details, ": no rule allows it"));
}
END_TEST

START_TEST(the_place_of_an_exemption_is_told)
{
    struct hello hello;
    const struct a_case c = {.host = "a.web.test", .dialled = "198.51.100.7"};
    struct inspect_answer a;
    make_hello(&c, &hello);
    ck_assert_int_eq(decide(&c, &hello, &a), INSPECT_TUNNEL);
    ck_assert(a.verdict.is_exempt);
    ck_assert_str_eq(a.verdict.tls_set, "webex-media");
    ck_assert(str_eq(a.verdict.tls_pattern, STR_LIT("198.51.100.0/24")));
    ck_assert_uint_eq(a.verdict.tls_at.line, 3);
}
END_TEST

/* ---- the section ---- */

static bool is_exempt_with(const char *more, const char *host)
{
    struct config *keep = on;
    struct inspect_answer a;
    struct hello hello;
    const struct a_case c = {.host = host};
    make_hello(&c, &hello);
    on = load(more);
    bool is_exempt = decide(&c, &hello, &a) == INSPECT_TUNNEL && a.verdict.is_exempt;
    config_unref(on);
    on = keep;
    return is_exempt;
}

#define HEAD                                                                                     \
    "inspection = { enabled = true; ca_certificate = \"ca.pem\"; ca_key = \"ca.key\";\n"           \
    "  trust = \"ca.pem\"; };\n"
#define WITH(domain)                                                                             \
    "webex = { destinations = { webex-uninspectable = { domains = [ \"" domain "\" ]; }; }; };\n"

START_TEST(what_is_promised_holds_where_the_set_is_missing_or_says_less)
{
    static const char *const sets[] = {"", WITH("x.test"), WITH(MCS)};
    char text[1024];
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        snprintf(text, sizeof(text), "%s%s", HEAD, sets[i]);
        ck_assert(is_exempt_with(text, "amcs1.webex.com"));
        ck_assert(is_exempt_with(text, "acb.webex.com"));
        ck_assert(is_exempt_with(text, "mcc.webex.com"));
        ck_assert(is_exempt_with(text, "198.51.100.1"));
        ck_assert(!is_exempt_with(text, "www.webex.com"));
    }
}
END_TEST

START_TEST(the_section_is_in_the_snapshot)
{
    char path[128];
    const struct inspection_config *i = &on->inspection;
    snprintf(path, sizeof(path), "%s/ca.key", files.path);
    ck_assert(i->is_enabled && !i->is_leaf_rsa);
    ck_assert_uint_eq(i->leaves_max, 10000);
    ck_assert_str_eq(i->ca_key, path);
    ck_assert(strncmp(i->ca_certificate, "-----BEGIN CERTIFICATE-----", 27) == 0);
    ck_assert_ptr_null(strstr(i->ca_certificate, "PRIVATE"));
    ck_assert_ptr_nonnull(i->origin_tls);
    ck_assert_ptr_nonnull(i->client_tls);
    ck_assert_ptr_nonnull(i->ca_key_at.file);
    ck_assert_int_eq(on->rules[3].not_tls, NOT_TLS_TUNNEL);
    ck_assert_int_eq(on->rules[4].not_tls, NOT_TLS_DENY);
    ck_assert_int_eq(on->rules[5].not_tls, NOT_TLS_UNSET);
    ck_assert(!off->inspection.is_enabled);
    ck_assert_ptr_null(off->inspection.ca_key);
    ck_assert_ptr_null(off->inspection.origin_tls);
}
END_TEST

START_TEST(a_uri_is_kept_as_it_is)
{
    struct config *c = load("inspection = { enabled = true; ca_certificate = \"ca.pem\"; "
                            "leaf_key = \"rsa\"; leaves = 500; min_tls = \"1.3\"; "
                            "ca_key = \"pkcs11:object=ca\"; trust = \"ca.pem\"; };\n");
    ck_assert_str_eq(c->inspection.ca_key, "pkcs11:object=ca");
    ck_assert(c->inspection.is_leaf_rsa);
    ck_assert_uint_eq(c->inspection.leaves_max, 500);
    config_unref(c);
}
END_TEST

Suite *inspect_decision_suite(void)
{
    Suite *s = suite_create("inspect_decision");
    TCase *t = tcase_create("decision");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, every_case, 0, (int)ARRAY_LEN(CASES));
    tcase_add_test(t, a_list_of_protocols_that_was_cut_may_hold_http);
    tcase_add_test(t, a_long_list_of_protocols_is_cut_in_the_reason);
    tcase_add_test(t, a_long_name_is_cut_in_the_details);
    tcase_add_test(t, the_place_of_an_exemption_is_told);
    tcase_add_test(t, what_is_promised_holds_where_the_set_is_missing_or_says_less);
    tcase_add_test(t, the_section_is_in_the_snapshot);
    tcase_add_test(t, a_uri_is_kept_as_it_is);
    suite_add_tcase(s, t);
    return s;
}
