/* SPDX-License-Identifier: MIT */
/* test_hello.c - what a hello says, and what is no hello. */
#include <check.h>
#include <string.h>

#include "certs/hello.h"
#include "tests/unit/certs/hello_look.h"
#include "tests/unit/certs/hello_maker.h"

#define RECORD 16384

Suite *hello_suite(void);

static struct maker m;

/* ---- names ---- */

static enum hello_sni sni_of(struct str name, struct hello *h)
{
    maker_start(&m);
    maker_server_name(&m, name);
    ck_assert_int_eq(hello_look_once(maker_finish(&m, RECORD), h), PARSE_OK);
    return h->sni;
}

START_TEST(names_that_are_host_names)
{
    static const char *const NAMES[][2] = {
        {"a", "a"}, {"A.B-c.D", "a.b-c.d"}, {"a_b.example", "a_b.example"}, {"x.y.", "x.y"},
        {"XN--BCHER-KVA.Example", "xn--bcher-kva.example"}, {"127.0.0.1", "127.0.0.1"},
        {"0", "0"}, {"_sip._tcp.example.org", "_sip._tcp.example.org"},
    };
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        ck_assert_int_eq(sni_of(str_of(NAMES[i][0]), &h), HELLO_SNI_NAME);
        ck_assert(str_eq(hello_name(&h), str_of(NAMES[i][1])));
    }
}
END_TEST

START_TEST(names_that_are_none)
{
    static const struct str NAMES[] = {
        {".", 1}, {"..", 2}, {".a", 2}, {"a..b", 4}, {"a..", 3}, {"a b", 3}, {"a\0b", 3},
        {"a\0", 2}, {"a\"b", 3}, {"a\nb", 3}, {"a\\b", 3}, {"b\xc3\xbc" "cher.example", 13},
        {"*.example", 9}, {"a/b", 3}, {"[::1]", 5}, {"::1", 3}, {"a:443", 5}, {"a@b", 3},
        {"\x1b[31m", 5}, {"a\x7f", 2}, {"\xff", 1}, {"a%00", 4}, {",", 1}, {"{", 1}, {"`", 1},
    };
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        ck_assert_msg(sni_of(NAMES[i], &h) == HELLO_SNI_ODD, "%zu", i);
        ck_assert_uint_eq(hello_name(&h).len, 0);
    }
}
END_TEST

START_TEST(names_have_a_length)
{
    static char name[70000];
    struct hello h;
    memset(name, 'n', sizeof(name));
    for (size_t i = 63; i < 256; i += 64)
        name[i] = '.';
    ck_assert_int_eq(sni_of((struct str){name, 253}, &h), HELLO_SNI_NAME);
    ck_assert_uint_eq(h.name_len, 253);
    ck_assert_int_eq(sni_of((struct str){name, 254}, &h), HELLO_SNI_ODD);
    name[253] = '.';
    ck_assert_int_eq(sni_of((struct str){name, 254}, &h), HELLO_SNI_NAME);
    ck_assert_uint_eq(h.name_len, 253);
    ck_assert_int_eq(sni_of((struct str){name, 255}, &h), HELLO_SNI_ODD);
    ck_assert_int_eq(sni_of((struct str){name, 60000}, &h), HELLO_SNI_ODD);
    name[63] = 'n'; /* a label of 64 and more */
    ck_assert_int_eq(sni_of((struct str){name, 64}, &h), HELLO_SNI_ODD);
    ck_assert_int_eq(sni_of((struct str){name, 63}, &h), HELLO_SNI_NAME);
}
END_TEST

/* ---- contents of extensions ---- */

struct content {
    size_t type;
    struct str bytes;
    enum parse want;
};

#define BYTES(lit) {lit, sizeof(lit) - 1}

