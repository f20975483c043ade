/* SPDX-License-Identifier: MIT */
/* test_digest.c - challenges, and credentials judged. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/auth/digest_fixture.h"

START_TEST(says_what_a_client_needs)
{
    char out[DIGEST_CHALLENGE_MAX];
    size_t len = digest_challenge(fixture.digest, fixture.nonces, NOW, DIGEST_SHA256, false, out);
    char text[DIGEST_CHALLENGE_MAX + 1];
    snprintf(text, sizeof(text), "%.*s", (int)len, out);
    ck_assert_ptr_eq(strstr(text, "Digest realm=\"" REALM "\", nonce=\""), text);
    ck_assert_ptr_nonnull(strstr(text, ", qop=\"auth\""));
    ck_assert_ptr_nonnull(strstr(text, ", algorithm=SHA-256, "));
    ck_assert_ptr_nonnull(strstr(text, ", charset=UTF-8"));
    ck_assert_ptr_nonnull(strstr(text, ", userhash=true"));
    ck_assert_ptr_null(strstr(text, "stale"));
    len = digest_challenge(fixture.digest, fixture.nonces, NOW, DIGEST_MD5, true, out);
    snprintf(text, sizeof(text), "%.*s", (int)len, out);
    ck_assert_ptr_nonnull(strstr(text, ", algorithm=MD5, "));
    ck_assert_ptr_nonnull(strstr(text, ", stale=true"));
    ck_assert_ptr_null(strstr(text, "userhash"));
}
END_TEST

/* The longest realm there is, each byte with a backslash. */
START_TEST(fits_with_the_longest_realm)
{
    char realm[256], out[DIGEST_CHALLENGE_MAX], quoted[512];
    memset(realm, '"', 255);
    realm[255] = '\0';
    for (size_t i = 0; i < 255; i++)
        memcpy(quoted + 2 * i, "\\\"", 2);
    ck_assert_ptr_nonnull(digest_load(realm, ""));
    size_t len = digest_challenge(fixture.digest, fixture.nonces, NOW, DIGEST_SHA256, true, out);
    ck_assert_uint_lt(len, sizeof(out));
    ck_assert_int_eq(memcmp(out, "Digest realm=\"", 14), 0);
    ck_assert_int_eq(memcmp(out + 14, quoted, 510), 0);
    ck_assert_int_eq(memcmp(out + 14 + 510, "\", nonce=\"", 10), 0);
}
END_TEST

START_TEST(lets_the_right_password_in)
{
    for (enum digest_algorithm a = 0; a < DIGEST_ALGORITHMS; a++) {
        struct digest_client c = digest_alice(a);
        ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
        ck_assert_str_eq(fixture.user, "alice");
        c.nc++;
        c.is_hashed = true;
        ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
        ck_assert_str_eq(fixture.user, "alice");
        c.nc++;
        c.user = "jös";
        c.password = "Müller";
        ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
        ck_assert_str_eq(fixture.user, "jös");
        c.nc++;
        c.is_hashed = false;
        ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
        c.nc++;
        const char *params =
            digest_alter(digest_answer(&c), "username=\"jös\"", "username*=UTF-8''j%C3%B6s");
        ck_assert_int_eq(digest_judge(CONNECT, params), DIGEST_OK);
        ck_assert_str_eq(fixture.user, "jös");
    }
}
END_TEST

START_TEST(refuses_wrong_passwords_and_unknown_users)
{
    for (enum digest_algorithm a = 0; a < DIGEST_ALGORITHMS; a++) {
        for (int hashed = 0; hashed < 2; hashed++) {
            struct digest_client c = digest_alice(a);
            c.is_hashed = hashed;
            c.password = "Secret2";
            ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
            c.password = "Secret1";
            c.user = "mallory";
            ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
            c.user = "Alice"; /* names have a case */
            ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
            c.user = "bob";
            ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
            c.user = "alice"; /* and the nonce's count is still free */
            ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
        }
    }
}
END_TEST

