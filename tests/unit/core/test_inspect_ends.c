/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_ends.c - in each place that an inspected connection can be in, what each event
 * does to it: an end or a reset of either side, a deadline, a drain, a reload.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/inspected.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"

/* Where it is, before something happens. */
enum spot {
    SILENT,     /* peek, nothing came */
    HALF_HELLO, /* peek, a part of a hello came */
    ORIGIN_TLS, /* the origin says nothing */
    LEAF,       /* the signer says nothing */
    SHAKING,    /* the client does not go on with its handshake */
    FRESH,     /* no request yet */
    IDLE,       /* behind a request */
    HALF_HEAD,
    ASKED,      /* the origin has the request */
    HALF_BODY,  /* and the client half of the answer */
    PLACES
};

enum happening {
    CLIENT_FIN, /* of TCP, without close_notify */
    CLIENT_RESET,
    CLIENT_CLOSE, /* close_notify and FIN; behind its handshake only */
    ORIGIN_FIN,
    ORIGIN_RESET,
    TIME,
    EVENTS
};

static int client_fd, origin_fd; /* where there is no TLS on them */

static void begin_raw(void)
{
    client_fd = inspect_connect("origin.test");
    origin_fd = rig_accept();
}

/* The hello is sent, and the client then deaf. */
static void begin_deaf(void)
{
    origin_fd = -1;
    client_fd = inspect_connect("origin.test");
    rig_send(client_fd, inspect_hello("origin.test"));
}

static void ask(const char *path)
{
    char text[128];
    snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\nHost: origin.test:%u\r\n\r\n", path,
             (unsigned)rig.origin_port);
    inspect_clear(&inspect.origin);
    inspect_say(&inspect.client, text);
    inspect_expect(&inspect.origin, "\r\n\r\n");
}

static void go_to(enum spot place)
{
    client_fd = origin_fd = -1;
    inspect_start(place == LEAF ? "mute" : "real", NULL, NULL);
    switch (place) {
    case SILENT:
        begin_raw();
        break;
    case HALF_HELLO:
        begin_raw();
        rig_send(client_fd, (struct str){inspect_hello("origin.test").ptr, 100});
        break;
    case ORIGIN_TLS:
        begin_deaf();
        origin_fd = rig_accept();
        inspect_await(&PHASE_ORIGIN_TLS);
        break;
    case LEAF:
        begin_deaf();
        inspect_accept();
        inspect_await(&PHASE_INSPECT);
        break;
    case SHAKING:
        begin_deaf();
        inspect_accept();
        rig_clear();
        while (rig.text_len < 200) { /* the leaf is in it */
            inspect_turn();
            MUST(rig_read(client_fd));
        }
        break;
    default:
        inspect_open("origin.test");
        inspect_await(&PHASE_REQUEST);
        break;
    }
    if (place == IDLE)
        inspect_get("origin.test", "");
    if (place == HALF_HEAD)
        inspect_say(&inspect.client, "GET / HTTP/1.1\r\nHost:");
    if (place == ASKED || place == HALF_BODY)
        ask("x");
    if (place == HALF_BODY) {
        inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        inspect_expect(&inspect.client, "hello");
    }
    for (unsigned i = 0; i < 20; i++)
        inspect_turn();
    ck_assert_uint_eq(rig.worker->conn_count, 1);
}

static void reset(struct inspect_end *end, int *fd)
{
    struct flow_end raw = {.fd = *fd};
    if (*fd < 0) {
        inspect_reset(end);
        return;
    }
    flow_reset(&raw);
    *fd = -1;
}

static void finish(struct inspect_end *end, int fd)
{
    MUST(shutdown(fd >= 0 ? fd : end->tls.fd, SHUT_WR) == 0);
}

