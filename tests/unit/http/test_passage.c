/* SPDX-License-Identifier: MIT */
/* test_passage.c - heads received and sent, byte for byte, from tests/data/http. */
#include "tests/unit/http/suites.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http/passage.h"

#define LINE_MAX_LEN 4096

/* One case as it stands in the file. */
struct a_case {
    char title[256];
    bool is_response, has_end;
    struct passage_switches switches;
    unsigned status; /* with a fault */
    char fault[256], max_forwards[24];
    char in[PASSAGE_MAX], sent[PASSAGE_MAX];
    size_t in_len, sent_len;
};

static int hex_of(char c)
{
    return c <= '9' ? c - '0' : str_lower(c) - 'a' + 10;
}

/* One line of the file, without its escapes, behind what is in text. */
static void add_line(char *text, size_t *len, const char *line)
{
    static const char FROM[] = "rn0ts\\", TO[] = "\r\n\0\t \\";
    const char *at = line;
    for (; *at && *len < PASSAGE_MAX - 8; at++) {
        if (*at != '\\') {
            text[(*len)++] = *at;
            continue;
        }
        at++;
        if (!*at)
            return; /* no line end here */
        const char *known = strchr(FROM, *at);
        if (*at == 'x') {
            text[(*len)++] = (char)(hex_of(at[1]) << 4 | hex_of(at[2]));
            at += 2;
        } else {
            ck_assert_msg(known, "an unknown escape in: %s", line);
            text[(*len)++] = TO[known - FROM];
        }
    }
    text[(*len)++] = '\r';
    text[(*len)++] = '\n';
}

static void set_switch(struct passage_switches *s, struct str word)
{
    const struct {
        const char *word;
        bool *slot;
    } rows[] = {
        {"upgrade", &s->is_upgrade},    {"close", &s->closes},
        {"parent", &s->is_for_parent},  {"noxff", &s->hides_client},
        {"keep10", &s->keeps_alive_10}, {"relay", &s->relays_proxy_auth},
        {"interim", &s->is_interim},    {"nodate", &s->has_no_date},
        {"head", &s->is_reply_to_head}, {"http10", &s->client_is_10},
        {"chunked", &s->makes_chunked},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(word, str_of(rows[i].word))) {
            *rows[i].slot = true;
            return;
        }
    ck_abort_msg("an unknown word: %.*s", STR_ARG(word));
}

/* A line that begins with "--- "; says where the lines behind it go. */
static char *begin_section(struct a_case *c, const char *line, size_t **len)
{
    struct str rest = str_of(line);
    struct str word = str_cut(&rest, ' ');
    if (str_eq(word, STR_LIT("request")) || str_eq(word, STR_LIT("response"))) {
        c->is_response = word.len == 8;
        while (rest.len > 0)
            set_switch(&c->switches, str_cut(&rest, ' '));
        *len = &c->in_len;
        return c->in;
    }
    if (str_eq(word, STR_LIT("sent"))) {
        c->has_end = true;
        *len = &c->sent_len;
        return c->sent;
    }
    if (str_eq(word, STR_LIT("max-forwards"))) {
        snprintf(c->max_forwards, sizeof(c->max_forwards), "%.*s", STR_ARG(rest));
        c->switches.max_forwards = str_of(c->max_forwards);
        return NULL;
    }
    ck_assert_msg(str_eq(word, STR_LIT("fault")), "an unknown section: %s", line);
    c->has_end = true;
    c->status = (unsigned)strtoul(rest.ptr, NULL, 10);
    (void)str_cut(&rest, ' ');
    snprintf(c->fault, sizeof(c->fault), "%.*s", STR_ARG(rest));
    return NULL;
}

static void run_case(const struct a_case *c, const char *path)
{
    static struct passage p;
    struct str in = {c->in, c->in_len};
    ck_assert_msg(c->in_len > 0 && c->has_end, "%s: %s: nothing to do", path, c->title);
    if (c->is_response)
        passage_response(&p, in, &c->switches);
    else
        passage_request(&p, in, &c->switches);
    if (c->fault[0]) {
        ck_assert_msg(p.fault && strcmp(p.fault, c->fault) == 0, "%s: %s: %s", path, c->title,
                      p.fault ? p.fault : "was sent");
        ck_assert_msg(p.status == c->status, "%s: %s: status %u", path, c->title, p.status);
        return;
    }
    ck_assert_msg(!p.fault, "%s: %s: %s", path, c->title, p.fault);
    ck_assert_msg(p.len == c->sent_len && memcmp(p.sent, c->sent, p.len) == 0,
                  "%s: %s: sent was\n%.*s", path, c->title, (int)p.len, p.sent);
}

