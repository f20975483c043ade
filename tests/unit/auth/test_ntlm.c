/* SPDX-License-Identifier: MIT */
/* test_ntlm.c - whole handshakes: those of the specification and of real clients. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/ntlm.h"
#include "auth/ntlm_message.h"
#include "tests/unit/auth/nlmp.h"
#include "util/mem.h"

#define NO_LM "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
#define HASH ":1:" NO_LM ":A4F49C406510BDCAB6824EE7C30FD852:[U          ]:LCT-0:\n"
#define WRONG_HASH ":1:" NO_LM ":878D8014606CDA29677A44EFA1353FC7:[U          ]:LCT-0:\n"
#define OTHER_HASH ":1:" NO_LM ":AED9375BA569C9F0216EEA5C0C7BF463:[U          ]:LCT-0:\n"

/* Everybody in ntlm.tsv, with the password there; and with another one. */
static const char right[] = "user" HASH "alice" HASH "zo\xc3\xab" HASH "j\xc3\xbcrgen" OTHER_HASH;
static const char wrong[] =
    "user" WRONG_HASH "alice" WRONG_HASH "zo\xc3\xab" WRONG_HASH "j\xc3\xbcrgen" WRONG_HASH;

static const struct ntlm_settings settings = {.domain = "corp", .computer = "proxy"};

static struct ntlm *make(const char *file)
{
    struct errlist faults;
    errlist_init(&faults);
    struct ntlm *n = ntlm_new(&settings, str_of(file), "users", &faults);
    ck_assert_msg(n != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    errlist_fini(&faults);
    return n;
}

struct handshake {
    char client[64], verdict[8];
    char negotiate[512], challenge[512], authenticate[1024];
    struct str messages[3];
};

/* What a client, judged against that file, gets; the session is the caller's. */
static enum ntlm_result judge(const struct handshake *h, const char *file,
                              struct ntlm_session **session, char user[ACCOUNT_NAME_MAX + 1])
{
    struct ntlm *n = make(file);
    *session = ntlm_session_new(h->messages[0], h->messages[1]);
    ck_assert_ptr_nonnull(*session);
    enum ntlm_result result = ntlm_finish(n, *session, h->messages[2], user);
    ntlm_free(n);
    return result;
}

static enum ntlm_result verdict(const struct handshake *h, const char *file)
{
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    enum ntlm_result result = judge(h, file, &s, user);
    ck_assert_int_eq(user[0] != '\0', result == NTLM_OK);
    ntlm_session_free(s);
    return result;
}

static void set_message(struct handshake *h, size_t index, char *room, size_t size, struct str hex)
{
    h->messages[index] = nlmp_bytes(hex.ptr, hex.len, room, size);
}

static void read_handshake(struct handshake *h, struct str row, struct str *account)
{
    struct str client = str_cut(&row, '\t'), word = str_cut(&row, '\t');
    snprintf(h->client, sizeof(h->client), "%.*s", STR_ARG(client));
    snprintf(h->verdict, sizeof(h->verdict), "%.*s", STR_ARG(word));
    *account = str_cut(&row, '\t');
    str_cut(&row, '\t'); /* the password, whose hash is in the file */
    set_message(h, 0, h->negotiate, sizeof(h->negotiate), str_cut(&row, '\t'));
    set_message(h, 1, h->challenge, sizeof(h->challenge), str_cut(&row, '\t'));
    set_message(h, 2, h->authenticate, sizeof(h->authenticate), row);
}

/* Calls check with each row of tests/data/auth/ntlm.tsv; returns how many there are. */
static size_t for_each_client(void (*check)(struct handshake *h, struct str account))
{
    const char *root = getenv("SALLYPORT_ROOT");
    char path[512];
    static char text[64 * 1024];
    static struct handshake h;
    snprintf(path, sizeof(path), "%s/tests/data/auth/ntlm.tsv", root ? root : ".");
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    struct str rest = {text, fread(text, 1, sizeof(text), file)};
    fclose(file);
    size_t count = 0;
    while (rest.len > 0) {
        struct str row = str_cut(&rest, '\n'), account;
        if (str_starts(row, STR_LIT("#")) || str_starts(row, STR_LIT("client\t")))
            continue;
        read_handshake(&h, row, &account);
        check(&h, account);
        count++;
    }
    return count;
}

static void check_verdicts(struct handshake *h, struct str account)
{
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1], claimed[ACCOUNT_NAME_MAX + 1];
    bool is_ok = strcmp(h->verdict, "ok") == 0;
    enum ntlm_result result = judge(h, right, &s, user);
    ck_assert_msg(result == (is_ok ? NTLM_OK : NTLM_OLD), "%s: %d", h->client, (int)result);
    if (is_ok)
        ck_assert_msg(str_ieq(str_of(user), account), "%s: %s", h->client, user);
    ck_assert(ntlm_claimed_user(h->messages[2], claimed));
    if (strcmp(h->client, "wget") != 0) /* which says Unicode and sends ASCII */
        ck_assert_msg(str_ieq(str_of(claimed), account), "%s: %s", h->client, claimed);
    uint32_t flags = ntlm_challenge_flags(h->messages[1]);
    ck_assert_uint_ne(flags, 0);
    if (is_ok) /* what is asked of messages that a helper judges */
        ck_assert_msg(ntlm_is_for_flags(h->messages[2], flags), "%s", h->client);
    ck_assert(!is_ok || !ntlm_is_for_flags(h->messages[2], flags ^ NTLM_FLAG_UNICODE));
    ck_assert_int_eq(ntlm_challenge(s).len, 0);
    struct ntlm *n = make(right);
    ck_assert_int_eq(ntlm_finish(n, s, h->messages[2], user), NTLM_BAD); /* a second one */
    ntlm_free(n);
    ntlm_session_free(s);
    ck_assert_int_eq(verdict(h, wrong), is_ok ? NTLM_WRONG : NTLM_OLD);
    ck_assert_int_eq(verdict(h, "nobody" HASH), is_ok ? NTLM_WRONG : NTLM_OLD);
}