static void happen(enum happening event, enum spot place)
{
    switch (event) {
    case CLIENT_FIN:
        finish(&inspect.client, client_fd);
        break;
    case CLIENT_RESET:
        reset(&inspect.client, &client_fd);
        break;
    case CLIENT_CLOSE:
        (void)SSL_shutdown(inspect.client.tls.ssl);
        inspect_turn();
        finish(&inspect.client, client_fd);
        break;
    case ORIGIN_FIN:
        finish(&inspect.origin, origin_fd);
        break;
    case ORIGIN_RESET:
        reset(&inspect.origin, &origin_fd);
        break;
    default:
        rig_pass_time(place == ORIGIN_TLS ? 11000 : 400000);
        break;
    }
}

static void close_all(void)
{
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    if (client_fd >= 0)
        close(client_fd);
    if (origin_fd >= 0)
        close(origin_fd);
}

/* What the log has behind it all; where the connection outlives the event, it is closed by
 * the client then. has_proposal: the host is on the list of proposals. */
static const struct scene {
    enum spot place;
    enum happening event;
    bool goes_on;
    const char *log;
    bool has_proposal;
} SCENES[] = {
    {SILENT, CLIENT_FIN, false, "request:client_gone", false},
    {SILENT, CLIENT_RESET, false, "request:client_reset", false},
    {SILENT, ORIGIN_FIN, true, "request:client_reset", false},
    {SILENT, ORIGIN_RESET, true, "request:client_reset", false},
    {SILENT, TIME, false, "request:tunnel_not_tls", false},
    {HALF_HELLO, CLIENT_FIN, false, "request:client_gone", false},
    {HALF_HELLO, CLIENT_RESET, false, "request:client_reset", false},
    {HALF_HELLO, ORIGIN_FIN, true, "request:client_reset", false},
    {HALF_HELLO, ORIGIN_RESET, true, "request:client_reset", false},
    {HALF_HELLO, TIME, false, "request:hello_timeout", false},
    {ORIGIN_TLS, CLIENT_FIN, false, "open close:client_gone", false},
    {ORIGIN_TLS, CLIENT_RESET, false, "open close:client_reset", false},
    {ORIGIN_TLS, ORIGIN_FIN, true, "open close:origin_tls_failed", false},
    {ORIGIN_TLS, ORIGIN_RESET, true, "open close:origin_tls_failed", false},
    {ORIGIN_TLS, TIME, true, "open close:connect_timeout", false},
    {LEAF, CLIENT_FIN, false, "open close:client_gone", false},
    {LEAF, CLIENT_RESET, false, "open close:client_reset", false},
    {LEAF, ORIGIN_FIN, true, "open close:client_reset", false},
    {LEAF, ORIGIN_RESET, true, "open close:client_reset", false},
    {LEAF, TIME, false, "open close:leaf_failed", false},
    {SHAKING, CLIENT_FIN, false, "open close:leaf_refused", true},
    {SHAKING, CLIENT_RESET, false, "open close:leaf_refused", true},
    {SHAKING, ORIGIN_FIN, true, "open close:leaf_refused", true},
    {SHAKING, ORIGIN_RESET, true, "open close:leaf_refused", true},
    {SHAKING, TIME, false, "open close:tls_handshake_failed", false},
    {FRESH, CLIENT_FIN, false, "open close:leaf_refused", true},
    {FRESH, CLIENT_RESET, false, "open close:leaf_refused", true},
    {FRESH, CLIENT_CLOSE, false, "open close:leaf_refused", true},
    {FRESH, ORIGIN_FIN, true, "open close:leaf_refused", true},
    {FRESH, ORIGIN_RESET, true, "open close:leaf_refused", true},
    {FRESH, TIME, false, "open close:client_idle", false},
    {IDLE, CLIENT_FIN, false, "open request:done close:client_idle", false},
    {IDLE, CLIENT_RESET, false, "open request:done close:client_reset", false},
    {IDLE, CLIENT_CLOSE, false, "open request:done close:client_idle", false},
    {IDLE, ORIGIN_FIN, true, "open request:done close:client_reset", false},
    {IDLE, ORIGIN_RESET, true, "open request:done close:client_reset", false},
    {IDLE, TIME, false, "open request:done close:client_idle", false},
    {HALF_HEAD, CLIENT_FIN, false, "open request:client_gone close:client_gone", false},
    {HALF_HEAD, CLIENT_RESET, false, "open request:client_reset close:client_reset", false},
    {HALF_HEAD, CLIENT_CLOSE, false, "open request:client_gone close:client_gone", false},
    {HALF_HEAD, ORIGIN_FIN, true, "open request:client_reset close:client_reset", false},
    {HALF_HEAD, ORIGIN_RESET, true, "open request:client_reset close:client_reset", false},
    {HALF_HEAD, TIME, false, "open request:header_timeout close:done", false},
    {ASKED, CLIENT_FIN, true, "open request:client_reset close:client_reset", false},
    {ASKED, CLIENT_RESET, false, "open request:client_reset close:client_reset", false},
    {ASKED, CLIENT_CLOSE, true, "open request:client_reset close:client_reset", false},
    {ASKED, ORIGIN_FIN, false, "open request:origin_closed close:done", false},
    {ASKED, ORIGIN_RESET, false, "open request:origin_closed close:done", false},
    {ASKED, TIME, false, "open request:response_timeout close:done", false},
    {HALF_BODY, CLIENT_FIN, true, "open request:client_reset close:client_reset", false},
    {HALF_BODY, CLIENT_RESET, false, "open request:client_reset close:client_reset", false},
    {HALF_BODY, CLIENT_CLOSE, true, "open request:client_reset close:client_reset", false},
    {HALF_BODY, ORIGIN_FIN, false, "open request:response_cut close:response_cut", false},
    {HALF_BODY, ORIGIN_RESET, false, "open request:origin_reset close:origin_reset", false},
    {HALF_BODY, TIME, false, "open request:response_cut close:response_cut", false},
};

