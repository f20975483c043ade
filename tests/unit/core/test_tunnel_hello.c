/* SPDX-License-Identifier: MIT */
/* test_tunnel_hello.c - the name in a hello that passes through a tunnel, in its log line. */
#include "tests/unit/core/suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/hello.h"
#include "proxy/phase/tunnel_hello.h"
#include "tests/unit/certs/hello_maker.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/rig.h"
#include "util/mem.h"

#define NEVER 1000000 /* allocations are counted, and none fails */

static struct maker m;
static int client, origin;

static void set_up(void)
{
    rig_start(NULL);
}

static struct str make_hello(const char *name, size_t padding, size_t record)
{
    static char zeros[70000];
    maker_start(&m);
    maker_server_name(&m, str_of(name));
    maker_extension(&m, 21, (struct str){zeros, padding});
    return maker_finish(&m, record);
}

static void open_tunnel(void)
{
    client = rig_connect();
    rig_clear();
    rig_send_connect(client, "origin.test", 0);
    rig_expect(client, "HTTP/1.1 200 ");
    origin = rig_accept();
}

/* Sends, and waits until the origin has these bytes and no others. */
static void pass(struct str bytes)
{
    static char got[MAKER_BYTES];
    size_t len = 0;
    rig_send(client, bytes);
    for (unsigned i = 0; i < 100000 && len < bytes.len; i++) {
        rig_turn();
        ssize_t n = recv(origin, got + len, sizeof(got) - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_eq(len, bytes.len);
    ck_assert_mem_eq(got, bytes.ptr, bytes.len);
}

static void pass_pieces(struct str bytes, size_t size)
{
    while (bytes.len != 0) {
        size_t some = bytes.len < size ? bytes.len : size;
        pass((struct str){bytes.ptr, some});
        bytes.ptr += some;
        bytes.len -= some;
    }
}

/* Ends the tunnel; its close line has `"sni":"name"`, or none where that is NULL. */
static void check_end(const char *name)
{
    char want[300];
    close(client);
    close(origin);
    rig_wait_conns(0);
    rig_log();
    ck_assert_uint_eq(rig_log_lines(), 2);
    ck_assert_ptr_null(strstr(rig_log_line(0), "\"sni\""));
    const char *line = rig_log_line(1), *found = strstr(line, "\"sni\"");
    if (name == NULL) {
        ck_assert_msg(found == NULL, "%s", line);
        return;
    }
    snprintf(want, sizeof(want), "\"sni\":\"%s\",", name);
    ck_assert_msg(found != NULL && strncmp(found, want, strlen(want)) == 0, "%s", line);
}

START_TEST(a_hello_in_pieces_and_records)
{
    static const size_t SIZES[] = {1, 3, 100, 65536};
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++)
        for (size_t record = 1; record <= 16384; record *= 128) {
            open_tunnel();
            pass_pieces(make_hello("Some.Name", 500, record), SIZES[i]);
            pass(STR_LIT("more"));
            check_end("some.name");
        }
}
END_TEST

START_TEST(a_hello_behind_the_connect)
{
    static char head[4096];
    for (size_t cut = 1; cut < 78; cut += 19) {
        struct str hello = make_hello("early.test", 5, 16384);
        client = rig_connect();
        rig_clear();
        int len = snprintf(head, sizeof(head),
                           "CONNECT origin.test:%u HTTP/1.1\r\nHost: x\r\n\r\n",
                           (unsigned)rig.origin_port);
        memcpy(head + len, hello.ptr, cut);
        rig_send(client, (struct str){head, (size_t)len + cut});
        rig_expect(client, "HTTP/1.1 200 ");
        origin = rig_accept();
        for (unsigned i = 0; i < 10; i++)
            rig_turn();
        ck_assert_int_eq(recv(origin, head, sizeof(head), 0), (ssize_t)cut);
        pass((struct str){hello.ptr + cut, hello.len - cut});
        check_end("early.test");
    }
}
END_TEST

START_TEST(as_large_as_can_be)
{
    /* What comes in front of the padding is 70 bytes. */
    open_tunnel();
    struct str bytes = make_hello("large.test", HELLO_MAX - 20 - 70, 16384);
    ck_assert_uint_eq(bytes.len, HELLO_MAX);
    pass_pieces(bytes, 1000);
    check_end("large.test");
    open_tunnel();
    bytes = make_hello("large.test", HELLO_MAX - 20 - 70 + 1, 16384);
    pass_pieces(bytes, 1000);
    pass(make_hello("second.test", 5, 16384));
    check_end(NULL);
}
END_TEST

START_TEST(no_name_and_no_tls)
{
    open_tunnel();
    pass(STR_LIT("not TLS"));
    pass(make_hello("second.test", 5, 16384)); /* of a protocol that changes over to TLS */
    check_end(NULL);
    open_tunnel();
    pass(make_hello("a\"b\n", 5, 16384));
    check_end(NULL);
    open_tunnel();
    maker_start(&m);
    pass(maker_finish(&m, 16384));
    check_end(NULL);
}
END_TEST

/* Ten seconds are over: nothing is kept any more, and the tunnel goes on. */
START_TEST(a_hello_that_does_not_get_on)
{
    struct str bytes = make_hello("slow.test", 50, 16384);
    open_tunnel();
    pass((struct str){bytes.ptr, 40});
    rig_pass_time(TUNNEL_HELLO_MS - 500);
    pass((struct str){bytes.ptr + 40, bytes.len - 40});
    check_end("slow.test");
    open_tunnel();
    pass((struct str){bytes.ptr, 40});
    rig_pass_time(TUNNEL_HELLO_MS + 200);
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    pass((struct str){bytes.ptr + 40, bytes.len - 40});
    check_end(NULL);
    /* And it is closed when it is idle, not before. */
    open_tunnel();
    pass((struct str){bytes.ptr, 40});
    rig_pass_time(TUNNEL_HELLO_MS + 400);
    rig_pass_time(3590000);
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    rig_pass_time(3602000);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"end\":\"tunnel_idle\""));
    close(client);
    close(origin);
}
END_TEST

