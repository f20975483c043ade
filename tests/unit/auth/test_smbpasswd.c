/* SPDX-License-Identifier: MIT */
/* test_smbpasswd.c - smbpasswd files, good and bad. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "auth/smbpasswd.h"

#define NO_LM "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
#define NT "A4F49C406510BDCAB6824EE7C30FD852"
#define REST ":[U          ]:LCT-6560D9A4:\n"
#define GOOD "alice:1000:" NO_LM ":" NT REST

static const unsigned char nt[] =
    "\xa4\xf4\x9c\x40\x65\x10\xbd\xca\xb6\x82\x4e\xe7\xc3\x0f\xd8\x52";

static struct accounts *read_good(const char *text, size_t warnings)
{
    struct errlist faults;
    errlist_init(&faults);
    struct accounts *accounts = smbpasswd_read(str_of(text), "users.smbpasswd", &faults);
    ck_assert_msg(accounts != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    ck_assert_uint_eq(faults.errors, 0);
    ck_assert_uint_eq(faults.count, warnings);
    errlist_fini(&faults);
    return accounts;
}

START_TEST(reads_what_samba_writes)
{
    const char *written = NULL;
    struct accounts *accounts =
        read_good("# made by pdbedit\n\n" GOOD "Bob:4294967295:" NO_LM
                  ":a4f49c406510bdcab6824ee7c30fd852:[UX         ]:LCT-0:\r\n"
                  "carol:0:" NT ":" NT ":\n"
                  "dave:1:" NO_LM ":" NT ":LCT-00000000:\n"
                  "zo\xc3\xab:1:" NO_LM ":" NT ":[NU         ]:LCT-0:,,,",
                  0);
    ck_assert_uint_eq(accounts_count(accounts), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct smbpasswd_account *a = accounts_value(accounts, i);
        ck_assert_mem_eq(a->nt_hash, nt, NTHASH_SIZE);
        ck_assert(a->is_usable);
    }
    ck_assert_ptr_nonnull(accounts_find(accounts, STR_LIT("BOB"), &written));
    ck_assert_str_eq(written, "Bob");
    accounts_free(accounts);
}
END_TEST

/* smbpasswd(5): D and L shut an account, W, S and I are trust accounts; X's and NO
 * PASSWORD in place of the NT hash leave nothing to check against. */
START_TEST(knows_who_cannot_log_in)
{
    static const char *const lines[] = {
        "b:1:" NO_LM ":" NT ":[DU         ]:LCT-0:\n",
        "b:1:" NO_LM ":" NT ":[UL         ]:LCT-0:\n",
        "b$:1:" NO_LM ":" NT ":[W          ]:LCT-0:\n",
        "b$:1:" NO_LM ":" NT ":[S          ]:LCT-0:\n",
        "b$:1:" NO_LM ":" NT ":[I          ]:LCT-0:\n",
        "b:1:" NO_LM ":" NO_LM REST,
        "b:1:" NO_LM ":NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[NU         ]:LCT-0:\n",
        "b:1:" NO_LM ":********************************" REST,
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char text[512];
        snprintf(text, sizeof(text), GOOD "%s", lines[i]);
        struct accounts *accounts = read_good(text, 0);
        ck_assert_uint_eq(accounts_count(accounts), 2);
        const struct smbpasswd_account *a = accounts_value(accounts, 1);
        ck_assert_msg(!a->is_usable, "%s", lines[i]);
        accounts_free(accounts);
    }
}
END_TEST

START_TEST(warns_of_an_empty_password)
{
    struct accounts *accounts =
        read_good(GOOD "bob:1:" NO_LM ":31D6CFE0D16AE931B73C59D7E0C089C0" REST, 1);
    const struct smbpasswd_account *a = accounts_find(accounts, STR_LIT("bob"), NULL);
    ck_assert(!a->is_usable);
    accounts_free(accounts);
}
END_TEST

struct fault {
    const char *text, *where;
};

