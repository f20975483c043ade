/* SPDX-License-Identifier: MIT */
/* test_spnego.c - SPNEGO tokens as curl with MIT's library, and as Windows, send them;
 * every cut and every length that does not fit; replies spelled out after RFC 4178. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "auth/spnego.h"

#define SIZE 4096

/* curl --proxy-negotiate without a ticket, gss-ntlmssp. */
#define INIT_NTLM                                                                                  \
    "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d53535000"         \
    "01000000178208e200000000000000000000000000000000060200000000000f"

/* The same, after our request-mic. */
#define RESP_NTLM                                                                                  \
    "a1333031a0030a0101a22a04284e544c4d5353500001000000178208e200000000000000000000000000"         \
    "000000060200000000000f"

/* What Windows sends first to clients of SMB: NegTokenInit2, five mechanisms, hints. */
#define INIT2_WINDOWS                                                                              \
    "607606062b0601050502a06c306aa03c303a060a2b06010401823702021e06092a864882f712010202"           \
    "06092a864886f712010202060a2a864886f71201020203060a2b06010401823702020aa32a3028a026"           \
    "1b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265"

static size_t read_hex(const char *hex, char *out)
{
    size_t len = strlen(hex) / 2;
    ck_assert_uint_le(len, SIZE);
    for (size_t i = 0; i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (char)strtoul(digits, NULL, 16);
    }
    return len;
}

/* Parses a copy of exactly these bytes, so that a sanitizer sees a step beyond. */
static enum spnego_kind kind_of(const char *bytes, size_t len)
{
    struct spnego_token t;
    char *copy = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    spnego_parse(&t, (struct str){copy, len});
    free(copy);
    return t.kind;
}

static enum spnego_kind kind_of_hex(const char *hex)
{
    char bytes[SIZE];
    return kind_of(bytes, read_hex(hex, bytes));
}

START_TEST(init_with_ntlm)
{
    struct spnego_token t;
    char bytes[SIZE], list[SIZE];
    size_t len = read_hex(INIT_NTLM, bytes);
    size_t list_len = read_hex("300c060a2b06010401823702020a", list);
    spnego_parse(&t, (struct str){bytes, len});
    ck_assert_int_eq(t.kind, SPNEGO_INIT);
    ck_assert_uint_eq(t.mechanism_count, 1);
    ck_assert_int_eq(t.mechanisms[0], SPNEGO_NTLM);
    ck_assert(str_eq(t.mechanism_list, (struct str){list, list_len}));
    ck_assert_uint_eq(t.inner.len, 40);
    ck_assert(str_starts(t.inner, STR_LIT("NTLMSSP\0\1")));
    ck_assert_uint_eq(t.mic.len, 0);
}
END_TEST