static const struct content CONTENTS[] = {
    {0, BYTES("\0\x04\0\0\x01" "a"), PARSE_OK},
    {0, BYTES(""), PARSE_BAD},                       /* as an origin sends it */
    {0, BYTES("\0\0"), PARSE_BAD},
    {0, BYTES("\0\x03\0\0\0"), PARSE_BAD},           /* empty name */
    {0, BYTES("\0\x04\x01\0\x01" "a"), PARSE_BAD},   /* another type */
    {0, BYTES("\0\x08\0\0\x01" "a\0\0\x01" "b"), PARSE_BAD},
    {0, BYTES("\0\x08\0\0\x01" "a\x01\0\x01" "b"), PARSE_BAD},
    {0, BYTES("\0\x04\0\0\x02" "a"), PARSE_BAD},
    {0, BYTES("\0\x05\0\0\x01" "a"), PARSE_BAD},
    {0, BYTES("\0\x03\0\0\x01" "a"), PARSE_BAD},
    {0, BYTES("\0\x04\0\0\x01" "ab"), PARSE_BAD},
    {0, BYTES("\0\x05\0\0\x01" "ab"), PARSE_BAD},
    {16, BYTES("\0\x03\x02h2"), PARSE_OK},
    {16, BYTES(""), PARSE_BAD},
    {16, BYTES("\0\0"), PARSE_BAD},
    {16, BYTES("\0\x01\0"), PARSE_BAD},              /* empty protocol */
    {16, BYTES("\0\x04\x02h2\0"), PARSE_BAD},
    {16, BYTES("\0\x03\x03h2"), PARSE_BAD},
    {16, BYTES("\0\x02\x02h2"), PARSE_BAD},
    {16, BYTES("\0\x03\x02h2x"), PARSE_BAD},
    {16, BYTES("\0\x04\x02h2"), PARSE_BAD},
    {43, BYTES("\x02\x03\x04"), PARSE_OK},
    {43, BYTES(""), PARSE_BAD},
    {43, BYTES("\0"), PARSE_BAD},
    {43, BYTES("\x03\x03\x04\x03"), PARSE_BAD},
    {43, BYTES("\x01\x03"), PARSE_BAD},
    {43, BYTES("\x02\x03\x04\x03\x03"), PARSE_BAD},
    {43, BYTES("\x04\x03\x04"), PARSE_BAD},
    {0xfe0d, BYTES(""), PARSE_OK},
    {41, BYTES("anything"), PARSE_OK},
    {0xffff, BYTES(""), PARSE_OK},
};

START_TEST(contents_of_extensions)
{
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(CONTENTS); i++)
        for (size_t size = 1; size <= RECORD; size *= 128) {
            maker_start(&m);
            maker_extension(&m, 0x1234, STR_LIT("before"));
            maker_extension(&m, CONTENTS[i].type, CONTENTS[i].bytes);
            struct str bytes = maker_finish(&m, size);
            ck_assert_msg(hello_look_once(bytes, &h) == CONTENTS[i].want, "%zu", i);
            ck_assert(CONTENTS[i].want != PARSE_OK || h.has_ech == (CONTENTS[i].type == 0xfe0d));
        }
}
END_TEST

START_TEST(no_extension_comes_twice)
{
    static const size_t TYPES[] = {0, 7, 16, 43, 0x0a0a, 0xfe0d, 0xffff};
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        struct str content = TYPES[i] == 0    ? STR_LIT("\0\x04\0\0\x01" "a")
                             : TYPES[i] == 16 ? STR_LIT("\0\x03\x02h2")
                             : TYPES[i] == 43 ? STR_LIT("\x02\x03\x04")
                                              : STR_LIT("x");
        for (unsigned twice = 0; twice < 2; twice++) {
            maker_start(&m);
            maker_extension(&m, TYPES[i], content);
            for (size_t type = 100; type < 2100; type++)
                maker_extension(&m, type, STR_LIT(""));
            if (twice)
                maker_extension(&m, TYPES[i], content);
            ck_assert_int_eq(hello_look_once(maker_finish(&m, RECORD), &h),
                             twice ? PARSE_BAD : PARSE_OK);
        }
    }
    /* RFC 8446 section 4.2.11. */
    maker_start(&m);
    maker_extension(&m, 41, STR_LIT("x"));
    maker_extension(&m, 42, STR_LIT(""));
    ck_assert_int_eq(hello_look_once(maker_finish(&m, RECORD), &h), PARSE_BAD);
}
END_TEST

