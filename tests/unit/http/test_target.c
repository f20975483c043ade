/* SPDX-License-Identifier: MIT */
/* test_target.c - authority and absolute form, good and bad. */
#include "tests/unit/http/suites.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/http/target.h"

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define TEXT(lit) (lit), sizeof(lit) - 1

struct good {
    const char *text, *host;
    unsigned port;
    const char *path;
};

struct bad {
    const char *text;
    size_t len;
    const char *fault;
};

static const struct good GOOD_AUTHORITIES[] = {
    {"origin.test:443", "origin.test", 443, ""},
    {"ORIGIN.Test.:443", "origin.test", 443, ""},
    {"a:1", "a", 1, ""},
    {"origin.test:65535", "origin.test", 65535, ""},
    {"192.0.2.1:5004", "192.0.2.1", 5004, ""},
    {"0x7f.1:443", "127.0.0.1", 443, ""},
    {"[::1]:443", "::1", 443, ""},
    {"[2001:DB8:0:0:0:0:0:1]:8443", "2001:db8::1", 8443, ""},
    {"xn--bcher-kva.test:443", "xn--bcher-kva.test", 443, ""},
};

/* Faults of the host itself are host_parse's, marked by NULL here. */
static const struct bad BAD_AUTHORITIES[] = {
    {TEXT(""), "is empty"},
    {TEXT("origin.test"), "has no port"},
    {TEXT("[::1]"), "has no port"},
    {TEXT("origin.test:"), "has an empty port"},
    {TEXT("[::1]:"), "has an empty port"},
    {TEXT(":"), "has no host"},
    {TEXT(":443"), "has no host"},
    {TEXT("origin.test:0"), "has a port that is not from 1 to 65535"},
    {TEXT("origin.test:00"), "has a port that is not from 1 to 65535"},
    {TEXT("origin.test:65536"), "has a port that is not from 1 to 65535"},
    {TEXT("origin.test:99999"), "has a port that is not from 1 to 65535"},
    {TEXT("origin.test:18446744073709552059"), "has a port that is not from 1 to 65535"},
    {TEXT("origin.test:+443"), "has a port that is no number"},
    {TEXT("origin.test:-443"), "has a port that is no number"},
    {TEXT("origin.test:0x1bb"), "has a port that is no number"},
    {TEXT("origin.test:https"), "has a port that is no number"},
    {TEXT("origin.test:443a"), "has a port that is no number"},
    {TEXT("origin.test:0443"), "has a port with a leading zero"},
    {TEXT("user@h:443"), "has a user name in it"},
    {TEXT("user:secret@h:443"), "has a user name in it"},
    {TEXT("@h:443"), "has a user name in it"},
    {TEXT("::1:443"), "has an IPv6 address without brackets"},
    {TEXT("h:443:443"), "has an IPv6 address without brackets"},
    {TEXT("[::1:443"), "has a '[' without its ']'"},
    {TEXT("[::1]443"), "has something between the bracket and the port"},
    {TEXT("[::1]x:443"), "has something between the bracket and the port"},
    {TEXT("[::1]]:443"), "has something between the bracket and the port"},
    {TEXT("[::1]:443:1"), "has an IPv6 address without brackets"},
    {TEXT("[::1%25lo]:443"), NULL},
    {TEXT("[::1%lo]:443"), NULL},
    {TEXT("[192.0.2.1]:443"), NULL},
    {TEXT("[origin.test]:443"), NULL},
    {TEXT("[]:443"), NULL},
    {TEXT("[v1.x]:443"), NULL},
    {TEXT("a..b:443"), NULL},
    {TEXT(".:443"), NULL},
    {TEXT(".a:443"), NULL},
    {TEXT("a%2eb:443"), NULL},
    {TEXT("a*b:443"), NULL},
    {TEXT("a,b:443"), NULL},
    {TEXT("a\\b:443"), NULL},
    {TEXT("h]:443"), NULL},
    {TEXT("256.0.0.1:443"), NULL},
    {TEXT("h:443/"), "is a URL or a path, not host:port"},
    {TEXT("h:443?x"), "is a URL or a path, not host:port"},
    {TEXT("h:443#x"), "is a URL or a path, not host:port"},
    {TEXT("http://h:443"), "is a URL or a path, not host:port"},
    {TEXT("/"), "is a URL or a path, not host:port"},
    {TEXT("*"), "has no port"},
    {TEXT("h :443"), "has a space in it"},
    {TEXT("h:443 "), "has a space in it"},
    {TEXT("h\t:443"), "has a space in it"},
    {TEXT("h\0:443"), "has a byte beyond visible ASCII"},
    {TEXT("h:443\0"), "has a byte beyond visible ASCII"},
    {TEXT("h:443\r\n"), "has a byte beyond visible ASCII"},
    {TEXT("b\xc3\xbc"
          "cher.test:443"),
     "has a byte beyond visible ASCII"},
};

