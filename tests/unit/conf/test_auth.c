/* SPDX-License-Identifier: MIT */
/* test_auth.c - the section `auth` in a snapshot: defaults, values, offers, groups. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "conf/config.h"
#include "conf/offers.h"
#include "tests/unit/conf/folder.h"
#include "util/mem.h"

#define LISTENER "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
#define RULES "rules = ( { name = \"all\"; action = \"allow\"; } );\n"

static struct folder folder;

static void make_folder(void)
{
    folder_make(&folder);
}

static void remove_folder(void)
{
    folder_remove(&folder);
}

/* A configuration in the folder, fine and without a warning. */
static struct config *load(const char *text)
{
    char path[128];
    char line[1024];
    struct errlist faults;
    struct str content = str_of(text);
    snprintf(path, sizeof(path), "%s/t.conf", folder.path);
    errlist_init(&faults);
    struct config *c = config_parse(path, &content, &faults);
    if (faults.count > 0)
        ck_abort_msg("%s", err_format(&faults.items[0], line, sizeof(line)));
    ck_assert_ptr_nonnull(c);
    errlist_fini(&faults);
    return c;
}

START_TEST(without_the_section_there_is_nothing)
{
    struct config *c = load(LISTENER RULES);
    ck_assert_ptr_null(c->auth);
    ck_assert_ptr_null(config_offer(c, NULL, NULL));
    config_unref(c);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
    struct config *c = load(LISTENER RULES "auth = { basic = { htpasswd = \"users.htpasswd\"; };\n"
                                           "digest = { htdigest = \"users.htdigest\"; }; };\n");
    const struct auth *a = c->auth;
    enum digest_algorithm offered[DIGEST_ALGORITHMS];
    ck_assert_str_eq(a->realm, "Sallyport");
    ck_assert_ptr_nonnull(a->htpasswd);
    ck_assert_ptr_null(a->basic_helper);
    ck_assert_uint_eq(a->basic_cache_ms, 300000);
    ck_assert_ptr_nonnull(a->digest);
    ck_assert_ptr_null(a->digest_secret);
    ck_assert_uint_eq(digest_offered(a->digest, offered), 2);
    ck_assert_int_eq(offered[0], DIGEST_SHA256);
    ck_assert_ptr_null(a->ntlm);
    ck_assert_ptr_null(a->ntlm_helper);
    ck_assert(!a->has_ntlm);
    ck_assert_ptr_null(a->kerberos);
    ck_assert_ptr_null(a->domain);
    ck_assert_ptr_null(a->groups);
    ck_assert_uint_eq(a->failures.burst, 5);
    ck_assert_uint_eq(a->failures.address_burst, 100);
    ck_assert_uint_eq(a->failures.refill_ms, 600000);
    ck_assert(!a->failures.is_per_user);
    ck_assert_uint_eq(a->offer_count, 1);
    ck_assert_int_eq(a->offers[0].source, -1);
    ck_assert_uint_eq(a->offers[0].count, 2);
    ck_assert_int_eq(a->offers[0].schemes[0], AUTH_DIGEST);
    ck_assert_int_eq(a->offers[0].schemes[1], AUTH_BASIC);
    config_unref(c);
}
END_TEST

START_TEST(what_is_written_holds)
{
    struct config *c = load(
        LISTENER RULES
        "auth = { realm = \"Sallyport\"; helper_timeout = 3; groups = \"groups\";\n"
        "basic = { helper = \"./helper -b 'x y'\"; children = 3; concurrency = 20; queue = 0;\n"
        "  cache = 0; };\n"
        "digest = { htdigest = \"md5.htdigest\"; algorithms = [ \"MD5\" ]; secret = \"secret\";\n"
        "  nonce_lifetime = \"1m\"; };\n"
        "ntlm = { helper = \"'./the helper' --x\"; domain = \"CORP\"; children = 1; };\n"
        "negotiate = { };\n"
        "failures = { burst = 2; address_burst = 20; refill = \"1h\"; }; };\n");
    const struct auth *a = c->auth;
    char command[160];
    enum digest_algorithm offered[DIGEST_ALGORITHMS];
    ck_assert_ptr_null(a->htpasswd);
    snprintf(command, sizeof(command), "%s/./helper -b 'x y'", folder.path);
    ck_assert_str_eq(a->basic_helper->command, command);
    ck_assert_int_eq(a->basic_helper->protocol, HELPER_BASIC);
    ck_assert_uint_eq(a->basic_helper->children, 3);
    ck_assert_uint_eq(a->basic_helper->concurrency, 20);
    ck_assert_uint_eq(a->basic_helper->queue, 0);
    ck_assert_uint_eq(a->basic_helper->timeout_ms, 3000);
    ck_assert_uint_eq(a->basic_cache_ms, 0);
    ck_assert_uint_eq(digest_offered(a->digest, offered), 1);
    ck_assert_int_eq(offered[0], DIGEST_MD5);
    ck_assert_uint_eq(a->digest_secret_len, 33);
    ck_assert(a->has_ntlm);
    ck_assert_ptr_null(a->ntlm);
    ck_assert_int_eq(a->ntlm_helper->protocol, HELPER_NTLMSSP);
    ck_assert_uint_eq(a->ntlm_helper->children, 1);
    ck_assert_uint_eq(a->ntlm_helper->concurrency, 0);
    ck_assert_uint_eq(a->ntlm_helper->queue, 64);
    ck_assert_str_eq(a->domain, "CORP");
    ck_assert(groups_has(a->groups, STR_LIT("PLAYERS")));
    ck_assert_uint_eq(a->failures.burst, 2);
    ck_assert_uint_eq(a->failures.address_burst, 20);
    ck_assert_uint_eq(a->failures.refill_ms, 3600000);
    ck_assert(a->failures.is_per_user);
    config_unref(c);
}
END_TEST

