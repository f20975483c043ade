/* SPDX-License-Identifier: MIT */
/* test_differential.c - 2,000 random messages: what is sent must be what was received
 * but for lines of which the generator knows that they go, come or change. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/http/passage.h"

#define MESSAGES 2000
#define TEXT_MAX 16384

static uint64_t seed;

/* xorshift64 */
static unsigned draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 16) % below);
}

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

static void add(struct text *t, const char *text)
{
    size_t len = strlen(text);
    ck_assert_uint_lt(t->len + len, TEXT_MAX);
    memcpy(t->bytes + t->len, text, len);
    t->len += len;
}

/* A message as it is received, and as it must be sent. */
struct message {
    struct text in, out;
    bool is_request, names_hop, has_date;
    struct passage_switches switches;
};

/* A name in random case. */
static void spell(char *name)
{
    unsigned style = draw(4);
    for (char *at = name; *at; at++)
        if (style == 0 || (style == 1 && draw(2)))
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
}

static void make_value(char *value, size_t size)
{
    static const char BYTES[] = "abcXYZ019 \t,;=\"\\()<>[]{}@:/?%&+*'\x80\xc3\xbc\xff";
    size_t len = draw(draw(8) ? 24 : (unsigned)size - 1);
    for (size_t i = 0; i < len; i++)
        value[i] = BYTES[draw(sizeof(BYTES) - 1)];
    value[len] = '\0';
}

static const char *blanks(void)
{
    static const char *const BLANKS[] = {"", " ", " ", " ", "\t", "  ", " \t "};
    return BLANKS[draw(sizeof(BLANKS) / sizeof(BLANKS[0]))];
}

/* A line that is sent as it was received, or not at all. */
static void add_line(struct message *m, const char *name, const char *value, bool is_sent)
{
    char line[1024], spelled[64];
    snprintf(spelled, sizeof(spelled), "%s", name);
    spell(spelled);
    const char *after = blanks();
    snprintf(line, sizeof(line), ":%s%s%s\r\n", blanks(), value, after);
    add(&m->in, spelled);
    if (!m->is_request && draw(20) == 0)
        add(&m->in, draw(2) ? " " : "\t ");
    add(&m->in, line);
    if (is_sent) {
        add(&m->out, spelled);
        add(&m->out, line);
    }
}

static void add_random_line(struct message *m)
{
    static const char *const ANY[] = {"accept",
                                      "accept-encoding",
                                      "user-agent",
                                      "cookie",
                                      "set-cookie",
                                      "referer",
                                      "cache-control",
                                      "x-a",
                                      "x-b",
                                      "authorization",
                                      "via",
                                      "expires",
                                      "x-device-accept",
                                      "age",
                                      "x-forwarded-for",
                                      "x-forwarde",
                                      "warning",
                                      "content-type",
                                      "te2",
                                      "x-real-ip",
                                      "trailer",
                                      "max-forwards",
                                      "forwarded",
                                      "vary",
                                      "www-authenticate",
                                      "from",
                                      "!#$%&'*+-.^_`|~",
                                      "sec-fetch-mode",
                                      "dnt",
                                      "connection2"};
    static const char *const HOP[] = {
        "keep-alive",     "te",      "proxy-connection",   "upgrade", "x-hop-1",
        "http2-settings", "x-hop-2", "proxy-authorization"};
    char value[256];
    make_value(value, sizeof(value));
    if (draw(6) > 0) {
        add_line(m, ANY[draw(sizeof(ANY) / sizeof(ANY[0]))], value, true);
        return;
    }
    const char *name = HOP[draw(sizeof(HOP) / sizeof(HOP[0]))];
    bool is_named = strncmp(name, "x-hop", 5) == 0;
    add_line(m, name, value, is_named && !m->names_hop);
}

static void add_fields(struct message *m)
{
    unsigned special = draw(3), count = draw(draw(10) ? 15 : 60);
    for (unsigned i = 0; i < count; i++) {
        if (i == special && m->names_hop)
            add_line(m, "connection", "close,X-HOP-1 ,, x-hop-2, keep-alive", false);
        add_random_line(m);
    }
    if (special >= count && m->names_hop)
        add_line(m, "connection", "x-hop-2,x-hop-1", false);
}

/* A body's length, in one of its forms. */
static void add_framing(struct message *m)
{
    switch (draw(3)) {
    case 0:
        add_line(m, "content-length", draw(2) ? "0" : "0012345", true);
        break;
    case 1:
        add_line(m, "transfer-encoding", draw(2) ? "chunked" : "Chunked", false);
        add(&m->out, "Transfer-Encoding: chunked\r\n");
        break;
    default:
        break;
    }
}

