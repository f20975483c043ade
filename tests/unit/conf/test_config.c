/* SPDX-License-Identifier: MIT */
/* test_config.c - from text to a snapshot: defaults, values, paths, guard, life and death. */
#include "tests/unit/conf/suites.h"

#include <ifaddrs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "conf/config.h"
#include "util/mem.h"

#define LISTENER "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
#define RULES "rules = ( { name = \"none\"; action = \"deny\"; } );\n"

/* A configuration that must be fine, without a warning. */
static struct config *load(const char *path, const char *text)
{
    struct errlist faults;
    struct str content = str_of(text);
    char line[1024];
    errlist_init(&faults);
    struct config *c = config_parse(path, text ? &content : NULL, &faults);
    if (faults.count > 0)
        ck_abort_msg("%s", err_format(&faults.items[0], line, sizeof(line)));
    ck_assert_ptr_nonnull(c);
    errlist_fini(&faults);
    return c;
}

static struct addr parse(const char *text)
{
    struct addr a;
    ck_assert_int_eq(addr_parse(&a, str_of(text)), 0);
    return a;
}

static enum guard_verdict judge(const struct config *c, const char *addr, uint16_t port)
{
    struct endpoint to = {parse(addr), port};
    return guard_judge(c->guard, &to, NULL);
}

START_TEST(what_is_left_out_has_its_default)
{
    struct config *c = load("t.conf", LISTENER RULES);
    cpu_set_t cpus;
    size_t count;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    ck_assert_uint_eq(c->workers, (unsigned)CPU_COUNT(&cpus));
    ck_assert_uint_eq(c->limits.header_bytes, 65536);
    ck_assert_uint_eq(c->limits.header_timeout_ms, 15000);
    ck_assert_uint_eq(c->limits.connect_timeout_ms, 10000);
    ck_assert_uint_eq(c->limits.tunnel_idle_ms, 3600000);
    ck_assert_uint_eq(c->limits.tunnels_per_client, 5000);
    ck_assert_uint_eq(c->limits.drain_ms, 30000);
    ck_assert_str_eq(c->log.access, "-");
    ck_assert_int_eq(c->log.format, LOG_FORMAT_JSON);
    ck_assert_str_eq(c->log.errors, "stderr");
    ck_assert_ptr_null(c->dns.servers);
    ck_assert_uint_eq(c->dns.timeout_ms, 5000);
    ck_assert_ptr_nonnull(c->dns.hosts);
    ck_assert_ptr_null(hosts_find(c->dns.hosts, STR_LIT("no-such-name.test"), &count));
    ck_assert(!c->admin.is_on);
    ck_assert_ptr_null(c->webex_revision);
    ck_assert_uint_eq(c->listener_count, 1);
    ck_assert_uint_eq(c->listeners[0].at.port, 3128);
    ck_assert_str_eq(c->listeners[0].where.file, "t.conf");
    ck_assert_uint_eq(c->listeners[0].where.line, 1);
    ck_assert_int_eq(judge(c, "10.0.0.1", 443), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(c, "203.0.114.1", 443), GUARD_OK);
    config_unref(c);
}
END_TEST

START_TEST(what_is_written_holds)
{
    struct config *c = load("etc/t.conf",
        "listeners = ( { address = \"0.0.0.0\"; port = 8080; },\n"
        "  { address = \"::1\"; port = 0; } );\n"
        "workers = 0x3;\n"
        "limits = { header_bytes = \"16KiB\"; header_timeout = 3; connect_timeout = \"250ms\";\n"
        "  tunnel_idle = \"2d\"; tunnels_per_client = 7; drain = 0; };\n"
        "log = { access = \"access.log\"; format = \"squid\"; errors = \"/var/log/e.log\"; };\n"
        "dns = { servers = [ \"10.0.0.53\", \"127.0.0.1:5353\", \"2001:db8::1\", \"[::1]:54\" ];\n"
        "  timeout = \"2s\"; };\n"
        "admin = { address = \"::1\"; port = 3130; };\n" RULES);
    ck_assert_uint_eq(c->workers, 3);
    ck_assert_uint_eq(c->limits.header_bytes, 16384);
    ck_assert_uint_eq(c->limits.header_timeout_ms, 3000);
    ck_assert_uint_eq(c->limits.connect_timeout_ms, 250);
    ck_assert_uint_eq(c->limits.tunnel_idle_ms, 172800000);
    ck_assert_uint_eq(c->limits.tunnels_per_client, 7);
    ck_assert_uint_eq(c->limits.drain_ms, 0);
    ck_assert_str_eq(c->log.access, "etc/access.log");
    ck_assert_int_eq(c->log.format, LOG_FORMAT_SQUID);
    ck_assert_str_eq(c->log.errors, "/var/log/e.log");
    ck_assert_str_eq(c->dns.servers,
                     "10.0.0.53:53,127.0.0.1:5353,[2001:db8::1]:53,[::1]:54");
    ck_assert_uint_eq(c->dns.timeout_ms, 2000);
    ck_assert(c->admin.is_on);
    ck_assert_ptr_null(c->admin.unix_path);
    ck_assert_uint_eq(c->admin.at.port, 3130);
    ck_assert_uint_eq(c->listener_count, 2);
    config_unref(c);
}
END_TEST

