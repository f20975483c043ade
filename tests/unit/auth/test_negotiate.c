/* SPDX-License-Identifier: MIT */
/* test_negotiate.c - every order of tokens, above an NTLM and a Kerberos of the test's
 * own: negotiate_fixture.h. */
#include <check.h>
#include <string.h>

#include "tests/unit/auth/negotiate_fixture.h"
#include "util/mem.h"

#define KERBEROS_OID "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define NTLM_OID "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
#define OTHER_OID "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e"

static const struct str none = {NULL, 0};

static struct negotiate_session *session;
static const struct str negotiate = {"NTLMSSP\0\1\0\0", 11};

static struct str answer_as(enum ntlm_result result, bool can_sign)
{
    static char message[MESSAGE_SIZE];
    return authenticate_as(message, result, can_sign);
}

static enum negotiate_result step(struct str token)
{
    return negotiate_step(some_ntlm, false, &session, token, 77);
}

static void check_token(struct str expected)
{
    struct str token = negotiate_token(session);
    ck_assert_uint_eq(token.len, expected.len);
    if (expected.len > 0)
        ck_assert_mem_eq(token.ptr, expected.ptr, expected.len);
}

static void check_refused(enum negotiate_result result, enum negotiate_result expected)
{
    ck_assert_int_eq(result, expected);
    ck_assert_str_eq(negotiate_user(session), "");
    ck_assert_str_ne(negotiate_fault(session), "");
    check_token(none);
    ck_assert_int_eq(sessions_alive, 0);
}

static void check_user(void)
{
    ck_assert_str_eq(negotiate_user(session), "carol");
    ck_assert_str_eq(negotiate_fault(session), "");
    ck_assert(!negotiate_is_kerberos(session));
    ck_assert_int_eq(sessions_alive, 0);
}

static void tear_down(void)
{
    negotiate_session_free(session);
    session = NULL;
    ck_assert_int_eq(sessions_alive, 0);
    ck_assert_int_eq(contexts_alive, 0);
}

/* The mechListMIC of a client that named NTLM last. */
#define LIST_END "\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
#define CLIENT_MIC STR_LIT("C\x06" LIST_END "CCC")

START_TEST(raw_ntlm)
{
    ck_assert_int_eq(step(negotiate), NEGOTIATE_TOKEN);
    check_token(STR_LIT(CHALLENGE));
    ck_assert_str_eq(negotiate_user(session), "");
    ck_assert_int_eq(step(answer_as(NTLM_OK, true)), NEGOTIATE_OK);
    check_user();
    check_token(none);
    check_refused(step(answer_as(NTLM_OK, true)), NEGOTIATE_BAD);
}
END_TEST

START_TEST(results_of_ntlm)
{
    static const struct {
        enum ntlm_result from;
        enum negotiate_result to;
    } pairs[] = {{NTLM_WRONG, NEGOTIATE_WRONG},
                 {NTLM_OLD, NEGOTIATE_OLD},
                 {NTLM_BAD, NEGOTIATE_BAD},
                 {NTLM_NO_MEMORY, NEGOTIATE_NO_MEMORY}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char begin[] = "NTLMSSP\0\1";
        ck_assert_int_eq(step(negotiate), NEGOTIATE_TOKEN);
        check_refused(step(answer_as(pairs[i].from, true)), pairs[i].to);
        begin[9] = (char)pairs[i].from;
        check_refused(step((struct str){begin, sizeof(begin)}), pairs[i].to);
    }
}
END_TEST

START_TEST(out_of_order)
{
    struct token init = make_init(STR_LIT(NTLM_OID), negotiate);
    struct token last = make_resp(answer_as(NTLM_OK, true), none);
    struct token again = make_resp(negotiate, none), empty = make_resp(none, none);
    check_refused(step(answer_as(NTLM_OK, true)), NEGOTIATE_BAD);
    check_refused(step(str_token(&last)), NEGOTIATE_BAD);
    check_refused(step(STR_LIT(CHALLENGE)), NEGOTIATE_BAD);
    check_refused(step(none), NEGOTIATE_BAD);
    check_refused(step(STR_LIT("\x60\x01")), NEGOTIATE_BAD);

    /* What one form began the other does not end, and a first message is no last one. */
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_refused(step(answer_as(NTLM_OK, true)), NEGOTIATE_BAD);
    check_refused(step(str_token(&last)), NEGOTIATE_BAD);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_refused(step(str_token(&again)), NEGOTIATE_BAD);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_refused(step(str_token(&empty)), NEGOTIATE_BAD);
    ck_assert_int_eq(step(negotiate), NEGOTIATE_TOKEN);
    check_refused(step(str_token(&last)), NEGOTIATE_BAD);
    check_refused(step(answer_as(NTLM_OK, true)), NEGOTIATE_BAD);
}
END_TEST

