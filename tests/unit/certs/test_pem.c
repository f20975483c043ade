/* SPDX-License-Identifier: MIT */
/* test_pem.c - certificates and keys as text: what is read, and what is refused why. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "certs/ca.h"
#include "certs/ca_check.h"
#include "certs/pem.h"
#include "util/mem.h"

static const struct place at = {"file.pem", 0};

static void make(struct ca *ca)
{
    struct ca_request request = {.name = STR_LIT("Test CA"), .days = 1, .now = 1764000000};
    ck_assert_int_eq(ca_make(ca, &request, NULL), 0);
}

static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = mem_must_zalloc(size);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static void check_refused(const char *text, const char *want)
{
    struct err e = {0};
    ck_assert_ptr_null(pem_read_certificates(str_of(text), &at, &e));
    ck_assert_str_eq(e.file, "file.pem");
    ck_assert_msg(strstr(e.text, want) != NULL, "%s", e.text);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(several_certificates_in_order)
{
    struct ca one, two;
    struct err e = {0};
    size_t len;
    make(&one);
    make(&two);
    char *first = pem_write_certificates(&one.cert, 1, &len);
    char *second = pem_write_certificates(&two.cert, 1, &len);
    char *key = pem_write_key(one.key, &len);
    char *head = join("# a comment\r\n\r\n", first, "\nbetween\n");
    char *all = join(head, key, second);
    STACK_OF(X509) *certs = pem_read_certificates(str_of(all), &at, &e);
    ck_assert_msg(certs != NULL, "%s", e.text);
    ck_assert_int_eq(sk_X509_num(certs), 2);
    ck_assert_int_eq(X509_cmp(sk_X509_value(certs, 0), one.cert), 0);
    ck_assert_int_eq(X509_cmp(sk_X509_value(certs, 1), two.cert), 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    pem_free_certificates(certs);
    /* the key is found wherever it stands */
    EVP_PKEY *read = pem_read_key(str_of(all), &at, &e);
    ck_assert_msg(read != NULL, "%s", e.text);
    ck_assert(ca_check_has_key(one.cert, read));
    EVP_PKEY_free(read);
    mem_free(first);
    mem_free(second);
    mem_free(key);
    mem_free(head);
    mem_free(all);
    ca_fini(&one);
    ca_fini(&two);
}
END_TEST

START_TEST(what_is_no_certificate)
{
    struct ca ca;
    size_t len;
    make(&ca);
    char *cert = pem_write_certificates(&ca.cert, 1, &len);
    char *key = pem_write_key(ca.key, &len);
    check_refused("", "no certificate");
    check_refused("hello\n", "no certificate");
    check_refused(key, "no certificate");
    check_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                  "cannot be read");
    check_refused("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
                  "cannot be read");
    char *cut = join(cert, "", "");
    cut[strlen(cut) - 40] = '\0';
    check_refused(cut, "cannot be read");
    /* behind one that is fine, too */
    char *both = join(cert, cut, "");
    check_refused(both, "cannot be read");
    mem_free(both);
    mem_free(cut);
    mem_free(cert);
    mem_free(key);
    ca_fini(&ca);
}
END_TEST

START_TEST(too_many_certificates)
{
    struct ca ca;
    X509 *certs[PEM_CERTIFICATES_MAX + 1];
    size_t len;
    make(&ca);
    for (size_t i = 0; i < PEM_CERTIFICATES_MAX + 1; i++)
        certs[i] = ca.cert;
    char *most = pem_write_certificates(certs, PEM_CERTIFICATES_MAX, &len);
    STACK_OF(X509) *read = pem_read_certificates(str_of(most), &at, NULL);
    ck_assert_int_eq(sk_X509_num(read), PEM_CERTIFICATES_MAX);
    pem_free_certificates(read);
    char *many = pem_write_certificates(certs, PEM_CERTIFICATES_MAX + 1, &len);
    check_refused(many, "more than 100");
    mem_free(most);
    mem_free(many);
    ca_fini(&ca);
}
END_TEST

/* Any form that OpenSSL writes, without a passphrase. */
START_TEST(keys_in_several_forms)
{
    EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    EVP_PKEY *keys[] = {rsa, ec};
    for (size_t i = 0; i < 4; i++) {
        char *bytes;
        struct err e = {0};
        BIO *bio = BIO_new(BIO_s_mem());
        if (i < 2) /* PKCS#1, SEC 1 */
            ck_assert(PEM_write_bio_PrivateKey_traditional(bio, keys[i], NULL, NULL, 0, NULL,
                                                           NULL));
        else
            ck_assert(PEM_write_bio_PKCS8PrivateKey(bio, keys[i - 2], NULL, NULL, 0, NULL, NULL));
        long len = BIO_get_mem_data(bio, &bytes);
        EVP_PKEY *read = pem_read_key((struct str){bytes, (size_t)len}, &at, &e);
        ck_assert_msg(read != NULL, "%zu: %s", i, e.text);
        ck_assert_int_eq(EVP_PKEY_eq(read, keys[i % 2]), 1);
        EVP_PKEY_free(read);
        BIO_free(bio);
    }
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}
END_TEST

START_TEST(the_key_is_pkcs8)
{
    struct ca ca;
    size_t len;
    make(&ca);
    char *text = pem_write_key(ca.key, &len);
    ck_assert_uint_eq(strlen(text), len);
    ck_assert(str_starts(str_of(text), STR_LIT("-----BEGIN PRIVATE KEY-----\n")));
    mem_free(text);
    ca_fini(&ca);
}
END_TEST

START_TEST(keys_that_cannot_be_read)
{
    struct ca ca;
    struct err e = {0};
    char *bytes;
    size_t len;
    make(&ca);
    char *cert = pem_write_certificates(&ca.cert, 1, &len);
    ck_assert_ptr_null(pem_read_key(str_of(cert), &at, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "no private key"));
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert(PEM_write_bio_PKCS8PrivateKey(bio, ca.key, EVP_aes_128_cbc(), "secret", 6, NULL,
                                            NULL));
    long count = BIO_get_mem_data(bio, &bytes);
    ck_assert_ptr_null(pem_read_key((struct str){bytes, (size_t)count}, &at, &e));
    ck_assert_msg(strstr(e.text, "encrypted") != NULL, "%s", e.text);
    ck_assert_str_eq(e.file, "file.pem");
    ck_assert_ptr_null(pem_read_key(STR_LIT(""), &at, &e));
    ck_assert_uint_eq(ERR_peek_error(), 0);
    BIO_free(bio);
    mem_free(cert);
    ca_fini(&ca);
}
END_TEST

Suite *pem_suite(void);
Suite *pem_suite(void)
{
    Suite *s = suite_create("pem");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, several_certificates_in_order);
    tcase_add_test(t, what_is_no_certificate);
    tcase_add_test(t, too_many_certificates);
    tcase_add_test(t, keys_in_several_forms);
    tcase_add_test(t, the_key_is_pkcs8);
    tcase_add_test(t, keys_that_cannot_be_read);
    suite_add_tcase(s, t);
    return s;
}