/* A wrong password is never told from a right one by the nonce it comes with. */
START_TEST(says_stale_only_to_the_right_password)
{
    struct digest_client c = digest_alice(DIGEST_SHA256);
    ck_assert_int_eq(digest_judge_at(CONNECT, digest_answer(&c), NOW + LIFETIME), DIGEST_OK);
    ck_assert_int_eq(digest_judge_at(CONNECT, digest_answer(&c), NOW + LIFETIME + 1), DIGEST_STALE);
    memcpy(c.nonce, "another proxy's", 16);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_STALE);
    c.password = "Secret2";
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_WRONG);
    digest_take_nonce(&c);
    ck_assert_int_eq(digest_judge_at(CONNECT, digest_answer(&c), NOW + LIFETIME + 1), DIGEST_WRONG);
}
END_TEST

START_TEST(refuses_a_count_that_was_used)
{
    struct digest_client c = digest_alice(DIGEST_MD5);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_OK);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_REPLAY);
    c.uri = "other.example:443"; /* whatever it is used for */
    ck_assert_int_eq(digest_judge("CONNECT", "other.example:443", digest_answer(&c)),
                     DIGEST_REPLAY);
    c.nc = 3;
    ck_assert_int_eq(digest_judge("CONNECT", "other.example:443", digest_answer(&c)), DIGEST_OK);
    c.nc = 2;
    ck_assert_int_eq(digest_judge("CONNECT", "other.example:443", digest_answer(&c)), DIGEST_OK);
    ck_assert_int_eq(digest_judge("CONNECT", "other.example:443", digest_answer(&c)),
                     DIGEST_REPLAY);
    c.password = "Secret2";
    ck_assert_int_eq(digest_judge("CONNECT", "other.example:443", digest_answer(&c)), DIGEST_WRONG);
}
END_TEST

