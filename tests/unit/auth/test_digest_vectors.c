/* SPDX-License-Identifier: MIT */
/* test_digest_vectors.c - credentials of RFC 7616, of RFC 2617, and of real clients. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/auth/digest_fixture.h"

/* RFC 7616 section 3.9.1 and RFC 2617 section 3.5, whose fixture.nonces are another server's:
 * the response is right, so only the nonce is at fault. */
START_TEST(agrees_with_the_vectors)
{
    static const char HEAD[] =
        "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
        "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
        "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
        "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", ";
    char params[1024];
    ck_assert_ptr_nonnull(
        digest_load("http-auth@example.org",
                    "Mufasa:http-auth@example.org:3d78807defe7de2157e2b0b6573a855f\n"
                    "Mufasa:http-auth@example.org:"
                    "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232\n"));
    snprintf(params, sizeof(params), "%sresponse=\"8ca523f5e9506fed4657c9700eebdbec\"", HEAD);
    ck_assert_int_eq(digest_judge("GET", "/dir/index.html", params), DIGEST_STALE);
    ck_assert_int_eq(digest_judge("POST", "/dir/index.html", params), DIGEST_WRONG);
    snprintf(params, sizeof(params),
             "%salgorithm=MD5, "
             "response=\"8ca523f5e9506fed4657c9700eebdbec\"",
             HEAD);
    ck_assert_int_eq(digest_judge("GET", "/dir/index.html", params), DIGEST_STALE);
    snprintf(params, sizeof(params),
             "%salgorithm=SHA-256, response=\"753927fa0e85d155564e2e272a"
             "28d1802ca10daf4496794697cf8db5856cb6c1\"",
             HEAD);
    ck_assert_int_eq(digest_judge("GET", "/dir/index.html", params), DIGEST_STALE);
    ck_assert_int_eq(
        digest_judge("GET", "/dir/index.html", digest_alter(params, "cnonce=\"f2", "cnonce=\"F2")),
        DIGEST_WRONG);
    ck_assert_ptr_nonnull(digest_load(
        "testrealm@host.com", "Mufasa:testrealm@host.com:939e7578ed9e3c518a452acee763bce9\n"));
    ck_assert_int_eq(
        digest_judge(
            "GET", "/dir/index.html",
            "username=\"Mufasa\", realm=\"testrealm@host.com\", "
            "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, "
            "nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", "
            "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""),
        DIGEST_STALE);
}
END_TEST

/* RFC 7616 section 3.9.2, with SHA-256 in the place of SHA-512-256; its numbers then are
 * hashlib's. */
START_TEST(agrees_on_names_beyond_ascii)
{
    static const char TAIL[] =
        "realm=\"api@example.org\", uri=\"/doe.json\", algorithm=SHA-256, "
        "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", nc=00000001, qop=auth, "
        "cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm\", response=\"06d0c14162099f487a92ebceaf710975"
        "34ee5f90d858386449c337ab69f7f6b8\", "
        "opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\"";
    static const char *const NAMES[] = {
        "username=\"5a1a8a47df5c298551b9b42ba9b05835174a5bd7d511ff7fe9191d8e946fc4e7\", "
        "userhash=true",
        "username=\"5A1A8A47DF5C298551B9B42BA9B05835174A5BD7D511FF7FE9191D8E946FC4E7\", "
        "userhash=true",
        "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, userhash=false",
        "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe",
        "username=\"Jäsøn Doe\"",
    };
    char params[1024], name[ACCOUNT_NAME_MAX + 1];
    ck_assert_ptr_nonnull(digest_load(
        "api@example.org", "Jäsøn Doe:api@example.org:"
                           "fd0be3939dca4b5c2d46e8fa6a3d16dbea82474cb9a588d4cb149c54f37cff37\n"));
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        snprintf(params, sizeof(params), "%s, %s", NAMES[i], TAIL);
        ck_assert_msg(digest_judge("GET", "/doe.json", params) == DIGEST_STALE, "%s", NAMES[i]);
        ck_assert(digest_claimed_user(fixture.digest, str_of(params), name));
        ck_assert_str_eq(name, "Jäsøn Doe");
    }
    snprintf(params, sizeof(params), "%s, %s", NAMES[0], TAIL);
    ck_assert_int_eq(digest_judge("GET", "/doe.json", digest_alter(params, "\"5a", "\"5b")),
                     DIGEST_WRONG);
    ck_assert_int_eq(
        digest_judge("GET", "/doe.json", digest_alter(params, "userhash=true", "userhash=false")),
        DIGEST_WRONG);
}
END_TEST

#define SENT_NONCE "nonce=\"AAAAAGkiG2cq0kO+9ycP/n1A6B1cT3ZkT1lFq0p7Wm9u\", "

/* What curl 7.88 and the HttpURLConnection of Java 17 and 25 sent to a proxy that offers
 * this nonce. */
