/* SPDX-License-Identifier: MIT */
/* test_connect.c - a CONNECT through every phase: request, admit, dial, tunnel. */
#include "tests/unit/core/suites.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/rig.h"

static void set_up(void)
{
    rig_start(NULL);
}

static struct conn *first_conn(void)
{
    struct list_node *node = list_first(&rig.worker->conns);
    ck_assert_ptr_nonnull(node);
    return LIST_ITEM(node, struct conn, node);
}

START_TEST(a_tunnel_from_the_first_byte_to_the_last)
{
    struct counters *counters = &rig.worker->counters;
    unsigned fds = flow_open_fds();
    rig_check_serves();
    rig_check_idle(fds);
    ck_assert_uint_eq(count_read(&counters->connections), 1);
    ck_assert_uint_eq(count_read(&counters->tls_decisions[COUNT_TLS_TUNNEL]), 1);
    ck_assert_uint_eq(count_read(&counters->requests[COUNT_ALLOW][COUNT_CONNECT]), 1);
    ck_assert_uint_eq(count_read(&counters->bytes_in), 4);
    ck_assert_uint_eq(count_read(&counters->bytes_out), 4);
    ck_assert_uint_eq(count_read(&counters->ends[END_DONE]), 1);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 2);
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), "\"event\":\"open\""));
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), "\"verdict\":\"allow\",\"rule\":\"all\""));
    const char *close_line = rig_log_line(1);
    ck_assert_ptr_nonnull(strstr(close_line, "\"event\":\"close\""));
    ck_assert_ptr_nonnull(strstr(close_line, "\"bytes_in\":4,\"bytes_out\":4"));
    ck_assert_ptr_nonnull(strstr(close_line, "\"end\":\"done\""));
    ck_assert_ptr_nonnull(strstr(close_line, "\"host\":\"origin.test\""));
    ck_assert_ptr_nonnull(strstr(close_line, "\"dst\":\"127.0.0.1\""));
}
END_TEST

START_TEST(a_client_on_a_socketpair)
{
    int client = rig_connect_pair();
    rig_clear();
    rig_send_connect(client, "127.0.0.1", 0);
    rig_expect(client, "HTTP/1.1 200 ");
    int origin = rig_accept();
    ck_assert_ptr_eq(first_conn()->phase, &PHASE_TUNNEL);
    ck_assert_ptr_null(first_conn()->txn); /* a tunnel needs nothing of the request */
    ck_assert_uint_eq(rig.worker->pin->users, 1);
    close(client);
    rig_expect_end(origin, true);
    close(origin);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"client\":\"192.0.2.1\""));
}
END_TEST

START_TEST(a_head_in_pieces_of_every_size)
{
    char head[256];
    int len = snprintf(head, sizeof(head), "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n\r\n",
                       (unsigned)rig.origin_port);
    for (int piece = 1; piece < len; piece += piece < 8 ? 1 : 13) {
        int client = rig_connect();
        for (int at = 0; at < len; at += piece) {
            int size = len - at < piece ? len - at : piece;
            rig_send(client, (struct str){head + at, (size_t)size});
            for (unsigned i = 0; i < 3; i++)
                rig_turn();
        }
        rig_clear();
        rig_expect(client, "HTTP/1.1 200 ");
        close(client);
        close(rig_accept());
        rig_wait_conns(0);
    }
}
END_TEST

/* A head of nearly the limit, padded with fields. */
START_TEST(a_long_head_in_pieces)
{
    char field[1100];
    int client = rig_connect();
    rig_clear();
    memset(field, 'a', sizeof(field));
    memcpy(field, "X-Long: ", 8);
    memcpy(field + sizeof(field) - 2, "\r\n", 2);
    char first[64];
    int len = snprintf(first, sizeof(first), "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n",
                       (unsigned)rig.origin_port);
    rig_send(client, (struct str){first, (size_t)len});
    for (unsigned i = 0; i < 50; i++) {
        rig_turn();
        rig_send(client, (struct str){field, sizeof(field)});
    }
    rig_turn();
    ck_assert_ptr_eq(first_conn()->phase, &PHASE_REQUEST);
    rig_send(client, STR_LIT("\r\n"));
    rig_expect(client, "HTTP/1.1 200 ");
    close(client);
    close(rig_accept());
}
END_TEST

START_TEST(bytes_behind_the_head_go_first)
{
    int client = rig_connect();
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n\r\nearly bird",
                       (unsigned)rig.origin_port);
    rig_send(client, (struct str){text, (size_t)len});
    rig_send(client, STR_LIT(" and worm"));
    int origin = rig_accept();
    rig_clear();
    rig_expect(origin, "early bird and worm");
    ck_assert_str_eq(rig.text, "early bird and worm");
    ck_assert_ptr_null(first_conn()->early);
    close(client);
    rig_expect_end(origin, true);
    close(origin);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"bytes_in\":19,\"bytes_out\":0"));
}
END_TEST