START_TEST(judges_real_clients)
{
    ck_assert_uint_eq(for_each_client(check_verdicts), 16);
}
END_TEST

/* The answer to one challenge is none to another; a torn one is none to any. */
static void check_damage(struct handshake *h, struct str account)
{
    struct str whole = h->messages[2];
    for (size_t len = 0; len < whole.len; len++) {
        h->messages[2].len = len;
        enum ntlm_result result = verdict(h, right);
        ck_assert_msg(result != NTLM_OK, "%s at %zu", h->client, len);
    }
    h->messages[2] = whole;
    h->challenge[24] ^= 1;
    ck_assert_int_ne(verdict(h, right), NTLM_OK);
    h->challenge[24] ^= 1;
    if (strcmp(h->verdict, "ok") != 0)
        return;
    size_t at = (unsigned char)whole.ptr[24] + ((size_t)(unsigned char)whole.ptr[25] << 8);
    h->authenticate[at] ^= 1; /* the proof */
    ck_assert_int_eq(verdict(h, right), NTLM_WRONG);
    h->authenticate[at] ^= 1;
    h->authenticate[at + 16 + 8] ^= 1; /* the client's time */
    ck_assert_int_eq(verdict(h, right), NTLM_WRONG);
}

START_TEST(refuses_damaged_answers)
{
    ck_assert_uint_eq(for_each_client(check_damage), 16);
}
END_TEST

/* gss-ntlmssp and ntlm_auth send a MIC: it covers every byte of all three. */
static void check_mic(struct handshake *h, struct str account)
{
    bool has_mic = strncmp(h->client, "gss-ntlmssp", 11) == 0 ||
                   (strncmp(h->client, "ntlm_auth.py", 12) == 0 && strcmp(h->verdict, "ok") == 0);
    if (!has_mic)
        return;
    h->negotiate[h->messages[0].len - 1] ^= 1;
    ck_assert_int_eq(verdict(h, right), NTLM_BAD);
    h->negotiate[h->messages[0].len - 1] ^= 1;
    h->challenge[h->messages[1].len - 8] ^= 1;
    ck_assert_int_eq(verdict(h, right), NTLM_BAD);
    h->challenge[h->messages[1].len - 8] ^= 1;
    for (size_t i = 0; i < 16; i++) {
        h->authenticate[72 + i] ^= 0x10;
        ck_assert_int_eq(verdict(h, right), NTLM_BAD);
        h->authenticate[72 + i] ^= 0x10;
    }
    h->authenticate[64] ^= 1; /* the version */
    ck_assert_int_eq(verdict(h, right), NTLM_BAD);
    h->authenticate[64] ^= 1;
    ck_assert_int_eq(verdict(h, right), NTLM_OK);
}