/* Up to our challenge. */
static void begin_spnego(void)
{
    struct token init = make_init(STR_LIT(NTLM_OID), negotiate);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_token(STR_LIT("\xa1\x2b\x30\x29\xa0\x03\x0a\x01\x01\xa1\x0c" NTLM_OID
                        "\xa2\x14\x04\x12" CHALLENGE));
}

static enum negotiate_result end_spnego(struct str message, struct str mic)
{
    struct token last = make_resp(message, mic);
    return step(str_token(&last));
}

START_TEST(ntlm_first_in_spnego)
{
    begin_spnego();
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, true), none), NEGOTIATE_OK);
    check_user();
    check_token(STR_LIT("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"));
    begin_spnego();
    ck_assert_int_eq(sessions_alive, 1);
    ck_assert_str_eq(negotiate_user(session), "");
    check_refused(end_spnego(answer_as(NTLM_WRONG, true), CLIENT_MIC), NEGOTIATE_WRONG);
}
END_TEST

START_TEST(mic_must_hold)
{
    begin_spnego();
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, true), CLIENT_MIC), NEGOTIATE_OK);
    check_user();
    check_token(STR_LIT("\xa1\x1b\x30\x19\xa0\x03\x0a\x01\x00\xa3\x12\x04\x10"
                        "S\x06" LIST_END "SSS"));
    static const struct str bad[] = {
        STR_LIT("C\x06" LIST_END "CCD"), STR_LIT("S\x06" LIST_END "SSS"),
        STR_LIT("C\x06" LIST_END "CC"), STR_LIT("C\x06" LIST_END "CCCC")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        begin_spnego();
        check_refused(end_spnego(answer_as(NTLM_OK, true), bad[i]), NEGOTIATE_BAD);
    }
    /* Without a key there is nothing to hold it against, nor to answer with. */
    begin_spnego();
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, false), CLIENT_MIC), NEGOTIATE_OK);
    check_token(STR_LIT("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"));
}
END_TEST

/* Kerberos first, NTLM second, and no keytab: we choose, and then the MIC is a duty. */
static void begin_second_choice(void)
{
    struct token init = make_init(STR_LIT(KERBEROS_OID NTLM_OID), STR_LIT("ticket"));
    struct token next = make_resp(negotiate, none);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_token(STR_LIT("\xa1\x15\x30\x13\xa0\x03\x0a\x01\x03\xa1\x0c" NTLM_OID));
    ck_assert_int_eq(step(str_token(&next)), NEGOTIATE_TOKEN);
    check_token(STR_LIT("\xa1\x1d\x30\x1b\xa0\x03\x0a\x01\x01\xa2\x14\x04\x12" CHALLENGE));
}

START_TEST(ntlm_second_in_spnego)
{
    begin_second_choice();
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, true), CLIENT_MIC), NEGOTIATE_OK);
    check_user();
    ck_assert_uint_eq(negotiate_token(session).len, 29);
    begin_second_choice();
    check_refused(end_spnego(answer_as(NTLM_OK, true), none), NEGOTIATE_BAD);
    begin_second_choice();
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, false), none), NEGOTIATE_OK);
    check_token(STR_LIT("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"));

    struct token init = make_init(STR_LIT(KERBEROS_OID NTLM_OID), STR_LIT("ticket"));
    struct token early = make_resp(answer_as(NTLM_OK, true), CLIENT_MIC);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_refused(step(str_token(&early)), NEGOTIATE_BAD);
}
END_TEST

START_TEST(first_choice_without_a_token)
{
    struct token init = make_init(STR_LIT(NTLM_OID OTHER_OID), none);
    struct token next = make_resp(negotiate, none);
    ck_assert_int_eq(step(str_token(&init)), NEGOTIATE_TOKEN);
    check_token(STR_LIT("\xa1\x15\x30\x13\xa0\x03\x0a\x01\x01\xa1\x0c" NTLM_OID));
    ck_assert_int_eq(step(str_token(&next)), NEGOTIATE_TOKEN);
    ck_assert_int_eq(end_spnego(answer_as(NTLM_OK, true), none), NEGOTIATE_OK);
}
END_TEST