START_TEST(many_tunnels_at_once)
{
    enum { TUNNELS = 60 };
    int clients[TUNNELS], origins[TUNNELS];
    for (unsigned i = 0; i < TUNNELS; i++) {
        clients[i] = rig_connect();
        rig_send_connect(clients[i], "origin.test", 0);
        origins[i] = rig_accept();
        rig_clear();
        rig_expect(clients[i], "\r\n\r\n");
    }
    ck_assert_uint_eq(rig.worker->conn_count, TUNNELS);
    ck_assert_uint_eq(count_read(&rig.worker->counters.tunnels_open), TUNNELS);
    for (unsigned i = 0; i < TUNNELS; i++) {
        char text[16];
        snprintf(text, sizeof(text), "<%u>", i);
        rig_send(clients[i], str_of(text));
        rig_clear();
        rig_expect(origins[i], text);
        ck_assert_str_eq(rig.text, text);
    }
    for (unsigned i = 0; i < TUNNELS; i++)
        close(i % 2 ? clients[i] : origins[i]);
    for (unsigned i = 0; i < TUNNELS; i++) {
        rig_expect_end(i % 2 ? origins[i] : clients[i], true);
        close(i % 2 ? origins[i] : clients[i]);
    }
}
END_TEST

/* first.test is 127.0.0.2, where nobody listens, and 127.0.0.1. */
START_TEST(the_address_that_answers_is_logged)
{
    int client = rig_connect();
    rig_clear();
    rig_send_connect(client, "first.test", 0);
    rig_expect(client, "HTTP/1.1 200 ");
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"dst\":\"127.0.0.1\""));
    close(client);
    close(rig_accept());
}
END_TEST

static void reset(int fd)
{
    struct flow_end end = {.fd = fd};
    flow_reset(&end);
}

/* Opens a tunnel; both descriptors. */
static void open_tunnel(int *client, int *origin)
{
    *client = rig_connect();
    rig_clear();
    rig_send_connect(*client, "origin.test", 0);
    rig_expect(*client, "\r\n\r\n");
    *origin = rig_accept();
    for (unsigned i = 0; i < 3; i++)
        rig_turn();
    (void)rig_log();
}

START_TEST(a_reset_of_one_side_resets_the_other)
{
    int client, origin;
    open_tunnel(&client, &origin);
    reset(_i == 0 ? client : origin);
    rig_wait_conns(0);
    char byte;
    int other = _i == 0 ? origin : client;
    ck_assert_int_eq(recv(other, &byte, 1, 0), -1);
    close(other);
    ck_assert_ptr_nonnull(strstr(rig_log(), _i == 0 ? "\"end\":\"client_reset\""
                                                    : "\"end\":\"origin_reset\""));
}
END_TEST

/* A client resets while it has not read what the origin sent. */
START_TEST(a_reset_with_data_on_its_way_is_found)
{
    static char block[65536];
    int client, origin;
    open_tunnel(&client, &origin);
    for (unsigned idle = 0; idle < 50; idle++) {
        if (send(origin, block, sizeof(block), MSG_NOSIGNAL) > 0)
            idle = 0;
        rig_turn();
    }
    rig_send(client, STR_LIT("last words"));
    reset(client);
    for (unsigned i = 0; i < 10; i++)
        rig_turn();
    rig_pass_time(13000); /* a round of the wheel: the check-up of each connection */
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"end\":\"client_reset\""));
    close(origin);
}
END_TEST

START_TEST(an_idle_tunnel_is_ended)
{
    int client, origin;
    open_tunnel(&client, &origin);
    rig_pass_time(3590000); /* tunnel_idle is an hour */
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    rig_pass_time(3601000);
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"end\":\"tunnel_idle\""));
    close(client);
    close(origin);
}
END_TEST

START_TEST(each_side_ends_for_itself)
{
    int client, origin;
    open_tunnel(&client, &origin);
    int first = _i == 0 ? client : origin, second = _i == 0 ? origin : client;
    rig_send(first, STR_LIT("the last of it"));
    ck_assert_int_eq(shutdown(first, SHUT_WR), 0);
    rig_clear();
    rig_expect_end(second, false);
    ck_assert_str_eq(rig.text, "the last of it");
    for (unsigned i = 0; i < 5; i++) {
        rig_send(second, STR_LIT("more "));
        rig_clear();
        rig_expect(first, "more ");
    }
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    close(second);
    rig_clear();
    rig_expect_end(first, false);
    close(first);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"end\":\"done\""));
}
END_TEST

Suite *connect_suite(void)
{
    Suite *suite = suite_create("connect");
    TCase *tc = tcase_create("connect");
    tcase_add_checked_fixture(tc, set_up, rig_stop);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_tunnel_from_the_first_byte_to_the_last);
    tcase_add_test(tc, a_client_on_a_socketpair);
    tcase_add_test(tc, a_head_in_pieces_of_every_size);
    tcase_add_test(tc, a_long_head_in_pieces);
    tcase_add_test(tc, bytes_behind_the_head_go_first);
    tcase_add_test(tc, many_tunnels_at_once);
    tcase_add_test(tc, the_address_that_answers_is_logged);
    tcase_add_loop_test(tc, a_reset_of_one_side_resets_the_other, 0, 2);
    tcase_add_test(tc, a_reset_with_data_on_its_way_is_found);
    tcase_add_test(tc, an_idle_tunnel_is_ended);
    tcase_add_loop_test(tc, each_side_ends_for_itself, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
