/* SPDX-License-Identifier: MIT */
/* test_kerberos.c - what is wrong with a keytab is said with its place; tokens that are
 * none are refused. Whole handshakes need a KDC: the end-to-end tests have one. */
#include <check.h>
#include <fcntl.h>
#include <krb5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/kerberos.h"
#include "util/mem.h"

static char folder[] = "/tmp/test_kerberos.XXXXXX";
static char path[sizeof(folder) + 16];
static struct errlist faults;
static const struct place at = {"proxy.conf", 7};

static void write_file(const char *name, const void *bytes, size_t len)
{
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* The library must not read the host's settings, nor leave a replay cache there. */
static void set_up(void)
{
    static const char settings[] = "[libdefaults]\ndefault_realm = PROXY.TEST\n";
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file("krb5.conf", settings, strlen(settings));
    setenv("KRB5_CONFIG", path, 1);
    setenv("KRB5RCACHENAME", "none:", 1);
    errlist_init(&faults);
}

static void tear_down(void)
{
    static const char *const names[] = {"krb5.conf", "keytab"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    errlist_fini(&faults);
}

/* MIT's library writes the keytab, so the format is not ours. */
static void add_key(const char *principal)
{
    krb5_context context;
    krb5_keytab keytab;
    krb5_keytab_entry entry = {.vno = 1};
    char name[sizeof(path) + 8];
    snprintf(path, sizeof(path), "%s/keytab", folder);
    snprintf(name, sizeof(name), "WRFILE:%s", path);
    ck_assert_int_eq(krb5_init_context(&context), 0);
    ck_assert_int_eq(krb5_kt_resolve(context, name, &keytab), 0);
    ck_assert_int_eq(krb5_parse_name(context, principal, &entry.principal), 0);
    ck_assert_int_eq(krb5_c_make_random_key(context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &entry.key),
                     0);
    ck_assert_int_eq(krb5_kt_add_entry(context, keytab, &entry), 0);
    krb5_free_keytab_entry_contents(context, &entry);
    krb5_kt_close(context, keytab);
    krb5_free_context(context);
}

/* One fault, at the place, with the file's name and these words. */
static void check_fault(const char *words)
{
    ck_assert_ptr_null(kerberos_new(path, &at, &faults));
    ck_assert_uint_eq(faults.errors, 1);
    ck_assert_str_eq(faults.items[0].file, at.file);
    ck_assert_uint_eq(faults.items[0].line, at.line);
    ck_assert_ptr_nonnull(strstr(faults.items[0].text, path));
    ck_assert_msg(strstr(faults.items[0].text, words) != NULL, "%s", faults.items[0].text);
}

START_TEST(keytab_is_missing)
{
    snprintf(path, sizeof(path), "%s/keytab", folder);
    check_fault("No such file or directory");
}
END_TEST

START_TEST(keytab_is_unreadable)
{
    write_file("keytab", "\5\2", 2);
    ck_assert_int_eq(chmod(path, 0), 0);
    if (geteuid() == 0) /* root may read everything; a user as any other stands in */
        ck_assert_int_eq(chmod(folder, 0711) | seteuid(65534), 0);
    check_fault("Permission denied");
    ck_assert(getuid() != 0 || seteuid(0) == 0);
}
END_TEST

START_TEST(keytab_is_empty)
{
    write_file("keytab", "", 0);
    check_fault("is empty");
}
END_TEST

START_TEST(keytab_has_no_keys)
{
    write_file("keytab", "\5\2", 2);
    check_fault("has no keys");
}
END_TEST

START_TEST(keytab_is_none)
{
    write_file("keytab", "-----BEGIN CERTIFICATE-----\n", 28);
    check_fault("is not a keytab");
}
END_TEST

START_TEST(keytab_is_a_folder)
{
    snprintf(path, sizeof(path), "%s", folder);
    check_fault("is not a file");
}
END_TEST

START_TEST(keytab_is_cut)
{
    static const char entry[] = "\5\2\0\0\0\x40\0";
    write_file("keytab", entry, sizeof(entry) - 1);
    check_fault("keytab");
}
END_TEST

START_TEST(principals_are_listed_once)
{
    add_key("HTTP/proxy.test@PROXY.TEST");
    add_key("HTTP/proxy.test@PROXY.TEST");
    add_key("HTTP/localhost@OTHER.TEST");
    struct kerberos *k = kerberos_new(path, &at, &faults);
    ck_assert_ptr_nonnull(k);
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_uint_eq(kerberos_principals(k), 2);
    ck_assert_str_eq(kerberos_principal(k, 0), "HTTP/proxy.test@PROXY.TEST");
    ck_assert_str_eq(kerberos_principal(k, 1), "HTTP/localhost@OTHER.TEST");
    kerberos_free(k);
    kerberos_free(NULL);
}
END_TEST

START_TEST(warns_without_http)
{
    add_key("host/proxy.test@PROXY.TEST");
    struct kerberos *k = kerberos_new(path, &at, &faults);
    ck_assert_ptr_nonnull(k);
    ck_assert_uint_eq(faults.errors, 0);
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_ptr_nonnull(strstr(faults.items[0].text, "host/proxy.test@PROXY.TEST"));
    kerberos_free(k);
}
END_TEST

static enum kerberos_result accept(const struct kerberos *k, struct str token,
                                   struct kerberos_reply *reply)
{
    void *context = NULL;
    enum kerberos_result result = kerberos_accept(k, token, &context, reply);
    ck_assert_ptr_null(context);
    ck_assert_uint_eq(reply->token_len, 0);
    ck_assert_str_eq(reply->user, "");
    ck_assert_str_ne(reply->fault, "");
    return result;
}

/* Each in the form of a mechanism that the host's library may know, with nothing in it. */
START_TEST(tokens_that_are_none)
{
    static struct kerberos_reply reply;
    static char large[KERBEROS_TOKEN_MAX + 1] = {0x60};
    const struct str tokens[] = {
        STR_LIT(""),
        STR_LIT("x"),
        STR_LIT("NTLMSSP\0\1\0\0\0\x17\x82\x08\xe2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        STR_LIT("\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"),
        STR_LIT("\x60\x09\x06\x05\x2b\x06\x01\x05\x02\x05\x01"), /* IAKERB */
        /* SPNEGO with NTLM alone. */
        STR_LIT("\x60\x1c\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x12\x30\x10\xa0\x0e\x30\x0c\x06\x0a"
                "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"),
        {large, sizeof(large) - 1},
        {large, sizeof(large)},
    };
    add_key("HTTP/proxy.test@PROXY.TEST");
    struct kerberos *k = kerberos_new(path, &at, &faults);
    ck_assert_ptr_nonnull(k);
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        ck_assert_int_eq(accept(k, tokens[i], &reply), KERBEROS_REFUSED);
    kerberos_free(k);
}
END_TEST

/* SPNEGO that names Kerberos and brings no token for it: one more leg. */
START_TEST(a_context_may_be_dropped)
{
    static struct kerberos_reply reply;
    static const char answer[] = "\xa1\x14\x30\x12\xa0\x03\x0a\x01\x01\xa1\x0b\x06\x09"
                                 "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
    struct str init = STR_LIT("\x60\x1b\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x11\x30\x0f"
                              "\xa0\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02");
    add_key("HTTP/proxy.test@PROXY.TEST");
    struct kerberos *k = kerberos_new(path, &at, &faults);
    ck_assert_ptr_nonnull(k);
    void *context = NULL;
    ck_assert_int_eq(kerberos_accept(k, init, &context, &reply), KERBEROS_CONTINUE);
    ck_assert_ptr_nonnull(context);
    ck_assert_uint_eq(reply.token_len, sizeof(answer) - 1);
    ck_assert_mem_eq(reply.token, answer, sizeof(answer) - 1);
    kerberos_context_free(context);

    /* And one that goes on with nonsense is gone by itself. */
    context = NULL;
    ck_assert_int_eq(kerberos_accept(k, init, &context, &reply), KERBEROS_CONTINUE);
    ck_assert_int_eq(kerberos_accept(k, STR_LIT("x"), &context, &reply), KERBEROS_REFUSED);
    ck_assert_ptr_null(context);
    kerberos_context_free(NULL);
    kerberos_free(k);
}
END_TEST

START_TEST(a_lost_keytab_is_our_fault)
{
    static struct kerberos_reply reply;
    add_key("HTTP/proxy.test@PROXY.TEST");
    struct kerberos *k = kerberos_new(path, &at, &faults);
    ck_assert_ptr_nonnull(k);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(
        accept(k, STR_LIT("\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01"), &reply),
        KERBEROS_FAILED);
    kerberos_free(k);
}
END_TEST

Suite *kerberos_suite(void);

Suite *kerberos_suite(void)
{
    Suite *suite = suite_create("kerberos");
    TCase *cases = tcase_create("kerberos");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, keytab_is_missing);
    tcase_add_test(cases, keytab_is_unreadable);
    tcase_add_test(cases, keytab_is_empty);
    tcase_add_test(cases, keytab_has_no_keys);
    tcase_add_test(cases, keytab_is_none);
    tcase_add_test(cases, keytab_is_a_folder);
    tcase_add_test(cases, keytab_is_cut);
    tcase_add_test(cases, principals_are_listed_once);
    tcase_add_test(cases, warns_without_http);
    tcase_add_test(cases, tokens_that_are_none);
    tcase_add_test(cases, a_context_may_be_dropped);
    tcase_add_test(cases, a_lost_keytab_is_our_fault);
    suite_add_tcase(suite, cases);
    return suite;
}
