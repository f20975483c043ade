/* SPDX-License-Identifier: MIT */
/* test_ntlm_message.c - NTLMSSP messages, taken apart and written. */
#include <check.h>
#include <string.h>

#include "auth/ntlm_message.h"
#include "auth/utf16.h"
#include "tests/unit/auth/nlmp.h"

static char wire[1024];

static struct str spec_authenticate(void)
{
    return NLMP_INTO(wire, NLMP_AUTHENTICATE);
}

/* MS-NLMP section 4.2.4.3. */
START_TEST(takes_the_authenticate_of_the_specification)
{
    struct ntlm_authenticate a;
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char proof[16], temp[96], domain[16], key[16];
    struct str message = spec_authenticate();
    ck_assert_uint_eq(ntlm_kind(message), 3);
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OK);
    ck_assert_uint_eq(a.flags, 0xe2888235U);
    ck_assert(str_eq(a.proof, NLMP_INTO(proof, NLMP_PROOF)));
    ck_assert(str_eq(a.blob, NLMP_INTO(temp, NLMP_TEMP)));
    ck_assert(str_eq(a.domain, NLMP_INTO(domain, NLMP_DOMAIN)));
    ck_assert(str_eq(a.session_key, NLMP_INTO(key, NLMP_ENCRYPTED_KEY)));
    ck_assert(!a.has_mic);
    ck_assert(ntlm_message_user(&a, user));
    ck_assert_str_eq(user, "User");
}
END_TEST

/* MS-NLMP sections 4.2.2.3 and 4.2.3.3; and what older clients send. */
START_TEST(knows_old_responses)
{
    struct ntlm_authenticate a;
    struct str message = NLMP_INTO(wire, NLMP0_AUTHENTICATE);
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OLD);
    message = NLMP_INTO(wire, NLMP1_AUTHENTICATE);
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OLD);
    /* LM alone. */
    wire[20] = 0;
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OLD);
    /* Anonymous: MS-NLMP section 3.2.5.1.2, no NT response and one zero for LM. */
    wire[12] = wire[14] = 1;
    wire[36] = wire[28] = 0;
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OLD);
    message = spec_authenticate();
    wire[61] = (char)(wire[61] | 0x08);
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OLD);
}
END_TEST

/* The form without key and flags: payload begins where they would stand. */
START_TEST(reads_a_message_without_flags)
{
    struct ntlm_authenticate a;
    char user[ACCOUNT_NAME_MAX + 1];
    memset(wire, 0, sizeof(wire));
    memcpy(wire, "NTLMSSP\0\3", 9);
    wire[20] = wire[22] = 24;
    wire[24] = 56;
    wire[36] = wire[38] = 4;
    wire[40] = 52;
    memcpy(wire + 52, "user\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    struct str message = {wire, 80};
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, NTLM_FLAG_OEM), NTLM_OLD);
    ck_assert_uint_eq(a.flags, NTLM_FLAG_OEM);
    ck_assert(ntlm_message_user(&a, user));
    ck_assert_str_eq(user, "user");
}
END_TEST

/* Fields may overlap and start in the header, but not end outside of the message. */
START_TEST(holds_fields_to_the_message)
{
    static const int fields[] = {12, 20, 28, 36, 44, 52};
    struct ntlm_authenticate a;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct str message = spec_authenticate();
        unsigned char *field = (unsigned char *)wire + fields[i];
        size_t end = message.len - (field[0] | (size_t)field[1] << 8);
        field[4] = (unsigned char)(end & 0xff);
        field[5] = (unsigned char)(end >> 8);
        if (fields[i] != 20) /* at the end there is no blob */
            ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OK);
        field[4]++;
        ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_BAD);
        memset(field + 4, 0xff, 4);
        ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_BAD);
        memset(field, 0, 2); /* an empty one may point anywhere */
        ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0),
                         fields[i] == 20 ? NTLM_OLD : NTLM_OK);
    }
}
END_TEST

/* Everything that is cut off a message is missed. */
START_TEST(refuses_every_truncation)
{
    struct ntlm_authenticate a;
    struct str message = spec_authenticate();
    for (size_t len = 0; len < message.len; len++)
        ck_assert_int_eq(ntlm_message_authenticate(&a, (struct str){wire, len}, 0), NTLM_BAD);
}
END_TEST

START_TEST(refuses_what_is_no_ntlmv2_blob)
{
    struct ntlm_authenticate a;
    struct str message = spec_authenticate();
    for (int len = 1; len < 44; len++) {
        wire[20] = (char)len;
        ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0),
                         len == 24 ? NTLM_OLD : NTLM_BAD);
    }
    wire[20] = 44; /* no AV pairs at all */
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OK);
    for (size_t i = 0; i < 2; i++) { /* RespType, HiRespType */
        message = spec_authenticate();
        wire[0x94 + i] = 2;
        ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_BAD);
    }
    message = spec_authenticate();
    wire[0x94 + 28 + 3] = 1; /* an AV pair longer than the list */
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_BAD);
}
END_TEST