START_TEST(words_that_are_no_paths_are_not_resolved)
{
    struct config *c = load("etc/t.conf", LISTENER RULES
        "log = { access = \"-\"; errors = \"stderr\"; };\n"
        "admin = { address = \"unix:run/admin.sock\"; };\n");
    ck_assert_str_eq(c->log.access, "-");
    ck_assert_str_eq(c->log.errors, "stderr");
    ck_assert_str_eq(c->admin.unix_path, "etc/run/admin.sock");
    config_unref(c);
    c = load("etc/t.conf", LISTENER RULES "log = { access = \"none\"; };\n");
    ck_assert_ptr_null(c->log.access);
    config_unref(c);
}
END_TEST

START_TEST(a_path_belongs_to_the_file_that_names_it)
{
    size_t count;
    const char *path = project_path("tests/data/conf/t.conf");
    struct config *c = load(path, LISTENER RULES "@include \"inc/deep/dns.conf\"\n");
    const struct addr *found = hosts_find(c->dns.hosts, STR_LIT("deep.test"), &count);
    ck_assert_uint_eq(count, 1);
    struct addr expected = parse("192.0.2.9");
    ck_assert(addr_eq(found, &expected));
    ck_assert_uint_eq(c->file_count, 2);
    config_unref(c);
}
END_TEST

/* Neither the proxy's own port nor the admin page is opened by guard.allow. */
START_TEST(the_guard_knows_the_listeners)
{
    struct config *c = load("t.conf", LISTENER RULES
        "admin = { address = \"127.0.0.1\"; port = 3129; };\n"
        "guard = { allow = [ \"127.0.0.0/8\" ]; };\n");
    ck_assert_int_eq(judge(c, "127.0.0.1", 3128), GUARD_SELF);
    ck_assert_int_eq(judge(c, "127.0.0.1", 3129), GUARD_FORBIDDEN);
    ck_assert_int_eq(judge(c, "127.0.0.1", 3130), GUARD_OK);
    ck_assert_int_eq(judge(c, "10.0.0.1", 443), GUARD_FORBIDDEN);
    config_unref(c);
}
END_TEST

START_TEST(a_listener_on_all_addresses_is_known_by_each)
{
    struct config *c = load("t.conf", RULES
        "listeners = ( { address = \"0.0.0.0\"; port = 3128; },\n"
        "  { address = \"::\"; port = 3128; } );\n"
        "guard = { deny_private = false; };\n");
    struct ifaddrs *list;
    size_t count = 0;
    ck_assert_int_eq(getifaddrs(&list), 0);
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        struct endpoint own;
        if (i->ifa_addr == NULL || addr_from_sockaddr(&own, i->ifa_addr) != 0)
            continue;
        own.port = 3128;
        ck_assert_int_eq(guard_judge(c->guard, &own, NULL), GUARD_SELF);
        own.port = 3127;
        ck_assert_int_eq(guard_judge(c->guard, &own, NULL), GUARD_OK);
        count++;
    }
    freeifaddrs(list);
    ck_assert_uint_gt(count, 0);
    config_unref(c);
}
END_TEST

static enum policy_action ask(const struct config *c, const char *name, uint16_t port,
                              const char *client)
{
    struct host host;
    struct policy_verdict v;
    struct addr from = parse(client);
    struct policy_scratch *scratch = policy_scratch_new(c->policy);
    ck_assert_ptr_null(host_parse(&host, str_of(name)));
    struct policy_query q = {.host = &host, .port = port, .scheme = POLICY_CONNECT,
                             .method = STR_LIT("CONNECT"), .client = &from};
    policy_eval(c->policy, &q, scratch, &v);
    policy_scratch_free(scratch);
    return v.action;
}

