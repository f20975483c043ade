/* SPDX-License-Identifier: MIT */
/* test_limits.c - limits, draining, descriptors that run out, a new configuration. */
#include "tests/unit/core/suites.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/listener.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/rig.h"

static const char TWO_TUNNELS[] =
    "guard = { deny_private = false; };\n"
    "destinations = { all = { domains = [ \"*\" ]; }; };\n"
    "rules = ( { name = \"two\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
    "            action = \"allow\"; } );\n"
    "limits = { tunnels_per_client = 2; };\n";

static const char NOTHING[] =
    "destinations = { all = { domains = [ \"*\" ]; }; };\n"
    "rules = ( { name = \"closed\"; to = [ \"all\" ]; action = \"deny\"; } );\n";

static int open_tunnel(void)
{
    int client = rig_connect();
    rig_clear();
    rig_send_connect(client, "origin.test", 0);
    rig_expect(client, "HTTP/1.1 200 ");
    close(rig_accept());
    return client;
}

static void expect_answer(int client, const char *status, const char *token)
{
    char want[64];
    rig_clear();
    rig_expect_end(client, false);
    ck_assert_ptr_nonnull(strstr(rig.text, status));
    ck_assert_ptr_nonnull(strstr(rig.text, "connection_limit_reached"));
    ck_assert_ptr_nonnull(strstr(rig.text, "Retry-After: "));
    snprintf(want, sizeof(want), "\"end\":\"%s\"", token);
    ck_assert_ptr_nonnull(strstr(rig_log(), want));
    close(client);
}

START_TEST(tunnels_of_a_client_are_limited)
{
    rig_start(TWO_TUNNELS);
    int first = open_tunnel(), second = open_tunnel();
    int third = rig_connect();
    rig_send_connect(third, "origin.test", 0);
    expect_answer(third, "HTTP/1.1 503 ", "client_limit");
    int other = rig_connect_pair(); /* another address has its own */
    rig_clear();
    rig_send_connect(other, "origin.test", 0);
    rig_expect(other, "HTTP/1.1 200 ");
    close(rig_accept());
    close(other);
    close(first);
    rig_wait_conns(1);
    close(open_tunnel());
    close(second);
    rig_wait_conns(0);
    rig_stop();
}
END_TEST

START_TEST(tunnels_of_all_are_limited)
{
    rig_start(NULL);
    rig.shared.tunnels_max = 1;
    int first = open_tunnel(), second = rig_connect();
    rig_send_connect(second, "origin.test", 0);
    expect_answer(second, "HTTP/1.1 503 ", "no_descriptors");
    close(first);
    rig_wait_conns(0);
    rig_check_serves();
    rig_stop();
}
END_TEST

/* Not even for an answer. The client waits and is served after the pause. */
START_TEST(without_any_descriptor_accepting_pauses)
{
    struct rlimit old, none;
    rig_start(NULL);
    rig_check_serves();
    int client = rig_connect();
    rig_send_connect(client, "origin.test", 0);
    unsigned fds = flow_open_fds();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){1, old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 0; i < 20; i++)
        rig_turn();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.accept_pauses), 1);
    rig_clear();
    rig_expect(client, "HTTP/1.1 200 ");
    close(rig_accept());
    close(client);
    rig_wait_conns(0);
    ck_assert_uint_le(flow_open_fds(), fds);
    rig_check_serves();
    rig_stop();
}
END_TEST