static const struct good GOOD_URLS[] = {
    {"http://origin.test", "origin.test", 80, ""},
    {"http://origin.test/", "origin.test", 80, "/"},
    {"HTTP://Origin.TEST/A?b=C", "origin.test", 80, "/A?b=C"},
    {"http://origin.test?q=1/2", "origin.test", 80, "?q=1/2"},
    {"http://origin.test:8080/x", "origin.test", 8080, "/x"},
    {"http://origin.test:/x", "origin.test", 80, "/x"},
    {"http://origin.test:", "origin.test", 80, ""},
    {"http://origin.test:8080", "origin.test", 8080, ""},
    {"http://[::1]/", "::1", 80, "/"},
    {"http://[::1]:81?", "::1", 81, "?"},
    {"http://origin.test//a/../b/%2e%2E;p=1", "origin.test", 80, "//a/../b/%2e%2E;p=1"},
    {"http://origin.test/a@b:c", "origin.test", 80, "/a@b:c"},
    {"http://origin.test/?u=http://user@x/", "origin.test", 80, "/?u=http://user@x/"},
    {"http://origin.test?a@b", "origin.test", 80, "?a@b"},
};

static const struct bad BAD_URLS[] = {
    {TEXT(""), "is empty"},
    {TEXT("/"), "is no URL that begins with http://"},
    {TEXT("*"), "is no URL that begins with http://"},
    {TEXT("origin.test:80"), "is no URL that begins with http://"},
    {TEXT("://origin.test"), "is no URL that begins with http://"},
    {TEXT("http:/origin.test"), "is no URL that begins with http://"},
    {TEXT("http:origin.test"), "is no URL that begins with http://"},
    {TEXT("http"), "is no URL that begins with http://"},
    {TEXT("//origin.test/"), "is no URL that begins with http://"},
    {TEXT("https://origin.test/"), "has a scheme other than http"},
    {TEXT("ftp://origin.test/"), "has a scheme other than http"},
    {TEXT("httpx://origin.test/"), "has a scheme other than http"},
    {TEXT("http://"), "has no host"},
    {TEXT("http:///path"), "has no host"},
    {TEXT("http://?q"), "has no host"},
    {TEXT("http://:80/"), "has no host"},
    {TEXT("http://user@origin.test/"), "has a user name in it"},
    {TEXT("http://user:secret@origin.test/"), "has a user name in it"},
    {TEXT("http://origin.test:80@evil.test/"), "has a user name in it"},
    {TEXT("http://origin.test/#top"), "has a fragment"},
    {TEXT("http://origin.test#@evil.test/"), "has a fragment"},
    {TEXT("http://origin.test:0/"), "has a port that is not from 1 to 65535"},
    {TEXT("http://origin.test:080/"), "has a port with a leading zero"},
    {TEXT("http://origin.test:+80/"), "has a port that is no number"},
    {TEXT("http://::1/"), "has an IPv6 address without brackets"},
    {TEXT("http://[::1/"), "has a '[' without its ']'"},
    {TEXT("http://[::1]80/"), "has something between the bracket and the port"},
    {TEXT("http://origin.test\\@evil.test/"), "has a user name in it"},
    {TEXT("http://origin.test\\evil.test/"), NULL},
    {TEXT("http://a..b/"), NULL},
    {TEXT("http://a%20b/"), NULL},
    {TEXT("http://origin.test/a b"), "has a space in it"},
    {TEXT("http://origin.test/\x7f"), "has a byte beyond visible ASCII"},
    {TEXT("http://origin.test/\xff"), "has a byte beyond visible ASCII"},
    {TEXT("http://origin.test/\0"), "has a byte beyond visible ASCII"},
};

typedef const char *parse_fn(struct target *t, struct str text);

static void assert_good(parse_fn *parse, const struct good *row)
{
    struct target t;
    const char *fault = parse(&t, str_of(row->text));
    ck_assert_msg(!fault, "%s: %s", row->text, fault);
    ck_assert_str_eq(t.host.name, row->host);
    ck_assert_uint_eq(t.port, row->port);
    ck_assert_uint_eq(t.path.len, strlen(row->path));
    ck_assert_msg(str_eq(t.path, str_of(row->path)), "path of %s", row->text);
}

/* On a block of its own, so that the sanitizer sees a step beyond it. */
static void assert_bad(parse_fn *parse, const struct bad *row)
{
    struct target t;
    char *copy = malloc(row->len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 1, row->text, row->len);
    const char *fault = parse(&t, (struct str){copy + 1, row->len});
    ck_assert_msg(fault != NULL, "%s is taken", row->text);
    if (row->fault)
        ck_assert_str_eq(fault, row->fault);
    free(copy);
}

START_TEST(authority_is_taken)
{
    assert_good(target_parse_authority, &GOOD_AUTHORITIES[_i]);
}
END_TEST