START_TEST(sets_and_rules_decide)
{
    const char *path = project_path("tests/data/conf/t.conf");
    struct config *c = load(path, LISTENER
        "webex = { revision = \"2025-12-15\"; destinations = {\n"
        "  w = { domains = [ \"*.webex.test\" ]; }; }; };\n"
        "destinations = { own = { files = [ \"good.txt\" ]; regex = ( \"^cdn[0-9]+\\\\.test$\" );\n"
        "  addresses = [ \"192.0.2.0/24\" ]; }; };\n"
        "sources = { office = { addresses = [ \"10.0.0.0/8\" ]; }; };\n"
        "guard = { connect_ports = ( 443, \"8000-8002\" ); };\n"
        "rules = (\n"
        "  { name = \"no\"; to = [ \"own\" ]; ports = ( 8443 ); action = \"deny\"; },\n"
        "  { name = \"w\"; to = [ \"w\" ]; action = \"allow\"; auth = \"none\";\n"
        "    tls = \"tunnel\"; },\n"
        "  { name = \"own\"; from = [ \"office\" ]; to = [ \"own\" ];\n"
        "    ports = ( \"440-450\", 8443 );\n"
        "    methods = [ \"CONNECT\", \"GET\" ]; action = \"allow\"; } );\n");
    ck_assert_int_eq(ask(c, "a.webex.test", 443, "192.0.2.1"), POLICY_ALLOW);
    ck_assert_int_eq(ask(c, "a.webex.test", 8002, "192.0.2.1"), POLICY_ALLOW);
    ck_assert_int_eq(ask(c, "a.webex.test", 8003, "192.0.2.1"), POLICY_DENY);
    ck_assert_int_eq(ask(c, "from-a-file.test", 445, "10.1.2.3"), POLICY_ALLOW);
    ck_assert_int_eq(ask(c, "cdn7.test", 450, "10.1.2.3"), POLICY_ALLOW);
    ck_assert_int_eq(ask(c, "192.0.2.77", 440, "10.1.2.3"), POLICY_ALLOW);
    ck_assert_int_eq(ask(c, "cdn7.test", 450, "11.1.2.3"), POLICY_DENY);
    ck_assert_int_eq(ask(c, "cdn7.test", 8443, "10.1.2.3"), POLICY_DENY);
    ck_assert_int_eq(ask(c, "cdnx.test", 443, "10.1.2.3"), POLICY_DENY);
    ck_assert_uint_eq(c->set_count, 3);
    ck_assert_uint_eq(c->rule_count, 3);
    ck_assert_str_eq(c->rules[0].connect_ports, "8443");
    ck_assert_str_eq(c->rules[1].connect_ports, "443, 8000-8002");
    ck_assert_str_eq(c->rules[1].http_ports, "80");
    ck_assert_ptr_null(c->rules[1].methods);
    ck_assert_str_eq(c->rules[2].connect_ports, "440-450, 8443");
    ck_assert_str_eq(c->rules[2].methods, "CONNECT, GET");
    ck_assert_str_eq(c->webex_revision, "2025-12-15");
    config_unref(c);
}
END_TEST

START_TEST(a_snapshot_lives_as_long_as_it_is_held)
{
    struct config *c = load("t.conf", LISTENER RULES);
    ck_assert_ptr_eq(config_ref(c), c);
    config_unref(c);
    ck_assert_str_eq(c->path, "t.conf");
    config_unref(c);
    config_unref(NULL);
}
END_TEST

START_TEST(faults_of_before_do_not_count)
{
    struct errlist faults;
    struct str text = STR_LIT(LISTENER RULES);
    errlist_init(&faults);
    errlist_add(&faults, NULL, "of another file");
    struct config *c = config_parse("t.conf", &text, &faults);
    ck_assert_ptr_nonnull(c);
    ck_assert_ptr_nonnull(c->policy);
    config_unref(c);
    errlist_fini(&faults);
}
END_TEST

/* Whatever part of a real file is read: no crash, no leak, and no snapshot with errors. */
START_TEST(a_file_cut_anywhere_is_survived)
{
    size_t len;
    char *text = read_project_file("conf/webex.conf", &len);
    for (size_t cut = 0; cut < len; cut += 37) {
        struct errlist faults;
        struct str part = {text, cut};
        errlist_init(&faults);
        struct config *c = config_parse("t.conf", &part, &faults);
        ck_assert((c == NULL) == (faults.errors > 0));
        config_unref(c);
        errlist_fini(&faults);
    }
    mem_free(text);
}
END_TEST

Suite *config_suite(void)
{
    Suite *s = suite_create("config");
    TCase *t = tcase_create("snapshot");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_is_left_out_has_its_default);
    tcase_add_test(t, what_is_written_holds);
    tcase_add_test(t, words_that_are_no_paths_are_not_resolved);
    tcase_add_test(t, a_path_belongs_to_the_file_that_names_it);
    tcase_add_test(t, the_guard_knows_the_listeners);
    tcase_add_test(t, a_listener_on_all_addresses_is_known_by_each);
    tcase_add_test(t, sets_and_rules_decide);
    tcase_add_test(t, a_snapshot_lives_as_long_as_it_is_held);
    tcase_add_test(t, faults_of_before_do_not_count);
    tcase_add_test(t, a_file_cut_anywhere_is_survived);
    suite_add_tcase(s, t);
    return s;
}
