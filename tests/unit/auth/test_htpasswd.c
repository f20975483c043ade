/* SPDX-License-Identifier: MIT */
/* test_htpasswd.c - hashes that other programs made; files of them, sound and faulty. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/htpasswd.h"
#include "util/attr.h"
#include "util/mem.h"

#define U_STAR_U "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

static const struct {
    const char *password, *hash;
} vectors[] = {
    /* crypt_blowfish's own test */
    {"U*U", U_STAR_U},
    /* the examples of PHP's manual for crypt() */
    {"rasmusle", "rl.3StKT.4T8M"},
    {"rasmuslerdorf", "_J9..rasmBYk8r9AiWNc"},
    {"rasmuslerdorf", "$1$rasmusle$rISCgZzpwk3UhDidwXvin0"},
    {"rasmuslerdorf", "$2a$07$usesomesillystringfore2uDLvp1Ii2e./U9C8sBjqp8I90dH6hi"},
    {"rasmuslerdorf",
     "$5$rounds=5000$usesomesillystri$KqJWpanXZHKq2BOB43TSaYhEWsQ1Lr5QNyPCDH/Tp.6"},
    /* Drepper's description of SHA-crypt */
    {"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
    /* openssl passwd -1, -5, -6, -apr1 */
    {"open sesame", "$1$abcdefgh$9qMkHazuSy1Q8myEum7yb/"},
    {"open sesame", "$5$abcdefgh$FWXdh6oXOJQkX7oAcP02d0Gnxjct6ra8Fwv29U9RIN2"},
    {"open sesame", "$6$abcdefgh$CkjGkP7IIgZVUCNlt.Vi53LOYJLXZ5KzdpzEYCj01XGruA1hxZYJqccTU2zz68oJ"
                    "wAGsd1iPty5F7dHIatUTy/"},
    {"a", "$apr1$01234567$g8MDXtsijtq.bdIMGYMnV1"},
    /* htpasswd -B -C 4, -d */
    {"open sesame", "$2y$04$6hagF.QQqrJBs17F0llDv.qQJHcojMwOErEbeFUa5jh/68EVHt8Lm"},
    {"opensesa", "QJzeN.wU.sNIw"},
    /* the NT hash of "password", in every book */
    {"password", "$3$$8846f7eaee8fb117ad06bdd830b7586c"},
    /* Perl's crypt() with the C library of Debian 12 */
    {"open sesame", "$y$j75$abcdefgh$OcRLeYk4aBaMmXLTb6Z9GKkFizlSo99SAAuNZ2.NQz1"},
    {"open sesame", "$gy$j75$abcdefgh$IjwIFAaq.QcXYmSwjBevv./qSGONarwodpxVgkji3c6"},
    {"open sesame", "$7$6U..../....abcdefgh$OIFgC5jXTPqstUsK/VMKjLQx09cQKsXqG531q9RjYD7"},
    {"open sesame", "$sha1$1000$abcdefgh$FNvUDmWf.98jDjEsXgrNNSlC18MK"},
    {"open sesame", "$md5,rounds=100$abcdefgh$$vC.WfvXiCcQbNBnpfKQIs/"},
    {"open sesame", "$md5$abcdefgh$$UsMxryoWuPF1tDm1Ax35y."},
};

START_TEST(verifies_what_others_made)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct str right = str_of(vectors[i].password);
        char wrong[64];
        ck_assert_msg(htpasswd_verify(vectors[i].hash, right), "%s", vectors[i].hash);
        ck_assert(!htpasswd_verify(vectors[i].hash, (struct str){right.ptr, right.len - 1}));
        ck_assert(!htpasswd_verify(vectors[i].hash, STR_LIT("")));
        snprintf(wrong, sizeof(wrong), "%sx", vectors[i].password);
        ck_assert_msg(!htpasswd_verify(vectors[i].hash, str_of(wrong)), "%s", vectors[i].hash);
    }
}
END_TEST

START_TEST(a_nul_ends_no_password)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char cut[64] = "";
        size_t len = strlen(vectors[i].password);
        memcpy(cut, vectors[i].password, len);
        cut[len + 1] = 'x';
        ck_assert(!htpasswd_verify(vectors[i].hash, (struct str){cut, len + 1}));
        ck_assert(!htpasswd_verify(vectors[i].hash, (struct str){cut, len + 2}));
    }
}
END_TEST