START_TEST(authority_is_refused)
{
    assert_bad(target_parse_authority, &BAD_AUTHORITIES[_i]);
}
END_TEST

START_TEST(url_is_taken)
{
    assert_good(target_parse_absolute, &GOOD_URLS[_i]);
}
END_TEST

START_TEST(url_is_refused)
{
    assert_bad(target_parse_absolute, &BAD_URLS[_i]);
}
END_TEST

START_TEST(path_points_into_the_text)
{
    struct target t;
    struct str text = STR_LIT("http://origin.test/a?b");
    ck_assert_ptr_null(target_parse_absolute(&t, text));
    ck_assert_ptr_eq(t.path.ptr, text.ptr + 18);
    ck_assert_uint_eq(t.path.len, 4);
}
END_TEST

/* RFC 9112 section 3.2, as an origin reads it. */
static const struct inside {
    const char *method, *target, *field, *host;
    unsigned port;
    const char *path;
} GOOD_INSIDE[] = {
    {"GET", "/", "api.test", "api.test", 443, "/"},
    {"GET", "/v1/x?y=%2F", "API.test.", "api.test", 443, "/v1/x?y=%2F"},
    {"GET", "/", "api.test:8443", "api.test", 8443, "/"},
    {"GET", "/", "api.test:", "api.test", 443, "/"},
    {"GET", "/", "[::1]:444", "::1", 444, "/"},
    {"GET", "/", "", "", 0, "/"},
    {"OPTIONS", "*", "api.test", "api.test", 443, ""},
    {"GET", "//other.test/", "api.test", "api.test", 443, "//other.test/"},
    {"GET", "https://other.test/p", "api.test", "other.test", 443, "/p"},
    {"GET", "HTTPS://other.test:8443", "api.test", "other.test", 8443, ""},
    {"GET", "https://other.test?q", "", "other.test", 443, "?q"},
};

START_TEST(inside_is_taken)
{
    const struct inside *row = &GOOD_INSIDE[_i];
    struct target t;
    const char *fault = target_parse_inside(&t, str_of(row->method), str_of(row->target),
                                            str_of(row->field));
    ck_assert_msg(fault == NULL, "%s: %s", row->target, fault);
    ck_assert_uint_eq(t.host.len, strlen(row->host));
    ck_assert(str_eq((struct str){t.host.name, t.host.len}, str_of(row->host)));
    ck_assert_uint_eq(t.port, row->port);
    ck_assert(str_eq(t.path, str_of(row->path)));
}
END_TEST

#define ASTERISK "is '*', which stands for the server itself and for OPTIONS alone"

static const struct {
    const char *method, *target, *field, *fault;
} BAD_INSIDE[] = {
    {"GET", "", "api.test", "is empty"},
    {"GET", "x", "api.test", "is no path and no URL that begins with https://"},
    {"GET", "*", "api.test", ASTERISK},
    {"options", "*", "api.test", ASTERISK},
    {"", "*", "", ASTERISK},
    {"OPTIONS", "**", "api.test", "is no path and no URL that begins with https://"},
    {"GET", "http://api.test/", "api.test", "has a scheme other than https"},
    {"GET", "https://", "api.test", "has no host"},
    {"GET", "https://u@api.test/", "api.test", "has a user name in it"},
    {"GET", "/a#b", "api.test", "has a fragment"},
    {"GET", "/a b", "api.test", "has a space in it"},
    {"GET", "/", "api.test:0", "stands beside a Host that is none"},
    {"GET", "/", "a..b", "stands beside a Host that is none"},
};

START_TEST(inside_is_refused)
{
    struct target t;
    const char *fault =
        target_parse_inside(&t, str_of(BAD_INSIDE[_i].method), str_of(BAD_INSIDE[_i].target),
                            str_of(BAD_INSIDE[_i].field));
    ck_assert_pstr_eq(fault, BAD_INSIDE[_i].fault);
}
END_TEST

Suite *target_suite(void)
{
    Suite *suite = suite_create("target");
    TCase *tc = tcase_create("forms");
    tcase_add_loop_test(tc, authority_is_taken, 0, COUNT(GOOD_AUTHORITIES));
    tcase_add_loop_test(tc, authority_is_refused, 0, COUNT(BAD_AUTHORITIES));
    tcase_add_loop_test(tc, url_is_taken, 0, COUNT(GOOD_URLS));
    tcase_add_loop_test(tc, url_is_refused, 0, COUNT(BAD_URLS));
    tcase_add_loop_test(tc, inside_is_taken, 0, COUNT(GOOD_INSIDE));
    tcase_add_loop_test(tc, inside_is_refused, 0, COUNT(BAD_INSIDE));
    tcase_add_test(tc, path_points_into_the_text);
    suite_add_tcase(suite, tc);
    return suite;
}
