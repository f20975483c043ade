/* SPDX-License-Identifier: MIT */
/* test_helper_line.c - lines to and from helpers. The escaped forms were recorded from
 * Squid 5.7, the answers from its helpers in Debian 12 and from Samba's ntlm_auth. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/helper_line.h"

static struct helper_answer a;

static char *block;

/* From a block of exactly that size, so that reading on is seen; it lives until the next. */
static void parse(enum helper_protocol protocol, const char *line)
{
    size_t len = strlen(line);
    free(block);
    block = malloc(len > 0 ? len : 1);
    memcpy(block, line, len);
    memset(&a, 'x', sizeof(a));
    helper_parse_answer(&a, protocol, false, (struct str){block, len});
}

static void expect(enum helper_kind kind, const char *user, const char *groups,
                   const char *message)
{
    ck_assert_int_eq(a.kind, kind);
    ck_assert_int_eq(a.channel, HELPER_NO_CHANNEL);
    ck_assert_str_eq(a.user, user);
    ck_assert_str_eq(a.groups, groups);
    ck_assert_str_eq(a.message, message);
}

/* Every byte but CR and LF (and NUL), as a password in a request to Squid. */
START_TEST(escaped_as_squid_does)
{
    static const char SQUID[] =
        "q %01%02%03%04%05%06%07%08%09%0B%0C%0E%0F%10%11%12%13%14%15%16%17%18%19%1A%1B%1C%1D%1E%1F"
        "%20!%22%23$%25&%27()*+,-./0123456789:;%3C=%3E?@ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60"
        "abcdefghijklmnopqrstuvwxyz%7B%7C%7D%7E%7F%80%81%82%83%84%85%86%87%88%89%8A%8B%8C%8D%8E%8F"
        "%90%91%92%93%94%95%96%97%98%99%9A%9B%9C%9D%9E%9F%A0%A1%A2%A3%A4%A5%A6%A7%A8%A9%AA%AB%AC"
        "%AD%AE%AF%B0%B1%B2%B3%B4%B5%B6%B7%B8%B9%BA%BB%BC%BD%BE%BF%C0%C1%C2%C3%C4%C5%C6%C7%C8%C9"
        "%CA%CB%CC%CD%CE%CF%D0%D1%D2%D3%D4%D5%D6%D7%D8%D9%DA%DB%DC%DD%DE%DF%E0%E1%E2%E3%E4%E5%E6"
        "%E7%E8%E9%EA%EB%EC%ED%EE%EF%F0%F1%F2%F3%F4%F5%F6%F7%F8%F9%FA%FB%FC%FD%FE%FF\n";
    char password[256], out[1024];
    size_t len = 0;
    for (int c = 1; c < 256; c++)
        if (c != '\r' && c != '\n')
            password[len++] = (char)c;
    size_t put = helper_line_basic(out, sizeof(out), STR_LIT("q"), (struct str){password, len});
    ck_assert_uint_eq(put, sizeof(SQUID) - 1);
    ck_assert_mem_eq(out, SQUID, put);
    put = helper_line_basic(out, sizeof(out), STR_LIT("CORP\\al ice"), STR_LIT("a\r\nb"));
    out[put] = '\0';
    ck_assert_str_eq(out, "CORP%5Cal%20ice a%0D%0Ab\n");
    put = helper_line_basic(out, sizeof(out), STR_LIT("alice"), STR_LIT(""));
    out[put] = '\0';
    ck_assert_str_eq(out, "alice \n");
}
END_TEST

START_TEST(what_no_helper_should_be_asked)
{
    char out[64];
    ck_assert_uint_eq(helper_line_basic(out, 64, STR_LIT(""), STR_LIT("alice%20secret")), 0);
    ck_assert_uint_eq(helper_line_basic(out, 64, STR_LIT("alice"), STR_LIT("Secret1\0x")), 0);
    ck_assert_uint_eq(helper_line_basic(out, 64, STR_LIT("al\0ice"), STR_LIT("x")), 0);
    ck_assert_uint_eq(helper_line_ntlm(out, 64, true, STR_LIT("")), 0);
    ck_assert_uint_eq(helper_line_ntlm(out, 64, true, STR_LIT("AA AA")), 0);
    ck_assert_uint_eq(helper_line_ntlm(out, 64, true, STR_LIT("AAAA\nKK AAAA")), 0);
}
END_TEST

