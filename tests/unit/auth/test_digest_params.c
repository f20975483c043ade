/* SPDX-License-Identifier: MIT */
/* test_digest_params.c - parameters of credentials, and the user name in them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest_params.h"

static struct digest_params params;

/* From memory of exactly this size, so that a sanitizer sees one step beyond. */
static int parse_bytes(const char *bytes, size_t len, void (*check)(void))
{
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    memset(&params, 0xff, sizeof(params));
    int result = digest_params_parse(&params, (struct str){copy, len});
    if (result == 0 && check != NULL)
        check();
    free(copy);
    return result;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text), NULL);
}

static bool has(enum digest_param param, const char *want)
{
    return params.values[param].ptr != NULL && str_eq(params.values[param], str_of(want));
}

static void check_all(void)
{
    ck_assert(has(DIGEST_USERNAME, "alice"));
    ck_assert(has(DIGEST_REALM, "a realm, with = signs"));
    ck_assert(has(DIGEST_NONCE, "bm9uY2U="));
    ck_assert(has(DIGEST_URI, "host.example:443"));
    ck_assert(has(DIGEST_RESPONSE, "0123"));
    ck_assert(has(DIGEST_ALGORITHM, "SHA-256"));
    ck_assert(has(DIGEST_CNONCE, ""));
    ck_assert(has(DIGEST_QOP, "auth"));
    ck_assert(has(DIGEST_NC, "00000001"));
    ck_assert(has(DIGEST_USERHASH, "false"));
    ck_assert_ptr_null(params.values[DIGEST_USERNAME_EXT].ptr);
}

START_TEST(reads_tokens_and_quoted_strings)
{
    static const char TEXT[] =
        "username=\"alice\", REALM=\"a realm, with = signs\",nonce=\"bm9uY2U=\" ,\t"
        "uri = \"host.example:443\" , response\t=\t\"0123\",algorithm=SHA-256,cnonce=\"\", "
        "qop=\"auth\", nc=00000001, userhash=false, opaque=\"x\\\"y\", unheard-of=1";
    ck_assert_int_eq(parse_bytes(TEXT, sizeof(TEXT) - 1, check_all), 0);
}
END_TEST

static void check_escaped(void)
{
    ck_assert(has(DIGEST_USERNAME, "a\"b\\c"));
    ck_assert(has(DIGEST_REALM, "plain"));
    ck_assert(has(DIGEST_CNONCE, "\\"));
}

START_TEST(takes_backslashes_off)
{
    static const char TEXT[] =
        "username=\"a\\\"b\\\\\\c\", realm=\"\\p\\l\\a\\i\\n\", cnonce=\"\\\\\"";
    ck_assert_int_eq(parse_bytes(TEXT, sizeof(TEXT) - 1, check_escaped), 0);
}
END_TEST

START_TEST(bounds_what_has_backslashes)
{
    char text[DIGEST_PARAMS_ESCAPED_MAX + 64];
    for (size_t len = DIGEST_PARAMS_ESCAPED_MAX; len <= DIGEST_PARAMS_ESCAPED_MAX + 1; len++) {
        memset(text, 'a', sizeof(text));
        memcpy(text, "uri=\"\\", 6); /* the escaped byte and len - 1 more */
        text[6 + len] = '"';
        int result = parse_bytes(text, 6 + len + 1, NULL);
        ck_assert_int_eq(result, len <= DIGEST_PARAMS_ESCAPED_MAX ? 0 : -1);
    }
    /* Without any, values only point into the text. */
    memcpy(text, "uri=\"a", 6);
    ck_assert_int_eq(parse_bytes(text, 6 + DIGEST_PARAMS_ESCAPED_MAX + 2, NULL), 0);
}
END_TEST

/* RFC 9110 section 5.6.1.2: a recipient accepts a reasonable number of them. */
START_TEST(passes_over_empty_elements)
{
    ck_assert_int_eq(parse(",, ,nc=1"), 0);
    ck_assert_int_eq(parse("nc=1,\t,qop=auth , ,"), 0);
    ck_assert_int_eq(parse("  nc=1  "), 0);
}
END_TEST

