/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_memory.c - memory runs out at every place of an inspected connection, ours and
 * OpenSSL's: never a crash, a leak, a hang, a connection without an end, or a leaf for an
 * origin that has none coming; and the next one is served.
 */
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/mem.h"

/* What a connection is made of. */
struct scene {
    const char *host, *sni; /* sni NULL: no TLS of ours; the bytes are raw */
    bool is_new;            /* the origin's certificate, so the leaf is forged */
    bool is_expired;
    bool is_origin_first;
    bool is_dialled_again;  /* two requests, and the origin goes between them */
    const char *status;     /* of the last answer, with all memory */
    const char *request;    /* behind the line with Host */
    unsigned least;         /* allocations of ours that it has at least */
};

static const struct scene SCENES[] = {
    {"exempt.test", NULL, false, false, false, false, "", "", 8},
    {"loose.test", NULL, false, false, true, false, "", "", 8},
    {"origin.test", "origin.test", true, false, false, false, "200", "\r\n", 12},
    {"origin.test", "origin.test", false, false, false, false, "200",
     "Content-Length: 5\r\n\r\nhello", 12},
    {"origin.test", "origin.test", false, true, false, false, "502", "\r\n", 10},
    {"origin.test", "denied.test", false, false, false, false, "403", "\r\n", 10},
    {"origin.test", "origin.test", false, false, false, true, "200", "\r\n", 20},
};

static uint64_t until;
static bool is_client_open; /* it has not met its end yet */
static int origin_fd;       /* of a scene without TLS */