/* The client's first choice that is offered here. */
START_TEST(choices)
{
    static const struct {
        struct str mechanisms;
        bool has_ntlm, has_kerberos;
        enum negotiate_result expected;
    } rows[] = {
        {STR_LIT(KERBEROS_OID NTLM_OID), true, true, NEGOTIATE_KERBEROS},
        {STR_LIT(KERBEROS_OID NTLM_OID), false, true, NEGOTIATE_KERBEROS},
        {STR_LIT(KERBEROS_OID NTLM_OID), true, false, NEGOTIATE_TOKEN},
        {STR_LIT(KERBEROS_OID NTLM_OID), false, false, NEGOTIATE_BAD},
        {STR_LIT(NTLM_OID KERBEROS_OID), true, true, NEGOTIATE_TOKEN},
        {STR_LIT(NTLM_OID KERBEROS_OID), false, true, NEGOTIATE_KERBEROS},
        {STR_LIT(OTHER_OID KERBEROS_OID NTLM_OID), true, true, NEGOTIATE_KERBEROS},
        {STR_LIT(OTHER_OID), true, true, NEGOTIATE_BAD},
        {STR_LIT(NTLM_OID), false, true, NEGOTIATE_BAD},
        {STR_LIT(KERBEROS_OID), true, false, NEGOTIATE_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct token init = make_init(rows[i].mechanisms, negotiate);
        enum negotiate_result result =
            negotiate_step(rows[i].has_ntlm ? some_ntlm : NULL, rows[i].has_kerberos, &session,
                           str_token(&init), 77);
        ck_assert_int_eq(result, rows[i].expected);
        ck_assert_int_eq(negotiate_is_kerberos(session), result == NEGOTIATE_KERBEROS);
    }
    struct str raw = STR_LIT("\x60\x0d" KERBEROS_OID "\x01\x00");
    ck_assert_int_eq(negotiate_step(some_ntlm, true, &session, raw, 77), NEGOTIATE_KERBEROS);
    check_refused(negotiate_step(some_ntlm, false, &session, raw, 77), NEGOTIATE_BAD);
    check_refused(negotiate_step(NULL, true, &session, negotiate, 77), NEGOTIATE_BAD);
}
END_TEST

static void begin_kerberos(void)
{
    struct token init = make_init(STR_LIT(KERBEROS_OID), STR_LIT("ticket"));
    ck_assert_int_eq(negotiate_step(NULL, true, &session, str_token(&init), 77),
                     NEGOTIATE_KERBEROS);
    ck_assert_ptr_null(negotiate_take_context(session));
}

START_TEST(kerberos_in_one_leg)
{
    static struct kerberos_reply reply = {.user = "alice", .token = "answer", .token_len = 6};
    begin_kerberos();
    ck_assert_int_eq(negotiate_kerberos_done(session, KERBEROS_OK, NULL, &reply), NEGOTIATE_OK);
    ck_assert_str_eq(negotiate_user(session), "alice");
    ck_assert(negotiate_is_kerberos(session));
    check_token(STR_LIT("answer"));
    /* NTLM on the same connection makes somebody else of it. */
    ck_assert_int_eq(step(negotiate), NEGOTIATE_TOKEN);
    ck_assert_str_eq(negotiate_user(session), "");
    ck_assert(!negotiate_is_kerberos(session));
}
END_TEST

START_TEST(kerberos_in_two_legs)
{
    static struct kerberos_reply reply = {.user = "alice", .token = "more", .token_len = 4};
    static char context;
    struct token next = make_resp(STR_LIT("second"), none);
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        contexts_alive = 1;
        begin_kerberos();
        ck_assert_int_eq(negotiate_kerberos_done(session, KERBEROS_CONTINUE, &context, &reply),
                         NEGOTIATE_TOKEN);
        check_token(STR_LIT("more"));
        ck_assert_str_eq(negotiate_user(session), "");
        if (!goes_on)
            continue; /* the next first token drops the context */
        ck_assert_int_eq(negotiate_step(NULL, true, &session, str_token(&next), 77),
                         NEGOTIATE_KERBEROS);
        ck_assert_ptr_eq(negotiate_take_context(session), &context);
        contexts_alive = 0; /* kerberos_accept ends it */
        ck_assert_int_eq(negotiate_kerberos_done(session, KERBEROS_OK, NULL, &reply), NEGOTIATE_OK);
        ck_assert_str_eq(negotiate_user(session), "alice");
    }
    check_refused(negotiate_step(NULL, true, &session, str_token(&next), 77), NEGOTIATE_BAD);
}
END_TEST

