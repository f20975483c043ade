/* SPDX-License-Identifier: MIT */
/* test_json.c - JSON that stays valid (RFC 8259) whatever goes in. */
#include "tests/unit/util/suites.h"

#include <string.h>

#include "util/json.h"

/* Ends the object and hands it out as text. */
static const char *finish(struct json *j)
{
    static char text[1024];
    const char *buf = j->buf;
    size_t len = json_end(j);
    ck_assert_uint_lt(len, sizeof(text));
    memcpy(text, buf, len);
    text[len] = '\0';
    return text;
}

START_TEST(an_object_of_each_kind_of_member)
{
    char buf[256];
    struct json j;
    struct str list[] = {STR_LIT("basic"), STR_LIT("a\"b")};
    json_begin(&j, buf, sizeof(buf));
    json_str(&j, "host", STR_LIT("a.webex.com"));
    json_str(&j, "empty", (struct str){NULL, 0});
    json_u64(&j, "zero", 0);
    json_u64(&j, "most", UINT64_MAX);
    json_bool(&j, "yes", true);
    json_bool(&j, "no", false);
    json_list(&j, "auth", list, 2);
    json_list(&j, "none", NULL, 0);
    ck_assert(!j.is_cut);
    ck_assert_str_eq(finish(&j),
                     "{\"host\":\"a.webex.com\",\"empty\":\"\",\"zero\":0,"
                     "\"most\":18446744073709551615,\"yes\":true,\"no\":false,"
                     "\"auth\":[\"basic\",\"a\\\"b\"],\"none\":[]}");
}
END_TEST

START_TEST(an_object_without_members)
{
    char buf[8];
    struct json j;
    json_begin(&j, buf, sizeof(buf));
    ck_assert_uint_eq(json_inner(&j).len, 0);
    ck_assert_str_eq(finish(&j), "{}");
}
END_TEST

/* RFC 8259 section 7 for what must be escaped; RFC 3629 sections 3 and 4 for
 * what is UTF-8. A byte that is not comes out as the code point of its value. */