/* A hello that is whole leaves the deadline as it would be without it. */
START_TEST(a_hello_in_pieces_is_not_idle)
{
    struct str bytes = make_hello("slow.test", 50, 16384);
    open_tunnel();
    pass((struct str){bytes.ptr, 40});
    pass((struct str){bytes.ptr + 40, bytes.len - 40});
    rig_pass_time(TUNNEL_HELLO_MS + 400);
    rig_pass_time(3590000);
    ck_assert_uint_eq(rig.worker->conn_count, 1);
    rig_pass_time(3602000);
    rig_wait_conns(0);
    ck_assert_ptr_nonnull(strstr(rig_log(), "\"sni\":\"slow.test\""));
    close(client);
    close(origin);
}
END_TEST

/* Memory runs out at every place: the bytes pass all the same. */
START_TEST(without_memory_for_a_hello)
{
    unsigned with = 0, without = 0;
    for (unsigned long nth = 1; nth < 8; nth++) {
        struct str bytes = make_hello("lean.test", 4000, 16384);
        open_tunnel();
        (void)mem_fail_at(nth, 0);
        pass_pieces(bytes, 1500);
        (void)mem_fail_at(0, 0);
        close(client);
        close(origin);
        rig_wait_conns(0);
        bool has_name = strstr(rig_log(), "\"sni\":\"lean.test\"") != NULL;
        with += has_name;
        without += !has_name;
    }
    /* One block that grows twice, and the name. */
    ck_assert_uint_ge(without, 3);
    ck_assert_uint_ge(with, 1);
}
END_TEST

/* Squid's format has no place for it; so nothing is looked at. */
START_TEST(nothing_in_squids_format)
{
    rig_stop();
    rig_start("log = { access = \"-\"; format = \"squid\"; };\n"
              "guard = { deny_private = false; };\n"
              "destinations = { all = { domains = [ \"*\" ]; }; };\n"
              "rules = ( { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];"
              " action = \"allow\"; } );\n");
    open_tunnel();
    (void)mem_fail_at(NEVER, 0);
    pass_pieces(make_hello("squid.test", 500, 16384), 100);
    ck_assert_uint_eq(mem_fail_at(0, 0), 0);
    close(client);
    close(origin);
    rig_wait_conns(0);
    ck_assert_ptr_null(strstr(rig_log(), "squid.test"));
}
END_TEST

/* A hello that comes at once costs one allocation, that of its name. */
START_TEST(a_whole_hello_leaves_only_its_name)
{
    open_tunnel();
    struct str bytes = make_hello("whole.test", 1800, 16384);
    (void)mem_fail_at(NEVER, 0);
    rig_send(client, bytes);
    for (unsigned i = 0; i < 20; i++)
        rig_turn();
    ck_assert_uint_eq(mem_fail_at(0, 0), 1);
    check_end("whole.test");
}
END_TEST

START_TEST(what_is_kept)
{
    struct txn_tail tail = {.sni = NULL};
    struct hello_keeper *kept = NULL;
    struct str bytes = make_hello("kept.test", 100, 16384);
    ck_assert(tunnel_hello_see(&kept, &tail, (struct str){bytes.ptr, 60}));
    ck_assert_ptr_nonnull(kept);
    ck_assert(!tunnel_hello_see(&kept, &tail, (struct str){bytes.ptr + 60, bytes.len - 60}));
    ck_assert_ptr_null(kept);
    ck_assert_str_eq(tail.sni, "kept.test");
    mem_free(tail.sni);
    tail.sni = NULL;
    ck_assert(tunnel_hello_see(&kept, &tail, (struct str){bytes.ptr, 60}));
    ck_assert(!tunnel_hello_see(&kept, &tail, (struct str){bytes.ptr, bytes.len}));
    ck_assert_ptr_null(kept);
    ck_assert_ptr_null(tail.sni);
    ck_assert(tunnel_hello_see(&kept, &tail, (struct str){bytes.ptr, 60}));
    tunnel_hello_drop(&kept);
    ck_assert_ptr_null(kept);
    tunnel_hello_drop(&kept);
}
END_TEST

Suite *tunnel_hello_suite(void)
{
    Suite *suite = suite_create("tunnel_hello");
    TCase *tc = tcase_create("tunnel_hello");
    tcase_add_checked_fixture(tc, set_up, rig_stop);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_hello_in_pieces_and_records);
    tcase_add_test(tc, a_hello_behind_the_connect);
    tcase_add_test(tc, as_large_as_can_be);
    tcase_add_test(tc, no_name_and_no_tls);
    tcase_add_test(tc, a_hello_that_does_not_get_on);
    tcase_add_test(tc, a_hello_in_pieces_is_not_idle);
    tcase_add_test(tc, without_memory_for_a_hello);
    tcase_add_test(tc, nothing_in_squids_format);
    tcase_add_test(tc, a_whole_hello_leaves_only_its_name);
    tcase_add_test(tc, what_is_kept);
    suite_add_tcase(suite, tc);
    return suite;
}
