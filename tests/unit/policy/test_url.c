/* SPDX-License-Identifier: MIT */
/* test_url.c - paths.tsv: the normal form of paths; schemes and ports of URL patterns. */
#include "tests/unit/policy/suites.h"

#include <stdlib.h>
#include <string.h>

#include "policy/url.h"
#include "tests/unit/policy/data.h"

/* Into a block of exactly the promised size. */
static void check_normal(const char *where, struct str path, struct str wanted)
{
    char *out = malloc(path.len + 1);
    ck_assert_ptr_nonnull(out);
    size_t len = url_normalise(path, out);
    ck_assert_msg(str_eq((struct str){out, len}, wanted), "%s: got '%.*s'", where, (int)len, out);
    free(out);
}

START_TEST(normal_forms)
{
    struct data d;
    for (data_open(&d, "paths.tsv", 3); data_next_row(&d);) {
        check_normal(data_where(&d), d.fields[0], d.fields[1]);
        /* A normal form is its own, but for what was encoded twice. */
        if (memmem(d.fields[1].ptr, d.fields[1].len, "%25", 3) == NULL)
            check_normal(data_where(&d), d.fields[1], d.fields[1]);
    }
    data_close(&d);
}
END_TEST

enum { CONNECT = POLICY_CONNECT, HTTP = POLICY_HTTP, HTTPS = POLICY_HTTPS };

static const struct {
    uint8_t scheme;
    uint16_t port, path_len;
    int asked;
    uint16_t asked_port;
    bool fits;
} FITS[] = {
    {PATTERN_HTTP, 80, 1, HTTP, 80, true},       {PATTERN_HTTP, 80, 1, HTTP, 81, false},
    {PATTERN_HTTP, 80, 1, HTTPS, 80, false},     {PATTERN_HTTP, 80, 1, CONNECT, 80, false},
    {PATTERN_HTTP, 80, 0, HTTP, 80, true},       {PATTERN_HTTP, 80, 0, CONNECT, 80, false},
    {PATTERN_HTTPS, 443, 1, HTTPS, 443, true},   {PATTERN_HTTPS, 443, 1, HTTPS, 444, false},
    {PATTERN_HTTPS, 443, 1, HTTP, 443, false},   {PATTERN_HTTPS, 443, 1, CONNECT, 443, false},
    {PATTERN_HTTPS, 443, 0, CONNECT, 443, true}, {PATTERN_HTTPS, 443, 0, CONNECT, 444, false},
    {PATTERN_HTTPS, 443, 0, HTTPS, 443, true},   {PATTERN_ANY_SCHEME, 0, 1, HTTP, 1, true},
    {PATTERN_ANY_SCHEME, 0, 1, HTTPS, 1, true},  {PATTERN_ANY_SCHEME, 0, 1, CONNECT, 1, false},
};

START_TEST(schemes_and_ports)
{
    struct url url = {0, FITS[_i].path_len, FITS[_i].port, FITS[_i].scheme};
    enum policy_scheme asked = (enum policy_scheme)FITS[_i].asked;
    ck_assert(url_fits(&url, asked, FITS[_i].asked_port) == FITS[_i].fits);
}
END_TEST

Suite *url_suite(void)
{
    Suite *s = suite_create("url");
    TCase *t = tcase_create("url");
    tcase_add_test(t, normal_forms);
    tcase_add_loop_test(t, schemes_and_ports, 0, (int)ARRAY_LEN(FITS));
    suite_add_tcase(s, t);
    return s;
}
