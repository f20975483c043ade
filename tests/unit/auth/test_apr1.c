/* SPDX-License-Identifier: MIT */
/* test_apr1.c - Apache's MD5 hash, against what `openssl passwd -apr1` and htpasswd write. */
#include <check.h>
#include <string.h>

#include "auth/apr1.h"
#include "util/attr.h"

#define LONG_TEXT "a rather long password, longer than three md5 blocks of sixteen bytes"

static const struct {
    const char *salt, *password, *hash;
} vectors[] = {
    {"a", "", "$apr1$a$lsAcX0kKaMIVmrCtUuk5b0"},
    {"a", "a", "$apr1$a$drFGR/9p/sjZ9/qPTUuIf/"},
    {"ab", "sixteen bytes ok", "$apr1$ab$NaH5VTW625ndpFPmE6gBG."},
    {"ab", LONG_TEXT, "$apr1$ab$xmcMz44/vY1a6W4oDrUlc/"},
    {"xxxxxxxx", "", "$apr1$xxxxxxxx$AL/DOdqyMUurcg0cPNW/P1"},
    {"01234567", "a", "$apr1$01234567$g8MDXtsijtq.bdIMGYMnV1"},
    {"01234567", "sixteen bytes ok", "$apr1$01234567$RbcwbETYgv1lLwi4M.zuX/"},
    {"01234567", LONG_TEXT, "$apr1$01234567$XQ/VhxaIhb7Nx/8tKjpRq/"},
    {"p6Gh/eZr", "open sesame", "$apr1$p6Gh/eZr$DI/d9knAA7QQChJDBu3K91"}, /* htpasswd -m */
};

START_TEST(as_others_compute_it)
{
    char made[APR1_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        ck_assert_int_eq(apr1_hash(str_of(vectors[i].password), str_of(vectors[i].salt), made), 0);
        ck_assert_str_eq(made, vectors[i].hash);
    }
}
END_TEST

START_TEST(a_salt_has_eight_characters_at_most)
{
    char made[APR1_SIZE];
    ck_assert_int_eq(apr1_hash(STR_LIT("a"), STR_LIT("123456789"), made), -1);
}
END_TEST

Suite *apr1_suite(void);

Suite *apr1_suite(void)
{
    Suite *suite = suite_create("apr1");
    TCase *cases = tcase_create("apr1");
    tcase_add_test(cases, as_others_compute_it);
    tcase_add_test(cases, a_salt_has_eight_characters_at_most);
    suite_add_tcase(suite, cases);
    return suite;
}
