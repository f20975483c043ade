/* SPDX-License-Identifier: MIT */
/* test_failures.c - each way in which a request fails: its answer, its log line. */
#include "tests/unit/core/suites.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/rig.h"

/* denied.test is denied; only 127.0.0.1 and .2 may be dialled; the proxy itself is
 * 127.0.0.1:3128. */
static const char POLICY[] =
    "guard = { allow = [ \"127.0.0.1/32\", \"127.0.0.2/32\" ]; };\n"
    "destinations = {\n"
    "  no = { domains = [ \"denied.test\" ]; };\n"
    "  all = { domains = [ \"*\" ]; addresses = [ \"0.0.0.0/0\", \"::/0\" ]; };\n"
    "};\n"
    "rules = (\n"
    "  { name = \"not there\"; to = [ \"no\" ]; action = \"deny\"; },\n"
    "  { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ]; action = \"allow\"; }\n"
    ");\n"
    "limits = { header_bytes = \"2KiB\"; };\n";

static int udp_fd; /* the resolver */
static struct event *udp_event;
static int udp_code; /* of its answers; -1: none */

/* Gives the question back with a code and no records (RFC 1035 section 4.1.1). */
static void on_question(evutil_socket_t fd, short what, void *arg)
{
    unsigned char bytes[512];
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    (void)what;
    (void)arg;
    ssize_t got = recvfrom((int)fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&sa, &len);
    if (got < 12 || udp_code < 0)
        return;
    bytes[2] |= 0x80;
    bytes[3] = (unsigned char)(0x80 | udp_code);
    sendto((int)fd, bytes, (size_t)got, 0, (struct sockaddr *)&sa, len);
}

static void set_up(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    char text[2048];
    udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(udp_fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(getsockname(udp_fd, (struct sockaddr *)&sa, &len), 0);
    snprintf(text, sizeof(text),
             "%sdns = { hosts = \"hosts\"; servers = [ \"127.0.0.1:%u\" ]; timeout = \"2s\"; };\n",
             POLICY, (unsigned)ntohs(sa.sin_port));
    rig_start(text);
    udp_event = event_new(rig.worker->base, udp_fd, EV_READ | EV_PERSIST, on_question, NULL);
    ck_assert_int_eq(event_add(udp_event, NULL), 0);
}

static void tear_down(void)
{
    event_free(udp_event);
    rig_stop();
    close(udp_fd);
}

/* The client gets that answer and then the end; the log and the counters say why. */
static void expect_failure(int client, enum end_reason end)
{
    const struct end_row *row = end_row(end);
    char want[128];
    rig_clear();
    rig_expect_end(client, false);
    snprintf(want, sizeof(want), "HTTP/1.1 %u ", row->status);
    ck_assert_msg(strncmp(rig.text, want, strlen(want)) == 0, "'%s'", rig.text);
    snprintf(want, sizeof(want), "Proxy-Status: sallyport; error=%s", row->error);
    ck_assert_msg(strstr(rig.text, want) != NULL, "'%s'", rig.text);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[end]), 1);
    close(client);
    rig_wait_conns(0);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 1);
    snprintf(want, sizeof(want), "\"end\":\"%s\"", row->token);
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), want));
    snprintf(want, sizeof(want), "\"status\":%u,\"error\":\"%s\"", row->status, row->error);
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), want));
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), "\"event\":\"request\""));
}

/* The client is gone: nothing to answer, one line. */
static void expect_silent_end(const char *token)
{
    char want[64];
    rig_wait_conns(0);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 1);
    snprintf(want, sizeof(want), "\"end\":\"%s\"", token);
    ck_assert_ptr_nonnull(strstr(rig_log_line(0), want));
    ck_assert_ptr_null(strstr(rig_log_line(0), "\"status\""));
}

static const char *const MALFORMED[] = {
    "CONNECT origin.test HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT origin.test:0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT origin.test:65536 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT http://origin.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT user@origin.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT origin.test:443\r\n\r\n",
    "\x16\x03\x01\x02\x01\x01\x01\r\n\r\n",
    "CONNECT origin.test:443 HTTP/1.1\r\nHost : x\r\n\r\n",
};