static const struct fault faulty[] = {
    {GOOD "nonsense\n", "users.smbpasswd:2: this is no line of smbpasswd"},
    {GOOD "\n" GOOD, "users.smbpasswd:3: \"alice\" is in this file twice"},
    {GOOD "ALICE:1:" NO_LM ":" NT REST, "users.smbpasswd:2: \"ALICE\" is in this file twice"},
    {"alice:x:" NO_LM ":" NT REST, "users.smbpasswd:1: the user ID of \"alice\""},
    {"alice:1:" NO_LM ":" NT "00" REST, "users.smbpasswd:1: the NT hash of \"alice\""},
    {"alice:1:" NO_LM ":A4F49C406510BDCAB6824EE7C30FD85G" REST,
     "users.smbpasswd:1: the NT hash of \"alice\""},
    {"alice:1:" NO_LM "::\n", "users.smbpasswd:1: the NT hash of \"alice\""},
    {"alice:1:" NO_LM "\n", "users.smbpasswd:1: the NT hash of \"alice\""},
    {"alice:1:1:" NT REST, "users.smbpasswd:1: the LM hash of \"alice\""},
    {"alice:1:" NO_LM ":" NT ":[U?]:\n", "users.smbpasswd:1: the flags of \"alice\""},
    {"alice:1:" NO_LM ":" NT ":[U\n", "users.smbpasswd:1: the flags of \"alice\""},
    {"alice:1:" NO_LM ":" NT ":U:\n", "users.smbpasswd:1: the flags of \"alice\""},
    {":1:" NO_LM ":" NT REST, "users.smbpasswd:1: a user name must be"},
    {"zo\xeb:1:" NO_LM ":" NT REST, "users.smbpasswd:1: a user name must be"},
    {"a\tb:1:" NO_LM ":" NT REST, "users.smbpasswd:1: a user name must be"},
    {"", "users.smbpasswd: nobody in this file can log in"},
    {"# nobody\n", "users.smbpasswd: nobody in this file can log in"},
    {"bob:1:" NO_LM ":" NO_LM REST, "users.smbpasswd: nobody in this file can log in"},
};

START_TEST(reports_where_a_fault_is)
{
    struct errlist faults;
    char text[1024];
    errlist_init(&faults);
    ck_assert_ptr_null(smbpasswd_read(str_of(faulty[_i].text), "users.smbpasswd", &faults));
    ck_assert_uint_eq(faults.errors, 1);
    err_format(&faults.items[0], text, sizeof(text));
    ck_assert_msg(strncmp(text, faulty[_i].where, strlen(faulty[_i].where)) == 0, "%s", text);
    ck_assert_ptr_null(strstr(text, "A4F49C40"));
    errlist_fini(&faults);
}
END_TEST

START_TEST(refuses_a_name_that_is_too_long)
{
    struct errlist faults;
    char text[512];
    for (int len = ACCOUNT_NAME_MAX; len <= ACCOUNT_NAME_MAX + 1; len++) {
        errlist_init(&faults);
        snprintf(text, sizeof(text), "%0*d:1:" NO_LM ":" NT REST, len, 0);
        struct accounts *accounts = smbpasswd_read(str_of(text), "f", &faults);
        ck_assert_int_eq(accounts != NULL, len == ACCOUNT_NAME_MAX);
        accounts_free(accounts);
        errlist_fini(&faults);
    }
}
END_TEST

START_TEST(reports_every_fault)
{
    struct errlist faults;
    errlist_init(&faults);
    ck_assert_ptr_null(smbpasswd_read(STR_LIT("a\n" GOOD "b:1:2:3:4\n"), "f", &faults));
    ck_assert_uint_eq(faults.errors, 4);
    errlist_fini(&faults);
}
END_TEST

Suite *smbpasswd_suite(void);

Suite *smbpasswd_suite(void)
{
    Suite *suite = suite_create("smbpasswd");
    TCase *cases = tcase_create("smbpasswd");
    tcase_add_test(cases, reads_what_samba_writes);
    tcase_add_test(cases, knows_who_cannot_log_in);
    tcase_add_test(cases, warns_of_an_empty_password);
    tcase_add_loop_test(cases, reports_where_a_fault_is, 0, (int)ARRAY_LEN(faulty));
    tcase_add_test(cases, refuses_a_name_that_is_too_long);
    tcase_add_test(cases, reports_every_fault);
    suite_add_tcase(suite, cases);
    return suite;
}
