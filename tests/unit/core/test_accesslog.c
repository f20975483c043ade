/* SPDX-License-Identifier: MIT */
/* test_accesslog.c - lines that stay lines whatever stands in them. */
#include "tests/unit/core/suites.h"

#include <string.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/json_check.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/rig.h"
#include "util/mem.h"

static const char SQUID[] =
    "log = { access = \"-\"; format = \"squid\"; };\n"
    "destinations = { all = { domains = [ \"*\" ]; }; };\n"
    "rules = ( { name = \"all\"; to = [ \"all\" ]; action = \"allow\"; } );\n";

static struct txn *make_txn(void)
{
    struct endpoint client = {.port = 1};
    ck_assert_int_eq(addr_parse(&client.addr, STR_LIT("192.0.2.1")), 0);
    struct txn *t = txn_new(rig.worker, &client);
    ck_assert_ptr_nonnull(t);
    snprintf(t->method, sizeof(t->method), "CONNECT");
    t->is_connect = true;
    return t;
}

static void set_host(struct txn *t, const char *name, uint16_t port)
{
    snprintf(t->host.name, sizeof(t->host.name), "%s", name);
    t->host.len = strlen(t->host.name);
    t->port = port;
}

/* The last lines of the log, each of them JSON. */
static void check_json(unsigned lines)
{
    rig_log();
    MUST(rig_log_lines() == lines);
    for (unsigned i = 0; i < lines; i++) {
        struct str line = str_of(rig_log_line(i));
        size_t fault = json_check(line);
        if (fault != line.len)
            ck_abort_msg("not JSON from %zu on: '%s'", fault, line.ptr);
    }
}