START_TEST(holds_clients_to_their_mic)
{
    ck_assert_uint_eq(for_each_client(check_mic), 16);
}
END_TEST

/* MS-NLMP section 4.2.4.3; its NEGOTIATE is not printed there and nothing depends on it. */
static void set_spec(struct handshake *h)
{
    h->messages[0] = STR_LIT("NTLMSSP\0\1\0\0\0\x33\x82\x8a\xe2");
    h->messages[1] = NLMP_INTO(h->challenge, NLMP_CHALLENGE);
    h->messages[2] = NLMP_INTO(h->authenticate, NLMP_AUTHENTICATE);
}

/* The key stream of the client's sealing key is 4.2.4.4's sealed text over its plain
 * text: its first bytes over the checksum make a signature with nothing sealed before. */
START_TEST(accepts_and_signs_as_specified)
{
    static struct handshake h;
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char sealed[18], plain[18], checksum[8], mac[NTLM_MAC_SIZE], other[NTLM_MAC_SIZE];
    set_spec(&h);
    ck_assert_int_eq(judge(&h, right, &s, user), NTLM_OK);
    ck_assert_str_eq(user, "user");
    NLMP_INTO(sealed, NLMP_SEALED);
    NLMP_INTO(checksum, NLMP_CHECKSUM);
    struct str text = NLMP_INTO(plain, NLMP_PLAINTEXT);
    ck_assert(ntlm_sign(s, true, text, mac));
    ck_assert_mem_eq(mac, "\1\0\0\0", 4);
    for (size_t i = 0; i < 8; i++)
        ck_assert_uint_eq(mac[4 + i], checksum[i] ^ sealed[i] ^ plain[i]);
    ck_assert_mem_eq(mac + 12, "\0\0\0\0", 4);
    ck_assert(ntlm_sign(s, false, text, other));
    ck_assert_mem_ne(mac, other, sizeof(mac));
    ntlm_session_free(s);
}
END_TEST

/* What gss-ntlmssp sent as mechListMIC, over a list with NTLM in it and nothing else
 * (RFC 4178 section 5), in the handshake that ntlm.tsv has. */
static void check_signature(struct handshake *h, struct str account)
{
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char list[32], want[NTLM_MAC_SIZE], mac[NTLM_MAC_SIZE];
    if (strcmp(h->client, "gss-ntlmssp") != 0)
        return;
    NLMP_INTO(want, "0100000001f46d392bade86a00000000");
    ck_assert_int_eq(judge(h, right, &s, user), NTLM_OK);
    ck_assert(ntlm_sign(s, true, NLMP_INTO(list, "300c060a2b06010401823702020a"), mac));
    ck_assert_mem_eq(mac, want, sizeof(mac));
    ntlm_session_free(s);
}

START_TEST(signs_as_clients_do)
{
    ck_assert_uint_eq(for_each_client(check_signature), 16);
}
END_TEST

START_TEST(signs_for_nobody_who_did_not_agree)
{
    static struct handshake h;
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char mac[NTLM_MAC_SIZE];
    set_spec(&h);
    ck_assert_int_eq(judge(&h, wrong, &s, user), NTLM_WRONG);
    ck_assert(!ntlm_sign(s, true, STR_LIT("x"), mac));
    ntlm_session_free(s);
    h.authenticate[60] = (char)(h.authenticate[60] & ~0x10); /* SIGN */
    ck_assert_int_eq(judge(&h, right, &s, user), NTLM_OK);
    ck_assert(!ntlm_sign(s, true, STR_LIT("x"), mac));
    ntlm_session_free(s);
}
END_TEST