/* The spare descriptor is the last one below the limit. */
START_TEST(the_spare_descriptor_carries_the_answer)
{
    struct rlimit old, tight;
    rig_start(NULL);
    int client = rig_connect();
    rig_send_connect(client, "origin.test", 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    int filler[64], count = 0;
    while (count < 64 && (filler[count] = dup(0)) >= 0 && filler[count] < 60)
        count++;
    tight = (struct rlimit){(rlim_t)filler[count], old.rlim_max};
    close(filler[count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    rig_clear();
    rig_expect_end(client, true);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_ptr_nonnull(strstr(rig.text, "HTTP/1.1 503 "));
    ck_assert_ptr_nonnull(strstr(rig.text, "connection_limit_reached"));
    ck_assert_int_ge(rig.worker->spare_fd, 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.ends[END_NO_DESCRIPTORS]), 1);
    ck_assert_uint_le(count_read(&rig.worker->counters.accept_pauses), 2);
    while (count > 0)
        close(filler[--count]);
    close(client);
    rig_check_serves();
    rig_stop();
}
END_TEST

START_TEST(a_drain_ends_what_waits_and_refuses_what_comes)
{
    rig_start(NULL);
    int tunnel = open_tunnel(), quiet = rig_connect(), busy = rig_connect();
    rig_wait_conns(3);
    rig_send(busy, STR_LIT("CONNECT origin.test:443 HTTP/1.1\r\n"));
    for (unsigned i = 0; i < 5; i++)
        rig_turn();
    (void)rig_log();
    worker_drain(rig.worker);
    rig_clear();
    rig_expect_end(quiet, false); /* no request: nothing to answer */
    ck_assert_str_eq(rig.text, "");
    close(quiet);
    rig_send(busy, STR_LIT("Host: x\r\n\r\n"));
    expect_answer(busy, "HTTP/1.1 503 ", "draining");
    rig_wait_conns(1);
    ck_assert(list_is_empty(&rig.worker->listeners));
    close(tunnel);
    rig_wait_conns(0);
    rig_stop();
}
END_TEST

START_TEST(listeners_come_and_go)
{
    struct err e;
    rig_start(NULL);
    struct endpoint at = rig.at;
    at.port = 0;
    int fd = listener_bind(&at, &e);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_ne(at.port, 0);
    ck_assert(listener_is_taken(&at));
    ck_assert_int_eq(listener_add(rig.worker, 8, fd), 0);
    struct endpoint first = rig.at;
    rig.at = at;
    rig_check_serves();
    listener_remove(rig.worker, 8);
    ck_assert(!listener_is_taken(&at));
    listener_remove(rig.worker, 8); /* harmless */
    rig.at = first;
    rig_check_serves();
    rig_stop();
}
END_TEST

/* A request goes on with the configuration it began with; the old one is freed
 * with its last request. */
START_TEST(a_request_keeps_its_configuration)
{
    rig_start(NULL);
    struct config_pin *old = rig.worker->pin;
    struct config *config = config_ref(old->config);
    int client = rig_connect(), tunnel = open_tunnel();
    rig_wait_conns(2);
    worker_use_config(rig.worker, rig_config(NOTHING));
    ck_assert_ptr_ne(rig.worker->pin, old);
    ck_assert_uint_eq(atomic_load(&config->refs), 1); /* a tunnel holds none */
    config_unref(config);
    rig_send_connect(client, "origin.test", 0);
    rig_clear();
    rig_expect_end(client, false);
    ck_assert_ptr_nonnull(strstr(rig.text, "HTTP/1.1 403 "));
    close(client);
    rig_wait_conns(1); /* the tunnel lives on */
    close(tunnel);
    rig_wait_conns(0);
    rig_stop();
}
END_TEST

START_TEST(an_old_configuration_lives_as_long_as_its_request)
{
    rig_start(NULL);
    struct config *config = config_ref(rig.worker->pin->config);
    struct endpoint from = {.port = 1};
    struct txn *t = txn_new(rig.worker, &from);
    worker_use_config(rig.worker, rig_config(NOTHING));
    ck_assert_uint_eq(atomic_load(&config->refs), 2);
    ck_assert_ptr_eq(t->pin->config, config);
    txn_free(t);
    ck_assert_uint_eq(atomic_load(&config->refs), 1);
    config_unref(config);
    rig_stop();
}
END_TEST

Suite *limits_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, tunnels_of_a_client_are_limited);
    tcase_add_test(tc, tunnels_of_all_are_limited);
    tcase_add_test(tc, without_any_descriptor_accepting_pauses);
    tcase_add_test(tc, the_spare_descriptor_carries_the_answer);
    tcase_add_test(tc, a_drain_ends_what_waits_and_refuses_what_comes);
    tcase_add_test(tc, listeners_come_and_go);
    tcase_add_test(tc, a_request_keeps_its_configuration);
    tcase_add_test(tc, an_old_configuration_lives_as_long_as_its_request);
    suite_add_tcase(suite, tc);
    return suite;
}