START_TEST(init2_with_hints)
{
    struct spnego_token t;
    char bytes[SIZE];
    size_t len = read_hex(INIT2_WINDOWS, bytes);
    const enum spnego_mechanism expected[] = {SPNEGO_OTHER, SPNEGO_KERBEROS, SPNEGO_KERBEROS,
                                              SPNEGO_OTHER, SPNEGO_NTLM};
    spnego_parse(&t, (struct str){bytes, len});
    ck_assert_int_eq(t.kind, SPNEGO_INIT);
    ck_assert_uint_eq(t.mechanism_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        ck_assert_int_eq(t.mechanisms[i], expected[i]);
    ck_assert_uint_eq(t.inner.len, 0);
    ck_assert_uint_eq(t.mic.len, 0);
    ck_assert_uint_eq(t.mechanism_list.len, 60);
}
END_TEST

START_TEST(mic_of_either_form)
{
    /* Field 3 has it in NegTokenInit, field 4 in NegTokenInit2; flags stand before. */
    static const char *const forms[] = {
        "602406062b0601050502a01a3018a00e300c060a2b06010401823702020aa306040461626364",
        "602a06062b0601050502a020301ea00e300c060a2b06010401823702020aa1040302016ea406"
        "040461626364",
        "602a06062b0601050502a020301ea00e300c060a2b06010401823702020aa3043002a000a406"
        "040461626364",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct spnego_token t;
        char bytes[SIZE];
        size_t len = read_hex(forms[i], bytes);
        spnego_parse(&t, (struct str){bytes, len});
        ck_assert_int_eq(t.kind, SPNEGO_INIT);
        ck_assert(str_eq(t.mic, STR_LIT("abcd")));
    }
}
END_TEST

START_TEST(resp_with_inner_and_mic)
{
    struct spnego_token t;
    char bytes[SIZE];
    size_t len = read_hex(RESP_NTLM, bytes);
    spnego_parse(&t, (struct str){bytes, len});
    ck_assert_int_eq(t.kind, SPNEGO_RESP);
    ck_assert_uint_eq(t.inner.len, 40);
    ck_assert_uint_eq(t.mic.len, 0);
    len = read_hex("a1143012a0030a0100a203040178a306040461626364", bytes);
    spnego_parse(&t, (struct str){bytes, len});
    ck_assert_int_eq(t.kind, SPNEGO_RESP);
    ck_assert(str_eq(t.inner, STR_LIT("x")));
    ck_assert(str_eq(t.mic, STR_LIT("abcd")));
    ck_assert_uint_eq(t.mechanism_count, 0);
}
END_TEST

START_TEST(kinds)
{
    ck_assert_int_eq(kind_of("", 0), SPNEGO_NONE);
    ck_assert_int_eq(kind_of("NTLMSSP\0\1\0\0\0", 12), SPNEGO_NONE);
    ck_assert_int_eq(kind_of_hex("a03e303c"), SPNEGO_NONE); /* not framed as GSSAPI has it */
    /* A frame of Kerberos, with Microsoft's spelling of its name too. */
    ck_assert_int_eq(kind_of_hex("600e06092a864886f712010202010000"), SPNEGO_RAW_KERBEROS);
    ck_assert_int_eq(kind_of_hex("600e06092a864882f712010202010000"), SPNEGO_RAW_KERBEROS);
    /* Kerberos' user-to-user and others have no business here. */
    ck_assert_int_eq(kind_of_hex("600f060a2a864886f71201020203010000"), SPNEGO_BAD);
    ck_assert_int_eq(kind_of_hex("a1023000"), SPNEGO_RESP);
}
END_TEST

/* No beginning of a token is a token. */
START_TEST(every_cut_is_bad)
{
    static const char *const whole[] = {INIT_NTLM, INIT2_WINDOWS, RESP_NTLM};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        char bytes[SIZE];
        size_t len = read_hex(whole[i], bytes);
        ck_assert_int_ne(kind_of(bytes, len), SPNEGO_BAD);
        for (size_t cut = 1; cut < len; cut++)
            ck_assert_int_eq(kind_of(bytes, cut), SPNEGO_BAD);
        bytes[len] = 0;
        ck_assert_int_eq(kind_of(bytes, len + 1), SPNEGO_BAD);
    }
}
END_TEST