/* For what is said of a client that goes soon: however slow the machine, it is soon. */
static void renew_opening(void)
{
    struct list_node *node = list_first(&rig.worker->conns);
    struct conn *c = node != NULL ? LIST_ITEM(node, struct conn, node) : NULL;
    if (c != NULL && c->inspected != NULL && c->inspected->is_open)
        c->inspected->opened_ms = worker_now_ms();
}

/* Once the answer has gone out the connection only waits for its client. */
static bool is_over(void)
{
    struct list_node *node = list_first(&rig.worker->conns);
    return node == NULL || LIST_ITEM(node, struct conn, node)->phase == &PHASE_LINGER;
}

START_TEST(each_event_in_each_place)
{
    const struct scene *s = &SCENES[_i];
    go_to(s->place);
    renew_opening();
    happen(s->event, s->place);
    for (unsigned i = 0; i < 2000 && !(is_over() && !s->goes_on); i++) {
        inspect_turn();
        usleep(100);
    }
    ck_assert_msg(s->goes_on != is_over(), "place %d, event %d: it %s", (int)s->place,
                  (int)s->event, s->goes_on ? "has ended" : "lives");
    renew_opening();
    if (s->goes_on)
        reset(&inspect.client, &client_fd);
    close_all();
    rig_wait_conns(0);
    inspect_expect_log(s->log);
    ck_assert_msg(inspect_proposes("\"proposed_exemptions\":[]") != s->has_proposal,
                  "place %d, event %d: a proposal is %s", (int)s->place, (int)s->event,
                  s->has_proposal ? "missing" : "there");
    inspect_stop();
}
END_TEST

/* ---- a drain ---- */

/* Idle ones end at once, whole; those in a request end behind it; those on the way to
 * their first request may come there and are told. */