/* The checker itself: what RFC 8259 allows and what not. */
START_TEST(the_checker_knows_json)
{
    static const char *const GOOD[] = {"{}", "{\"a\":1}", "[1,\"\\u00e9\\n\",{\"b\":[]}]",
                                       "\"\xc3\xa9\xf0\x9f\x98\x80\"", "0", "true"};
    static const char *const BAD[] = {
        "{", "{\"a\"}", "{\"a\":1,}", "\"a\nb\"", "\"\\x\"", "\"\\u12g4\"", "\"\xff\"",
        "\"\xc0\x80\"", "01", "{} ", "\"\xed\xa0\x80\"", "\"abc", "{\"a\":1 }",
        "\"\xf4\x90\x80\x80\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++)
        ck_assert_uint_eq(json_check(str_of(GOOD[i])), strlen(GOOD[i]));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        ck_assert_msg(json_check(str_of(BAD[i])) != strlen(BAD[i]), "%s", BAD[i]);
}
END_TEST

static const char *const HOSTILE[] = {
    "\"", "\\", "\",\"event\":\"open", "a\nb", "a\r\n{\"ts\":1}", "\t", "\x01\x1f\x7f", "\x80",
    "\xc3", "\xc3\x28", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff\xfe", "<script>",
    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "%s%n%x", "", "\xf0\x9f\x98",
};

START_TEST(hostile_text_in_every_place)
{
    rig_start(NULL);
    for (size_t i = 0; i < ARRAY_LEN(HOSTILE); i++) {
        struct txn *t = make_txn();
        const char *text = HOSTILE[i];
        snprintf(t->method, sizeof(t->method), "%s", text);
        set_host(t, text, 443);
        t->has_verdict = true;
        t->verdict = (struct policy_verdict){.rule = text, .tls_reason = text,
                                             .pattern = str_of(text)};
        txn_finish(t, END_DENIED, 403);
        struct txn_tail *tail = txn_open_tunnel(t);
        txn_close_tunnel(tail, rig.worker, END_DONE, i, UINT64_MAX);
        txn_free(t);
        check_json(3);
    }
    rig_stop();
}
END_TEST

START_TEST(random_bytes_in_every_place)
{
    uint64_t state = 99;
    rig_start(NULL);
    for (unsigned i = 0; i < 3000; i++) {
        struct txn *t = make_txn();
        char text[600];
        size_t len = flow_random(&state) % sizeof(text);
        for (size_t k = 0; k < sizeof(text); k++)
            text[k] = (char)(1 + flow_random(&state) % 255);
        text[len] = '\0';
        set_host(t, "h.test", 443);
        t->has_verdict = true;
        t->verdict = (struct policy_verdict){.rule = text, .tls_reason = text,
                                             .pattern = {text, len}};
        txn_finish(t, END_DENIED, 403);
        txn_free(t);
        check_json(1);
    }
    rig_stop();
}
END_TEST

/* However long a pattern is, the lines say how it ended. */
START_TEST(what_matters_is_never_cut)
{
    static char text[5001];
    rig_start(NULL);
    memset(text, 'p', sizeof(text) - 1);
    for (size_t len = 3000; len < sizeof(text); len += len < 4200 ? 3 : 100) {
        struct txn *t = make_txn();
        set_host(t, "h.test", 443);
        t->has_verdict = true;
        t->verdict = (struct policy_verdict){.rule = "r", .tls_reason = "inspection is off",
                                             .pattern = {text, len}};
        struct txn_tail *tail = txn_open_tunnel(t);
        txn_close_tunnel(tail, rig.worker, END_CONNECT_TIMEOUT, UINT64_MAX, UINT64_MAX);
        txn_finish(t, END_DENIED, 403);
        txn_free(t);
        check_json(3);
        MUST(strstr(rig_log_line(0), "\"host\":\"h.test\"") != NULL);
        const char *line = rig_log_line(1);
        MUST(strstr(line, "\"host\":\"h.test\"") != NULL);
        MUST(strstr(line, "\"bytes_in\":18446744073709551615") != NULL);
        MUST(strstr(line, "\"bytes_out\":18446744073709551615") != NULL);
        MUST(strstr(line, "\"end\":\"connect_timeout\"") != NULL);
        MUST(strstr(rig_log_line(2), "\"end\":\"denied\"") != NULL);
    }
    rig_stop();
}
END_TEST

static void split_fields(const char *line, char fields[12][512], unsigned *count)
{
    const char *at = line;
    for (*count = 0; *at != '\0' && *count < 12; (*count)++) {
        size_t len = strcspn(at, " ");
        snprintf(fields[*count], 512, "%.*s", (int)len, at);
        at += len;
        at += strspn(at, " ");
    }
}

/* time elapsed client result/status bytes method URL user hierarchy/peer type */
static void check_squid(const char *line, const char *result, const char *bytes, const char *url,
                        const char *peer)
{
    static char fields[12][512];
    unsigned count, digits;
    char dot;
    split_fields(line, fields, &count);
    ck_assert_uint_eq(count, 10);
    ck_assert_int_eq(sscanf(fields[0], "%u%c%u", &digits, &dot, &digits), 3);
    ck_assert_int_eq(dot, '.');
    ck_assert_str_eq(fields[2], "192.0.2.1");
    ck_assert_str_eq(fields[3], result);
    ck_assert_str_eq(fields[4], bytes);
    ck_assert_str_eq(fields[6], url);
    ck_assert_str_eq(fields[7], "-");
    ck_assert_str_eq(fields[8], peer);
    ck_assert_str_eq(fields[9], "-");
}

START_TEST(squid_lines_have_ten_fields)
{
    char host[254], url[300];
    rig_start(SQUID);
    struct txn *t = make_txn();
    txn_finish(t, END_BAD_REQUEST, 400); /* nothing could be read of its target */
    set_host(t, "h.test", 443);
    t->has_verdict = true;
    t->verdict = (struct policy_verdict){.rule = "a\nb", .tls_reason = "x"};
    txn_finish(t, END_DENIED, 403);
    t->is_dialled = true;
    ck_assert_int_eq(addr_parse(&t->dialled.addr, STR_LIT("2001:db8::1")), 0);
    struct txn_tail *tail = txn_open_tunnel(t);
    txn_close_tunnel(tail, rig.worker, END_DONE, 5, 77);
    t->host.is_address = true;
    ck_assert_int_eq(addr_parse(&t->host.addr, STR_LIT("2001:db8::1")), 0);
    set_host(t, "2001:db8::1", 8443);
    txn_finish(t, END_REFUSED, 502);
    t->host.is_address = false;
    memset(host, 'h', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    set_host(t, host, 65535);
    memset(t->method, 'M', sizeof(t->method) - 1);
    t->method[sizeof(t->method) - 1] = '\0';
    txn_finish(t, END_REFUSED, 502);
    txn_free(t);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 5); /* a tunnel has one: no open line */
    check_squid(rig_log_line(0), "NONE_NONE/400", "0", "error:invalid-request", "HIER_NONE/-");
    check_squid(rig_log_line(1), "TCP_DENIED/403", "0", "h.test:443", "HIER_NONE/-");
    check_squid(rig_log_line(2), "TCP_TUNNEL/200", "77", "h.test:443", "HIER_DIRECT/2001:db8::1");
    check_squid(rig_log_line(3), "TCP_TUNNEL/502", "0", "[2001:db8::1]:8443",
                "HIER_DIRECT/2001:db8::1");
    snprintf(url, sizeof(url), "%s:65535", host);
    check_squid(rig_log_line(4), "TCP_TUNNEL/502", "0", url, "HIER_DIRECT/2001:db8::1");
    rig_stop();
}
END_TEST

/* As Squid 5.7 logs the same requests. */
static const struct {
    const char *host;
    uint16_t port;
    bool is_inside;
    const char *url;
} URLS[] = {
    {"127.0.0.9", 80, false, "http://127.0.0.9/a"},
    {"127.0.0.9", 443, false, "http://127.0.0.9:443/a"},
    {"::1", 80, false, "http://[::1]/a"},
    {"127.0.0.9", 443, true, "https://127.0.0.9/a"},
    {"127.0.0.9", 80, true, "https://127.0.0.9:80/a"},
    {"::1", 8443, true, "https://[::1]:8443/a"},
};

START_TEST(squids_urls_are_without_a_default_port)
{
    rig_start(SQUID);
    struct txn *t = make_txn();
    t->is_connect = false;
    t->is_inside = URLS[_i].is_inside;
    t->path = mem_dup("/a?b", 4);
    t->host.is_address = true;
    ck_assert_int_eq(addr_parse(&t->host.addr, str_of(URLS[_i].host)), 0);
    set_host(t, URLS[_i].host, URLS[_i].port);
    txn_finish(t, END_REFUSED, 502);
    txn_free(t);
    rig_log();
    check_squid(rig_log_line(0), "TCP_MISS/502", "0", URLS[_i].url, "HIER_NONE/-");
    rig_stop();
}
END_TEST

START_TEST(ids_are_sixteen_digits_and_differ)
{
    static uint64_t seen[2000];
    char text[TXN_ID_TEXT + 1];
    struct endpoint client = {.port = 1};
    rig_start(NULL);
    for (unsigned i = 0; i < ARRAY_LEN(seen); i++) {
        struct txn *t = txn_new(rig.worker, &client);
        seen[i] = t->id;
        for (unsigned k = 0; k < i; k++)
            MUST(seen[k] != seen[i]);
        MUST(strspn(txn_id_text(t->id, text), "0123456789abcdef") == TXN_ID_TEXT);
        MUST(text[TXN_ID_TEXT] == '\0');
        txn_free(t);
    }
    ck_assert_str_eq(txn_id_text(0x0123456789abcdef, text), "0123456789abcdef");
    rig_stop();
}
END_TEST

START_TEST(without_a_log_nothing_is_written)
{
    rig_start("log = { access = \"none\"; };\n"
              "destinations = { all = { domains = [ \"*\" ]; }; };\n"
              "rules = ( { name = \"all\"; to = [ \"all\" ]; action = \"allow\"; } );\n");
    ck_assert_ptr_null(rig.worker->pin->config->log.access);
    struct txn *t = make_txn();
    txn_finish(t, END_BAD_REQUEST, 400);
    txn_free(t);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_BAD_REQUEST]), 1);
    rig_stop();
}
END_TEST

Suite *accesslog_suite(void)
{
    Suite *suite = suite_create("accesslog");
    TCase *tc = tcase_create("accesslog");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_checker_knows_json);
    tcase_add_test(tc, hostile_text_in_every_place);
    tcase_add_test(tc, random_bytes_in_every_place);
    tcase_add_test(tc, what_matters_is_never_cut);
    tcase_add_test(tc, squid_lines_have_ten_fields);
    tcase_add_loop_test(tc, squids_urls_are_without_a_default_port, 0, ARRAY_LEN(URLS));
    tcase_add_test(tc, ids_are_sixteen_digits_and_differ);
    tcase_add_test(tc, without_a_log_nothing_is_written);
    suite_add_tcase(suite, tc);
    return suite;
}