START_TEST(agrees_with_clients)
{
    static const struct {
        const char *method, *target, *params;
    } SENT[] = {
        {CONNECT,
         "username=\"alice\", realm=\"Corporate proxy\", " SENT_NONCE
         "uri=\"host.example:443\", cnonce=\"NjExN2Q4OWJhNmNmMGRlNjUzZDZjY2IxOGM1NWU2ZDQ=\", "
         "nc=00000001, qop=auth, response=\"e6e1b8e938a32a2ec758133d5ec5adf972201c013bdb72510cd24"
         "82b5b99dffd\", algorithm=SHA-256"},
        {CONNECT,
         "username=\"jös \\\"x\", realm=\"Corporate proxy\", " SENT_NONCE
         "uri=\"host.example:443\", cnonce=\"MzgwOTMwMTFlZDI1ODIzZWQ1OTJmMGQwYmY2OWE3ZDk=\", "
         "nc=00000001, qop=auth, response=\"f253ca8f8bf466975b46981d0c238a0a\", algorithm=MD5"},
        {"GET", "http://host.example/a?b=c",
         "username=\"42c30af9a64cf1d41145b6e9fcbbf25f16c1c593"
         "7e72b8c5ab31d3bcc7b3346f\", realm=\"Corporate proxy\", " SENT_NONCE "uri=\"/a?b=c\", "
         "cnonce=\"NWZkZWQ1ZDhhNWMwNGQwYzU5NzI1ZGUyNjc2MGQzNDI=\", nc=00000001, qop=auth, "
         "response=\"3d15e5b1f344315d9d66a2f3f6d4eee96b90f037f89c409c0ec7056bf47b8433\", "
         "algorithm=SHA-256, userhash=true"},
        {CONNECT, "username=\"fcd5f026e58d45e2956cd6ca3727329feeeb0e09ce6e63b1961c0d3159989975\", "
                  "realm=\"Corporate proxy\", " SENT_NONCE "uri=\"host.example:443\", "
                  "cnonce=\"ODIwNWMxMDhmMmM5NTg5OTRmMTUyMzQ2ZmUyNjY1ZDQ=\", nc=00000001, qop=auth, "
                  "response=\"f5ac3ad18c1f58db9108fa40d8659e89e316fae1ea8c39e2f08ab5a667c16227\", "
                  "algorithm=SHA-256, userhash=true"},
        {"GET", "http://host.example/a?b=c",
         "username=\"alice\", realm=\"Corporate proxy\", " SENT_NONCE
         "nc=00000001, uri=\"http://host.example/a?b=c\", "
         "response=\"88c93035ac5c1f6917f4031e118f0708\", algorithm=MD5, "
         "cnonce=\"ELEIOECIPEKKFDDLBHIKPOBMLHDLLHEEMJHIFPLJ\", qop=auth"},
        {CONNECT,
         "username=\"42c30af9a64cf1d41145b6e9fcbbf25f16c1c5937e72b8c5ab31d3bcc7b3346f\", "
         "realm=\"Corporate proxy\", " SENT_NONCE "nc=00000002, userhash=true, "
         "uri=\"host.example:443\", response=\"8fe34608a80300fad61f607112aafa301a88fbd50db53cb66b"
         "50b6ea00136271\", algorithm=SHA-256, cnonce=\"FECDEEJNPOOPMPMMDIJEFOFPNDLHOLDIEENAHDEF\""
         ", qop=auth"},
    };
    ck_assert_ptr_nonnull(digest_load(
        REALM, ALICE_MD5 ALICE_SHA
        "jös \"x:" REALM ":2167ba1a155efac8a589ba40da3778e1\n"
        "jös \"x:" REALM ":ad46809b1dcc4515f3f049f6217f3fa421a323a0551508ccf96f367d692b9d78\n"));
    for (size_t i = 0; i < ARRAY_LEN(SENT); i++)
        ck_assert_msg(digest_judge(SENT[i].method, SENT[i].target, SENT[i].params) == DIGEST_STALE,
                      "%s", SENT[i].params);
}
END_TEST

/* curl 7.88 again: it takes the backslashes of a realm off and puts them back. */
START_TEST(agrees_on_a_realm_with_quotes)
{
    ck_assert_ptr_nonnull(
        digest_load("a \"b\" \\c", "alice:a \"b\" \\c:96f86e11fba2414fcb725300e3e02e5a\n"));
    ck_assert_int_eq(
        digest_judge(
            CONNECT,
            "username=\"alice\", realm=\"a \\\"b\\\" \\\\c\", " SENT_NONCE
            "uri=\"host.example:443\", cnonce=\"MGMwNTk4ZmQxOGE3NmNlMjY5ZGYzY2Q5YzBkYzJjMGE=\", "
            "nc=00000001, qop=auth, response=\"b6314e94bd415fbc4cde39911954f4ef\", algorithm=MD5"),
        DIGEST_STALE);
}
END_TEST

Suite *digest_vectors_suite(void);

Suite *digest_vectors_suite(void)
{
    Suite *suite = suite_create("digest_vectors");
    TCase *cases = tcase_create("digest_vectors");
    tcase_add_checked_fixture(cases, digest_setup, digest_teardown);
    tcase_add_test(cases, agrees_with_the_vectors);
    tcase_add_test(cases, agrees_on_names_beyond_ascii);
    tcase_add_test(cases, agrees_with_clients);
    tcase_add_test(cases, agrees_on_a_realm_with_quotes);
    suite_add_tcase(suite, cases);
    return suite;
}