START_TEST(a_drain_in_each_place)
{
    enum spot place = (enum spot)_i;
    go_to(place);
    worker_drain(rig.worker);
    inspect.fds--; /* the listener's */
    for (unsigned i = 0; i < 50; i++)
        inspect_turn();
    if (place == FRESH || place == IDLE) {
        ck_assert_uint_eq(rig.worker->conn_count, 0);
        inspect_expect_end(&inspect.client, true);
    } else {
        ck_assert_uint_eq(rig.worker->conn_count, 1);
    }
    if (place == HALF_HEAD) {
        char rest[64];
        snprintf(rest, sizeof(rest), " origin.test:%u\r\n\r\n", (unsigned)rig.origin_port);
        inspect_say(&inspect.client, rest);
        inspect_expect(&inspect.client, "HTTP/1.1 503 ");
    }
    if (place == ASKED)
        inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (place == HALF_BODY)
        inspect_say(&inspect.origin, "world");
    if (place == ASKED || place == HALF_BODY)
        inspect_expect(&inspect.client, place == ASKED ? "hello" : "helloworld");
    if (place == ASKED)
        ck_assert_ptr_nonnull(strstr(inspect.client.text, "Connection: close\r\n"));
    if (place == HALF_HEAD || place == ASKED || place == HALF_BODY)
        inspect_expect_end(&inspect.client, true);
    close_all();
    rig_wait_conns(0);
    rig_log();
    inspect_stop();
}
END_TEST

/* ---- a reload ---- */

static bool survives(enum spot place, bool exempts)
{
    return !(exempts && (place == FRESH || place == IDLE));
}

/* One that exempts the host ends what is idle at once, and what is busy behind its request; any
 * other changes nothing. */
static void reload(enum spot place, bool exempts)
{
    go_to(place);
    inspect_use(inspect_config(exempts ? "all" : "none", NULL, NULL));
    for (unsigned i = 0; i < 50; i++)
        inspect_turn();
    ck_assert_uint_eq(rig.worker->conn_count, survives(place, exempts));
    if (place == ASKED) {
        inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        inspect_expect(&inspect.client, "hello");
    }
    if (place == ASKED && exempts)
        inspect_expect_end(&inspect.client, true);
    else if (place == IDLE && !exempts)
        inspect_get("origin.test", "again");
    if (place == IDLE && exempts)
        inspect_expect_end(&inspect.client, true);
    close_all();
    rig_wait_conns(0);
    rig_log();
    inspect_stop();
}

START_TEST(a_reload_that_exempts_in_each_place)
{
    reload((enum spot)_i, true);
}
END_TEST

START_TEST(a_reload_that_does_not_in_each_place)
{
    reload((enum spot)_i, false);
}
END_TEST

/* ---- the signer ---- */

/* The leaf comes when nobody waits for it any more. */
START_TEST(a_leaf_for_nobody_is_kept)
{
    inspect_start("real", NULL, NULL);
    inspect_signal_signer(SIGSTOP);
    begin_deaf();
    inspect_accept();
    inspect_await(&PHASE_INSPECT);
    reset(&inspect.client, &client_fd);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    inspect_expect_log("open close:client_reset");
    inspect_signal_signer(SIGCONT);
    inspect_wait_leaves(1);
    for (unsigned i = 0; i < 20; i++)
        rig_turn();
    inspect_open("origin.test"); /* and found */
    inspect_get("origin.test", "");
    struct leaves_counts counts;
    leaves_count(rig.shared.leaves, &counts);
    ck_assert_uint_eq(counts.forged, 1);
    close_all();
    rig_wait_conns(0);
    rig_log();
    inspect_stop();
}
END_TEST

/* All ends while a leaf is under way. */
START_TEST(a_stop_with_a_leaf_under_way)
{
    inspect_start("mute", NULL, NULL);
    begin_deaf();
    inspect_accept();
    inspect_await(&PHASE_INSPECT);
    close_all();
    rig_wait_conns(0);
    inspect_expect_log("open close:client_gone");
    inspect_stop();
}
END_TEST

Suite *inspect_ends_suite(void)
{
    Suite *suite = suite_create("inspect_ends");
    TCase *tc = tcase_create("inspect_ends");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_event_in_each_place, 0, ARRAY_LEN(SCENES));
    tcase_add_loop_test(tc, a_drain_in_each_place, 0, PLACES);
    tcase_add_loop_test(tc, a_reload_that_exempts_in_each_place, 0, PLACES);
    tcase_add_loop_test(tc, a_reload_that_does_not_in_each_place, 0, PLACES);
    tcase_add_test(tc, a_leaf_for_nobody_is_kept);
    tcase_add_test(tc, a_stop_with_a_leaf_under_way);
    suite_add_tcase(suite, tc);
    return suite;
}