START_TEST(the_highest_version)
{
    static const struct {
        size_t legacy;
        struct str list;
        unsigned want;
    } CASES[] = {
        {0x0300, BYTES(""), 0x0300},
        {0x0301, BYTES(""), 0x0301},
        {0x0303, BYTES(""), 0x0303},
        {0x0304, BYTES(""), 0x0303}, /* RFC 8446 section 4.2.1 */
        {0x03ff, BYTES(""), 0x0303},
        {0x0303, BYTES("\x06\x03\x03\x03\x04\x03\x01"), 0x0304},
        {0x0303, BYTES("\x06\x8a\x8a\x03\x03\xfa\xfa"), 0x0303}, /* RFC 8701 */
        {0x0303, BYTES("\x04\x7f\x1c\xfe\xfc"), 0},
    };
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        maker_start(&m);
        m.message[4] = (unsigned char)(CASES[i].legacy >> 8);
        m.message[5] = (unsigned char)CASES[i].legacy;
        if (CASES[i].list.len != 0)
            maker_extension(&m, 43, CASES[i].list);
        ck_assert_int_eq(hello_look_once(maker_finish(&m, RECORD), &h), PARSE_OK);
        ck_assert_msg(h.version == CASES[i].want, "%zu: %x", i, h.version);
    }
}
END_TEST

START_TEST(more_protocols_than_are_kept)
{
    struct hello h;
    struct str protocol;
    size_t at = 0, count = 0;
    maker_start(&m);
    maker_number(&m, 2, 16);
    size_t extension = maker_open(&m, 2), list = maker_open(&m, 2);
    for (unsigned i = 0; i < 100; i++)
        maker_text(&m, STR_LIT("\x09protocol!"));
    maker_close(&m, list, 2);
    maker_close(&m, extension, 2);
    ck_assert_int_eq(hello_look_once(maker_finish(&m, 100), &h), PARSE_OK);
    ck_assert(h.is_alpn_cut);
    for (; hello_next_protocol(&h, &at, &protocol); count++)
        ck_assert(str_eq(protocol, STR_LIT("protocol!")));
    ck_assert_uint_eq(count, HELLO_ALPN_BYTES / 10);
}
END_TEST

/* ---- the message ---- */

/* A good message with the bytes at a place replaced by others, then cut at its end. */
static enum parse read_message(size_t at, size_t removed, struct str put)
{
    struct hello h;
    static char message[4096];
    maker_start(&m);
    maker_server_name(&m, STR_LIT("a.test"));
    (void)maker_finish(&m, RECORD);
    memcpy(message, m.message, at);
    memcpy(message + at, put.ptr, put.len);
    memcpy(message + at + put.len, m.message + at + removed, m.len - at - removed);
    size_t len = m.len - removed + put.len;
    message[2] = (char)((len - 4) >> 8);
    message[3] = (char)(len - 4);
    return hello_look_once(maker_cut(&m, (struct str){message, len}, RECORD), &h);
}

/* Places: 4 version, 6 random, 38 session id, 39 suites, 43 compression, 45 extensions. */
START_TEST(parts_of_the_message)
{
    static char id[34];
    ck_assert_int_eq(read_message(4, 0, STR_LIT("")), PARSE_OK);
    ck_assert_int_eq(read_message(4, 1, STR_LIT("\x02")), PARSE_BAD);
    ck_assert_int_eq(read_message(4, 1, STR_LIT("\x04")), PARSE_BAD);
    id[0] = 32;
    ck_assert_int_eq(read_message(38, 1, (struct str){id, 33}), PARSE_OK);
    id[0] = 33;
    ck_assert_int_eq(read_message(38, 1, (struct str){id, 34}), PARSE_BAD);
    ck_assert_int_eq(read_message(39, 4, STR_LIT("\0\0")), PARSE_BAD);
    ck_assert_int_eq(read_message(39, 4, STR_LIT("\0\x01\x13")), PARSE_BAD);
    ck_assert_int_eq(read_message(39, 4, STR_LIT("\0\x03\x13\x01\x13")), PARSE_BAD);
    ck_assert_int_eq(read_message(39, 4, STR_LIT("\0\x04\x13\x01\x13\x02")), PARSE_OK);
    ck_assert_int_eq(read_message(39, 4, STR_LIT("\xff\xfe\x13\x01")), PARSE_BAD);
    ck_assert_int_eq(read_message(43, 2, STR_LIT("\0")), PARSE_BAD);
    ck_assert_int_eq(read_message(43, 2, STR_LIT("\x01\x01")), PARSE_BAD);
    ck_assert_int_eq(read_message(43, 2, STR_LIT("\x02\x01\0")), PARSE_OK); /* DEFLATE too */
    ck_assert_int_eq(read_message(45, 17, STR_LIT("")), PARSE_OK);           /* TLS 1.0 */
    ck_assert_int_eq(read_message(45, 17, STR_LIT("\0\0")), PARSE_OK);
    ck_assert_int_eq(read_message(45, 17, STR_LIT("\0")), PARSE_BAD);
    ck_assert_int_eq(read_message(45, 17, STR_LIT("\0\x01\0")), PARSE_BAD);
    ck_assert_int_eq(read_message(45, 2, STR_LIT("\0\x0e")), PARSE_BAD);
    ck_assert_int_eq(read_message(45, 2, STR_LIT("\0\x10")), PARSE_BAD);
    ck_assert_int_eq(read_message(45, 0, STR_LIT("\0\0")), PARSE_BAD);
    ck_assert_int_eq(read_message(62, 0, STR_LIT("\0")), PARSE_BAD);
}
END_TEST