START_TEST(a_password_that_would_be_cut_is_wrong)
{
    char hash[HTPASSWD_HASH_MAX], text[600];
    memset(text, 'p', sizeof(text));
    ck_assert_int_eq(htpasswd_hash((struct str){text, 72}, hash), 0);
    ck_assert(htpasswd_verify(hash, (struct str){text, 72}));
    ck_assert(!htpasswd_verify(hash, (struct str){text, 73}));
    ck_assert(!htpasswd_verify(hash, (struct str){text, 600}));
    ck_assert(!htpasswd_verify(hash, (struct str){text, 71}));
    ck_assert(!htpasswd_verify("rl.3StKT.4T8M", STR_LIT("rasmuslerdorf")));
    /* openssl passwd -5 -salt s, of 256 times 'p' */
    ck_assert(htpasswd_verify("$5$s$BWlfimvgje4m5SNH74wIakdetKmh3/hUB33.tv2iNf5",
                              (struct str){text, 256}));
}
END_TEST

START_TEST(a_new_hash_is_bcrypt)
{
    char one[HTPASSWD_HASH_MAX], two[HTPASSWD_HASH_MAX], text[73];
    memset(text, 'p', sizeof(text));
    ck_assert_int_eq(htpasswd_hash(STR_LIT("open sesame"), one), 0);
    ck_assert_int_eq(htpasswd_hash(STR_LIT("open sesame"), two), 0);
    ck_assert_int_eq(strncmp(one, "$2y$10$", 7), 0);
    ck_assert_uint_eq(strlen(one), 60);
    ck_assert_str_ne(one, two);
    ck_assert(htpasswd_verify(one, STR_LIT("open sesame")));
    ck_assert(!htpasswd_verify(one, STR_LIT("open sesam")));
    ck_assert_int_eq(htpasswd_hash((struct str){text, 73}, one), -1);
    ck_assert_int_eq(htpasswd_hash((struct str){"Secret1\0x", 9}, one), -1);
}
END_TEST

START_TEST(some_hashes_match_nothing)
{
    static const char *const never[] = {
        "", "!", "*", "*0", "*1", "x", ("!" U_STAR_U), "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "secret",
    };
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        ck_assert(!htpasswd_verify(never[i], STR_LIT("")));
        ck_assert(!htpasswd_verify(never[i], STR_LIT("secret")));
        ck_assert(!htpasswd_verify(never[i], str_of(never[i])));
        ck_assert(!htpasswd_verify(never[i], STR_LIT("U*U")));
    }
}
END_TEST

START_TEST(without_memory_nothing_matches)
{
    mem_fail_at(1, 1);
    ck_assert(!htpasswd_verify(U_STAR_U, STR_LIT("U*U")));
    ck_assert_int_eq(htpasswd_check(U_STAR_U, STR_LIT("U*U")), HTPASSWD_NO_MEMORY);
    ck_assert_int_eq(htpasswd_check(U_STAR_U, STR_LIT("wrong")), HTPASSWD_NO_MEMORY);
    mem_fail_at(0, 0);
    ck_assert(htpasswd_verify(U_STAR_U, STR_LIT("U*U")));
    ck_assert_int_eq(htpasswd_check(U_STAR_U, STR_LIT("U*V")), HTPASSWD_WRONG);
}
END_TEST

/* A file without a fault; warnings are given back where the caller wants them. */
static struct htpasswd *load(const char *text, struct errlist *faults)
{
    struct errlist own;
    errlist_init(&own);
    struct htpasswd *h = htpasswd_new(str_of(text), "users", faults != NULL ? faults : &own);
    ck_assert_msg(h != NULL, "%s", own.count > 0 ? own.items[0].text : "errors");
    errlist_fini(&own);
    return h;
}

START_TEST(finds_accounts)
{
    bool is_known;
    struct htpasswd *h = load("\xef\xbb\xbf# people\r\n\r\nalice:" U_STAR_U "\r\n"
                              "J\xc3\xbcrgen Klein:" U_STAR_U ":Room 12: left\n"
                              "  bob : " U_STAR_U "  \n#carol:x\ndave:" U_STAR_U, NULL);
    static const char *const known[] = {"alice", "J\xc3\xbcrgen Klein", "bob", "dave"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        ck_assert_str_eq(htpasswd_find(h, str_of(known[i]), &is_known), U_STAR_U);
        ck_assert(is_known);
    }
    static const char *const unknown[] = {"Alice", "carol", "#carol", "", "alic", "alicea"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        const char *hash = htpasswd_find(h, str_of(unknown[i]), &is_known);
        ck_assert(!is_known);
        ck_assert(!htpasswd_verify(hash, STR_LIT("U*U")));
    }
    htpasswd_free(h);
    htpasswd_free(NULL);
}
END_TEST

