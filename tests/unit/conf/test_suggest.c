/* SPDX-License-Identifier: MIT */
/* test_suggest.c - which word was meant. */
#include "tests/unit/conf/suites.h"

#include "conf/suggest.h"

static const struct {
    const char *word;
    const char *meant; /* NULL: nothing is close */
} rows[] = {
    {"adress", "address"}, {"adderss", "address"}, {"addresss", "address"},
    {"prot", "port"},      {"ports", "port"},      {"por", "port"},
    {"tl", NULL},          {"listen", NULL},       {"", NULL},
    {"zzzzzzz", NULL},     {"header_timout", "header_timeout"},
    {"header_timeoutheader_timeoutheader_timeoutheader_timeout", NULL},
};

START_TEST(the_closest_word_is_meant)
{
    static const char *const words[] = {"address", "port", "tls", "listeners", "header_timeout"};
    struct suggest s = suggest_begin(rows[_i].word);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        suggest_offer(&s, words[i]);
    if (rows[_i].meant == NULL)
        ck_assert_ptr_null(s.best);
    else
        ck_assert_pstr_eq(s.best, rows[_i].meant);
}
END_TEST

START_TEST(the_first_of_equals_stays)
{
    struct suggest s = suggest_begin("cat");
    suggest_offer(&s, "bat");
    suggest_offer(&s, "hat");
    ck_assert_pstr_eq(s.best, "bat");
    suggest_offer(&s, "cat");
    ck_assert_pstr_eq(s.best, "cat");
}
END_TEST

Suite *suggest_suite(void)
{
    Suite *s = suite_create("suggest");
    TCase *t = tcase_create("words");
    tcase_add_loop_test(t, the_closest_word_is_meant, 0, ARRAY_LEN(rows));
    tcase_add_test(t, the_first_of_equals_stays);
    suite_add_tcase(s, t);
    return s;
}
