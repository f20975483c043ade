/* SPDX-License-Identifier: MIT */
/*
 * test_auth_memory.c - memory runs out at every place of a request with credentials, in
 * the worker, in a thread that hashes, in the one for helpers: never a crash, a leak, a
 * hang, a wrong verdict, or a try that is not given back.
 *
 * The threads take turns (one asks, one answers), so the nth allocation is the same one
 * each time.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/auth_clients.h"
#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/suites.h"
#include "util/clock.h"
#include "util/mem.h"

struct scene {
    const char *members; /* of `auth` */
    void (*prepare)(void); /* with all memory; may be NULL */
    void (*play)(int client);
    const char *status; /* with all memory, of the last answer */
    unsigned least;     /* allocations that it has at least */
    bool may_rest; /* its helper is not started again at once: 503 for a while */
};

static struct digest_client digest;
static uint64_t until;
static bool is_open; /* the client has not met its end yet */

static void step(int client)
{
    if (clock_usec() > until)
        ck_abort_msg("hangs: '%s'", rig.text);
    rig_turn();
    is_open = is_open && rig_read(client);
}

/* Sends, and reads the answer, if there is one. The client may be cut off at any time. */
static bool talk(int client, const char *text, size_t len)
{
    rig_clear();
    (void)!send(client, text, len, MSG_NOSIGNAL);
    while (is_open && strstr(rig.text, "\r\n\r\n") == NULL)
        step(client);
    const char *end = strstr(rig.text, "\r\n\r\n"), *field = strstr(rig.text, "Content-Length: ");
    size_t whole = end == NULL ? 0 : (size_t)(end - rig.text) + 4;
    if (field != NULL && end != NULL)
        whole += strtoul(field + 16, NULL, 10);
    while (is_open && rig.text_len < whole)
        step(client);
    return end != NULL;
}

static void ask(int client, const char *credentials)
{
    char text[8192];
    (void)!talk(client, text, auth_rig_request(credentials, text, sizeof(text)));
}

static void play_nothing(int client)
{
    ask(client, NULL);
}

static void play_basic(int client)
{
    ask(client, ALICE);
}

static void play_wrong(int client)
{
    ask(client, ALICE_WRONG);
}

static void prepare_cached(void)
{
    auth_rig_expect_tunnel(auth_rig_open(ALICE));
    rig_wait_conns(0);
}

static void prepare_digest(void)
{
    digest_ask(&digest, "Secret1");
}

static void play_digest(int client)
{
    ask(client, digest_credentials(&digest));
}

static void play_handshake(int client, const char *scheme)
{
    char start[32];
    snprintf(start, sizeof(start), "Authenticate: %s T", scheme);
    ask(client, ntlm_first(scheme));
    if (strstr(rig.text, start) != NULL)
        ask(client, ntlm_last(scheme, "Secret1"));
}

static void play_ntlm(int client)
{
    play_handshake(client, "NTLM");
}

static void play_raw_ntlm(int client)
{
    play_handshake(client, "Negotiate");
}