/* uri, what the request line has, and whether they belong together. */
START_TEST(holds_the_uri_to_the_target)
{
    static const struct {
        const char *method, *target, *uri;
        bool is_same;
    } CASES[] = {
        {"CONNECT", "host.example:443", "host.example:443", true},
        {"CONNECT", "host.example:443", "HOST.Example:443", true},
        {"CONNECT", "[2001:DB8::1]:443", "[2001:db8::1]:443", true},
        {"CONNECT", "host.example:443", "host.example:444", false},
        {"CONNECT", "host.example:443", "host.example", false},
        {"CONNECT", "host.example:443", "host.example:0443", false},
        {"CONNECT", "host.example:443", "other.example:443", false},
        {"CONNECT", "host.example:443", "/", false},
        {"CONNECT", "host.example:443", "https://host.example:443", false},
        {"CONNECT", "host.example:443", "", false},
        {"GET", "http://host.example/a?b=c", "http://host.example/a?b=c", true},
        {"GET", "http://host.example/a?b=c", "/a?b=c", true},
        {"GET", "http://host.example/a?b=c", "/a", false},
        {"GET", "http://host.example/a?b=c", "/a?b=C", false},
        {"GET", "http://host.example/a?b=c", "/A?b=c", false},
        {"GET", "http://host.example/a?b=c", "a?b=c", false},
        {"GET", "http://host.example/a?b=c", "//host.example/a?b=c", false},
        {"GET", "http://host.example/a?b=c", "http://other.example/a?b=c", false},
        {"GET", "http://host.example/a?b=c", "https://host.example/a?b=c", false},
        {"GET", "http://host.example/a?b=c", "/", false},
        {"GET", "http://host.example/a?b=c", "*", false},
        {"GET", "http://host.example/a?b=c", "", false},
        {"GET", "http://host.example:8080/", "/", true},
        {"GET", "http://host.example:8080/", "http://host.example:8080/", true},
        {"GET", "http://host.example:8080/", "http://host.example:8080", false},
        {"GET", "http://host.example", "/", true},
        {"GET", "http://host.example", "http://host.example", true},
        {"GET", "http://host.example", "/a", false},
        {"GET", "http://host.example?b", "/?b", true},
        {"GET", "http://host.example?b", "?b", false},
        {"GET", "http://host.example?/a", "/a", false},
        {"GET", "/local", "/local", true},
        {"GET", "/http://a/b", "/b", false},
        {"OPTIONS", "*", "*", true},
        {"OPTIONS", "*", "/", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct digest_client c = digest_alice(DIGEST_SHA256);
        c.method = CASES[i].method;
        c.uri = CASES[i].uri;
        ck_assert_msg(digest_judge(c.method, CASES[i].target, digest_answer(&c)) ==
                          (CASES[i].is_same ? DIGEST_OK : DIGEST_BAD),
                      "%s for %s", c.uri, CASES[i].target);
    }
}
END_TEST

START_TEST(refuses_what_is_malformed)
{
    static const char *const CHANGES[][2] = {
        {"qop=auth, ", ""},
        {"qop=auth", "qop=auth-int"},
        {"qop=auth", "qop=\"auth,auth-int\""},
        {"cnonce=\"c0ffee\", ", ""},
        {"cnonce=\"c0ffee\"", "cnonce=\"\""},
        {"nc=00000001, ", ""},
        {"nc=00000001", "nc=00000000"},
        {"nc=00000001", "nc=1"},
        {"nc=00000001", "nc=000000001"},
        {"nc=00000001", "nc=0000000g"},
        {"nc=00000001", "nc=\"0x000001\""},
        {"nc=00000001", "nc=\" 0000001\""},
        {"realm=\"C", "realm=\"c"},
        {"realm=\"Corporate proxy\", ", ""},
        {"algorithm=MD5", "algorithm=SHA-512-256"},
        {"algorithm=MD5", "algorithm=MD5-sess"},
        {"algorithm=MD5", "algorithm=SHA-256"},
        {"algorithm=MD5", "algorithm=\"\""},
        {"uri=\"host.example:443\", ", ""},
        {"response=\"", "response=\"0"},
        {"response=\"", "response=\"g"},
        {"username=", "user="},
        {"username=\"alice\"", "username=\"\""},
        {"nonce=", "opaque="},
        {"username=", "username*="},
        {"username=", "username*=UTF-8''alice, username="},
        {"qop=auth", "qop=auth, qop=auth"},
        {"qop=auth", "qop=auth, userhash=maybe"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        struct digest_client c = digest_alice(DIGEST_MD5);
        const char *params = digest_alter(digest_answer(&c), CHANGES[i][0], CHANGES[i][1]);
        ck_assert_msg(digest_judge(CONNECT, params) == DIGEST_BAD, "%s", params);
    }
    ck_assert_int_eq(digest_judge(CONNECT, ""), DIGEST_BAD);
    ck_assert_int_eq(digest_judge(CONNECT, "YWxpY2U6U2VjcmV0MQ=="), DIGEST_BAD);
}
END_TEST

/* Harmless differences. */
START_TEST(takes_other_spellings)
{
    static const char *const CHANGES[][2] = {
        {"qop=auth", "qop=\"auth\""},
        {"nc=00000001", "nc=\"00000001\""},
        {"algorithm=MD5", "algorithm=\"MD5\""},
        {"algorithm=MD5", "algorithm=md5"},
        {", algorithm=MD5", ""},
        {"uri=", "URI = "},
        {"cnonce=\"c0ffee\"", "cnonce=c0ffee"},
        {"username=\"alice\"", "username=\"\\alice\""},
        {"nc=00000001", "opaque=\"\", nc=00000001,"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        struct digest_client c = digest_alice(DIGEST_MD5);
        const char *params = digest_alter(digest_answer(&c), CHANGES[i][0], CHANGES[i][1]);
        ck_assert_msg(digest_judge(CONNECT, params) == DIGEST_OK, "%s", params);
    }
    struct digest_client c = digest_alice(DIGEST_SHA256);
    char params[4096];
    snprintf(params, sizeof(params), "%s", digest_answer(&c));
    for (char *at = strstr(params, "response=\"") + 10; *at != '"'; at++)
        *at = *at >= 'a' && *at <= 'f' ? (char)(*at - 'a' + 'A') : *at;
    ck_assert_int_eq(digest_judge(CONNECT, params), DIGEST_OK);
}
END_TEST

/* Every single digit of the response counts. */
START_TEST(compares_the_whole_response)
{
    struct digest_client c = digest_alice(DIGEST_SHA256);
    char params[4096];
    snprintf(params, sizeof(params), "%s", digest_answer(&c));
    char *response = strstr(params, "response=\"") + 10;
    for (size_t i = 0; i < 64; i++) {
        char digit = response[i];
        response[i] = digit == '0' ? '1' : '0';
        ck_assert_int_eq(digest_judge(CONNECT, params), DIGEST_WRONG);
        response[i] = digit;
    }
    ck_assert_int_eq(digest_judge(CONNECT, params), DIGEST_OK);
}
END_TEST

START_TEST(bounds_the_client_nonce)
{
    char params[4096], pad[300];
    memset(pad, 'a', sizeof(pad));
    for (int len = 256; len <= 257; len++) {
        struct digest_client c = digest_alice(DIGEST_MD5);
        snprintf(params, sizeof(params), "cnonce=\"%.*s\"", len, pad);
        ck_assert_int_eq(
            digest_judge(CONNECT, digest_alter(digest_answer(&c), "cnonce=\"c0ffee\"", params)),
            len == 256 ? DIGEST_WRONG : DIGEST_BAD);
    }
}
END_TEST

/* A nonce as long as a header can hold costs only the hashing of it. */
START_TEST(takes_any_nonce_as_not_its_own)
{
    struct digest_client c = digest_alice(DIGEST_MD5);
    const char *params = digest_alter(digest_answer(&c), "nonce=\"", "nonce=\"A");
    ck_assert_int_eq(digest_judge(CONNECT, params), DIGEST_WRONG);
    snprintf(c.nonce, sizeof(c.nonce), "%078d", 1);
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_STALE);
    c.nonce[0] = '\0';
    ck_assert_int_eq(digest_judge(CONNECT, digest_answer(&c)), DIGEST_STALE);
}
END_TEST

START_TEST(knows_whose_name_is_claimed)
{
    char name[ACCOUNT_NAME_MAX + 1];
    struct digest_client c = digest_alice(DIGEST_SHA256);
    ck_assert(digest_claimed_user(fixture.digest, str_of(digest_answer(&c)), name));
    ck_assert_str_eq(name, "alice");
    c.is_hashed = true;
    ck_assert(digest_claimed_user(fixture.digest, str_of(digest_answer(&c)), name));
    ck_assert_str_eq(name, "alice");
    c.user = "mallory";
    char hashed[65];
    ck_assert(digest_claimed_user(fixture.digest, str_of(digest_answer(&c)), name));
    ck_assert_str_eq(name, digest_hash_by_evp(DIGEST_SHA256, hashed, "mallory:" REALM));
    c.is_hashed = false;
    ck_assert(digest_claimed_user(fixture.digest, str_of(digest_answer(&c)), name));
    ck_assert_str_eq(name, "mallory");
    ck_assert(digest_claimed_user(fixture.digest, STR_LIT("username*=UTF-8''j%C3%B6s"), name));
    ck_assert_str_eq(name, "jös");
    ck_assert(!digest_claimed_user(fixture.digest, STR_LIT("nc=1"), name));
    ck_assert(!digest_claimed_user(fixture.digest, STR_LIT("username=\"a"), name));
    ck_assert(!digest_claimed_user(fixture.digest, STR_LIT("username=a, algorithm=ROT13"), name));
}
END_TEST

Suite *digest_suite(void);

Suite *digest_suite(void)
{
    Suite *suite = suite_create("digest");
    TCase *cases = tcase_create("digest");
    tcase_add_checked_fixture(cases, digest_setup, digest_teardown);
    tcase_add_test(cases, says_what_a_client_needs);
    tcase_add_test(cases, fits_with_the_longest_realm);
    tcase_add_test(cases, lets_the_right_password_in);
    tcase_add_test(cases, refuses_wrong_passwords_and_unknown_users);
    tcase_add_test(cases, says_stale_only_to_the_right_password);
    tcase_add_test(cases, refuses_a_count_that_was_used);
    tcase_add_test(cases, holds_the_uri_to_the_target);
    tcase_add_test(cases, refuses_what_is_malformed);
    tcase_add_test(cases, takes_other_spellings);
    tcase_add_test(cases, compares_the_whole_response);
    tcase_add_test(cases, bounds_the_client_nonce);
    tcase_add_test(cases, takes_any_nonce_as_not_its_own);
    tcase_add_test(cases, knows_whose_name_is_claimed);
    suite_add_tcase(suite, cases);
    return suite;
}