/* MsvAvFlags, section 2.2.2.1: in place of the computer's name. */
START_TEST(sees_the_promise_of_a_mic)
{
    struct ntlm_authenticate a;
    struct str message = spec_authenticate();
    char *pair = wire + 0x94 + 28;
    memcpy(pair, "\6\0\4\0\2\0\0\0\0\0\0\0", 12);
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OK);
    ck_assert(a.has_mic);
    ck_assert_uint_eq(a.mic_offset, 72);
    pair[4] = 1;
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_OK);
    ck_assert(!a.has_mic);
    pair[2] = 2;
    ck_assert_int_eq(ntlm_message_authenticate(&a, message, 0), NTLM_BAD);
    /* A message too short to hold one: 87 bytes, with its response in the header. */
    memset(wire, 0, sizeof(wire));
    memcpy(wire, "NTLMSSP\0\3", 9);
    memcpy(wire + 20, "\x34\0\x34\0\x22", 5); /* 52 bytes from 34 on */
    memcpy(wire + 34 + 16, "\1\1", 2);
    memcpy(wire + 34 + 44, "\6\0\4\0\2", 5);
    ck_assert_int_eq(ntlm_message_authenticate(&a, (struct str){wire, 87}, 0), NTLM_BAD);
    ck_assert_int_eq(ntlm_message_authenticate(&a, (struct str){wire, 88}, 0), NTLM_OK);
    ck_assert(a.has_mic);
}
END_TEST

START_TEST(reads_names_strictly)
{
    char user[ACCOUNT_NAME_MAX + 1];
    char longest[2 * ACCOUNT_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof(longest); i += 2)
        memcpy(longest + i, "a", 2);
    struct ntlm_authenticate a = {.flags = NTLM_FLAG_UNICODE, .user = {longest, 510}};
    ck_assert(ntlm_message_user(&a, user));
    ck_assert_uint_eq(strlen(user), ACCOUNT_NAME_MAX);
    a.user.len = 512;
    ck_assert(!ntlm_message_user(&a, user));
    ck_assert_str_eq(user, "");
    static const struct str bad[] = {{"a", 1}, {"a\0\0", 4}, {"\n", 2}, {"\x7f", 2}, {"\0\xd8", 2}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        a.user = bad[i];
        ck_assert(!ntlm_message_user(&a, user));
    }
    a = (struct ntlm_authenticate){.flags = NTLM_FLAG_OEM, .user = STR_LIT("zo\xc3\xab")};
    ck_assert(ntlm_message_user(&a, user));
    ck_assert_str_eq(user, "zo\xc3\xab");
    a.user = STR_LIT("zo\xeb"); /* a code page, but which? */
    ck_assert(!ntlm_message_user(&a, user));
    a.user = (struct str){NULL, 0};
    ck_assert(ntlm_message_user(&a, user));
    ck_assert_str_eq(user, "");
}
END_TEST

START_TEST(takes_negotiates_old_and_new)
{
    uint32_t flags;
    char message[NTLM_NEGOTIATE_MAX + 1] = "NTLMSSP\0\1\0\0\0\x07\x82\x08\xa2";
    ck_assert_int_eq(ntlm_message_negotiate((struct str){message, 16}, &flags), 0);
    ck_assert_uint_eq(flags, 0xa2088207U);
    memset(message + 16, 0xff, 16); /* names that are nowhere */
    ck_assert_int_eq(ntlm_message_negotiate((struct str){message, 32}, &flags), 0);
    ck_assert_int_eq(ntlm_message_negotiate((struct str){message, NTLM_NEGOTIATE_MAX}, &flags), 0);
    ck_assert_int_eq(ntlm_message_negotiate((struct str){message, sizeof(message)}, &flags), -1);
    for (size_t len = 0; len < 16; len++)
        ck_assert_int_eq(ntlm_message_negotiate((struct str){message, len}, &flags), -1);
    message[8] = 3;
    ck_assert_int_eq(ntlm_message_negotiate((struct str){message, 32}, &flags), -1);
}
END_TEST

START_TEST(tells_the_kinds_apart)
{
    char message[] = "NTLMSSP\0\1\0\0\0";
    for (char kind = 0; kind < 6; kind++) {
        message[8] = kind;
        ck_assert_uint_eq(ntlm_kind((struct str){message, 12}),
                          kind >= 1 && kind <= 3 ? (unsigned)kind : 0);
        ck_assert_uint_eq(ntlm_kind((struct str){message, 11}), 0);
    }
    message[8] = 1;
    message[11] = 1;
    ck_assert_uint_eq(ntlm_kind((struct str){message, 12}), 0);
    message[11] = 0;
    message[0] = 'n';
    ck_assert_uint_eq(ntlm_kind((struct str){message, 12}), 0);
}
END_TEST