/* Every size that is too small is refused, and nothing is written behind it. */
START_TEST(sizes_are_kept)
{
    char out[32];
    for (size_t size = 0; size <= 15; size++) {
        memset(out, '#', sizeof(out));
        size_t put = helper_line_basic(out, size, STR_LIT("al ice"), STR_LIT("pw%"));
        ck_assert_uint_eq(put, size < 15 ? 0 : 15);
        ck_assert_int_eq(out[size], '#');
    }
    ck_assert_mem_eq(out, "al%20ice pw%25\n", 15);
    for (size_t size = 0; size <= 12; size++) {
        memset(out, '#', sizeof(out));
        size_t put = helper_line_ntlm(out, size, false, STR_LIT("TlRMTV=="));
        ck_assert_uint_eq(put, size < 12 ? 0 : 12);
        ck_assert_int_eq(out[size], '#');
    }
    ck_assert_mem_eq(out, "KK TlRMTV==\n", 12);
    ck_assert_uint_eq(helper_line_ntlm(out, sizeof(out), true, STR_LIT("TlRM+/==")), 12);
    ck_assert_mem_eq(out, "YR TlRM+/==\n", 12);
}
END_TEST

START_TEST(answers_of_real_basic_helpers)
{
    parse(HELPER_BASIC, "OK "); /* basic_ncsa_auth, basic_fake_auth */
    expect(HELPER_OK, "", "", "");
    parse(HELPER_BASIC, "ERR Wrong password");
    expect(HELPER_ERR, "", "", "Wrong password");
    parse(HELPER_BASIC, "ERR No such user");
    expect(HELPER_ERR, "", "", "No such user");
    parse(HELPER_BASIC, "ERR "); /* basic_pam_auth */
    expect(HELPER_ERR, "", "", "");
    parse(HELPER_BASIC, "ERR"); /* ntlm_auth --helper-protocol=squid-2.5-basic */
    expect(HELPER_ERR, "", "", "");
    parse(HELPER_BASIC, "BH Success"); /* basic_ldap_auth without a server */
    expect(HELPER_BROKEN, "", "", "Success");
    parse(HELPER_BASIC, "OK\r");
    expect(HELPER_OK, "", "", "");
}
END_TEST

START_TEST(answers_of_real_ntlm_helpers)
{
    parse(HELPER_NTLMSSP, /* ntlm_fake_auth */
          "TT TlRMTVNTUAACAAAACQAJAK6qqqqXggji86/BHvY2NycAAAAAAAA6AFdPUktHUk9VUA==");
    expect(HELPER_TOKEN, "", "", "");
    ck_assert(str_eq(a.token, STR_LIT("TlRMTVNTUAACAAAACQAJAK6qqqqXggji86/BHvY2NycAAAAAAAA6AFdPUk"
                                      "tHUk9VUA==")));
    parse(HELPER_NTLMSSP, "BH received KK with no data! user=");
    expect(HELPER_BROKEN, "", "", "received KK with no data! user=");
    parse(HELPER_NTLMSSP, "NA NT_STATUS_INVALID_PARAMETER"); /* ntlm_auth */
    expect(HELPER_ERR, "", "", "NT_STATUS_INVALID_PARAMETER");
    parse(HELPER_NTLMSSP, "BH SPNEGO request invalid prefix");
    expect(HELPER_BROKEN, "", "", "SPNEGO request invalid prefix");
    parse(HELPER_NTLMSSP, "AF CORP\\alice");
    expect(HELPER_OK, "CORP\\alice", "", "");
    parse(HELPER_NTLMSSP, "AF CORP\\bob the %41dmin ");
    expect(HELPER_OK, "CORP\\bob the %41dmin", "", "");
    parse(HELPER_NTLMSSP, "AF * alice");
    expect(HELPER_OK, "alice", "", "");
}
END_TEST

START_TEST(pairs)
{
    parse(HELPER_BASIC, "OK user=al%69ce group=staff ttl=60 group=ro%6Fms message=\"hi\"");
    expect(HELPER_OK, "alice", "staff rooms", "hi");
    parse(HELPER_BASIC, "OK user=\"CORP\\\\alice\" group=\"staff\" clt_conn_tag=x");
    expect(HELPER_OK, "CORP\\alice", "staff", "");
    parse(HELPER_BASIC, "OK user=CORP\\alice");
    expect(HELPER_OK, "CORP\\alice", "", "");
    parse(HELPER_BASIC, "OK user=\"alice bob\" group=");
    expect(HELPER_OK, "alice bob", "", "");
    parse(HELPER_BASIC, "ERR message=\"wrong \\\"password\\\" of %41\" user=alice group=x");
    expect(HELPER_ERR, "", "", "wrong \"password\" of %41");
    parse(HELPER_BASIC, "BH message=\"no\\nend");
    expect(HELPER_BROKEN, "", "", "no?end");
    parse(HELPER_BASIC, "BH message=\"no end\\");
    expect(HELPER_BROKEN, "", "", "no end\\");
    parse(HELPER_BASIC, "OK user=a%zz%4 group=b%");
    expect(HELPER_OK, "a%zz%4", "b%", "");
    parse(HELPER_BASIC, "ERR message=first some=more and a text");
    expect(HELPER_ERR, "", "", "first");
    parse(HELPER_BASIC, "OK user=Ren\xc3\xa9 message=Ren\xc3\xa9");
    expect(HELPER_OK, "Ren\xc3\xa9", "", "Ren??");
    parse(HELPER_BASIC, "OK token=AAAA user=alice");
    expect(HELPER_OK, "alice", "", "");
    ck_assert_uint_eq(a.token.len, 0);
}
END_TEST