static void make_request(struct message *m)
{
    static const char *const METHODS[] = {"GET", "POST", "DELETE", "X-M.1", "get"};
    static const char *const PATHS[] = {"/", "", "?q", "/a/../b%7E//?x=%2f#"};
    char line[256];
    bool is_old = draw(5) == 0, keeps_host = draw(4) > 0;
    const char *method = METHODS[draw(5)];
    char path[64];
    snprintf(path, sizeof(path), "%s", PATHS[draw(4)]);
    path[strcspn(path, "#")] = '\0';
    snprintf(line, sizeof(line), "%s http://h.test:81%s HTTP/1.%d\r\n", method, path, !is_old);
    add(&m->in, line);
    snprintf(line, sizeof(line), "%s %s%s HTTP/1.1\r\n", method, path[0] == '/' ? "" : "/", path);
    add(&m->out, line);
    bool has_host = !is_old || draw(2);
    if (!has_host)
        add(&m->out, "Host: h.test:81\r\n");
    else {
        add_line(m, "host", keeps_host ? "H.test:81" : "other", keeps_host);
        if (!keeps_host)
            add(&m->out, "Host: h.test:81\r\n");
    }
    add_fields(m);
    if (!is_old)
        add_framing(m);
    add(&m->in, "\r\n");
    add(&m->out, "X-Forwarded-For: " PASSAGE_CLIENT "\r\n");
    add(&m->out, is_old ? "Via: 1.0 " PASSAGE_VIA "\r\n" : "Via: 1.1 " PASSAGE_VIA "\r\n");
    add(&m->out, m->switches.closes ? "Connection: close\r\n\r\n" : "\r\n");
}

static void make_response(struct message *m)
{
    static const char *const REASONS[] = {"OK", "", "Not  \t\xe9 found ", "200"};
    char line[256];
    bool is_old = draw(5) == 0;
    unsigned status = 205 + draw(90);
    const char *reason = REASONS[draw(4)];
    snprintf(line, sizeof(line), "HTTP/1.%d %u %s\r\n", !is_old, status, reason);
    add(&m->in, line);
    snprintf(line, sizeof(line), "HTTP/1.1 %u %s\r\n", status, reason);
    add(&m->out, line);
    add_fields(m);
    if (m->has_date)
        add_line(m, "date", draw(2) ? "Sat, 05 Nov 1994 08:49:37 GMT" : "yesterday", true);
    if (!is_old)
        add_framing(m);
    add_line(m, "proxy-authenticate", "Basic realm=\"x\"", m->switches.relays_proxy_auth);
    add(&m->in, "\r\n");
    if (!m->has_date)
        add(&m->out, "Date: " PASSAGE_DATE "\r\n");
    add(&m->out, is_old ? "Via: 1.0 " PASSAGE_VIA "\r\n" : "Via: 1.1 " PASSAGE_VIA "\r\n");
    add(&m->out, m->switches.closes ? "Connection: close\r\n\r\n" : "\r\n");
}

START_TEST(nothing_else_changes)
{
    static struct message m;
    static struct passage p;
    seed = 0xd1ff;
    for (unsigned i = 0; i < MESSAGES; i++) {
        memset(&m.switches, 0, sizeof(m.switches));
        m.in.len = m.out.len = 0;
        m.is_request = draw(2);
        m.names_hop = draw(2);
        m.has_date = draw(2);
        m.switches.closes = draw(2);
        m.switches.relays_proxy_auth = !m.is_request && draw(2);
        if (m.is_request) {
            make_request(&m);
            passage_request(&p, (struct str){m.in.bytes, m.in.len}, &m.switches);
        } else {
            make_response(&m);
            passage_response(&p, (struct str){m.in.bytes, m.in.len}, &m.switches);
        }
        ck_assert_msg(!p.fault, "%u: %s:\n%.*s", i, p.fault, (int)m.in.len, m.in.bytes);
        ck_assert_msg(p.len == m.out.len && memcmp(p.sent, m.out.bytes, p.len) == 0,
                      "%u: received\n%.*s\nexpected\n%.*s\nsent\n%.*s", i, (int)m.in.len,
                      m.in.bytes, (int)m.out.len, m.out.bytes, (int)p.len, p.sent);
    }
}
END_TEST

Suite *differential_suite(void)
{
    Suite *suite = suite_create("differential");
    TCase *tc = tcase_create("messages");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, nothing_else_changes);
    suite_add_tcase(suite, tc);
    return suite;
}
