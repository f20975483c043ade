/* SPDX-License-Identifier: MIT */
/* test_signer_wire.c - the messages to the signer, byte for byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "certs/signer_wire.h"

#define ID0 "\0\0\0\0\0\0\0\0"
#define ID "\x01\x02\x03\x04\x05\x06\x07\x88"

static const struct {
    struct signer_message message;
    struct str bytes;
} messages[] = {
    {{.kind = SIGNER_SETUP, .certificate = STR_LIT("cert"), .key = STR_LIT("/ca.key"),
      .leaf_key = STR_LIT("\0k")},
     STR_LIT("\x01" ID0 "\0\0\0\x04" "cert" "\0\0\0\x07" "/ca.key" "\0\0\0\x02" "\0k")},
    {{.kind = SIGNER_SETUP}, STR_LIT("\x01" ID0 "\0\0\0\0" "\0\0\0\0" "\0\0\0\0")},
    {{.kind = SIGNER_READY}, STR_LIT("\x02" ID0)},
    {{.kind = SIGNER_FAULT, .body = STR_LIT("no")}, STR_LIT("\x03" ID0 "no")},
    {{.kind = SIGNER_ORDER, .id = 0x0102030405060788, .body = STR_LIT("o\0")},
     STR_LIT("\x04" ID "o\0")},
    {{.kind = SIGNER_LEAF, .id = 0x0102030405060788, .body = STR_LIT("\x30\0")},
     STR_LIT("\x05" ID "\x30\0")},
    {{.kind = SIGNER_REFUSED, .id = UINT64_MAX, .body = STR_LIT("why")},
     STR_LIT("\x06" "\xff\xff\xff\xff\xff\xff\xff\xff" "why")},
};

START_TEST(as_it_is_written)
{
    unsigned char out[64];
    struct signer_message m;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        const struct signer_message *want = &messages[i].message;
        struct str bytes = messages[i].bytes;
        ck_assert_uint_eq(signer_write(want, out, sizeof(out)), bytes.len);
        ck_assert_mem_eq(out, bytes.ptr, bytes.len);
        ck_assert_uint_eq(signer_write(want, out, bytes.len), bytes.len);
        for (size_t size = 0; size < bytes.len; size++)
            ck_assert_uint_eq(signer_write(want, out, size), 0);
        ck_assert_int_eq(signer_read(&m, bytes), 0);
        ck_assert(m.kind == want->kind && m.id == want->id && str_eq(m.body, want->body));
        ck_assert(str_eq(m.certificate, want->certificate) && str_eq(m.key, want->key));
        ck_assert(str_eq(m.leaf_key, want->leaf_key));
    }
}
END_TEST

static const struct str bad[] = {
    STR_LIT(""),
    STR_LIT("\x02"),
    STR_LIT("\x02\0\0\0\0\0\0\0"),
    STR_LIT("\0" ID0),
    STR_LIT("\x07" ID0),
    STR_LIT("\xff" ID0),
    STR_LIT("\x02" ID0 "x"),
    STR_LIT("\x02" "\0\0\0\0\0\0\0\x01"),
    STR_LIT("\x03" "\x80\0\0\0\0\0\0\0" "x"),
    STR_LIT("\x01" ID "\0\0\0\0" "\0\0\0\0" "\0\0\0\0"),
    STR_LIT("\x01" ID0),
    STR_LIT("\x01" ID0 "\0\0\0\0" "\0\0\0\0"),
    STR_LIT("\x01" ID0 "\0\0\0\0" "\0\0\0\0" "\0\0\0"),
    STR_LIT("\x01" ID0 "\0\0\0\0" "\0\0\0\0" "\0\0\0\x01"),
    STR_LIT("\x01" ID0 "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "x"),
    STR_LIT("\x01" ID0 "\0\0\0\0" "\xff\xff\xff\xff" "\0\0\0\0"),
    STR_LIT("\x01" ID0 "\xff\xff\xff\xf8" "\0\0\0\0" "\0\0\0\0"),
};

START_TEST(what_is_no_message)
{
    struct signer_message m;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *exact = malloc(bad[i].len + 1);
        memcpy(exact + 1, bad[i].ptr, bad[i].len);
        ck_assert_msg(signer_read(&m, (struct str){exact + 1, bad[i].len}) < 0, "row %zu", i);
        free(exact);
    }
}
END_TEST

START_TEST(no_message_is_longer)
{
    static unsigned char out[SIGNER_WIRE_MAX + 10];
    static char body[SIGNER_WIRE_MAX];
    struct signer_message m = {.kind = SIGNER_LEAF, .id = 7, .body = {body, SIGNER_WIRE_MAX - 9}};
    ck_assert_uint_eq(signer_write(&m, out, sizeof(out)), SIGNER_WIRE_MAX);
    ck_assert_int_eq(signer_read(&m, (struct str){(const char *)out, SIGNER_WIRE_MAX}), 0);
    ck_assert_int_eq(signer_read(&m, (struct str){(const char *)out, SIGNER_WIRE_MAX + 1}), -1);
    m = (struct signer_message){.kind = SIGNER_LEAF, .body = {body, SIGNER_WIRE_MAX - 8}};
    ck_assert_uint_eq(signer_write(&m, out, sizeof(out)), 0);
}
END_TEST

Suite *signer_wire_suite(void);
Suite *signer_wire_suite(void)
{
    Suite *s = suite_create("signer_wire");
    TCase *t = tcase_create("all");
    tcase_add_test(t, as_it_is_written);
    tcase_add_test(t, what_is_no_message);
    tcase_add_test(t, no_message_is_longer);
    suite_add_tcase(s, t);
    return s;
}