START_TEST(pairs_of_ntlm)
{
    parse(HELPER_NTLMSSP, "TT token=TlRM+/A=");
    expect(HELPER_TOKEN, "", "", "");
    ck_assert(str_eq(a.token, STR_LIT("TlRM+/A=")));
    parse(HELPER_NTLMSSP, "TT token=\"TlRM\" message=x user=alice");
    expect(HELPER_TOKEN, "", "", "x");
    ck_assert(str_eq(a.token, STR_LIT("TlRM")));
    parse(HELPER_NTLMSSP, "OK user=alice group=staff");
    expect(HELPER_OK, "alice", "staff", "");
    parse(HELPER_NTLMSSP, "ERR message=\"no\"");
    expect(HELPER_ERR, "", "", "no");
}
END_TEST

START_TEST(strange_answers)
{
    static const char *const BASIC[] = {"", " ", "OKAY", "ok", "YES", "0 OK", "TT AAAA",
                                        "AF alice", "NA x", "OKuser=x", "ERRor"};
    static const char *const NTLM[] = {"", "TT", "TT ", "TT *", "TT token=", "TT message=x",
                                       "TT token=a%2Bb", "AF", "AF ", "AF *", "OK", "OK user=",
                                       "AF al\tice", "LD", "TT \"AAAA\"", "OK token=AAAA"};
    for (size_t i = 0; i < sizeof(BASIC) / sizeof(BASIC[0]); i++) {
        parse(HELPER_BASIC, BASIC[i]);
        ck_assert_msg(a.kind == HELPER_STRANGE, "%s", BASIC[i]);
        ck_assert_int_ne(a.message[0], '\0');
    }
    for (size_t i = 0; i < sizeof(NTLM) / sizeof(NTLM[0]); i++) {
        parse(HELPER_NTLMSSP, NTLM[i]);
        ck_assert_msg(a.kind == HELPER_STRANGE, "%s", NTLM[i]);
        ck_assert_uint_eq(a.token.len, 0);
    }
    parse(HELPER_BASIC, "OK user=al%0aice");
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    parse(HELPER_BASIC, "OK user=\"al\\rice\"");
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    ck_assert_str_eq(a.user, "");
}
END_TEST

/* A name is never cut: who is cut may be somebody else. */
START_TEST(long_names_tokens_and_messages)
{
    static char line[HELPER_TOKEN_MAX + 600];
    int len = snprintf(line, sizeof(line), "OK user=%0255d", 7);
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_OK);
    ck_assert_uint_eq(strlen(a.user), 255);
    line[len] = '7';
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    ck_assert_str_eq(a.user, "");
    snprintf(line, sizeof(line), "AF %0255d", 7);
    parse(HELPER_NTLMSSP, line);
    ck_assert_int_eq(a.kind, HELPER_OK);
    snprintf(line, sizeof(line), "AF %0256d", 7);
    parse(HELPER_NTLMSSP, line);
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    snprintf(line, sizeof(line), "ERR %0300d", 7);
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_ERR);
    ck_assert_uint_eq(strlen(a.message), sizeof(a.message) - 1);
    snprintf(line, sizeof(line), "TT %0*d", HELPER_TOKEN_MAX, 7);
    parse(HELPER_NTLMSSP, line);
    ck_assert_int_eq(a.kind, HELPER_TOKEN);
    ck_assert_uint_eq(a.token.len, HELPER_TOKEN_MAX);
    snprintf(line, sizeof(line), "TT %0*d", HELPER_TOKEN_MAX + 1, 7);
    parse(HELPER_NTLMSSP, line);
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
}
END_TEST

