/* SPDX-License-Identifier: MIT */
/*
 * test_memory.c - memory runs out at every place of a whole request: never a
 * crash, a leak, a lost descriptor or a hang, and the next client is served.
 */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "tests/unit/core/rig.h"
#include "util/clock.h"
#include "util/mem.h"

static const char POLICY[] =
    "guard = { deny_private = false; };\n"
    "destinations = {\n"
    "  no = { domains = [ \"denied.test\" ]; };\n"
    "  all = { domains = [ \"*\" ]; };\n"
    "};\n"
    "rules = (\n"
    "  { name = \"no\"; to = [ \"no\" ]; action = \"deny\"; },\n"
    "  { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ]; action = \"allow\"; }\n"
    ");\n";

/* What a request is made of. */
struct scene {
    const char *host; /* NULL: a plain GET */
    bool is_in_pieces, has_early, is_flooded;
    const char *status; /* of the answer with enough memory */
    unsigned least;     /* allocations that it has at least */
};

static const struct scene SCENES[] = {
    {"origin.test", false, false, false, "200", 6},
    {"127.0.0.1", false, true, false, "200", 7},
    {"origin.test", true, true, false, "200", 8},
    {"origin.test", false, false, true, "200", 7},
    {"first.test", false, false, false, "200", 6},
    {"nobody.test", false, false, false, "502", 5},
    {"denied.test", false, false, false, "403", 3},
    {"denied.test", true, true, false, "403", 5},
    {NULL, false, false, false, "200", 8},
    {NULL, true, false, false, "200", 9},
};

static bool is_open; /* the client has not met its end yet */
static uint64_t until;

static void step(int client)
{
    if (clock_usec() > until)
        ck_abort_msg("hangs: '%s'", rig.text);
    rig_turn();
    is_open = is_open && rig_read(client);
}

/* The client may be cut off at any time. */
static void send_some(int client, const char *bytes, size_t len)
{
    (void)!send(client, bytes, len, MSG_NOSIGNAL);
}

static void send_head(int client, const struct scene *s)
{
    char text[256];
    int len = s->host == NULL
                  ? snprintf(text, sizeof(text),
                             "GET http://origin.test:%u/path HTTP/1.1\r\n"
                             "Host: origin.test:%u\r\n\r\n",
                             (unsigned)rig.origin_port, (unsigned)rig.origin_port)
                  : snprintf(text, sizeof(text), "CONNECT %s:%u HTTP/1.1\r\nHost: x\r\n\r\n%s",
                             s->host, (unsigned)rig.origin_port, s->has_early ? "early" : "");
    size_t at = 0, end = (size_t)len;
    if (s->is_in_pieces) {
        char padding[2000];
        send_some(client, text, 10);
        step(client);
        /* A field in between makes it outgrow its first piece of memory. */
        memset(padding, 'x', sizeof(padding));
        at = strcspn(text, "\n") + 1;
        send_some(client, text + 10, at - 10);
        send_some(client, "X: ", 3);
        send_some(client, padding, sizeof(padding));
        step(client);
        send_some(client, "\r\n", 2);
        step(client);
    }
    send_some(client, text + at, end - at);
}