START_TEST(kerberos_goes_wrong)
{
    static const struct kerberos_reply reply = {.user = "", .fault = "Request is a replay"};
    begin_kerberos();
    check_refused(negotiate_kerberos_done(session, KERBEROS_REFUSED, NULL, &reply),
                  NEGOTIATE_WRONG);
    ck_assert_str_eq(negotiate_fault(session), "Request is a replay");
    begin_kerberos();
    check_refused(negotiate_kerberos_done(session, KERBEROS_FAILED, NULL, &reply),
                  NEGOTIATE_FAILED);
    begin_kerberos();
}
END_TEST

START_TEST(claimed_user)
{
    char user[ACCOUNT_NAME_MAX + 1] = "";
    struct token init = make_init(STR_LIT(NTLM_OID), answer_as(NTLM_OK, true));
    struct token last = make_resp(answer_as(NTLM_OK, true), CLIENT_MIC);
    struct token first = make_resp(negotiate, none);
    ck_assert(!negotiate_claimed_user(negotiate, user));
    ck_assert(!negotiate_claimed_user(none, user));
    ck_assert(!negotiate_claimed_user(str_token(&init), user));
    ck_assert(!negotiate_claimed_user(str_token(&first), user));
    ck_assert_str_eq(user, "");
    ck_assert(negotiate_claimed_user(str_token(&last), user));
    ck_assert_str_eq(user, "carol");
    ck_assert(negotiate_claimed_user(answer_as(NTLM_OK, true), user));
}
END_TEST

/* All of a handshake, up to the first refusal. */
static enum negotiate_result run_all(void)
{
    struct token init = make_init(STR_LIT(KERBEROS_OID NTLM_OID), none);
    struct token next = make_resp(negotiate, none);
    struct token last = make_resp(answer_as(NTLM_OK, true), CLIENT_MIC);
    enum negotiate_result result = step(str_token(&init));
    if (result == NEGOTIATE_TOKEN)
        result = step(str_token(&next));
    return result == NEGOTIATE_TOKEN ? step(str_token(&last)) : result;
}

START_TEST(no_memory_anywhere)
{
    unsigned long nth = 1;
    enum negotiate_result result = NEGOTIATE_NO_MEMORY;
    for (; nth < 20 && result != NEGOTIATE_OK; nth++) {
        negotiate_session_free(session);
        session = NULL;
        mem_fail_at(nth, 0);
        result = run_all();
        mem_fail_at(0, 0);
        ck_assert(result == NEGOTIATE_OK || result == NEGOTIATE_NO_MEMORY);
        ck_assert(!session || result == NEGOTIATE_OK || negotiate_user(session)[0] == '\0');
    }
    ck_assert_int_eq(result, NEGOTIATE_OK);
    ck_assert_uint_ge(nth, 6); /* the session, the list, NTLM's, and three replies */

    static struct kerberos_reply reply = {.user = "alice", .token = "answer", .token_len = 6};
    begin_kerberos();
    mem_fail_at(1, 0);
    result = negotiate_kerberos_done(session, KERBEROS_OK, NULL, &reply);
    mem_fail_at(0, 0);
    check_refused(result, NEGOTIATE_NO_MEMORY);
}
END_TEST

Suite *negotiate_suite(void);

Suite *negotiate_suite(void)
{
    Suite *suite = suite_create("negotiate");
    TCase *cases = tcase_create("negotiate");
    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, raw_ntlm);
    tcase_add_test(cases, results_of_ntlm);
    tcase_add_test(cases, out_of_order);
    tcase_add_test(cases, ntlm_first_in_spnego);
    tcase_add_test(cases, mic_must_hold);
    tcase_add_test(cases, ntlm_second_in_spnego);
    tcase_add_test(cases, first_choice_without_a_token);
    tcase_add_test(cases, choices);
    tcase_add_test(cases, kerberos_in_one_leg);
    tcase_add_test(cases, kerberos_in_two_legs);
    tcase_add_test(cases, kerberos_goes_wrong);
    tcase_add_test(cases, claimed_user);
    tcase_add_test(cases, no_memory_anywhere);
    suite_add_tcase(suite, cases);
    return suite;
}