START_TEST(locked_accounts_are_as_unknown_ones)
{
    bool is_known;
    struct errlist faults;
    errlist_init(&faults);
    struct htpasswd *h = load("alice:!" U_STAR_U "\nbob:*\ncarol:*0\ndave:" U_STAR_U "\n", &faults);
    const char *dummy = htpasswd_find(h, STR_LIT("nobody"), &is_known);
    static const char *const locked[] = {"alice", "bob", "carol"};
    for (size_t i = 0; i < ARRAY_LEN(locked); i++) {
        ck_assert_ptr_eq(htpasswd_find(h, str_of(locked[i]), &is_known), dummy);
        ck_assert(is_known);
    }
    ck_assert_uint_eq(faults.count, 0);
    htpasswd_free(h);
    h = load("alice:\n", &faults);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert(faults.items[0].is_warning);
    ck_assert_ptr_nonnull(strstr(faults.items[0].text, "alice has no hash"));
    ck_assert(!htpasswd_verify(htpasswd_find(h, STR_LIT("alice"), &is_known), STR_LIT("")));
    htpasswd_free(h);
    errlist_fini(&faults);
}
END_TEST

/* Of the processor, for others may be at work on it. */
static uint64_t cpu_usec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t measure(const char *hash, struct str password)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        uint64_t before = cpu_usec();
        ck_assert(!htpasswd_verify(hash, password));
        uint64_t took = cpu_usec() - before;
        best = took < best ? took : best;
    }
    return best;
}

/* For each method: as long for nobody as for somebody, whatever is sent. */
START_TEST(an_unknown_user_costs_as_much)
{
    static const char *const hashes[] = {
        "$2y$08$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$y$j85$abcdefgh$OcRLeYk4aBaMmXLTb6Z9GKkFizlSo99SAAuNZ2.NQz1",
        ("$6$rounds=20000$abcdefgh$CkjGkP7IIgZVUCNlt.Vi53LOYJLXZ5KzdpzEYCj01XGruA1hxZYJqccTU2zz68"
         "oJwAGsd1iPty5F7dHIatUTy/"),
        "$7$8U..../....abcdefgh$OIFgC5jXTPqstUsK/VMKjLQx09cQKsXqG531q9RjYD7",
        "$sha1$5000$abcdefgh$FNvUDmWf.98jDjEsXgrNNSlC18MK",
        "$md5,rounds=2000$abcdefgh$$vC.WfvXiCcQbNBnpfKQIs/",
        "$apr1$01234567$g8MDXtsijtq.bdIMGYMnV1",
    };
    char text[128], long_password[100];
    bool is_known;
    memset(long_password, 'p', sizeof(long_password));
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        snprintf(text, sizeof(text), "alice:%s\n", hashes[i]);
        struct htpasswd *h = load(text, NULL);
        const char *known = htpasswd_find(h, STR_LIT("alice"), &is_known);
        const char *dummy = htpasswd_find(h, STR_LIT("bob"), &is_known);
        ck_assert_str_ne(known, dummy);
        uint64_t usual = measure(known, STR_LIT("wrong")), other = measure(dummy, STR_LIT("wrong"));
        ck_assert_msg(other > usual / 3 && other < usual * 3, "%s: %u us, %u us", hashes[i],
                      (unsigned)usual, (unsigned)other);
        other = measure(known, (struct str){long_password, sizeof(long_password)});
        ck_assert_msg(other > usual / 3, "%s: too long in %u us", hashes[i], (unsigned)other);
        htpasswd_free(h);
    }
}
END_TEST

START_TEST(the_costliest_hash_counts)
{
    bool is_known;
    struct htpasswd *h = load("alice:rl.3StKT.4T8M\n"
                              "bob:$2y$09$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
                              "carol:" U_STAR_U "\n", NULL);
    ck_assert_str_eq(htpasswd_find(h, STR_LIT("dave"), &is_known),
                     "$2y$09$CCCCCCCCCCCCCCCCCCCCC.~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~");
    htpasswd_free(h);
}
END_TEST