/* Each length of the message without the bytes at its end. */
START_TEST(messages_that_are_too_short)
{
    struct hello h;
    maker_start(&m);
    maker_server_name(&m, STR_LIT("a.test"));
    (void)maker_finish(&m, RECORD);
    ck_assert_uint_eq(m.len, 62);
    for (size_t len = 4; len < 62; len++) {
        m.message[3] = (unsigned char)(len - 4);
        struct str bytes = maker_cut(&m, (struct str){(char *)m.message, len}, RECORD);
        /* 45: without extensions at all. */
        ck_assert_msg(hello_look_once(bytes, &h) == (len == 45 ? PARSE_OK : PARSE_BAD), "%zu", len);
    }
}
END_TEST

/* ---- records ---- */

static struct str make_parts(struct str *first, struct str *second)
{
    maker_start(&m);
    maker_server_name(&m, STR_LIT("a.test"));
    struct str bytes = maker_finish(&m, RECORD);
    *first = (struct str){(char *)m.message, 30};
    *second = (struct str){(char *)m.message + 30, m.len - 30};
    m.wire_len = 0;
    return bytes;
}

START_TEST(something_between_the_records)
{
    static const struct {
        unsigned type;
        struct str content;
        enum parse want;
    } CASES[] = {
        {22, BYTES(""), PARSE_BAD},         {21, BYTES("\x01\0"), PARSE_BAD},
        {20, BYTES("\x01"), PARSE_BAD},     {23, BYTES("x"), PARSE_BAD},
        {24, BYTES("\x01\0\0"), PARSE_BAD}, {0, BYTES("x"), PARSE_BAD},
    };
    struct str first, second;
    struct hello h;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        for (unsigned place = 0; place < 2; place++) {
            (void)make_parts(&first, &second);
            if (place == 1)
                (void)maker_record(&m, 22, first);
            (void)maker_record(&m, CASES[i].type, CASES[i].content);
            if (place == 0)
                (void)maker_record(&m, 22, first);
            struct str bytes = maker_record(&m, 22, second);
            ck_assert_msg(hello_look_once(bytes, &h) == CASES[i].want, "%zu, %u", i, place);
        }
    (void)make_parts(&first, &second);
    (void)maker_record(&m, 22, first);
    ck_assert_int_eq(hello_look_once(maker_record(&m, 22, second), &h), PARSE_OK);
}
END_TEST

START_TEST(more_behind_the_hello_in_its_record)
{
    struct str first, second;
    struct hello h;
    (void)make_parts(&first, &second);
    struct str more = {first.ptr, first.len + second.len + 1};
    ck_assert_int_eq(hello_look_once(maker_record(&m, 22, more), &h), PARSE_BAD);
    (void)make_parts(&first, &second);
    (void)maker_record(&m, 22, first);
    more = (struct str){second.ptr, second.len + 4};
    ck_assert_int_eq(hello_look_once(maker_record(&m, 22, more), &h), PARSE_BAD);
}
END_TEST

START_TEST(versions_and_sizes_of_records)
{
    static char padding[40000];
    struct str first, second;
    struct hello h;
    for (unsigned major = 0; major < 256; major++) {
        (void)make_parts(&first, &second);
        (void)maker_record(&m, 22, first);
        struct str bytes = maker_record(&m, 22, second);
        m.wire[1] = (unsigned char)major;
        m.wire[2] = (unsigned char)(major * 7); /* of no account: RFC 8446 section 5.1 */
        ck_assert_int_eq(hello_look_once(bytes, &h), major == 3 ? PARSE_OK : PARSE_BAD);
    }
    for (size_t size = RECORD; size < RECORD + 3; size++) {
        maker_start(&m);
        maker_extension(&m, 21, (struct str){padding, sizeof(padding)});
        ck_assert_int_eq(hello_look_once(maker_finish(&m, size), &h),
                         size == RECORD ? PARSE_OK : PARSE_BAD);
    }
}
END_TEST

