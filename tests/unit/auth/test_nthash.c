/* SPDX-License-Identifier: MIT */
/* test_nthash.c - the NT hash of passwords. */
#include <check.h>
#include <string.h>

#include "auth/nthash.h"

struct known {
    const char *password, *hash;
};

/* The first is MS-NLMP section 4.2.2.1.2; the others were made with
 * iconv -t utf-16le | openssl dgst -md4 -provider legacy. */
static const struct known known[] = {
    {"Password", "\xa4\xf4\x9c\x40\x65\x10\xbd\xca\xb6\x82\x4e\xe7\xc3\x0f\xd8\x52"},
    {"", "\x31\xd6\xcf\xe0\xd1\x6a\xe9\x31\xb7\x3c\x59\xd7\xe0\xc0\x89\xc0"},
    {"secret", "\x87\x8d\x80\x14\x60\x6c\xda\x29\x67\x7a\x44\xef\xa1\x35\x3f\xc7"},
    {"P\xc3\xa4sswörd", "\xae\xd9\x37\x5b\xa5\x69\xc9\xf0\x21\x6e\xea\x5c\x0c\x7b\xf4\x63"},
    {"Schlüssel€𝄞", "\x28\x1c\xa5\x09\x54\x52\xc3\xee\xe8\x04\x5f\xe2\x6b\x37\xd1\xa8"},
};

START_TEST(makes_known_hashes)
{
    unsigned char hash[NTHASH_SIZE];
    ck_assert_int_eq(nthash_make(str_of(known[_i].password), hash), 0);
    ck_assert_mem_eq(hash, known[_i].hash, NTHASH_SIZE);
}
END_TEST

START_TEST(refuses_what_is_no_password)
{
    unsigned char hash[NTHASH_SIZE];
    char text[257];
    memset(text, 'a', sizeof(text));
    ck_assert_int_eq(nthash_make((struct str){text, 256}, hash), 0);
    ck_assert_int_eq(nthash_make((struct str){text, 257}, hash), -1);
    ck_assert_int_eq(nthash_make(STR_LIT("Passw\xf6rd"), hash), -1);
}
END_TEST

/* Nothing is cut at a NUL. */
START_TEST(counts_what_is_behind_a_nul)
{
    unsigned char whole[NTHASH_SIZE];
    ck_assert_int_eq(nthash_make(STR_LIT("Password\0x"), whole), 0);
    ck_assert_mem_ne(whole, known[0].hash, NTHASH_SIZE);
}
END_TEST

Suite *nthash_suite(void);

Suite *nthash_suite(void)
{
    Suite *suite = suite_create("nthash");
    TCase *cases = tcase_create("nthash");
    tcase_add_loop_test(cases, makes_known_hashes, 0, (int)ARRAY_LEN(known));
    tcase_add_test(cases, refuses_what_is_no_password);
    tcase_add_test(cases, counts_what_is_behind_a_nul);
    suite_add_tcase(suite, cases);
    return suite;
}