/* With KEY_EXCH and SIGN agreed, the key must be there. */
START_TEST(refuses_a_key_that_is_not_one)
{
    static struct handshake h;
    set_spec(&h);
    h.authenticate[52] = 15;
    ck_assert_int_eq(verdict(&h, right), NTLM_BAD);
    h.authenticate[52] = 0;
    ck_assert_int_eq(verdict(&h, right), NTLM_BAD);
    h.authenticate[60] = (char)(h.authenticate[60] & ~0x30); /* neither SIGN nor SEAL */
    ck_assert_int_eq(verdict(&h, right), NTLM_OK);
}
END_TEST

START_TEST(lets_no_shut_account_in)
{
    static const char *const files[] = {
        "alice" HASH "user:1:" NO_LM ":A4F49C406510BDCAB6824EE7C30FD852:[DU         ]:LCT-0:\n",
        "alice" HASH "user:1:" NO_LM ":A4F49C406510BDCAB6824EE7C30FD852:[W          ]:LCT-0:\n",
        "alice" HASH "user:1:" NO_LM ":" NO_LM ":[U          ]:LCT-0:\n",
    };
    static struct handshake h;
    set_spec(&h);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        ck_assert_int_eq(verdict(&h, files[i]), NTLM_WRONG);
}
END_TEST

/* The whole name goes before what stands in front of the @. */
static void check_upn(struct handshake *h, struct str account)
{
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    if (strcmp(h->client, "curl-upn") != 0)
        return;
    ck_assert_int_eq(judge(h, "alice" WRONG_HASH "alice@corp.example" HASH, &s, user), NTLM_OK);
    ck_assert_str_eq(user, "alice@corp.example");
    ntlm_session_free(s);
    ck_assert_int_eq(verdict(h, "alice" HASH "alice@corp.example" WRONG_HASH), NTLM_WRONG);
    ck_assert_int_eq(verdict(h, "alice@other" HASH), NTLM_WRONG);
}

START_TEST(finds_user_at_domain)
{
    ck_assert_uint_eq(for_each_client(check_upn), 16);
}
END_TEST

START_TEST(begins_with_challenges_of_its_own)
{
    static const char negotiate[] = "NTLMSSP\0\1\0\0\0\x07\x82\x08\xa2";
    struct ntlm *n = make(right);
    struct ntlm_session *s[2];
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(ntlm_begin(n, (struct str){negotiate, 16}, 0x01da000000000000U, &s[i]),
                         NTLM_OK);
        struct str challenge = ntlm_challenge(s[i]);
        ck_assert_uint_eq(ntlm_kind(challenge), 2);
        ck_assert_mem_eq(challenge.ptr + 20, "\x05\x82\x89\xa2", 4);
        ck_assert_mem_eq(challenge.ptr + 56, "C\0O\0R\0P\0\2\0\x08\0C\0O\0R\0P\0", 20);
        ck_assert_mem_eq(challenge.ptr + 76, "\1\0\x0a\0P\0R\0O\0X\0Y\0", 14);
        ck_assert_mem_eq(challenge.ptr + challenge.len - 12, "\0\0\0\0\0\0\xda\1\0\0\0\0", 12);
    }
    ck_assert_mem_ne(ntlm_challenge(s[0]).ptr + 24, ntlm_challenge(s[1]).ptr + 24, 8);
    ntlm_session_free(s[0]);
    ck_assert_int_eq(ntlm_begin(n, (struct str){negotiate, 15}, 0, &s[0]), NTLM_BAD);
    ck_assert_ptr_null(s[0]);
    ntlm_session_free(s[1]);
    ntlm_session_free(NULL);
    ntlm_free(n);
    ntlm_free(NULL);
}
END_TEST

START_TEST(says_when_memory_runs_out)
{
    struct ntlm *n = make(right);
    struct ntlm_session *s;
    struct str negotiate = STR_LIT("NTLMSSP\0\1\0\0\0\x07\x82\x08\xa2");
    for (unsigned long nth = 1; nth <= 2; nth++) {
        mem_fail_at(nth, 0);
        ck_assert_int_eq(ntlm_begin(n, negotiate, 0, &s), NTLM_NO_MEMORY);
        ck_assert_ptr_null(s);
    }
    mem_fail_at(0, 0);
    ck_assert_int_eq(ntlm_begin(n, negotiate, 0, &s), NTLM_OK);
    ntlm_session_free(s);
    ntlm_free(n);
}
END_TEST