static void accept_origin(const struct scene *s)
{
    int fd = accept4(rig.origin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (s->sni == NULL) {
        MUST(origin_fd < 0);
        origin_fd = fd;
        return;
    }
    inspect_close(&inspect.origin);
    inspect_take_origin(fd);
}

/* The other end may have given up meanwhile, by an alert. */
static void say(struct inspect_end *end, const char *text)
{
    size_t len;
    if (SSL_write_ex(end->tls.ssl, text, strlen(text), &len) != 1)
        ERR_clear_error();
}

static void answer(void)
{
    const char *end = strstr(inspect.origin.text, "\r\n\r\n");
    if (inspect.origin.tls.fd < 0 || end == NULL)
        return;
    if (strncmp(inspect.origin.text, "POST", 4) == 0 && strstr(end, "hello") == NULL)
        return;
    inspect_clear(&inspect.origin);
    say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void step(const struct scene *s)
{
    if (clock_usec() > until)
        ck_abort_msg("hangs: '%s' '%s'", rig.text, inspect.client.text);
    inspect_turn();
    accept_origin(s);
    answer();
}

/* True where the tunnel is there. */
static bool open_tunnel(const struct scene *s, int fd)
{
    char text[128];
    rig_clear();
    int len = snprintf(text, sizeof(text), "CONNECT %s:%u HTTP/1.1\r\nHost: x\r\n\r\n", s->host,
                       (unsigned)rig.origin_port);
    (void)!send(fd, text, (size_t)len, MSG_NOSIGNAL);
    while (is_client_open && strstr(rig.text, "\r\n\r\n") == NULL) {
        step(s);
        is_client_open = rig_read(fd);
    }
    return strncmp(rig.text, "HTTP/1.1 200", 12) == 0;
}

static bool is_over(void)
{
    return inspect.client.has_failed || inspect.client.tls.is_fd_eof;
}

static void ask_inside(const struct scene *s)
{
    char text[256];
    snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: origin.test:%u\r\n%s",
             s->request[0] == 'C' ? "POST" : "GET", (unsigned)rig.origin_port, s->request);
    inspect_clear(&inspect.client);
    inspect_clear(&inspect.origin);
    say(&inspect.client, text);
    while (!is_over() && strstr(inspect.client.text, "\r\n\r\nok") == NULL)
        step(s);
}

static void use_tls(const struct scene *s, int fd)
{
    inspect_begin(fd, inspect.client_ctx, s->sni);
    while (!inspect.client.is_open && !is_over())
        step(s);
    if (!inspect.client.is_open)
        return;
    ask_inside(s);
    if (!s->is_dialled_again || is_over())
        return;
    inspect_close(&inspect.origin);
    ask_inside(s);
}

/* A hello in two pieces, or an origin's first word; and a word each way. */
static void use_raw(const struct scene *s, int fd)
{
    struct str hello = inspect_hello(s->host);
    char bytes[8192];
    size_t len = 0;
    rig_clear();
    if (!s->is_origin_first)
        (void)!send(fd, hello.ptr, 100, MSG_NOSIGNAL);
    for (unsigned i = 0; i < 3; i++)
        step(s);
    if (!s->is_origin_first)
        (void)!send(fd, hello.ptr + 100, hello.len - 100, MSG_NOSIGNAL);
    else if (origin_fd >= 0)
        (void)!send(origin_fd, "pong", 4, MSG_NOSIGNAL);
    while (is_client_open && !s->is_origin_first && len < hello.len) {
        step(s);
        is_client_open = rig_read(fd);
        ssize_t got = origin_fd < 0 ? 0 : recv(origin_fd, bytes + len, sizeof(bytes) - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    MUST(len <= hello.len && memcmp(bytes, hello.ptr, len) == 0);
    if (origin_fd >= 0 && !s->is_origin_first)
        (void)!send(origin_fd, "pong", 4, MSG_NOSIGNAL);
    while (is_client_open && strstr(rig.text, "pong") == NULL) {
        step(s);
        is_client_open = rig_read(fd);
    }
}

static uint64_t sum_of_ends(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < END_REASON_COUNT; i++)
        sum += inspect_count_end((enum end_reason)i);
    return sum;
}

static unsigned count_in_log(const char *text)
{
    unsigned count = 0;
    for (const char *at = rig.log; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void end_all(void)
{
    int fd;
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    if (origin_fd >= 0)
        close(origin_fd);
    while (rig.worker->conn_count != 0) {
        if (clock_usec() > until)
            ck_abort_msg("a connection is left");
        rig_turn();
    }
    while ((fd = accept(rig.origin_fd, NULL, NULL)) >= 0)
        close(fd); /* dialled in vain */
    for (unsigned i = 0; i < 3; i++)
        rig_turn(); /* a leaf that is not waited for any more */
}

static bool has_answer(const struct scene *s)
{
    if (s->sni == NULL)
        return strstr(rig.text, "pong") != NULL;
    return strncmp(inspect.client.text, "HTTP/1.1 ", 9) == 0 &&
           strncmp(inspect.client.text + 9, s->status, 3) == 0;
}

/* One connection from its first byte to its end. Returns the allocations. */
static unsigned long play(const struct scene *s, unsigned long nth, int repeat, bool of_openssl)
{
    uint64_t ends = sum_of_ends();
    int fd = rig_connect();
    until = clock_usec() + 30000000;
    is_client_open = true;
    origin_fd = -1;
    inspect_clear(&inspect.client);
    inspect.fails_openssl = of_openssl;
    (void)mem_fail_at(nth, repeat);
    bool has_tunnel = open_tunnel(s, fd);
    if (has_tunnel && s->sni == NULL)
        use_raw(s, fd);
    else if (has_tunnel)
        use_tls(s, fd);
    if (s->sni == NULL || !has_tunnel)
        close(fd);
    bool is_right = has_answer(s);
    end_all();
    unsigned long seen = mem_fail_at(0, 0);
    inspect.fails_openssl = false;
    rig_log();
    ck_assert_uint_eq(count_in_log("\"event\":\"open\""), count_in_log("\"event\":\"close\""));
    ck_assert_uint_gt(sum_of_ends(), ends);
    rig_check_idle(inspect.fds);
    /* What is not the right answer is none, or one that says why. */
    if (seen < nth)
        ck_assert_msg(is_right, "'%s' '%s'", rig.text, inspect.client.text);
    if (s->is_expired || strcmp(s->status, "403") == 0)
        ck_assert_ptr_null(strstr(inspect.client.text, "HTTP/1.1 200"));
    return seen;
}

static void show(const struct scene *s)
{
    struct issuer_spec spec = {.subject = "o", .names = "DNS:origin.test,DNS:loose.test"};
    if (s->is_expired) {
        spec.from_days = -20;
        spec.to_days = -10;
    }
    inspect_show(&spec, &inspect.root);
}

static void sweep(const struct scene *s, int repeat, unsigned long stride, bool of_openssl)
{
    unsigned long nth = 0, seen;
    inspect_start("real", NULL, NULL);
    show(s);
    for (unsigned i = 0; i < 3; i++)
        (void)play(s, (unsigned long)-1, 0, of_openssl);
    do {
        if (s->is_new)
            show(s);
        seen = play(s, nth += stride, repeat, of_openssl);
        (void)play(s, (unsigned long)-1, 0, of_openssl); /* the next one is served */
    } while (seen >= nth);
    ck_assert_uint_gt(nth, of_openssl ? 10 * s->least : s->least);
    inspect_stop();
}

START_TEST(one_allocation_fails)
{
    sweep(&SCENES[_i], 0, 1, false);
}
END_TEST

START_TEST(every_allocation_from_one_on_fails)
{
    sweep(&SCENES[_i], 1, 1, false);
}
END_TEST

/* Thousands: each run looks at one in so many. Scenes without TLS have none. */
START_TEST(an_allocation_of_openssl_fails)
{
    sweep(&SCENES[_i], 0, 7, true);
}
END_TEST

START_TEST(every_allocation_of_openssl_from_one_on_fails)
{
    sweep(&SCENES[_i], 1, 23, true);
}
END_TEST

Suite *inspect_memory_suite(void)
{
    Suite *suite = suite_create("inspect_memory");
    TCase *tc = tcase_create("inspect_memory");
    int count = (int)ARRAY_LEN(SCENES);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, one_allocation_fails, 0, count);
    tcase_add_loop_test(tc, every_allocation_from_one_on_fails, 0, count);
    tcase_add_loop_test(tc, an_allocation_of_openssl_fails, 2, count);
    tcase_add_loop_test(tc, every_allocation_of_openssl_from_one_on_fails, 2, count);
    suite_add_tcase(suite, tc);
    return suite;
}