static int accept_or_end(int client)
{
    int fd;
    while ((fd = accept4(rig.origin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0 && is_open)
        step(client);
    return fd;
}

/* More than the client's socket takes: the rest waits in the relay. */
static void flood(int origin)
{
    static char block[65536];
    for (unsigned idle = 0; idle < 10; idle++) {
        if (send(origin, block, sizeof(block), MSG_NOSIGNAL) > 0)
            idle = 0;
        rig_turn();
        if (rig.worker->conn_count == 0)
            return;
    }
}

static void use_tunnel(int client, const struct scene *s)
{
    char bytes[64];
    int origin = accept_or_end(client);
    if (origin < 0)
        return;
    send_some(client, "ping", 4);
    const char *want = s->has_early ? "earlyping" : "ping";
    size_t len = 0;
    bool is_origin_open = true;
    while (is_origin_open && len < strlen(want)) {
        step(client);
        ssize_t got = recv(origin, bytes + len, sizeof(bytes) - len, 0);
        is_origin_open = got > 0 || (got < 0 && errno == EAGAIN);
        len += got > 0 ? (size_t)got : 0;
    }
    MUST(len <= strlen(want) && memcmp(bytes, want, len) == 0);
    if (s->is_flooded)
        flood(origin);
    else
        send_some(origin, "pong", 4);
    while (is_open && !s->is_flooded && strstr(rig.text, "pong") == NULL)
        step(client);
    close(origin);
}

/* The origin gets the whole request and answers; the client gets that or its end. */
static void answer_plain(int client)
{
    static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    char bytes[4096];
    size_t len = 0;
    int origin = accept_or_end(client);
    bytes[0] = '\0';
    while (origin >= 0 && is_open && strstr(bytes, "\r\n\r\n") == NULL) {
        step(client);
        ssize_t got = recv(origin, bytes + len, sizeof(bytes) - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
        bytes[len] = '\0';
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
    }
    if (origin < 0)
        return;
    send_some(origin, ANSWER, sizeof(ANSWER) - 1);
    while (is_open && strstr(rig.text, "hello") == NULL && strstr(rig.text, "</html>") == NULL)
        step(client);
    close(origin); /* so it is not kept for the next request */
    while (pool_count(rig.worker->pin->pool) != 0)
        step(client);
}

/* One request from its first byte to its end. Returns its allocations. */
static unsigned long play(const struct scene *s, unsigned long nth, int repeat)
{
    unsigned fds = flow_open_fds();
    int client = rig_connect(), left;
    until = clock_usec() + 10000000;
    is_open = true;
    rig_clear();
    (void)mem_fail_at(nth, repeat);
    send_head(client, s);
    if (s->host == NULL)
        answer_plain(client);
    while (is_open && strstr(rig.text, "\r\n\r\n") == NULL)
        step(client);
    if (s->host != NULL && strncmp(rig.text, "HTTP/1.1 200", 12) == 0)
        use_tunnel(client, s);
    close(client);
    while (rig.worker->conn_count != 0) {
        if (clock_usec() > until)
            ck_abort_msg("a connection is left");
        rig_turn();
    }
    unsigned long seen = mem_fail_at(0, 0);
    while ((left = accept(rig.origin_fd, NULL, NULL)) >= 0)
        close(left); /* dialled in vain */
    rig_log();
    rig_check_idle(fds);
    return seen;
}

static void warm_up(const struct scene *s)
{
    char want[32];
    unsigned long asked = play(s, (unsigned long)-1, 0);
    snprintf(want, sizeof(want), "HTTP/1.1 %s ", s->status);
    ck_assert_msg(strncmp(rig.text, want, strlen(want)) == 0, "'%s'", rig.text);
    ck_assert_uint_ge(asked, s->least);
    rig_check_serves();
}

static void sweep(const struct scene *s, int repeat)
{
    unsigned long nth = 0, seen;
    warm_up(s);
    do {
        nth++;
        seen = play(s, nth, repeat);
        /* What was answered is an answer: never a success that is none. */
        MUST(rig.text_len == 0 || strncmp(rig.text, "HTTP/1.1 ", 9) == 0);
        rig_check_serves();
        rig_log();
    } while (seen >= nth);
    ck_assert_uint_gt(nth, s->least);
}

START_TEST(one_allocation_fails)
{
    rig_start(POLICY);
    sweep(&SCENES[_i], 0);
    rig_stop();
}
END_TEST

START_TEST(every_allocation_from_one_on_fails)
{
    rig_start(POLICY);
    sweep(&SCENES[_i], 1);
    rig_stop();
}
END_TEST

/* A new configuration without memory for it: the old one stays in force. */
START_TEST(a_configuration_that_does_not_fit_changes_nothing)
{
    rig_start(POLICY);
    unsigned long seen, nth = 0;
    do {
        struct config *config = rig_config(POLICY);
        struct config_pin *pin = rig.worker->pin;
        (void)mem_fail_at(++nth, 0);
        worker_use_config(rig.worker, config);
        seen = mem_fail_at(0, 0);
        ck_assert((rig.worker->pin == pin) == (seen >= nth));
        rig_check_serves();
        rig_log();
    } while (seen >= nth);
    ck_assert_uint_gt(nth, 2);
    rig_stop();
}
END_TEST

Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, one_allocation_fails, 0, ARRAY_LEN(SCENES));
    tcase_add_loop_test(tc, every_allocation_from_one_on_fails, 0, ARRAY_LEN(SCENES));
    tcase_add_test(tc, a_configuration_that_does_not_fit_changes_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