/* MS-NLMP section 3.2.5.1.1: Unicode goes before OEM, nothing is set that the client
 * did not ask for, but for the target's information. */
START_TEST(agrees_on_flags)
{
    const uint32_t always = NTLM_FLAG_NTLM | NTLM_FLAG_TARGET_INFO | NTLM_FLAG_TARGET_SERVER;
    ck_assert_uint_eq(ntlm_message_agree(0, false), always | NTLM_FLAG_UNICODE);
    ck_assert_uint_eq(ntlm_message_agree(3, false), always | NTLM_FLAG_UNICODE);
    ck_assert_uint_eq(ntlm_message_agree(2, false), always | NTLM_FLAG_OEM);
    uint32_t all = ntlm_message_agree(0xffffffffU, true);
    ck_assert_uint_eq(all, 0xe2898235U);
}
END_TEST

static void set_name(struct ntlm_name *name, const char *text)
{
    ck_assert_int_eq(utf16_from_utf8(str_of(text), name->units, sizeof(name->units), &name->len),
                     0);
}

/* Field by field, as MS-NLMP sections 2.2.1.2 and 2.2.2.1 place them. */
START_TEST(writes_a_challenge)
{
    struct ntlm_target target = {.is_domain = true};
    const unsigned char nonce[8] = "\x01\x23\x45\x67\x89\xab\xcd\xef";
    unsigned char out[NTLM_CHALLENGE_MAX], again[8];
    set_name(&target.domain, "CORP");
    set_name(&target.computer, "P");
    set_name(&target.dns_domain, "c.example");
    set_name(&target.dns_computer, "p.c.example");
    size_t len = ntlm_message_challenge(&target, 0xe2898235U, nonce, 0x0123456789abcdefU, out);
    static const char want[] =
        "NTLMSSP\0\2\0\0\0\x08\0\x08\0\x38\0\0\0\x35\x82\x89\xe2\x01\x23\x45\x67\x89\xab\xcd\xef"
        "\0\0\0\0\0\0\0\0\x52\0\x52\0\x40\0\0\0\6\1\0\0\0\0\0\x0f"
        "C\0O\0R\0P\0"
        "\2\0\x08\0C\0O\0R\0P\0\1\0\2\0P\0"
        "\4\0\x12\0c\0.\0e\0x\0a\0m\0p\0l\0e\0"
        "\3\0\x16\0p\0.\0c\0.\0e\0x\0a\0m\0p\0l\0e\0"
        "\7\0\x08\0\xef\xcd\xab\x89\x67\x45\x23\x01\0\0\0";
    ck_assert_uint_eq(len, sizeof(want));
    ck_assert_mem_eq(out, want, len);
    ck_assert_uint_eq(ntlm_message_agreed((struct str){(char *)out, len}, again), 0xe2898235U);
    ck_assert_mem_eq(again, nonce, 8);
    /* Without Unicode and version; the pairs stay UTF-16. */
    target.is_domain = false;
    set_name(&target.computer, "P\xc3\x84");
    len = ntlm_message_challenge(&target, NTLM_FLAG_OEM, nonce, 0, out);
    ck_assert_mem_eq(out + 12, "\2\0\2\0\x38\0\0\0", 8);
    ck_assert_mem_eq(out + 48, "\0\0\0\0\0\0\0\0P?\2\0\x08\0C\0", 16);
}
END_TEST

Suite *ntlm_message_suite(void);

Suite *ntlm_message_suite(void)
{
    Suite *suite = suite_create("ntlm_message");
    TCase *cases = tcase_create("ntlm_message");
    tcase_add_test(cases, takes_the_authenticate_of_the_specification);
    tcase_add_test(cases, knows_old_responses);
    tcase_add_test(cases, reads_a_message_without_flags);
    tcase_add_test(cases, holds_fields_to_the_message);
    tcase_add_test(cases, refuses_every_truncation);
    tcase_add_test(cases, refuses_what_is_no_ntlmv2_blob);
    tcase_add_test(cases, sees_the_promise_of_a_mic);
    tcase_add_test(cases, reads_names_strictly);
    tcase_add_test(cases, takes_negotiates_old_and_new);
    tcase_add_test(cases, tells_the_kinds_apart);
    tcase_add_test(cases, agrees_on_flags);
    tcase_add_test(cases, writes_a_challenge);
    suite_add_tcase(suite, cases);
    return suite;
}
