/* SPDX-License-Identifier: MIT */
/* test_auth_content.c - what comes behind a request that is answered with 407: content
 * that is read past, the next request, too many requests. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/suites.h"

#define ROUNDS 12 /* the last of so many is the end; docs/design.md */
#define MEGABYTE 1048576

static const char POST[] = "POST http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n";

/* Sends as much as the other side takes; ends early at its end. */
static void send_many(int client, const char *piece, size_t total)
{
    size_t len = strlen(piece), at = 0;
    while (at < total) {
        ssize_t sent = send(client, piece + at % len, len - at % len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;
        at += sent > 0 ? (size_t)sent : 0;
        rig_turn();
    }
}

static void send_text(int client, const char *text)
{
    send_many(client, text, strlen(text));
}

/* The head of a POST, with these fields, and what follows it. */
static void send_post(int client, const char *fields, const char *content)
{
    char text[1024];
    snprintf(text, sizeof(text), "%s%s\r\n%s", POST, fields, content);
    send_text(client, text);
}

static void expect_goes_on(int client)
{
    auth_rig_send(client, ALICE);
    auth_rig_expect_tunnel(client);
    auth_rig_stop();
}

static void expect_closed(int client)
{
    auth_rig_expect_in("HTTP/1.1 407 ");
    rig_expect_end(client, true);
    close(client);
    auth_rig_stop();
}

/* In the same piece as the head, and in pieces of its own. */
START_TEST(content_of_a_length_is_read_past)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Content-Length: 10\r\n", "0123456789");
    auth_rig_expect(client, "407");
    auth_rig_expect_not_in("\r\nConnection: close");
    send_post(client, "Content-Length: 10\r\n", "0123");
    auth_rig_expect(client, "407");
    send_text(client, "45");
    for (unsigned i = 0; i < 5; i++)
        rig_turn();
    send_text(client, "6789");
    expect_goes_on(client);
}
END_TEST

START_TEST(chunked_content_is_read_past)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n0\r\n\r\n");
    auth_rig_expect(client, "407");
    send_post(client, "Transfer-Encoding: chunked\r\n", "4;x=y\r\nab");
    auth_rig_expect(client, "407");
    send_text(client, "cd\r\n0\r\nTrailer: x\r\n");
    for (unsigned i = 0; i < 5; i++)
        rig_turn();
    send_text(client, "\r\n");
    expect_goes_on(client);
}
END_TEST

START_TEST(a_request_behind_the_content_is_heard)
{
    char text[2048];
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "%sTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
                                  "%sContent-Length: 3\r\n\r\nabc",
                                  POST, POST);
    len += auth_rig_request(ALICE, text + len, sizeof(text) - len);
    rig_send(client, (struct str){text, len});
    rig_clear();
    rig_expect(client, "HTTP/1.1 200 ");
    const char *second = strstr(rig.text + 1, "HTTP/1.1 407 ");
    auth_rig_expect_in("HTTP/1.1 407 ");
    ck_assert_ptr_nonnull(second);
    close(rig_accept());
    close(client);
    auth_rig_stop();
}
END_TEST

START_TEST(a_megabyte_is_the_limit_of_a_length)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Content-Length: 1048576\r\n", "");
    auth_rig_expect(client, "407");
    auth_rig_expect_not_in("\r\nConnection: close");
    char block[4097] = "";
    memset(block, 'x', sizeof(block) - 1);
    send_many(client, block, MEGABYTE);
    send_post(client, "Content-Length: 1048577\r\n", "");
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nConnection: close\r\n");
    expect_closed(client);
}
END_TEST

START_TEST(a_megabyte_is_the_limit_of_chunks)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Transfer-Encoding: chunked\r\n", "");
    auth_rig_expect(client, "407");
    char block[4105];
    snprintf(block, sizeof(block), "1000\r\n%04096d\r\n", 0);
    send_many(client, block, 3 * MEGABYTE);
    expect_closed(client);
}
END_TEST

START_TEST(malformed_chunks_are_the_end)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Transfer-Encoding: chunked\r\n", "x\r\n");
    auth_rig_expect(client, "407");
    expect_closed(client);
}
END_TEST

/* Nobody could tell whether the content comes. */
START_TEST(a_client_that_waits_for_100_is_not_heard_again)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Content-Length: 10\r\nExpect: 100-continue\r\n", "");
    auth_rig_expect(client, "407");
    auth_rig_expect_in("\r\nConnection: close\r\n");
    expect_closed(client);
}
END_TEST

START_TEST(the_client_ends_in_its_content)
{
    static const char *const FIELDS[] = {"Content-Length: 10\r\n",
                                         "Transfer-Encoding: chunked\r\n"};
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, FIELDS[_i], "4\r\n");
    auth_rig_expect(client, "407");
    close(client);
    rig_wait_conns(0);
    auth_rig_stop();
}
END_TEST

START_TEST(content_that_does_not_come_ends_it)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    send_post(client, "Content-Length: 10\r\n", "0123");
    auth_rig_expect(client, "407");
    rig_pass_time(31000);
    rig_expect_end(client, true);
    close(client);
    auth_rig_stop();
}
END_TEST

START_TEST(rounds_are_counted)
{
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    for (unsigned i = 1; i <= ROUNDS; i++) {
        auth_rig_send(client, NULL);
        auth_rig_expect(client, "407");
        bool is_last = strstr(rig.text, "\r\nConnection: close\r\n") != NULL;
        ck_assert_msg(is_last == (i == ROUNDS), "round %u", i);
    }
    expect_closed(client);
}
END_TEST

/* An HTTP/1.0 client must ask for it, and is told. */
START_TEST(an_old_client_is_kept_where_it_asks)
{
    static const char *const FIELDS[] = {"", "Proxy-Connection: keep-alive\r\n"};
    char text[256];
    auth_rig_start(BASIC_OF_FILE);
    int client = rig_connect();
    int len = snprintf(text, sizeof(text), "CONNECT 127.0.0.1:%u HTTP/1.0\r\n%s\r\n",
                       (unsigned)rig.origin_port, FIELDS[_i]);
    rig_send(client, (struct str){text, (size_t)len});
    auth_rig_expect(client, "407");
    if (_i == 0) {
        auth_rig_expect_in("\r\nConnection: close\r\n");
        expect_closed(client);
    } else {
        auth_rig_expect_in("\r\nProxy-Connection: keep-alive\r\n");
        expect_goes_on(client);
    }
}
END_TEST

Suite *auth_content_suite(void)
{
    Suite *suite = suite_create("auth_content");
    TCase *tc = tcase_create("auth_content");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, content_of_a_length_is_read_past);
    tcase_add_test(tc, chunked_content_is_read_past);
    tcase_add_test(tc, a_request_behind_the_content_is_heard);
    tcase_add_test(tc, a_megabyte_is_the_limit_of_a_length);
    tcase_add_test(tc, a_megabyte_is_the_limit_of_chunks);
    tcase_add_test(tc, malformed_chunks_are_the_end);
    tcase_add_test(tc, a_client_that_waits_for_100_is_not_heard_again);
    tcase_add_loop_test(tc, the_client_ends_in_its_content, 0, 2);
    tcase_add_test(tc, content_that_does_not_come_ends_it);
    tcase_add_test(tc, rounds_are_counted);
    tcase_add_loop_test(tc, an_old_client_is_kept_where_it_asks, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
