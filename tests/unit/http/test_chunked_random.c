/* SPDX-License-Identifier: MIT */
/* test_chunked_random.c - the codec against a decoder that is slow and simple, over
 * random bodies, sound and damaged, in random pieces. */
#include "tests/unit/http/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/http/chunked.h"

#define ROUNDS 4000
#define BODY_MAX 8192

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
    char bytes[2 * BODY_MAX];
    size_t len;
};

static void add(struct text *t, const char *bytes, size_t len)
{
    ck_assert_uint_lt(t->len + len, sizeof(t->bytes));
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void add_text(struct text *t, const char *text)
{
    add(t, text, strlen(text));
}

static void make_body(struct text *t)
{
    static const char *const extensions[] = {"",       "", ";a", ";a=b", " ;\ta = \"b;\\\"c\"",
                                             ";a=\"\""};
    static const char *const trailers[] = {"", "", "X: 1\r\n", "X: 1\r\nHost: h\r\nY:\r\n",
                                           "TE: x\r\n"};
    char line[64];
    t->len = 0;
    for (unsigned left = draw(5); left > 0; left--) {
        unsigned size = 1 + draw(draw(8) ? 20 : 300);
        snprintf(line, sizeof(line), draw(2) ? "%x" : "00%X", size);
        add_text(t, line);
        add_text(t, extensions[draw(ARRAY_LEN(extensions))]);
        add_text(t, "\r\n");
        for (unsigned i = 0; i < size; i++) {
            char c = "a0\r\n;"[draw(5)];
            add(t, &c, 1);
        }
        add_text(t, "\r\n");
    }
    add_text(t, draw(2) ? "0\r\n" : "000;x\r\n");
    add_text(t, trailers[draw(ARRAY_LEN(trailers))]);
    add_text(t, "\r\n");
    if (draw(2))
        add_text(t, "GET ");
}

static void damage(struct text *t)
{
    static const char BYTES[] = "\r\n\0 \t;=\"\\:0fX\x80\x7f";
    unsigned at = draw((unsigned)t->len);
    switch (draw(3)) {
    case 0:
        t->bytes[at] = BYTES[draw(sizeof(BYTES) - 1)];
        break;
    case 1:
        memmove(t->bytes + at, t->bytes + at + 1, t->len - at - 1);
        t->len--;
        break;
    default:
        t->len = at;
    }
}

/* The naive decoder. */
struct simple {
    enum parse result;
    size_t used;
    struct text again, content;
};

static bool is_token_char(char c)
{
    return c != '\0' && (strchr("!#$%&'*+-.^_`|~", c) || (c >= '0' && c <= '9') ||
                         (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* at is NUL terminated; no NUL is within. Returns whether all of it is extensions. */
static bool is_extensions(const char *at)
{
    while (*at) {
        at = skip_blanks(at);
        if (*at++ != ';')
            return false;
        at = skip_blanks(at);
        const char *name = at;
        while (is_token_char(*at))
            at++;
        const char *value = skip_blanks(at);
        if (at == name)
            return false;
        if (*value != '=')
            continue;
        at = skip_blanks(value + 1);
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1])
                    at++;
            if (*at++ != '"')
                return false;
            continue;
        }
        name = at;
        while (is_token_char(*at))
            at++;
        if (at == name)
            return false;
    }
    return true;
}

/* Copies the line at *used into line, without CR LF, and steps over it. Of a line that
 * is not over, all that there is. */
static enum parse take_line(const struct text *t, size_t *used, char *line)
{
    size_t at = *used;
    for (; at < t->len; at++) {
        unsigned char c = (unsigned char)t->bytes[at];
        if (c == '\r') {
            if (at + 1 == t->len)
                break;
            if (t->bytes[at + 1] != '\n')
                return PARSE_BAD;
            memcpy(line, t->bytes + *used, at - *used);
            line[at - *used] = '\0';
            *used = at + 2;
            return PARSE_OK;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return PARSE_BAD;
    }
    return PARSE_MORE;
}

static enum parse take_size(const struct text *t, size_t *used, size_t *size)
{
    char line[BODY_MAX], *end = line;
    enum parse result = take_line(t, used, line);
    if (result != PARSE_OK)
        return result;
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    *size = strtoul(line, &end, 16);
    return digits > 0 && digits < 16 && is_extensions(line + digits) ? PARSE_OK : PARSE_BAD;
}

/* Only names that make_body uses are dropped. */
static enum parse take_trailers(const struct text *t, size_t *used, struct text *again)
{
    char line[BODY_MAX];
    for (;;) {
        enum parse result = take_line(t, used, line);
        if (result != PARSE_OK)
            return result;
        if (!*line)
            return PARSE_OK;
        size_t name = 0;
        while (is_token_char(line[name]))
            name++;
        if (name == 0 || line[name] != ':')
            return PARSE_BAD;
        if (strncasecmp(line, "Host:", 5) == 0 || strncasecmp(line, "TE:", 3) == 0)
            continue;
        add_text(again, line);
        add_text(again, "\r\n");
    }
}

static void decode(struct simple *s, const struct text *t)
{
    static struct text trailers;
    char line[64];
    size_t used = 0, size = 0;
    s->again.len = s->content.len = trailers.len = 0;
    for (;;) {
        s->result = take_size(t, &used, &size);
        if (s->result != PARSE_OK || size == 0)
            break;
        snprintf(line, sizeof(line), "%zx\r\n", size);
        add_text(&s->again, line);
        size_t there = t->len - used < size ? t->len - used : size;
        add(&s->again, t->bytes + used, there);
        add(&s->content, t->bytes + used, there);
        used += there;
        size_t end = t->len - used < 2 ? t->len - used : 2;
        s->result = memcmp(t->bytes + used, "\r\n", end) != 0 ? PARSE_BAD : PARSE_MORE;
        if (s->result == PARSE_BAD || end < 2)
            return;
        add_text(&s->again, "\r\n");
        used += 2;
    }
    if (s->result == PARSE_OK)
        s->result = take_trailers(t, &used, &trailers);
    if (s->result != PARSE_OK)
        return;
    add_text(&s->again, "0\r\n");
    add(&s->again, trailers.bytes, trailers.len);
    add_text(&s->again, "\r\n");
    s->used = used;
}

static void run_in_pieces(const struct text *t, bool keeps_framing, struct simple *s)
{
    static char out[BODY_MAX + CHUNKED_SLACK];
    struct chunked c;
    struct text *to = keeps_framing ? &s->again : &s->content;
    const char *fault = NULL;
    unsigned most = 1 + draw(draw(3) ? 900 : 3);
    chunked_init(&c, keeps_framing);
    to->len = s->used = 0;
    s->result = PARSE_MORE;
    while (s->used < t->len && s->result == PARSE_MORE) {
        size_t used, out_len, len = 1 + draw(most);
        if (len > t->len - s->used)
            len = t->len - s->used;
        s->result = chunked_run(&c, (struct str){t->bytes + s->used, len}, &used, out,
                                len + CHUNKED_SLACK, &out_len, &fault);
        s->used += used;
        add(to, out, out_len);
    }
    ck_assert_uint_le(c.payload, t->len);
    chunked_fini(&c);
}

/* A naive decoder finds a fault where a line ends and the codec where it stands: in a
 * line that is cut one of them may see it before the other. */
static bool is_same_end(enum parse simple, enum parse codec)
{
    return simple == codec || (simple == PARSE_MORE && codec == PARSE_BAD);
}

START_TEST(codec_agrees_with_a_simple_decoder)
{
    static struct text body;
    static struct simple expected, got;
    size_t good = 0, bad = 0;
    seed = 0x5eed1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        make_body(&body);
        if (draw(3) == 0)
            damage(&body);
        decode(&expected, &body);
        for (int keeps_framing = 0; keeps_framing < 2; keeps_framing++) {
            run_in_pieces(&body, keeps_framing, &got);
            ck_assert_msg(is_same_end(expected.result, got.result), "round %u: %d and %d for\n%.*s",
                          round, expected.result, got.result, (int)body.len, body.bytes);
        }
        if (expected.result == PARSE_OK)
            ck_assert_uint_eq(got.used, expected.used);
        ck_assert_msg(got.again.len == expected.again.len &&
                          memcmp(got.again.bytes, expected.again.bytes, got.again.len) == 0,
                      "round %u: again, for\n%.*s", round, (int)body.len, body.bytes);
        ck_assert_msg(got.content.len == expected.content.len &&
                          memcmp(got.content.bytes, expected.content.bytes, got.content.len) == 0,
                      "round %u: content, for\n%.*s", round, (int)body.len, body.bytes);
        good += expected.result == PARSE_OK;
        bad += got.result == PARSE_BAD;
    }
    ck_assert_uint_gt(good, ROUNDS / 2);
    ck_assert_uint_gt(bad, ROUNDS / 20);
}
END_TEST

Suite *chunked_random_suite(void)
{
    Suite *suite = suite_create("chunked_random");
    TCase *tc = tcase_create("bodies");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, codec_agrees_with_a_simple_decoder);
    suite_add_tcase(suite, tc);
    return suite;
}