static size_t run_file(const char *path)
{
    static struct a_case c;
    char line[LINE_MAX_LEN];
    char *text = NULL;
    size_t *len = NULL, count = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file, "cannot open %s", path);
    while (fgets(line, sizeof(line), file)) {
        size_t line_len = strlen(line);
        ck_assert_msg(line_len > 0 && line[line_len - 1] == '\n', "%s: a line too long", path);
        line[line_len - 1] = '\0';
        if (strncmp(line, "=== ", 4) == 0) {
            if (count++ > 0)
                run_case(&c, path);
            memset(&c, 0, sizeof(c));
            snprintf(c.title, sizeof(c.title), "%.255s", line + 4);
            text = NULL;
        } else if (strncmp(line, "--- ", 4) == 0)
            text = begin_section(&c, line + 4, &len);
        else {
            ck_assert_msg(text, "%s: a line of no section: %s", path, line);
            add_line(text, len, line);
        }
    }
    if (count > 0)
        run_case(&c, path);
    fclose(file);
    return count;
}

START_TEST(heads_are_sent_as_the_cases_say)
{
    const char *root = getenv("SALLYPORT_ROOT");
    char pattern[4096];
    glob_t found;
    size_t count = 0;
    ck_assert_msg(root, "SALLYPORT_ROOT is not set");
    snprintf(pattern, sizeof(pattern), "%s/tests/data/http/*.cases", root);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        count += run_file(found.gl_pathv[i]);
    ck_assert_uint_ge(found.gl_pathc, 26);
    ck_assert_uint_ge(count, 160);
    globfree(&found);
}
END_TEST

static unsigned changes_of(const struct header_ledger *ledger, enum header_field field,
                           enum header_reason reason)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->changes[i].field == field && ledger->changes[i].reason == reason)
            return ledger->changes[i].count;
    return 0;
}

struct change_row {
    enum header_field field;
    enum header_reason reason;
    unsigned count;
};