START_TEST(bad_forms)
{
    static const char *const bad[] = {
        "60800606",                                   /* indefinite length */
        "a1803000a0030a01000000",                     /* the same */
        "a18500000000023000",                         /* a length of five bytes */
        "a184ffffffff3000",                           /* one that no memory has */
        "a1047fffffff",                               /* not a SEQUENCE */
        "a104300031ff",                               /* something behind the SEQUENCE */
        "a1073005a0030a0200",                         /* the state is two bytes, one is there */
        "a1083006a0040a020000",                       /* the state is two bytes */
        "a1073005a003020100",                         /* the state is an INTEGER */
        "a1073005a203020100",                         /* the inner token is one too */
        "a10c300aa0030a0100a0030a0100",               /* a field twice */
        "a10c300aa203040100a0030a0100",               /* fields out of order */
        "a1073005c003040100",                         /* no field at all */
        "600e06062b0601050502a0043002a000",           /* no mechanisms in their field */
        "601006062b0601050502a0063004a0023000",       /* an empty list */
        "600c06062b0601050502a0023000",               /* no list */
        "601306062b0601050502a0093007a0053003020100", /* a list of something else */
        "600c06062b0601050502a1023000",               /* a NegTokenResp in the frame */
        "600806062b0601050502",                       /* nothing in the frame */
        "6002040a",                                   /* no name in the frame */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(kind_of_hex(bad[i]) == SPNEGO_BAD, "%s is taken", bad[i]);
}
END_TEST

/* Not the shortest spelling, and a field that nobody knows: both are taken. */
START_TEST(taken_all_the_same)
{
    ck_assert_int_eq(kind_of_hex("a1810c30810900a0030a0100"), SPNEGO_BAD);
    ck_assert_int_eq(kind_of_hex("a18108308105a0030a0100"), SPNEGO_RESP);
    ck_assert_int_eq(kind_of_hex("a1840000000730840000000100"), SPNEGO_BAD);
    ck_assert_int_eq(kind_of_hex("a10c300aa0030a0100a903040178"), SPNEGO_RESP);
}
END_TEST

START_TEST(more_mechanisms_than_are_kept)
{
    struct spnego_token t;
    char bytes[SIZE] = "\x60\x7f\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x75\x30\x73\xa0\x71\x30\x6f";
    size_t len = 18;
    for (int i = 0; i < 37; i++) {
        memcpy(bytes + len, "\x06\x01\x2a", 3);
        len += 3;
    }
    spnego_parse(&t, (struct str){bytes, len});
    ck_assert_int_eq(t.kind, SPNEGO_INIT);
    ck_assert_uint_eq(t.mechanism_count, SPNEGO_MECHANISMS_MAX);
    ck_assert_uint_eq(t.mechanism_list.len, 2 + 111);
}
END_TEST

static void check_reply(enum spnego_state state, enum spnego_mechanism mechanism, struct str inner,
                        struct str mic, const char *hex)
{
    char expected[SIZE], written[SIZE + SPNEGO_REPLY_OVERHEAD];
    size_t len = spnego_write_reply(state, mechanism, inner, mic, written);
    ck_assert_uint_eq(len, read_hex(hex, expected));
    ck_assert_mem_eq(written, expected, len);
}

START_TEST(replies)
{
    struct str none = {NULL, 0};
    check_reply(SPNEGO_COMPLETED, SPNEGO_OTHER, none, none, "a1073005a0030a0100");
    check_reply(SPNEGO_REJECT, SPNEGO_OTHER, none, none, "a1073005a0030a0102");
    check_reply(SPNEGO_REQUEST_MIC, SPNEGO_NTLM, none, none,
                "a1153013a0030a0103a10c060a2b06010401823702020a");
    check_reply(SPNEGO_INCOMPLETE, SPNEGO_KERBEROS, STR_LIT("xyz"), none,
                "a11b3019a0030a0101a10b06092a864886f712010202a205040378797a");
    check_reply(SPNEGO_COMPLETED, SPNEGO_OTHER, none, STR_LIT("0123456789abcdef"),
                "a11b3019a0030a0100a312041030313233343536373839616263646566");
}
END_TEST

/* Where lengths begin to take more bytes, a reply is what the parser reads. */
START_TEST(replies_of_all_lengths)
{
    static const size_t lengths[] = {1, 100, 110, 120, 127, 128, 240, 255, 256, 1024, 65535, 65536};
    static char inner[65536], out[65536 + 16 + SPNEGO_REPLY_OVERHEAD];
    struct str mic = STR_LIT("0123456789abcdef");
    memset(inner, 'i', sizeof(inner));
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct spnego_token t;
        struct str sent = {inner, lengths[i]};
        size_t len = spnego_write_reply(SPNEGO_INCOMPLETE, SPNEGO_NTLM, sent, mic, out);
        ck_assert_uint_le(len, lengths[i] + mic.len + SPNEGO_REPLY_OVERHEAD);
        spnego_parse(&t, (struct str){out, len});
        ck_assert_int_eq(t.kind, SPNEGO_RESP);
        ck_assert(str_eq(t.inner, sent));
        ck_assert(str_eq(t.mic, mic));
    }
}
END_TEST

Suite *spnego_suite(void);

Suite *spnego_suite(void)
{
    Suite *suite = suite_create("spnego");
    TCase *cases = tcase_create("spnego");
    tcase_add_test(cases, init_with_ntlm);
    tcase_add_test(cases, init2_with_hints);
    tcase_add_test(cases, mic_of_either_form);
    tcase_add_test(cases, resp_with_inner_and_mic);
    tcase_add_test(cases, kinds);
    tcase_add_test(cases, every_cut_is_bad);
    tcase_add_test(cases, bad_forms);
    tcase_add_test(cases, taken_all_the_same);
    tcase_add_test(cases, more_mechanisms_than_are_kept);
    tcase_add_test(cases, replies);
    tcase_add_test(cases, replies_of_all_lengths);
    suite_add_tcase(suite, cases);
    return suite;
}