static struct str make_padded(size_t message_len, size_t record)
{
    static char padding[70000];
    maker_start(&m);
    maker_server_name(&m, STR_LIT("large.test"));
    maker_extension(&m, 21, (struct str){padding, message_len - m.len - 4});
    ck_assert_uint_eq(m.len, message_len);
    return maker_finish(&m, record);
}

START_TEST(at_most_64_kib)
{
    struct hello h;
    size_t used;
    struct str bytes = make_padded(HELLO_MAX - 4 * 5, RECORD);
    ck_assert_uint_eq(bytes.len, HELLO_MAX);
    ck_assert_int_eq(hello_look_once(bytes, &h), PARSE_OK);
    ck_assert(str_eq(hello_name(&h), STR_LIT("large.test")));
    bytes = make_padded(HELLO_MAX - 4 * 5 + 1, RECORD);
    ck_assert_int_eq(hello_look_once(bytes, &h), PARSE_TOO_LARGE);
    bytes = make_padded(HELLO_MAX / 6, 1);
    ck_assert_int_eq(hello_look_once(bytes, &h), PARSE_OK);
    bytes = make_padded(HELLO_MAX / 6 + 1, 1);
    ck_assert_int_eq(hello_look_once(bytes, &h), PARSE_TOO_LARGE);
    ck_assert_int_eq(hello_look_bytewise(bytes, &h, &used), PARSE_TOO_LARGE);
    ck_assert_uint_le(used, HELLO_MAX);
    /* What it claims is enough. */
    bytes = (struct str)BYTES("\x16\x03\x01\x40\0\x01\x01\0\0");
    ck_assert_int_eq(hello_look_once(bytes, &h), PARSE_TOO_LARGE);
}
END_TEST

/* ---- other things ---- */

START_TEST(bytes_that_are_no_tls)
{
    static const struct str OTHERS[] = {
        BYTES("GET / HTTP/1.1\r\n\r\n"), BYTES("SSH-2.0-x\r\n"), BYTES("\0"), BYTES("\xff"),
        BYTES("\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"), /* SSLv2 (RFC 5246 appendix E.2) */
        BYTES("\x15\x03\x01\0\x02\x02\x28"), BYTES("\x14\x03\x01\0\x01\x01"),
        BYTES("\x17\x03\x03\0\x20"), BYTES("\x16\x02"), BYTES("\x16\x03\x01\0\0"),
        BYTES("\x16\x03\x01\x40\x01"), BYTES("\x16\x03\x01\0\x04\x02"),
        BYTES("\x16\x03\x01\0\x04\0\0\0\0"), BYTES("\x16\x03\x01\0\x05\x01\0\0\0"),
        BYTES("\x16\x03\x01\0\x04\x01\0\0\0"),
    };
    struct hello h;
    size_t used;
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++) {
        ck_assert_msg(hello_look_once(OTHERS[i], &h) == PARSE_BAD, "%zu", i);
        ck_assert_int_eq(hello_look_bytewise(OTHERS[i], &h, &used), PARSE_BAD);
    }
    ck_assert_int_eq(hello_look_once(STR_LIT(""), &h), PARSE_MORE);
}
END_TEST

Suite *hello_suite(void)
{
    Suite *suite = suite_create("hello");
    TCase *tc = tcase_create("hello");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, names_that_are_host_names);
    tcase_add_test(tc, names_that_are_none);
    tcase_add_test(tc, names_have_a_length);
    tcase_add_test(tc, contents_of_extensions);
    tcase_add_test(tc, no_extension_comes_twice);
    tcase_add_test(tc, the_highest_version);
    tcase_add_test(tc, more_protocols_than_are_kept);
    tcase_add_test(tc, parts_of_the_message);
    tcase_add_test(tc, messages_that_are_too_short);
    tcase_add_test(tc, something_between_the_records);
    tcase_add_test(tc, more_behind_the_hello_in_its_record);
    tcase_add_test(tc, versions_and_sizes_of_records);
    tcase_add_test(tc, at_most_64_kib);
    tcase_add_test(tc, bytes_that_are_no_tls);
    suite_add_tcase(suite, tc);
    return suite;
}