START_TEST(refuses_names_that_netbios_cannot_have)
{
    static const struct ntlm_settings bad[] = {
        {.domain = "", .computer = "proxy"},
        {.domain = "sixteencharacter", .computer = "proxy"},
        {.domain = "c\xf6rp", .computer = "proxy"},
        {.domain = "corp", .computer = "sixteencharacter"},
    };
    struct errlist faults;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        errlist_init(&faults);
        ck_assert_ptr_null(ntlm_new(&bad[i], str_of(right), "users", &faults));
        ck_assert_uint_eq(faults.errors, 1);
        errlist_fini(&faults);
    }
    errlist_init(&faults);
    ck_assert_ptr_null(ntlm_new(&settings, STR_LIT("rubbish\n"), "users", &faults));
    struct ntlm *n =
        ntlm_new(&(struct ntlm_settings){.domain = NULL}, str_of(right), "users", &faults);
    ck_assert_ptr_nonnull(n); /* by the name of this host, whatever it is */
    ck_assert_uint_eq(faults.errors, 1);
    ntlm_free(n);
    errlist_fini(&faults);
}
END_TEST

START_TEST(reads_no_user_out_of_rubbish)
{
    char user[ACCOUNT_NAME_MAX + 1] = "x";
    ck_assert(!ntlm_claimed_user(STR_LIT("NTLMSSP\0\3\0\0\0"), user));
    ck_assert_str_eq(user, "");
    ck_assert(!ntlm_claimed_user((struct str){NULL, 0}, user));
    ck_assert(!ntlm_is_for_flags(STR_LIT("NTLMSSP\0\3\0\0\0"), 0));
    ck_assert_uint_eq(ntlm_challenge_flags(STR_LIT("NTLMSSP\0\3\0\0\0aaaabbbbccccdddd")), 0);
    ck_assert_uint_eq(ntlm_challenge_flags(STR_LIT("NTLMSSP\0\2\0\0\0")), 0);
}
END_TEST

/* The form without flags, 52 bytes and payload: an NTLMv2 answer in it could be read in
 * two ways, so it is nobody's; one of NTLMv1 is not judged anyway. */
START_TEST(reads_no_user_where_flags_are_missing)
{
    char user[ACCOUNT_NAME_MAX + 1], wire[104] = "NTLMSSP\0\3";
    wire[20] = wire[22] = 44;
    wire[24] = 60;
    wire[36] = wire[38] = 8;
    wire[40] = 52;
    memcpy(wire + 52, "u\0s\0e\0r\0", 8);
    wire[60 + 16] = wire[60 + 17] = 1;
    ck_assert(!ntlm_claimed_user((struct str){wire, sizeof(wire)}, user));
    ck_assert(!ntlm_is_for_flags((struct str){wire, sizeof(wire)}, 0));
    wire[20] = wire[22] = 24;
    ck_assert(ntlm_claimed_user((struct str){wire, sizeof(wire)}, user));
    ck_assert_str_eq(user, "user");
}
END_TEST

Suite *ntlm_suite(void);

Suite *ntlm_suite(void)
{
    Suite *suite = suite_create("ntlm");
    TCase *cases = tcase_create("ntlm");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, judges_real_clients);
    tcase_add_test(cases, refuses_damaged_answers);
    tcase_add_test(cases, holds_clients_to_their_mic);
    tcase_add_test(cases, accepts_and_signs_as_specified);
    tcase_add_test(cases, signs_as_clients_do);
    tcase_add_test(cases, signs_for_nobody_who_did_not_agree);
    tcase_add_test(cases, refuses_a_key_that_is_not_one);
    tcase_add_test(cases, lets_no_shut_account_in);
    tcase_add_test(cases, finds_user_at_domain);
    tcase_add_test(cases, begins_with_challenges_of_its_own);
    tcase_add_test(cases, says_when_memory_runs_out);
    tcase_add_test(cases, refuses_names_that_netbios_cannot_have);
    tcase_add_test(cases, reads_no_user_out_of_rubbish);
    tcase_add_test(cases, reads_no_user_where_flags_are_missing);
    suite_add_tcase(suite, cases);
    return suite;
}