START_TEST(malformed_requests)
{
    int client = rig_connect();
    rig_send(client, str_of(MALFORMED[_i]));
    expect_failure(client, END_BAD_REQUEST);
    ck_assert_int_eq(accept(rig.origin_fd, NULL, NULL), -1); /* nothing was dialled */
}
END_TEST

START_TEST(a_head_too_large)
{
    char field[3000];
    int client = rig_connect();
    memset(field, 'a', sizeof(field));
    rig_send(client, STR_LIT("CONNECT origin.test:443 HTTP/1.1\r\nX: "));
    if (_i == 1)
        rig_turn();
    rig_send(client, (struct str){field, sizeof(field)});
    expect_failure(client, END_HEADER_TOO_LARGE);
}
END_TEST

START_TEST(a_head_too_late)
{
    int client = rig_connect();
    rig_send(client, STR_LIT("CONNECT origin.test:443 HTTP/1.1\r\n"));
    rig_wait_conns(1);
    rig_turn();
    rig_pass_time(14000);
    rig_send(client, STR_LIT("X: more\r\n")); /* a byte now and then does not help */
    rig_turn();
    rig_pass_time(15100);
    expect_failure(client, END_HEADER_TIMEOUT);
}
END_TEST

START_TEST(denied_by_policy)
{
    int client = rig_connect();
    rig_send_connect(client, "denied.test", 0);
    expect_failure(client, END_DENIED);
    ck_assert_ptr_nonnull(strstr(rig.log, "\"verdict\":\"deny\",\"rule\":\"not there\""));
    ck_assert_uint_eq(count_read(&rig.worker->counters.requests[COUNT_DENY][COUNT_CONNECT]), 1);
}
END_TEST

START_TEST(forbidden_by_the_guard)
{
    static const char *const TARGETS[] = {"127.0.0.3", "10.0.0.1", "[::1]", "169.254.169.254"};
    int client = rig_connect();
    rig_send_connect(client, TARGETS[_i], 0);
    expect_failure(client, END_ADDRESS_FORBIDDEN);
    ck_assert_ptr_nonnull(strstr(rig.log, "\"verdict\":\"deny\""));
}
END_TEST

START_TEST(a_loop)
{
    int client = rig_connect();
    rig_send_connect(client, "127.0.0.1", 3128);
    expect_failure(client, END_LOOP);
}
END_TEST

START_TEST(refused_by_the_origin)
{
    int client = rig_connect();
    rig_send_connect(client, "nobody.test", 0);
    expect_failure(client, END_REFUSED);
}
END_TEST

START_TEST(an_origin_that_says_nothing)
{
    struct endpoint at = {.port = 0};
    struct sockaddr_storage sa;
    int fillers[3];
    ck_assert_int_eq(addr_parse(&at.addr, STR_LIT("127.0.0.2")), 0);
    socklen_t len = addr_to_sockaddr(&at, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    ck_assert_int_eq(addr_from_sockaddr(&at, (struct sockaddr *)&sa), 0);
    for (unsigned i = 0; i < 3; i++) { /* its queue is full */
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&sa, len);
        usleep(2000);
    }
    int client = rig_connect();
    rig_send_connect(client, "127.0.0.2", at.port);
    rig_wait_conns(1);
    for (unsigned i = 0; i < 5; i++)
        rig_turn();
    rig_pass_time(9000);
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    rig_pass_time(10100); /* connect_timeout is 10 s */
    expect_failure(client, END_CONNECT_TIMEOUT);
    for (unsigned i = 0; i < 3; i++)
        close(fillers[i]);
    close(fd);
}
END_TEST

START_TEST(names_that_do_not_resolve)
{
    static const struct {
        int code; /* RFC 1035 section 4.1.1 */
        enum end_reason end;
    } CASES[] = {{3, END_NO_SUCH_HOST}, {2, END_DNS_FAILED}, {5, END_DNS_FAILED},
                 {-1, END_DNS_TIMEOUT}};
    int client = rig_connect();
    udp_code = CASES[_i].code;
    rig_send_connect(client, "unknown.test", 0);
    expect_failure(client, CASES[_i].end);
}
END_TEST

