/* SPDX-License-Identifier: MIT */
/* test_stream.c - what a stream knows of its socket, and when. */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "util/clock.h"
#include "util/list.h"

/* A stream, its peer, and how often it was ready. */
struct watched {
    struct stream stream;
    unsigned ready;
    bool closes;
};

static struct event_base *base;
static struct watched near;
static int far;

static void on_ready(struct stream *s)
{
    struct watched *w = LIST_ITEM(s, struct watched, stream);
    w->ready++;
    if (w->closes)
        stream_close(s);
}

static void open_near(enum flow_kind kind)
{
    int fds[2];
    flow_pair(kind, 0, fds);
    near = (struct watched){.ready = 0};
    stream_init(&near.stream);
    ck_assert(!stream_is_open(&near.stream));
    ck_assert_int_eq(stream_open(&near.stream, base, fds[0], true, on_ready), 0);
    ck_assert(stream_is_open(&near.stream));
    far = fds[1];
}

static void set_up(void)
{
    base = flow_base();
    near = (struct watched){.ready = 0};
    stream_init(&near.stream);
    far = -1;
}

static void tear_down(void)
{
    stream_close(&near.stream);
    if (far >= 0)
        close(far);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
}

static void turn(void)
{
    ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

/* Until the stream was ready once more. */
static void turn_until_ready(void)
{
    unsigned before = near.ready;
    uint64_t until = clock_usec() + 5000000;
    while (near.ready == before) {
        ck_assert_msg(clock_usec() < until, "no event in 5 s");
        turn();
    }
}

static void expect_recv(enum io want, size_t size, const char *text)
{
    char bytes[64];
    size_t len = 77;
    ck_assert_uint_le(size, sizeof(bytes));
    ck_assert_int_eq(stream_recv(&near.stream, bytes, size, &len), want);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_mem_eq(bytes, text, len);
}

static enum io send_text(const char *text)
{
    size_t len;
    enum io rc = stream_send(&near.stream, text, strlen(text), &len);
    if (rc == IO_OK)
        ck_assert_uint_eq(len, strlen(text));
    else
        ck_assert_uint_eq(len, 0);
    return rc;
}

static void far_sends(const char *text)
{
    ck_assert_int_eq(send(far, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void far_resets(void)
{
    struct flow_end end = {.fd = far};
    flow_reset(&end);
    far = -1;
}

START_TEST(a_short_read_means_empty_until_the_next_event)
{
    open_near((enum flow_kind)_i);
    turn();
    expect_recv(IO_AGAIN, 10, "");
    ck_assert(!near.stream.is_readable);
    far_sends("abc");
    expect_recv(IO_AGAIN, 10, ""); /* the event has not come yet */
    turn_until_ready();
    ck_assert(near.stream.is_readable);
    expect_recv(IO_OK, 10, "abc");
    ck_assert(!near.stream.is_readable);
    far_sends("d");
    turn_until_ready();
    expect_recv(IO_OK, 10, "d");
}
END_TEST

START_TEST(a_full_read_leaves_it_readable)
{
    open_near((enum flow_kind)_i);
    far_sends("abcdef");
    turn_until_ready();
    expect_recv(IO_OK, 3, "abc");
    ck_assert(near.stream.is_readable);
    expect_recv(IO_OK, 3, "def");
    expect_recv(IO_AGAIN, 3, "");
    ck_assert(!near.stream.is_readable);
}
END_TEST

START_TEST(a_fin_behind_data_is_seen_and_sticks)
{
    open_near((enum flow_kind)_i);
    turn();
    expect_recv(IO_AGAIN, 10, "");
    far_sends("last");
    ck_assert_int_eq(shutdown(far, SHUT_WR), 0);
    while (!near.stream.is_ending)
        turn_until_ready();
    ck_assert(!near.stream.is_eof);
    expect_recv(IO_OK, 10, "last"); /* short, but more is known to follow */
    expect_recv(IO_EOF, 10, "");
    ck_assert(near.stream.is_eof);
    expect_recv(IO_EOF, 10, "");
    ck_assert(!stream_is_broken(&near.stream));
    ck_assert_int_eq(send_text("still"), IO_OK);
}
END_TEST

START_TEST(a_reset_is_an_error_that_sticks)
{
    open_near(FLOW_TCP);
    turn();
    expect_recv(IO_AGAIN, 10, "");
    far_resets();
    turn_until_ready();
    expect_recv(IO_ERR, 10, "");
    ck_assert_int_eq(near.stream.error, ECONNRESET);
    ck_assert(near.stream.is_recv_broken);
    expect_recv(IO_ERR, 10, "");
    ck_assert(stream_is_broken(&near.stream));
}
END_TEST

START_TEST(a_reset_is_found_without_reading)
{
    open_near(FLOW_TCP);
    ck_assert(!stream_is_broken(&near.stream));
    far_resets();
    turn_until_ready();
    ck_assert(stream_is_broken(&near.stream));
    ck_assert_int_eq(near.stream.error, ECONNRESET);
    expect_recv(IO_ERR, 10, "");
    ck_assert_int_eq(send_text("x"), IO_ERR);
}
END_TEST

START_TEST(a_broken_send_ends_sending_only)
{
    open_near(FLOW_UNIX);
    far_sends("before");
    close(far);
    far = -1;
    turn_until_ready();
    ck_assert_int_eq(send_text("x"), IO_ERR);
    ck_assert_int_eq(near.stream.error, EPIPE);
    ck_assert(near.stream.is_send_broken && !near.stream.is_recv_broken);
    ck_assert_int_eq(send_text("x"), IO_ERR);
    expect_recv(IO_OK, 10, "before");
}
END_TEST

/* The kernel tells a reset once; a read behind it must not find a good end. */
START_TEST(a_reset_found_by_a_send_is_no_end_of_file)
{
    open_near(FLOW_TCP);
    far_sends("before");
    turn_until_ready();
    far_resets();
    turn_until_ready();
    ck_assert_int_eq(send_text("x"), IO_ERR);
    ck_assert_int_eq(near.stream.error, ECONNRESET);
    expect_recv(IO_OK, 10, "before");
    expect_recv(IO_ERR, 10, "");
    ck_assert(near.stream.is_recv_broken && !near.stream.is_eof);
    ck_assert_int_eq(near.stream.error, ECONNRESET);
}
END_TEST

/* A peer that has ended and gone is at its end, though it resets what comes. */
START_TEST(a_peer_that_closed_is_at_its_end)
{
    open_near(FLOW_TCP);
    far_sends("before");
    close(far);
    far = -1;
    turn_until_ready();
    for (unsigned i = 0; i < 10 && !near.stream.is_send_broken; i++) {
        (void)send_text("x");
        turn();
    }
    ck_assert(near.stream.is_send_broken);
    ck_assert_int_eq(near.stream.error, EPIPE);
    expect_recv(IO_OK, 10, "before");
    expect_recv(IO_EOF, 10, "");
}
END_TEST

START_TEST(a_full_socket_says_so_until_there_is_room)
{
    static char block[65536];
    size_t len, sent = 0, drained = 0;
    enum io rc;
    open_near((enum flow_kind)_i);
    while ((rc = stream_send(&near.stream, block, sizeof(block), &len)) == IO_OK)
        sent += len;
    ck_assert_int_eq(rc, IO_AGAIN);
    ck_assert_uint_eq(len, 0);
    ck_assert(!near.stream.is_writable);
    turn();
    ck_assert_int_eq(stream_send(&near.stream, block, 1, &len), IO_AGAIN);
    for (unsigned i = 0; i < 100000 && !near.stream.is_writable; i++) {
        ssize_t got = recv(far, block, sizeof(block), 0);
        drained += got > 0 ? (size_t)got : 0;
        turn();
    }
    ck_assert(near.stream.is_writable);
    ck_assert_uint_gt(drained, 0);
    ck_assert_uint_le(drained, sent);
    ck_assert_int_eq(stream_send(&near.stream, block, 1, &len), IO_OK);
}
END_TEST

START_TEST(shut_sends_one_fin_behind_the_data)
{
    char bytes[16];
    open_near((enum flow_kind)_i);
    ck_assert_int_eq(send_text("end"), IO_OK);
    ck_assert_int_eq(stream_shut(&near.stream), IO_OK);
    ck_assert(near.stream.is_shut);
    ck_assert_int_eq(stream_shut(&near.stream), IO_OK);
    ck_assert_int_eq(recv(far, bytes, sizeof(bytes), 0), 3);
    ck_assert_int_eq(recv(far, bytes, sizeof(bytes), 0), 0);
    far_sends("reply");
    turn_until_ready();
    expect_recv(IO_OK, 10, "reply");
}
END_TEST

START_TEST(shut_of_a_reset_socket_fails)
{
    open_near(FLOW_TCP);
    far_resets();
    turn_until_ready();
    ck_assert_int_eq(stream_shut(&near.stream), IO_ERR);
    ck_assert_int_eq(near.stream.error, ENOTCONN);
    ck_assert(near.stream.is_send_broken && !near.stream.is_shut);
}
END_TEST

START_TEST(close_is_a_fin_and_abort_a_reset)
{
    char byte;
    open_near(FLOW_TCP);
    stream_close(&near.stream);
    ck_assert(!stream_is_open(&near.stream));
    stream_close(&near.stream); /* harmless */
    ck_assert_int_eq(recv(far, &byte, 1, 0), 0);
    close(far);
    open_near(FLOW_TCP);
    stream_abort(&near.stream);
    ck_assert(!stream_is_open(&near.stream));
    stream_abort(&near.stream);
    ck_assert_int_eq(recv(far, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
}
END_TEST

START_TEST(wake_calls_in_the_next_turn)
{
    open_near(FLOW_UNIX);
    turn();
    turn();
    unsigned before = near.ready;
    turn();
    ck_assert_uint_eq(near.ready, before); /* edges: nothing new, no call */
    stream_wake(&near.stream);
    ck_assert_uint_eq(near.ready, before);
    turn();
    ck_assert_uint_eq(near.ready, before + 1);
    turn();
    ck_assert_uint_eq(near.ready, before + 1);
    stream_wake(&near.stream);
    stream_close(&near.stream);
    turn();
    ck_assert_uint_eq(near.ready, before + 1);
}
END_TEST

START_TEST(on_ready_may_close)
{
    open_near((enum flow_kind)_i);
    near.closes = true;
    far_sends("x");
    turn_until_ready();
    ck_assert(!stream_is_open(&near.stream));
    turn();
    ck_assert_uint_eq(near.ready, 1);
}
END_TEST

START_TEST(a_moved_stream_keeps_what_is_known)
{
    struct watched old;
    open_near((enum flow_kind)_i);
    turn();
    expect_recv(IO_AGAIN, 10, "");
    far_sends("for both");
    ck_assert_int_eq(shutdown(far, SHUT_WR), 0);
    while (!near.stream.is_ending)
        turn_until_ready();
    old = (struct watched){.ready = 0};
    stream_init(&old.stream);
    /* There and back: no event of the first place is lost. */
    ck_assert_int_eq(stream_move(&old.stream, &near.stream, on_ready), 0);
    ck_assert(!stream_is_open(&near.stream));
    ck_assert(old.stream.is_readable && old.stream.is_ending && old.stream.is_writable);
    stream_init(&near.stream);
    ck_assert_int_eq(stream_move(&near.stream, &old.stream, on_ready), 0);
    expect_recv(IO_OK, 10, "for both");
    expect_recv(IO_EOF, 10, "");
    ck_assert_int_eq(send_text("back"), IO_OK);
}
END_TEST

START_TEST(a_moved_stream_gets_events)
{
    struct watched old;
    open_near((enum flow_kind)_i);
    turn();
    expect_recv(IO_AGAIN, 10, "");
    old = (struct watched){.ready = 0};
    stream_init(&old.stream);
    ck_assert_int_eq(stream_move(&old.stream, &near.stream, on_ready), 0);
    far_sends("new");
    for (unsigned i = 0; i < 1000 && !old.stream.is_readable; i++)
        turn();
    ck_assert(old.stream.is_readable);
    stream_init(&near.stream);
    ck_assert_int_eq(stream_move(&near.stream, &old.stream, on_ready), 0);
    expect_recv(IO_OK, 10, "new");
}
END_TEST

/* A socket on its way to a listener of ours, or to a port where none is. */
static void connect_near(bool is_listening)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(far, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(getsockname(far, (struct sockaddr *)&sa, &len), 0);
    if (is_listening)
        ck_assert_int_eq(listen(far, 1), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&sa, len);
    ck_assert(rc == 0 || errno == EINPROGRESS);
    ck_assert_int_eq(stream_open(&near.stream, base, fd, false, on_ready), 0);
}

START_TEST(a_connecting_socket_is_connected_or_refused)
{
    connect_near(_i == 1);
    ck_assert_int_eq(stream_connected(&near.stream), IO_AGAIN);
    ck_assert_int_eq(send_text("x"), IO_AGAIN);
    expect_recv(IO_AGAIN, 10, "");
    turn_until_ready();
    if (_i == 1) {
        ck_assert_int_eq(stream_connected(&near.stream), IO_OK);
        ck_assert_int_eq(send_text("x"), IO_OK);
        return;
    }
    ck_assert_int_eq(stream_connected(&near.stream), IO_ERR);
    ck_assert_int_eq(near.stream.error, ECONNREFUSED);
    ck_assert_int_eq(stream_connected(&near.stream), IO_ERR);
}
END_TEST

Suite *stream_suite(void)
{
    Suite *suite = suite_create("stream");
    TCase *tc = tcase_create("stream");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_short_read_means_empty_until_the_next_event, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_full_read_leaves_it_readable, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_fin_behind_data_is_seen_and_sticks, 0, FLOW_KINDS);
    tcase_add_test(tc, a_reset_is_an_error_that_sticks);
    tcase_add_test(tc, a_reset_is_found_without_reading);
    tcase_add_test(tc, a_broken_send_ends_sending_only);
    tcase_add_test(tc, a_reset_found_by_a_send_is_no_end_of_file);
    tcase_add_test(tc, a_peer_that_closed_is_at_its_end);
    tcase_add_loop_test(tc, a_full_socket_says_so_until_there_is_room, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, shut_sends_one_fin_behind_the_data, 0, FLOW_KINDS);
    tcase_add_test(tc, shut_of_a_reset_socket_fails);
    tcase_add_test(tc, close_is_a_fin_and_abort_a_reset);
    tcase_add_test(tc, wake_calls_in_the_next_turn);
    tcase_add_loop_test(tc, on_ready_may_close, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_moved_stream_keeps_what_is_known, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_moved_stream_gets_events, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_connecting_socket_is_connected_or_refused, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