static void play_content(int client)
{
    static const char *const POSTS[] = {
        "POST http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789",
        "POST http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nabcd\r\n0\r\nTrailer: x\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(POSTS); i++)
        (void)!talk(client, POSTS[i], strlen(POSTS[i]));
    ask(client, ALICE);
}

static void play_kerberos(int client)
{
    ask(client, kerberos_rubbish());
}

static void play_spnego(int client)
{
    ask(client, spnego_rubbish());
}

static const struct scene SCENES[] = {
    {BASIC_OF_FILE, NULL, play_nothing, "407", 4, false},
    {BASIC_OF_FILE ONE_FAILURE, NULL, play_basic, "200", 9, false},
    {BASIC_OF_FILE, NULL, play_wrong, "407", 7, false},
    {BASIC_OF_FILE ONE_FAILURE, prepare_cached, play_basic, "200", 7, false},
    {DIGEST_OF_FILE ONE_FAILURE, prepare_digest, play_digest, "200", 7, false},
    {NTLM_OF_FILE ONE_FAILURE, NULL, play_ntlm, "200", 15, false},
    {NTLM_OF_FILE NEGOTIATE ONE_FAILURE, NULL, play_raw_ntlm, "200", 15, false},
    {BASIC_OF_FILE ONE_FAILURE, NULL, play_content, "200", 17, false},
    {BASIC_HELPER ONE_FAILURE, NULL, play_basic, "200", 13, true},
    {BASIC_HELPER ONE_FAILURE, prepare_cached, play_basic, "200", 7, false},
    {NTLM_HELPER ONE_FAILURE, NULL, play_ntlm, "200", 20, true},
    {KERBEROS, NULL, play_kerberos, "407", 7, false},
    {KERBEROS NTLM_OF_FILE, NULL, play_spnego, "407", 7, false},
};

static bool has_status(const char *status)
{
    return strncmp(rig.text, "HTTP/1.1 ", 9) == 0 && strncmp(rig.text + 9, status, 3) == 0;
}

/* One client from its first byte to its end. Returns the allocations. */
static unsigned long play(const struct scene *s, unsigned long nth, int repeat)
{
    int client = rig_connect(), origin;
    until = clock_usec() + 20000000;
    is_open = true;
    rig_clear();
    (void)mem_fail_at(nth, repeat);
    s->play(client);
    close(client);
    while (rig.worker->conn_count != 0) {
        if (clock_usec() > until)
            ck_abort_msg("a connection is left");
        if ((origin = accept(rig.origin_fd, NULL, NULL)) >= 0)
            close(origin);
        rig_turn();
    }
    unsigned long seen = mem_fail_at(0, 0);
    while ((origin = accept(rig.origin_fd, NULL, NULL)) >= 0)
        close(origin); /* dialled in vain */
    rig_log();
    return seen;
}

static uint64_t count_ok(void)
{
    uint64_t ok = 0;
    for (unsigned scheme = 0; scheme < AUTH_SCHEME_COUNT; scheme++)
        ok += auth_rig_count((enum auth_scheme)scheme, COUNT_AUTH_OK);
    return ok;
}

/* With an authority of its own, so nothing is known from before. */
static unsigned long play_anew(const struct scene *s, unsigned long nth, int repeat)
{
    unsigned fds = flow_open_fds();
    auth_rig_renew_authority();
    if (s->prepare != NULL)
        s->prepare();
    uint64_t ok = count_ok();
    unsigned long seen = play(s, nth, repeat);
    if (strcmp(s->status, "407") == 0) /* and nobody is counted as let in */
        ck_assert_uint_eq(count_ok(), ok);
    /* Where memory was short, nobody is told that the credentials were wrong. */
    bool may_fail = seen >= nth && (rig.text_len == 0 || has_status("503"));
    if (!may_fail && !has_status(s->status))
        ck_abort_msg("allocation %lu of %lu: '%s'", nth, seen, rig.text);
    uint64_t rest_until = clock_usec() + (s->may_rest ? 10000000 : 0);
    do
        (void)play(s, (unsigned long)-1, 0);
    while (has_status("503") && clock_usec() < rest_until);
    ck_assert_msg(has_status(s->status), "after allocation %lu: '%s'", nth, rig.text);
    rig_check_serves();
    rig_log();
    auth_rig_drop_authority();
    rig_check_idle(fds);
    return seen;
}

static void sweep(const struct scene *s, int repeat)
{
    unsigned long nth = 0, seen;
    do
        seen = play_anew(s, ++nth, repeat);
    while (seen >= nth);
    ck_assert_uint_gt(nth, s->least);
}

static void sweep_scene(const struct scene *s, int repeat)
{
    auth_rig_start(s->members);
    rig_check_serves();
    auth_rig_drop_authority();
    sweep(s, repeat);
    auth_rig_stop();
}

START_TEST(one_allocation_fails)
{
    sweep_scene(&SCENES[_i], 0);
}
END_TEST

START_TEST(every_allocation_from_one_on_fails)
{
    sweep_scene(&SCENES[_i], 1);
}
END_TEST

Suite *auth_memory_suite(void)
{
    Suite *suite = suite_create("auth_memory");
    TCase *tc = tcase_create("auth_memory");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, one_allocation_fails, 0, ARRAY_LEN(SCENES));
    tcase_add_loop_test(tc, every_allocation_from_one_on_fails, 0, ARRAY_LEN(SCENES));
    suite_add_tcase(suite, tc);
    return suite;
}