static const struct {
    const char *in;
    size_t len;
    const char *out;
} TEXTS[] = {
#define ROW(in, out) {in, sizeof(in) - 1, out}
    ROW("plain ~", "plain ~"),
    ROW("\"\\/", "\\\"\\\\/"),
    ROW("\0\x01\x1f", "\\u0000\\u0001\\u001f"),
    ROW("a\r\n\tb", "a\\u000d\\u000a\\u0009b"),
    ROW("\x7f", "\\u007f"),
    ROW("\xc2\x80", "\xc2\x80"),
    ROW("b\xc3\xbc" "cher", "b\xc3\xbc" "cher"),
    ROW("\xdf\xbf", "\xdf\xbf"),
    ROW("\xe0\xa0\x80", "\xe0\xa0\x80"),
    ROW("\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"),
    ROW("\xef\xbf\xbf", "\xef\xbf\xbf"),
    ROW("\xf0\x90\x80\x80", "\xf0\x90\x80\x80"),
    ROW("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
    ROW("\x80", "\\u0080"),
    ROW("\xc0\xaf", "\\u00c0\\u00af"),
    ROW("\xc1\xbf", "\\u00c1\\u00bf"),
    ROW("\xc2", "\\u00c2"),
    ROW("\xc2" "A", "\\u00c2" "A"),
    ROW("\xe0\x9f\xbf", "\\u00e0\\u009f\\u00bf"),
    ROW("\xe2\x82", "\\u00e2\\u0082"),
    ROW("\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"),
    ROW("\xed\xbf\xbf", "\\u00ed\\u00bf\\u00bf"),
    ROW("\xf0\x8f\xbf\xbf", "\\u00f0\\u008f\\u00bf\\u00bf"),
    ROW("\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"),
    ROW("\xf5\x80\x80\x80", "\\u00f5\\u0080\\u0080\\u0080"),
    ROW("\xff\xfe", "\\u00ff\\u00fe"),
    ROW("a\xe2\x82\xac\"\xe2\x82", "a\xe2\x82\xac\\\"\\u00e2\\u0082"),
#undef ROW
};

START_TEST(text_is_escaped_where_it_must_be)
{
    char buf[256], want[128];
    struct json j;
    json_begin(&j, buf, sizeof(buf));
    json_str(&j, "t", (struct str){TEXTS[_i].in, TEXTS[_i].len});
    snprintf(want, sizeof(want), "{\"t\":\"%s\"}", TEXTS[_i].out);
    ck_assert_str_eq(finish(&j), want);
}
END_TEST

START_TEST(an_escape_never_reads_behind_the_slice)
{
    char buf[64];
    struct json j;
    const char *euro = "\xe2\x82\xac";
    json_begin(&j, buf, sizeof(buf));
    json_str(&j, "t", (struct str){euro, 2});
    ck_assert_str_eq(finish(&j), "{\"t\":\"\\u00e2\\u0082\"}");
}
END_TEST

/* Writes one member of each kind; what came out must be whole members. */
static void write_all(struct json *j)
{
    struct str list[] = {STR_LIT("x"), STR_LIT("y")};
    json_str(j, "s", STR_LIT("a\nb"));
    json_u64(j, "n", 4711);
    json_bool(j, "b", true);
    json_list(j, "l", list, 2);
}

START_TEST(members_that_do_not_fit_are_left_out_whole)
{
    static const char *const members[] = {
        "\"s\":\"a\\u000ab\"", "\"n\":4711", "\"b\":true", "\"l\":[\"x\",\"y\"]"};
    char buf[64], want[64];
    size_t size = (size_t)_i, len = 1, written = 0;
    struct json j;
    memset(buf, '#', sizeof(buf));
    json_begin(&j, buf, size);
    write_all(&j);
    /* The same greedy choice, done with the expected texts. */
    want[0] = '{';
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        size_t need = strlen(members[i]) + (written ? 1 : 0);
        if (len + need > size - 2)
            continue;
        if (written++)
            want[len++] = ',';
        memcpy(want + len, members[i], strlen(members[i]));
        len += strlen(members[i]);
    }
    want[len++] = '}';
    want[len] = '\0';
    ck_assert_int_eq(j.is_cut, written < ARRAY_LEN(members));
    ck_assert_str_eq(finish(&j), want);
    ck_assert_int_eq(buf[size], '#');
}
END_TEST

START_TEST(members_of_another_object_can_be_added)
{
    char inner_buf[64], buf[64];
    struct json inner, j;
    json_begin(&inner, inner_buf, sizeof(inner_buf));
    json_begin(&j, buf, sizeof(buf));
    json_members(&j, json_inner(&inner));
    json_u64(&inner, "a", 1);
    json_str(&inner, "b", STR_LIT("2"));
    json_members(&j, json_inner(&inner));
    json_members(&j, (struct str){NULL, 0});
    json_u64(&j, "c", 3);
    json_members(&j, STR_LIT("\"d\":4"));
    ck_assert(!j.is_cut);
    ck_assert_str_eq(finish(&j), "{\"a\":1,\"b\":\"2\",\"c\":3,\"d\":4}");
}
END_TEST

START_TEST(members_too_long_leave_the_object_as_it_was)
{
    char buf[16];
    struct json j;
    json_begin(&j, buf, sizeof(buf));
    json_u64(&j, "a", 1);
    json_members(&j, STR_LIT("\"long\":\"member\""));
    ck_assert(j.is_cut);
    ck_assert_str_eq(finish(&j), "{\"a\":1}");
}
END_TEST

Suite *json_suite(void)
{
    Suite *suite = suite_create("json");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, an_object_of_each_kind_of_member);
    tcase_add_test(tc, an_object_without_members);
    tcase_add_loop_test(tc, text_is_escaped_where_it_must_be, 0, ARRAY_LEN(TEXTS));
    tcase_add_test(tc, an_escape_never_reads_behind_the_slice);
    tcase_add_loop_test(tc, members_that_do_not_fit_are_left_out_whole, 8, 60);
    tcase_add_test(tc, members_of_another_object_can_be_added);
    tcase_add_test(tc, members_too_long_leave_the_object_as_it_was);
    suite_add_tcase(suite, tc);
    return suite;
}