/* The one fault of text: an error or a warning, on a line, with a word in it. */
static void check_fault(const char *text, bool is_warning, unsigned line, const char *word)
{
    struct errlist faults;
    errlist_init(&faults);
    struct htpasswd *h = htpasswd_new(str_of(text), "users", &faults);
    ck_assert_msg(faults.count == 1, "%s: %zu faults", text, faults.count);
    ck_assert_int_eq(faults.items[0].is_warning, is_warning);
    ck_assert_uint_eq(faults.items[0].line, line);
    ck_assert_str_eq(faults.items[0].file, "users");
    ck_assert_msg(strstr(faults.items[0].text, word) != NULL, "%s", faults.items[0].text);
    ck_assert_int_eq(h != NULL, is_warning);
    htpasswd_free(h);
    errlist_fini(&faults);
}

START_TEST(faults_are_told)
{
    char long_name[300];
    check_fault("alice\n", false, 1, "no ':'");
    check_fault("\n\n:x\n", false, 3, "is empty");
    check_fault("alice:" U_STAR_U "\n\nalice:" U_STAR_U "\n", false, 3, "on line 1");
    check_fault("al\x01ice:" U_STAR_U "\n", false, 1, "control");
    check_fault("alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", false, 1,
                "'sallyport passwd users alice' or 'htpasswd -B users alice'");
    check_fault("alice:secret\n", false, 1, "'sallyport passwd users alice'");
    check_fault("alice:$2y$05$CCCCCCCCCCCC\n", false, 1, "a part of one");
    memset(long_name, 'a', sizeof(long_name));
    memcpy(long_name + 256, ":x", 3);
    check_fault(long_name, false, 1, "255");
}
END_TEST

START_TEST(a_fault_keeps_the_secret)
{
    struct errlist faults;
    char all[1024];
    errlist_init(&faults);
    ck_assert_ptr_null(htpasswd_new(STR_LIT("alice:Secret1pw\nbob:{SHA}5en6G6MezRroT3XKqkdPOm=\n"),
                                    "users", &faults));
    ck_assert_uint_eq(faults.errors, 2);
    for (size_t i = 0; i < faults.count; i++) {
        err_format(&faults.items[i], all, sizeof(all));
        ck_assert_ptr_null(strstr(all, "Secret1pw"));
        ck_assert_ptr_null(strstr(all, "5en6G6"));
    }
    errlist_fini(&faults);
}
END_TEST

START_TEST(warnings_come_once_a_file)
{
    check_fault("", true, 0, "no account");
    check_fault("# nobody\n", true, 0, "no account");
    check_fault("alice:rl.3StKT.4T8M\n", true, 1, "alice has a weak hash (DES);");
    check_fault("a:rl.3StKT.4T8M\nb:rl.3StKT.4T8M\n", true, 1, "(DES), and 1 other;");
    check_fault("a:$1$rasmusle$rISCgZzpwk3UhDidwXvin0\nb:$apr1$a$drFGR/9p/sjZ9/qPTUuIf/\n"
                "c:$apr1$a$drFGR/9p/sjZ9/qPTUuIf/\n", true, 1, "(MD5), and 2 others;");
    check_fault("a:$2y$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n", true, 1,
                "takes seconds");
    check_fault("a:" U_STAR_U "\n"
                "b:$2y$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n", true, 0,
                "take far longer");
}
END_TEST

Suite *htpasswd_suite(void);

Suite *htpasswd_suite(void)
{
    Suite *suite = suite_create("htpasswd");
    TCase *cases = tcase_create("htpasswd");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, verifies_what_others_made);
    tcase_add_test(cases, a_nul_ends_no_password);
    tcase_add_test(cases, a_password_that_would_be_cut_is_wrong);
    tcase_add_test(cases, a_new_hash_is_bcrypt);
    tcase_add_test(cases, some_hashes_match_nothing);
    tcase_add_test(cases, without_memory_nothing_matches);
    tcase_add_test(cases, finds_accounts);
    tcase_add_test(cases, locked_accounts_are_as_unknown_ones);
    tcase_add_test(cases, an_unknown_user_costs_as_much);
    tcase_add_test(cases, the_costliest_hash_counts);
    tcase_add_test(cases, faults_are_told);
    tcase_add_test(cases, a_fault_keeps_the_secret);
    tcase_add_test(cases, warnings_come_once_a_file);
    suite_add_tcase(suite, cases);
    return suite;
}