/* The program's path is resolved; its arguments and a name of PATH are not. */
START_TEST(the_command_of_a_helper_is_resolved)
{
    static const struct {
        const char *written, *command; /* %s: the folder */
    } commands[] = {
        {"./helper", "%s/./helper"},
        {"./helper ./x", "%s/./helper ./x"},
        {"/bin/sh ./x", "/bin/sh ./x"},
        {"sh -c ./x", "sh -c ./x"},
        {"'./the helper'", "\"%s/./the helper\""},
        {"'./the helper' 'a b'", "\"%s/./the helper\" 'a b'"},
        {"'/bin/sh' -x", "/bin/sh -x"},
        {"'sh' -x", "'sh' -x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char text[512];
        char command[256];
        snprintf(text, sizeof(text), LISTENER RULES "auth = { basic = { helper = \"%s\"; }; };\n",
                 commands[i].written);
        const char *hole = strstr(commands[i].command, "%s");
        if (hole != NULL)
            snprintf(command, sizeof(command), "%.*s%s%s", (int)(hole - commands[i].command),
                     commands[i].command, folder.path, hole + 2);
        else
            snprintf(command, sizeof(command), "%s", commands[i].command);
        struct config *c = load(text);
        ck_assert_str_eq(c->auth->basic_helper->command, command);
        config_unref(c);
    }
}
END_TEST

START_TEST(the_default_is_the_strongest_first)
{
    static const enum auth_scheme wanted[] = {AUTH_NEGOTIATE, AUTH_NTLM, AUTH_DIGEST, AUTH_BASIC};
    struct config *c =
        load(LISTENER RULES "auth = { basic = { htpasswd = \"users.htpasswd\"; };\n"
                            "ntlm = { smbpasswd = \"users.smbpasswd\"; };\n"
                            "negotiate = { }; digest = { htdigest = \"users.htdigest\"; }; };\n");
    ck_assert_ptr_nonnull(c->auth->ntlm);
    ck_assert(!c->auth->failures.is_per_user);
    ck_assert_uint_eq(c->auth->offers[0].count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        ck_assert_int_eq(c->auth->offers[0].schemes[i], wanted[i]);
    config_unref(c);
}
END_TEST

static const struct {
    const char *client, *product, *schemes;
} OFFERED[] = {
    {"10.20.0.1", NULL, "digest basic"},
    {"10.20.255.255", NULL, "digest basic"},
    {"10.21.0.1", NULL, "basic"},
    {"10.30.0.1", NULL, "basic"},
    {"10.31.0.1", NULL, "digest"},
    {"::1", NULL, "digest"},
    {NULL, NULL, "digest"},
    {NULL, "webex-board", "basic"},
    {"10.30.0.1", "webex-mac", "digest"}, /* known to be another product */
};

START_TEST(the_first_offer_that_holds_the_client_counts)
{
    struct config *c = load(
        LISTENER RULES
        "webex = { products = { webex-board = { name = \"B\"; auth = [ \"basic\" ]; };\n"
        "  webex-mac = { name = \"M\"; auth = [ \"digest\" ]; }; }; };\n"
        "sources = { rooms = { addresses = [ \"10.20.0.0/16\" ]; };\n"
        "  labs = { addresses = [ \"10.21.0.0/16\" ]; };\n"
        "  boards = { addresses = [ \"10.30.0.0/16\" ]; product = \"webex-board\"; }; };\n"
        "auth = { basic = { htpasswd = \"users.htpasswd\"; };\n"
        "  digest = { htdigest = \"users.htdigest\"; }; schemes = [ \"digest\" ];\n"
        "  offers = ( { from = [ \"rooms\" ]; schemes = [ \"digest\", \"basic\" ]; },\n"
        "    { from = [ \"labs\", \"boards\" ]; schemes = [ \"basic\" ]; } ); };\n");
    struct policy_scratch *scratch = policy_scratch_new(c->policy);
    struct addr client;
    char schemes[64] = "";
    ck_assert_ptr_nonnull(scratch);
    if (OFFERED[_i].client != NULL)
        ck_assert_int_eq(addr_parse(&client, str_of(OFFERED[_i].client)), 0);
    const struct addr *from = OFFERED[_i].client != NULL ? &client : NULL;
    const struct auth_offer *offer = offers_find(c, from, str_of(OFFERED[_i].product), scratch);
    for (size_t i = 0; i < offer->count; i++)
        snprintf(schemes + strlen(schemes), sizeof(schemes) - strlen(schemes), "%s%s",
                 i ? " " : "", scheme_name(offer->schemes[i]));
    ck_assert_str_eq(schemes, OFFERED[_i].schemes);
    if (OFFERED[_i].product == NULL)
        ck_assert_ptr_eq(config_offer(c, from, scratch), offer);
    ck_assert_uint_eq(c->auth->offer_count, 4);
    policy_scratch_free(scratch);
    config_unref(c);
}
END_TEST

static enum policy_action ask(const struct config *c, const char *host, const char *user)
{
    struct host h;
    struct str groups[GROUPS_MAX];
    struct policy_verdict v;
    struct policy_scratch *scratch = policy_scratch_new(c->policy);
    ck_assert_ptr_nonnull(scratch);
    ck_assert_ptr_null(host_parse(&h, str_of(host)));
    struct policy_query q = {.host = &h, .port = 443, .user = str_of(user), .groups = groups};
    if (user != NULL)
        q.group_count = groups_of(c->auth->groups, q.user, groups, GROUPS_MAX);
    policy_eval(c->policy, &q, scratch, &v);
    policy_scratch_free(scratch);
    return v.action;
}

static const struct {
    const char *host, *user;
    enum policy_action action;
} ASKED[] = {
    {"a.open.test", NULL, POLICY_ALLOW},
    {"a.asked.test", NULL, POLICY_AUTHENTICATE}, /* required, where there is an auth section */
    {"a.asked.test", "carol", POLICY_ALLOW},
    {"a.staff.test", NULL, POLICY_AUTHENTICATE},
    {"a.staff.test", "Alice", POLICY_ALLOW}, /* by her group */
    {"a.staff.test", "bob", POLICY_DENY},
    {"a.staff.test", "carol", POLICY_ALLOW}, /* by name */
    {"other.test", NULL, POLICY_DENY},
    {"other.test", "alice", POLICY_DENY},
};

START_TEST(rules_ask_and_sources_name_users_and_groups)
{
    struct config *c = load(
        LISTENER
        "destinations = { open = { domains = [ \"*.open.test\" ]; };\n"
        "  asked = { domains = [ \"*.asked.test\" ]; };\n"
        "  staff = { domains = [ \"*.staff.test\" ]; }; };\n"
        "sources = { staff = { users = [ \"CAROL\" ]; groups = [ \"staff\" ]; }; };\n"
        "auth = { basic = { htpasswd = \"users.htpasswd\"; }; groups = \"groups\"; };\n"
        "rules = ( { name = \"open\"; to = [ \"open\" ]; action = \"allow\"; auth = \"none\"; },\n"
        "  { name = \"asked\"; to = [ \"asked\" ]; action = \"allow\"; },\n"
        "  { name = \"staff\"; from = [ \"staff\" ]; to = [ \"staff\" ]; action = \"allow\";\n"
        "    auth = \"required\"; } );\n");
    for (size_t i = 0; i < ARRAY_LEN(ASKED); i++)
        ck_assert_msg(ask(c, ASKED[i].host, ASKED[i].user) == ASKED[i].action, "%s %s",
                      ASKED[i].host, ASKED[i].user ? ASKED[i].user : "nobody");
    config_unref(c);
}
END_TEST

Suite *auth_suite(void)
{
    Suite *s = suite_create("auth");
    TCase *t = tcase_create("snapshot");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, without_the_section_there_is_nothing);
    tcase_add_test(t, what_is_left_out_has_its_default);
    tcase_add_test(t, what_is_written_holds);
    tcase_add_test(t, the_command_of_a_helper_is_resolved);
    tcase_add_test(t, the_default_is_the_strongest_first);
    tcase_add_loop_test(t, the_first_offer_that_holds_the_client_counts, 0,
                        (int)ARRAY_LEN(OFFERED));
    tcase_add_test(t, rules_ask_and_sources_name_users_and_groups);
    suite_add_tcase(s, t);
    return s;
}