static void assert_changes(const struct header_ledger *ledger, const struct change_row *rows,
                           size_t count)
{
    ck_assert_uint_eq(ledger->count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(changes_of(ledger, rows[i].field, rows[i].reason) == rows[i].count, "%s, %s",
                      ledger_field_token(rows[i].field), ledger_reason_token(rows[i].reason));
}

START_TEST(changes_of_a_request_are_counted)
{
    static struct passage p;
    static const char in[] = "OPTIONS http://h/ HTTP/1.1\r\n"
                             "Host: other\r\n"
                             "Connection: X-A, x-b, via\r\n"
                             "Connection: close\r\n"
                             "X-A: 1\r\nX-A: 2\r\nX-B: 3\r\nX-C: 4\r\n"
                             "Via: 1.1 v\r\n"
                             "TE: trailers\r\nKeep-Alive: a\r\nUpgrade: h2c\r\n"
                             "HTTP2-Settings: x\r\nProxy-Connection: y\r\n"
                             "Proxy-Authorization: z\r\n"
                             "Max-Forwards: 9\r\n"
                             "transfer-encoding: chunked\r\n\r\n";
    static const struct change_row rows[] = {
        {HEADER_HOST, HEADER_FROM_TARGET, 1},
        {HEADER_CONNECTION, HEADER_HOP_BY_HOP, 2},
        {HEADER_OTHER, HEADER_NAMED, 3},
        {HEADER_VIA, HEADER_NAMED, 1},
        {HEADER_TE, HEADER_HOP_BY_HOP, 1},
        {HEADER_KEEP_ALIVE, HEADER_HOP_BY_HOP, 1},
        {HEADER_UPGRADE, HEADER_HOP_BY_HOP, 1},
        {HEADER_HTTP2_SETTINGS, HEADER_HOP_BY_HOP, 1},
        {HEADER_PROXY_CONNECTION, HEADER_HOP_BY_HOP, 1},
        {HEADER_PROXY_AUTHORIZATION, HEADER_FOR_THE_PROXY, 1},
        {HEADER_MAX_FORWARDS, HEADER_COUNTED_DOWN, 1},
        {HEADER_TRANSFER_ENCODING, HEADER_FRAMING, 1},
        {HEADER_X_FORWARDED_FOR, HEADER_ADDED, 1},
        {HEADER_VIA, HEADER_ADDED, 1},
        {HEADER_CONNECTION, HEADER_ADDED, 1},
    };
    struct passage_switches s = {.closes = true, .max_forwards = {"8", 1}};
    passage_request(&p, (struct str){in, sizeof(in) - 1}, &s);
    ck_assert_ptr_null(p.fault);
    assert_changes(&p.ledger, rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(changes_of_a_response_are_counted)
{
    static struct passage p;
    static const char in[] = "HTTP/1.1 204 No\r\n"
                             "Content-Length : 0\r\nX-A : 1\r\nX-B\t: 1\r\nETag : 2\r\n"
                             "Connection : x-b\r\n"
                             "Proxy-Authenticate: a\r\nProxy-Authentication-Info: b\r\n\r\n";
    static const struct change_row rows[] = {
        {HEADER_CONTENT_LENGTH, HEADER_FRAMING, 1},
        {HEADER_OTHER, HEADER_REPAIRED, 2},
        {HEADER_OTHER, HEADER_NAMED, 1},
        {HEADER_CONNECTION, HEADER_HOP_BY_HOP, 1},
        {HEADER_PROXY_AUTHENTICATE, HEADER_FOR_THE_PROXY, 1},
        {HEADER_PROXY_AUTHENTICATION_INFO, HEADER_FOR_THE_PROXY, 1},
        {HEADER_DATE, HEADER_ADDED, 1},
        {HEADER_VIA, HEADER_ADDED, 1},
    };
    struct passage_switches s = {.closes = false};
    passage_response(&p, (struct str){in, sizeof(in) - 1}, &s);
    ck_assert_ptr_null(p.fault);
    assert_changes(&p.ledger, rows, ARRAY_LEN(rows));
}
END_TEST

/* Labels of the metric: lower case, no two alike. */
START_TEST(tokens_are_words)
{
    for (int f = 0; f < HEADER_FIELD_COUNT; f++) {
        const char *token = ledger_field_token((enum header_field)f);
        ck_assert_uint_eq(strspn(token, "abcdefghijklmnopqrstuvwxyz2-"), strlen(token));
        for (int other = 0; other < f; other++)
            ck_assert_str_ne(token, ledger_field_token((enum header_field)other));
    }
    for (int r = 0; r < HEADER_REASON_COUNT; r++) {
        const char *token = ledger_reason_token((enum header_reason)r);
        ck_assert_uint_eq(strspn(token, "abcdefghijklmnopqrstuvwxyz_"), strlen(token));
        for (int other = 0; other < r; other++)
            ck_assert_str_ne(token, ledger_reason_token((enum header_reason)other));
    }
}
END_TEST

/* A ledger that is full, which no message makes it, stays within its bounds. */
START_TEST(full_ledger_takes_no_more)
{
    struct header_ledger ledger = {.count = 0};
    for (int f = 0; f < HEADER_FIELD_COUNT; f++)
        for (int r = 0; r < HEADER_REASON_COUNT; r++)
            ledger_add(&ledger, (enum header_field)f, (enum header_reason)r);
    ck_assert_uint_eq(ledger.count, LEDGER_MAX);
    ledger_add(&ledger, HEADER_CONNECTION, HEADER_HOP_BY_HOP);
    ck_assert_uint_eq(changes_of(&ledger, HEADER_CONNECTION, HEADER_HOP_BY_HOP), 2);
}
END_TEST

Suite *passage_suite(void)
{
    Suite *suite = suite_create("passage");
    TCase *tc = tcase_create("heads");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, heads_are_sent_as_the_cases_say);
    tcase_add_test(tc, changes_of_a_request_are_counted);
    tcase_add_test(tc, changes_of_a_response_are_counted);
    tcase_add_test(tc, tokens_are_words);
    tcase_add_test(tc, full_ledger_takes_no_more);
    suite_add_tcase(suite, tc);
    return suite;
}