/* Losing a group could open what a rule closes, so all of them or none. */
START_TEST(groups_are_all_there_or_it_is_no_success)
{
    static char line[4096];
    size_t len = 0;
    len += (size_t)snprintf(line, sizeof(line), "OK");
    for (unsigned i = 0; i < 102; i++) /* 102 x 10 - 1 = 1019 bytes */
        len += (size_t)snprintf(line + len, sizeof(line) - len, " group=group-%03u", i);
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_OK);
    ck_assert_uint_eq(strlen(a.groups), 1019);
    ck_assert_int_eq(strncmp(a.groups, "group-000 group-001 ", 20), 0);
    snprintf(line + len, sizeof(line) - len, " group=abc");
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_OK);
    ck_assert_uint_eq(strlen(a.groups), HELPER_GROUPS_MAX - 1);
    snprintf(line + len, sizeof(line) - len, " group=abcd");
    parse(HELPER_BASIC, line);
    ck_assert_int_eq(a.kind, HELPER_BROKEN);
    ck_assert_str_eq(a.groups, "");
    parse(HELPER_BASIC, "OK user=alice group=\"Domain Users\"");
    ck_assert_int_eq(a.kind, HELPER_BROKEN);
    ck_assert_str_eq(a.user, "");
}
END_TEST

static void parse_channels(const char *line)
{
    helper_parse_answer(&a, HELPER_BASIC, true, str_of(line));
}

START_TEST(channels)
{
    parse_channels("0 OK");
    ck_assert_int_eq(a.kind, HELPER_OK);
    ck_assert_int_eq(a.channel, 0);
    parse_channels("17 ERR message=no");
    ck_assert_int_eq(a.kind, HELPER_ERR);
    ck_assert_int_eq(a.channel, 17);
    ck_assert_str_eq(a.message, "no");
    parse_channels("17 what");
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    ck_assert_int_eq(a.channel, 17);
    static const char *const WITHOUT[] = {"OK", "-1 OK", "0x1 OK", "99999999999 OK", "", "1OK"};
    for (size_t i = 0; i < sizeof(WITHOUT) / sizeof(WITHOUT[0]); i++) {
        parse_channels(WITHOUT[i]);
        ck_assert_msg(a.kind == HELPER_STRANGE, "%s", WITHOUT[i]);
        ck_assert_int_eq(a.channel, HELPER_NO_CHANNEL);
    }
    parse_channels("5");
    ck_assert_int_eq(a.kind, HELPER_STRANGE);
    ck_assert_int_eq(a.channel, 5);
}
END_TEST

/* Lines of the alphabet of the protocol: no reading past the end, no field unset. */
START_TEST(random_lines)
{
    static const char ALPHABET[] = "OKERBHTAFN user=group=message=token= \"\\%20 \t\r1AAAA==";
    srandom(20240607);
    for (unsigned round = 0; round < 100000; round++) {
        size_t len = (size_t)(random() % 40);
        char *line = malloc(len + 1);
        for (size_t i = 0; i < len; i++)
            line[i] = random() % 50 == 0 ? (char)random()
                                         : ALPHABET[(size_t)random() % (sizeof(ALPHABET) - 1)];
        if (len > 3 && random() % 2 == 0)
            memcpy(line, random() % 2 == 0 ? "OK " : "TT ", 3);
        char *exact = realloc(line, len > 0 ? len : 1);
        memset(&a, 'x', sizeof(a));
        helper_parse_answer(&a, random() % 2 ? HELPER_BASIC : HELPER_NTLMSSP, random() % 4 == 0,
                            (struct str){exact, len});
        if (strnlen(a.user, sizeof(a.user)) >= sizeof(a.user) ||
            strnlen(a.groups, sizeof(a.groups)) >= sizeof(a.groups) ||
            strnlen(a.message, sizeof(a.message)) >= sizeof(a.message) ||
            (a.kind == HELPER_TOKEN) != (a.token.len > 0) ||
            (a.user[0] != '\0' && a.kind != HELPER_OK))
            ck_abort_msg("round %u", round);
        free(exact);
    }
}
END_TEST

Suite *helper_line_suite(void);

Suite *helper_line_suite(void)
{
    Suite *suite = suite_create("helper_line");
    TCase *cases = tcase_create("helper_line");
    tcase_add_test(cases, escaped_as_squid_does);
    tcase_add_test(cases, what_no_helper_should_be_asked);
    tcase_add_test(cases, sizes_are_kept);
    tcase_add_test(cases, answers_of_real_basic_helpers);
    tcase_add_test(cases, answers_of_real_ntlm_helpers);
    tcase_add_test(cases, pairs);
    tcase_add_test(cases, pairs_of_ntlm);
    tcase_add_test(cases, strange_answers);
    tcase_add_test(cases, long_names_tokens_and_messages);
    tcase_add_test(cases, groups_are_all_there_or_it_is_no_success);
    tcase_add_test(cases, channels);
    tcase_add_test(cases, random_lines);
    suite_add_tcase(suite, cases);
    return suite;
}
