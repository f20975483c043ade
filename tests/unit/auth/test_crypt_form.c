/* SPDX-License-Identifier: MIT */
/* test_crypt_form.c - what a hash tells of itself; the forms are those of crypt(5). */
#include <check.h>
#include <string.h>

#include "auth/crypt_form.h"
#include "util/attr.h"

#define BCRYPT_TAIL "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SHA256_TAIL "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"

START_TEST(tells_method_and_length)
{
    static const struct {
        const char *hash, *name;
        size_t password_max;
        bool is_weak;
    } cases[] = {
        {"$2a$05$" BCRYPT_TAIL, "bcrypt", 72, false},
        {"$2y$31$" BCRYPT_TAIL, "bcrypt", 72, false},
        {"$y$j75$abcdefgh$OcRLeYk4aBaMmXLTb6Z9GKkFizlSo99SAAuNZ2.NQz1", "yescrypt",
         CRYPT_FORM_UNLIMITED, false},
        {"$5$saltstring$" SHA256_TAIL, "SHA-256", CRYPT_FORM_UNLIMITED, false},
        {"$5$rounds=1000$saltstring$" SHA256_TAIL, "SHA-256", CRYPT_FORM_UNLIMITED, false},
        {"$1$rasmusle$rISCgZzpwk3UhDidwXvin0", "MD5", CRYPT_FORM_UNLIMITED, true},
        {"$apr1$p6Gh/eZr$DI/d9knAA7QQChJDBu3K91", "Apache's MD5", CRYPT_FORM_UNLIMITED, true},
        {"_J9..rasmBYk8r9AiWNc", "BSDI's DES", CRYPT_FORM_UNLIMITED, true},
        {"rl.3StKT.4T8M", "DES", 8, true},
        {"$3$$8846f7eaee8fb117ad06bdd830b7586c", "NT", CRYPT_FORM_UNLIMITED, true},
    };
    struct crypt_form form;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(crypt_form_parse(&form, str_of(cases[i].hash)) == 0, "%s", cases[i].hash);
        ck_assert_str_eq(form.name, cases[i].name);
        ck_assert_uint_eq(form.password_max, cases[i].password_max);
        ck_assert_int_eq(form.is_weak, cases[i].is_weak);
        ck_assert_int_eq(form.is_apr1, strncmp(cases[i].hash, "$apr1$", 6) == 0);
    }
}
END_TEST

START_TEST(refuses_what_crypt_would_not_compute)
{
    static const char *const cases[] = {
        "", "!", "*", "*0", "*1", "x", "secret", "plain text", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "$2y$03$" BCRYPT_TAIL, "$2y$32$" BCRYPT_TAIL, "$2y$1$" BCRYPT_TAIL, "$2c$05$" BCRYPT_TAIL,
        "$2y$05$" BCRYPT_TAIL "x", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2y$05$", "$5$" SHA256_TAIL, "$5$$" SHA256_TAIL, "$5$seventeen-letters$" SHA256_TAIL,
        "$5$rounds=999$saltstring$" SHA256_TAIL, "$5$rounds=x$saltstring$" SHA256_TAIL,
        "$5$rounds=1000000000$saltstring$" SHA256_TAIL, "$5$salt*string$" SHA256_TAIL,
        "$5$saltstring$" SHA256_TAIL "=", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY",
        "$1$rasmuslerd$rISCgZzpwk3UhDidwXvin0", "$apr1$DI/d9knAA7QQChJDBu3K91",
        "_....rasmBYk8r9AiWNc", "rl.3StKT.4T8", "rl.3StKT.4T8M7", "r:.3StKT.4T8M",
        "$y$$abcdefgh$OcRLeYk4aBaMmXLTb6Z9GKkFizlSo99SAAuNZ2.NQz1",
        "$y$OcRLeYk4aBaMmXLTb6Z9GKkFizlSo99SAAuNZ2.NQz1", "$7$", "$7$6U..../....",
        "$3$8846f7eaee8fb117ad06bdd830b7586c", "$8$a$b", "$", "$$",
    };
    struct crypt_form form;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(crypt_form_parse(&form, str_of(cases[i])) == -1, "%s", cases[i]);
    char huge[1000];
    memset(huge, 'a', sizeof(huge));
    memcpy(huge, "$y$", 3);
    ck_assert_int_eq(crypt_form_parse(&form, (struct str){huge, sizeof(huge)}), -1);
    ck_assert_int_eq(crypt_form_parse(&form, (struct str){"rl.3StKT.4T\0M", 13}), -1);
}
END_TEST

static uint64_t cost(const char *hash)
{
    struct crypt_form form;
    ck_assert_int_eq(crypt_form_parse(&form, str_of(hash)), 0);
    return form.cost_us;
}

/* As crypt(5) has it: bcrypt's cost is a logarithm, rounds count as they are. */
START_TEST(cost_follows_the_parameters)
{
    ck_assert_uint_eq(cost("$2y$10$" BCRYPT_TAIL), 32 * cost("$2b$05$" BCRYPT_TAIL));
    ck_assert_uint_eq(cost("$5$rounds=50000$s$" SHA256_TAIL), 10 * cost("$5$s$" SHA256_TAIL));
    ck_assert_uint_gt(cost("$2y$12$" BCRYPT_TAIL), cost("$y$j9T$abcdefgh$" SHA256_TAIL));
    ck_assert_uint_gt(cost("$y$j9T$abcdefgh$" SHA256_TAIL), cost("$y$j75$abcdefgh$" SHA256_TAIL));
    ck_assert_uint_gt(cost("$7$EU..../....abcdefgh$" SHA256_TAIL),
                      cost("$7$CU..../....abcdefgh$" SHA256_TAIL));
    ck_assert_uint_gt(cost("$2y$05$" BCRYPT_TAIL), cost("$apr1$p6Gh/eZr$DI/d9knAA7QQChJDBu3K91"));
}
END_TEST

START_TEST(nobody_can_make_tildes)
{
    struct crypt_form form;
    ck_assert_int_eq(crypt_form_parse(&form, STR_LIT("rl~~~~~~~~~~~")), 0);
    ck_assert_uint_eq(form.digest_at, 2);
    ck_assert_int_eq(crypt_form_parse(&form, STR_LIT("rl~~~~~~~~~~a")), -1);
}
END_TEST

Suite *crypt_form_suite(void);

Suite *crypt_form_suite(void)
{
    Suite *suite = suite_create("crypt_form");
    TCase *cases = tcase_create("crypt_form");
    tcase_add_test(cases, tells_method_and_length);
    tcase_add_test(cases, refuses_what_crypt_would_not_compute);
    tcase_add_test(cases, cost_follows_the_parameters);
    tcase_add_test(cases, nobody_can_make_tildes);
    suite_add_tcase(suite, cases);
    return suite;
}