START_TEST(a_name_that_takes_longer_than_the_deadline)
{
    int client = rig_connect();
    udp_code = -1;
    rig_send_connect(client, "unknown.test", 0);
    rig_wait_conns(1);
    rig_turn();
    rig_pass_time(10100);
    expect_failure(client, END_DNS_TIMEOUT);
}
END_TEST

/* RFC 9112 section 6.1: a coding that is not known gets 501. */
START_TEST(a_plain_request_in_an_unknown_coding)
{
    char text[256];
    int client = rig_connect();
    snprintf(text, sizeof(text),
             "POST http://origin.test:%u/a?secret=1 HTTP/1.1\r\nHost: origin.test:%u\r\n"
             "Transfer-Encoding: strange, chunked\r\n\r\n",
             (unsigned)rig.origin_port, (unsigned)rig.origin_port);
    rig_send(client, str_of(text));
    expect_failure(client, END_UNKNOWN_CODING);
    ck_assert_ptr_null(strstr(rig.log, "secret"));
    ck_assert_ptr_null(strstr(rig.text, "secret"));
    ck_assert_uint_eq(
        count_read(&rig.worker->counters.requests[COUNT_ERROR][COUNT_OTHER_METHOD]), 1);
}
END_TEST

START_TEST(a_client_that_goes_without_a_request)
{
    int client = rig_connect();
    rig_wait_conns(1);
    close(client);
    rig_wait_conns(0);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_CLIENT_IDLE]), 1);
    client = rig_connect();
    rig_wait_conns(1);
    rig_pass_time(15100); /* and one that never asks */
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_CLIENT_IDLE]), 2);
    close(client);
}
END_TEST

START_TEST(a_client_that_goes_within_its_request)
{
    struct flow_end client = {.fd = rig_connect()};
    rig_send(client.fd, STR_LIT("CONNECT origin"));
    rig_wait_conns(1);
    rig_turn();
    if (_i == 0) {
        close(client.fd);
        expect_silent_end("client_gone");
    } else {
        flow_reset(&client);
        expect_silent_end("client_reset");
    }
}
END_TEST

START_TEST(a_client_that_resets_while_dialling)
{
    struct flow_end client = {.fd = rig_connect()};
    udp_code = -1;
    rig_send_connect(client.fd, "unknown.test", 0);
    rig_wait_conns(1);
    for (unsigned i = 0; i < 5; i++)
        rig_turn();
    flow_reset(&client);
    expect_silent_end("client_reset");
}
END_TEST

/* A client that does not take its answer is let go after a while. */
START_TEST(a_client_that_lingers)
{
    int client = rig_connect();
    rig_send_connect(client, "denied.test", 0);
    rig_clear();
    rig_expect(client, "HTTP/1.1 403 ");
    rig_turn();
    ck_assert_uint_eq(rig.worker->conn_count, 1); /* what it still sends is read */
    rig_send(client, STR_LIT("more that nobody wants"));
    rig_turn();
    rig_pass_time(5000);
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    close(client);
}
END_TEST

Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures");
    TCase *tc = tcase_create("failures");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, malformed_requests, 0, ARRAY_LEN(MALFORMED));
    tcase_add_loop_test(tc, a_head_too_large, 0, 2);
    tcase_add_test(tc, a_head_too_late);
    tcase_add_test(tc, denied_by_policy);
    tcase_add_loop_test(tc, forbidden_by_the_guard, 0, 4);
    tcase_add_test(tc, a_loop);
    tcase_add_test(tc, refused_by_the_origin);
    tcase_add_test(tc, an_origin_that_says_nothing);
    tcase_add_loop_test(tc, names_that_do_not_resolve, 0, 4);
    tcase_add_test(tc, a_name_that_takes_longer_than_the_deadline);
    tcase_add_test(tc, a_plain_request_in_an_unknown_coding);
    tcase_add_test(tc, a_client_that_goes_without_a_request);
    tcase_add_loop_test(tc, a_client_that_goes_within_its_request, 0, 2);
    tcase_add_test(tc, a_client_that_resets_while_dialling);
    tcase_add_test(tc, a_client_that_lingers);
    suite_add_tcase(suite, tc);
    return suite;
}