START_TEST(refuses_what_is_no_list_of_parameters)
{
    static const char *const BAD[] = {
        "", " ", ",", ", ,", "nc", "nc=", "nc =", "=1", "\"nc\"=1", "nc=1 qop=auth",
        "nc=1;qop=auth", "nc=\"1", "nc=\"1\\", "nc=\"1\\\"", "nc=\"1\"2", "nc=\"1\" 2", "nc==1",
        "dXNlcjpwYXNz", "dXNlcjpwYXNzdw==", "uri=/a", "uri=http://a/", "n c=1", "nc=1,=",
        "nc=1,\"", "nc=\"a\nb\"", "nc=\"a\rb\"", "nc=\"a\x7f\"", "nc=\"a\\\x01\"", "x=\"\x1f\"",
        "nc=1\n", "nc=1\v", "n\xc3\xb6=1", "nc=\xc3\xb6",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        ck_assert_msg(parse(BAD[i]) == -1, "%s", BAD[i]);
    ck_assert_int_eq(parse_bytes("nc=\"a\0b\"", 8, NULL), -1);
    ck_assert_int_eq(parse_bytes("nc=a\0", 5, NULL), -1);
    ck_assert_int_eq(parse_bytes("nc\0=a", 5, NULL), -1);
}
END_TEST

START_TEST(refuses_a_parameter_that_comes_twice)
{
    ck_assert_int_eq(parse("nc=1, nc=1"), -1);
    ck_assert_int_eq(parse("nc=1, qop=auth, NC=2"), -1);
    ck_assert_int_eq(parse("unheard-of=1, Unheard-Of=1"), -1);
    ck_assert_int_eq(parse("username=a, username*=UTF-8''a"), 0); /* two names: judged later */
}
END_TEST

START_TEST(refuses_too_many)
{
    char text[16 * (DIGEST_PARAMS_COUNT_MAX + 1)] = "";
    size_t len = 0;
    for (int i = 0; i < DIGEST_PARAMS_COUNT_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "p%d=1,", i);
    ck_assert_int_eq(parse(text), 0);
    snprintf(text + len, sizeof(text) - len, "q=1");
    ck_assert_int_eq(parse(text), -1);
}
END_TEST

/* The name that params have, or NULL. */
static const char *user_of(const char *text, bool *is_hash)
{
    static char name[ACCOUNT_NAME_MAX + 1];
    char room[ACCOUNT_NAME_MAX];
    struct str found;
    ck_assert_msg(digest_params_parse(&params, str_of(text)) == 0, "%s", text);
    if (!digest_params_user(&params, room, &found, is_hash))
        return NULL;
    ck_assert_uint_le(found.len, ACCOUNT_NAME_MAX);
    memcpy(name, found.ptr, found.len);
    name[found.len] = '\0';
    return name;
}

START_TEST(finds_the_user)
{
    bool is_hash = true;
    ck_assert_str_eq(user_of("username=\"alice\"", &is_hash), "alice");
    ck_assert(!is_hash);
    ck_assert_str_eq(user_of("username=\"alice\", userhash=FALSE", &is_hash), "alice");
    ck_assert(!is_hash);
    ck_assert_str_eq(user_of("username=\"0af3\", userhash=true", &is_hash), "0af3");
    ck_assert(is_hash);
    ck_assert_str_eq(user_of("username=\"a\\\"\\\\b\"", &is_hash), "a\"\\b");
    /* RFC 7616 section 3.9.2 */
    ck_assert_str_eq(user_of("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe", &is_hash), "Jäsøn Doe");
    ck_assert(!is_hash);
    /* RFC 8187 section 3.2.3: any case, any language */
    ck_assert_str_eq(user_of("username*=utf-8'en'%c2%a3%20and%20%e2%82%ac%20rates", &is_hash),
                     "£ and € rates");
    ck_assert_str_eq(user_of("username*=UTF-8''%f0%9f%98%80!#$&+-.^_`|~", &is_hash),
                     "\xf0\x9f\x98\x80!#$&+-.^_`|~");
}
END_TEST

START_TEST(finds_no_user)
{
    static const char *const BAD[] = {
        "nc=1", "username=\"\"", "username=a, username*=UTF-8''a", "username*=\"\"",
        "username*=UTF-8''a, userhash=true", "username=a, userhash=yes",
        "username=a, userhash=\"\"", "username*=alice", "username*=UTF-8'alice",
        "username*=UTF-8''", "username*=ISO-8859-1''alice", "username*=''alice",
        "username*=UTF-8''a%", "username*=UTF-8''a%4", "username*=UTF-8''a%g0",
        "username*=UTF-8''a%0g", "username*=UTF-8''a'b", "username*=UTF-8''a*b",
        "username*=\"UTF-8''a b\"", "username*=\"UTF-8''a\\\"b\"",
        "username*=UTF-8''alice%00", "username*=UTF-8''%0aalice", "username*=UTF-8''a%7f",
        "username*=UTF-8''%ff", "username*=UTF-8''%c3", "username*=UTF-8''%c3a",
        "username*=UTF-8''%80", "username*=UTF-8''%c0%80", "username*=UTF-8''%c1%bf",
        "username*=UTF-8''%e0%80%80", "username*=UTF-8''%ed%a0%80", "username*=UTF-8''%e2%82",
        "username*=UTF-8''%f0%80%80%80", "username*=UTF-8''%f4%90%80%80",
        "username*=UTF-8''%f5%80%80%80",
    };
    bool is_hash;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        ck_assert_msg(user_of(BAD[i], &is_hash) == NULL, "%s", BAD[i]);
}
END_TEST

START_TEST(bounds_the_name)
{
    char text[3 * ACCOUNT_NAME_MAX + 64];
    bool is_hash;
    for (int len = ACCOUNT_NAME_MAX; len <= ACCOUNT_NAME_MAX + 1; len++) {
        snprintf(text, sizeof(text), "username=\"%0*d\"", len, 0);
        ck_assert((user_of(text, &is_hash) != NULL) == (len <= ACCOUNT_NAME_MAX));
        snprintf(text, sizeof(text), "username*=UTF-8''%0*d%%41", len - 1, 0);
        ck_assert((user_of(text, &is_hash) != NULL) == (len <= ACCOUNT_NAME_MAX));
    }
}
END_TEST

Suite *digest_params_suite(void);

Suite *digest_params_suite(void)
{
    Suite *suite = suite_create("digest_params");
    TCase *cases = tcase_create("digest_params");
    tcase_add_test(cases, reads_tokens_and_quoted_strings);
    tcase_add_test(cases, takes_backslashes_off);
    tcase_add_test(cases, bounds_what_has_backslashes);
    tcase_add_test(cases, passes_over_empty_elements);
    tcase_add_test(cases, refuses_what_is_no_list_of_parameters);
    tcase_add_test(cases, refuses_a_parameter_that_comes_twice);
    tcase_add_test(cases, refuses_too_many);
    tcase_add_test(cases, finds_the_user);
    tcase_add_test(cases, finds_no_user);
    tcase_add_test(cases, bounds_the_name);
    suite_add_tcase(suite, cases);
    return suite;
}
