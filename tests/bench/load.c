/* SPDX-License-Identifier: MIT */
/*
 * load.c - the load generator: one thread, raw epoll, as little work per unit as possible.
 *
 * Four modes: connect (open, one exchange, close, again), pingpong (exchanges in open tunnels),
 * bulk (discard what the origin sends), idle (hold open tunnels, then prove that each still
 * carries an exchange). An exchange is one byte or a ClientHello there and back, or a GET with its
 * response, which may be inside TLS; a unit of connect may also end with the answer to CONNECT.
 * Units follow each other without a pause, or are begun at a rate. The report: key=value lines.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/exchange.h"
#include "tests/bench/histogram.h"
#include "tests/bench/options.h"
#include "tests/bench/pace.h"
#include "tests/bench/tunnel.h"
#include "util/attr.h"

#define NS_PER_S 1000000000ULL
#define MAX_OPENING 64    /* tunnels being opened at one time, in the set-up */
#define SETUP_LIMIT_S 60  /* all tunnels must be open by then */
#define DRAIN_LIMIT_S 5   /* after the measurement, for units under way */
#define MAX_FAILURES 1000 /* in a row: the proxy is down, there is nothing to measure */
#define DISCARD_SIZE (1 << 20)

struct load;
/* What a work does when an open tunnel has something to read. */
typedef void (*payload_fn)(struct load *load, struct tunnel *t);

struct load {
    struct options options;
    struct tunnel_route route;
    struct exchange exchange;
    struct tunnel *tunnels;
    struct histogram latency; /* ns */
    struct pace pace;
    payload_fn on_payload;
    payload_fn begin;    /* of a unit, in a slot that has none */
    unsigned active;     /* tunnels with a unit of work under way */
    unsigned opened;     /* set-up: tunnels that are up */
    unsigned started;    /* set-up: tunnels begun */
    unsigned failed_row; /* failures since the last success */
    uint64_t units;
    uint64_t errors;
    uint64_t bytes;
    uint64_t start_ns;
    uint64_t last_ns; /* end of the last unit */
    bool stopping;    /* no new unit is begun */
};

static void count_failure(struct load *load)
{
    load->errors++;
    load->failed_row++;
}

static void finish_unit(struct load *load, struct tunnel *t)
{
    load->last_ns = tunnel_now_ns();
    histogram_add(&load->latency, load->last_ns - t->since_ns);
    load->units++;
    load->failed_row = 0;
}

/* ---- connect ---- */

/* The slot has done its unit: at a pace, the next one is begun when it is due. */
static void rest(struct load *load, struct tunnel *t)
{
    load->active--;
    if (pace_is_on(&load->pace))
        pace_give(&load->pace, t, tunnel_now_ns());
}

/* Begins units in this slot until one is under way. */
static void begin_connect(struct load *load, struct tunnel *t)
{
    load->active++;
    while (!load->stopping && load->failed_row < MAX_FAILURES &&
           !tunnel_names_are_gone(&load->route)) {
        enum tunnel_result result = tunnel_open(t, &load->route);

        if (result == TUNNEL_WAIT)
            return;
        if (result == TUNNEL_READY && exchange_send(&load->exchange, t) == 0)
            return;
        tunnel_close(t);
        count_failure(load);
        if (pace_is_on(&load->pace))
            break;
    }
    rest(load, t);
}

static void end_connect(struct load *load, struct tunnel *t, bool is_done)
{
    tunnel_close(t);
    if (is_done)
        finish_unit(load, t);
    else
        count_failure(load);
    rest(load, t);
    if (!pace_is_on(&load->pace))
        begin_connect(load, t);
}

static void on_connect_payload(struct load *load, struct tunnel *t)
{
    int taken = exchange_take(&load->exchange, t);

    if (taken == 0)
        return;
    if (taken > 0)
        load->bytes += load->exchange.payload;
    end_connect(load, t, taken > 0);
}

static void step_connect(struct load *load, struct tunnel *t)
{
    enum tunnel_result result = tunnel_step(t, &load->route);

    if (result == TUNNEL_WAIT)
        return;
    if (result == TUNNEL_READY && load->options.reply_only) {
        end_connect(load, t, true);
        return;
    }
    if (result == TUNNEL_READY && t->early_bytes == 0 && exchange_send(&load->exchange, t) == 0)
        return;
    end_connect(load, t, false);
}

/* ---- pingpong, bulk, idle: payload in tunnels that stay open ---- */

static void lose_tunnel(struct load *load, struct tunnel *t)
{
    tunnel_close(t);
    count_failure(load);
    load->active--;
}

static void on_pingpong_payload(struct load *load, struct tunnel *t)
{
    int taken = exchange_take(&load->exchange, t);

    if (taken == 0)
        return;
    if (taken < 0) {
        lose_tunnel(load, t);
        return;
    }
    finish_unit(load, t);
    load->bytes += load->exchange.payload;
    if (load->stopping || pace_is_on(&load->pace)) {
        rest(load, t);
        return;
    }
    t->since_ns = load->last_ns;
    if (exchange_send(&load->exchange, t) != 0)
        lose_tunnel(load, t);
}

static void on_bulk_payload(struct load *load, struct tunnel *t)
{
    static char unused[DISCARD_SIZE];
    /* For TCP, MSG_TRUNC throws the bytes away inside the kernel: nothing is copied. Inside TLS
     * they are records, and nobody opens them any more. */
    ssize_t got = recv(t->fd, unused, sizeof(unused), MSG_TRUNC);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        lose_tunnel(load, t);
        return;
    }
    load->bytes += (uint64_t)got;
    load->last_ns = tunnel_now_ns();
}

static void on_idle_payload(struct load *load, struct tunnel *t)
{
    int taken = exchange_take(&load->exchange, t);

    if (taken == 0)
        return;
    if (taken < 0) {
        lose_tunnel(load, t);
        return;
    }
    finish_unit(load, t);
    load->active--;
}

/* It waits in the socket until the measurement begins. */
static int hold_flood(struct load *load, struct tunnel *t)
{
    return epoll_ctl(load->route.epoll_fd, EPOLL_CTL_DEL, t->fd, NULL);
}

/* ---- the set-up: open all tunnels, a few at a time, each proven by an exchange ---- */

static void finish_opening(struct load *load, struct tunnel *t)
{
    load->active--;
    load->opened++;
    load->failed_row = 0;
    load->bytes += t->early_bytes;
}

/* Payload during the set-up: the proof; in a bulk tunnel there is no proof but the flood, and the
 * head of the response in front of it where there was a request. */
static void on_setup_payload(struct load *load, struct tunnel *t)
{
    int taken = exchange_take(&load->exchange, t);

    if (taken == 0 && load->options.mode == OPTIONS_BULK && t->in_body)
        taken = hold_flood(load, t) == 0 ? 1 : -1;
    if (taken < 0)
        lose_tunnel(load, t);
    else if (taken > 0)
        finish_opening(load, t);
}

static void judge_opening(struct load *load, struct tunnel *t, enum tunnel_result result)
{
    if (result == TUNNEL_WAIT)
        return;
    if (result == TUNNEL_READY && load->options.mode == OPTIONS_BULK && !load->options.tls) {
        if (hold_flood(load, t) == 0) {
            finish_opening(load, t);
            return;
        }
    } else if (result == TUNNEL_READY && t->early_bytes == 0 &&
               exchange_send(&load->exchange, t) == 0) {
        return;
    }
    lose_tunnel(load, t);
}

static void open_more(struct load *load)
{
    while (load->started < load->options.count && load->active < MAX_OPENING) {
        struct tunnel *t = &load->tunnels[load->started++];

        load->active++;
        judge_opening(load, t, tunnel_open(t, &load->route));
    }
}

/* ---- the loop ---- */

/* Handles what is ready; waits until `until_ns` at the longest. Returns 0 or -1. */
MUST_CHECK static int run_events(struct load *load, uint64_t until_ns)
{
    struct epoll_event events[256];
    uint64_t now = tunnel_now_ns();
    uint64_t wait_ns = now < until_ns ? until_ns - now : 0;
    struct timespec wait = {(time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S)};
    int ready = epoll_pwait2(load->route.epoll_fd, events, ARRAY_LEN(events), &wait, NULL);

    if (ready < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < ready; i++) {
        struct tunnel *t = events[i].data.ptr;

        if (t->state == TUNNEL_UP)
            load->on_payload(load, t);
        else if (load->options.mode == OPTIONS_CONNECT)
            step_connect(load, t);
        else
            judge_opening(load, t, tunnel_step(t, &load->route));
    }
    return 0;
}

/* Runs until nothing is under way, or until time is up. Returns 0 or -1. */
MUST_CHECK static int drain(struct load *load, uint64_t limit_ns)
{
    uint64_t until = tunnel_now_ns() + limit_ns;

    load->stopping = true;
    while (load->active > 0 && tunnel_now_ns() < until) {
        if (run_events(load, until) != 0)
            return -1;
    }
    return 0;
}

MUST_CHECK static int open_tunnels(struct load *load)
{
    uint64_t until = tunnel_now_ns() + SETUP_LIMIT_S * NS_PER_S;

    load->on_payload = on_setup_payload;
    open_more(load);
    while (load->active > 0 && tunnel_now_ns() < until) {
        if (run_events(load, until) != 0)
            return -1;
        open_more(load);
    }
    if (load->opened == load->options.count)
        return 0;
    fprintf(stderr, "load: %u of %u tunnels opened\n", load->opened, load->options.count);
    return -1;
}

/* Lets the caller look at the proxy: says `word`, then waits for a line. */
static void meet_caller(const struct load *load, const char *word)
{
    char byte = 0;

    if (!load->options.sync)
        return;
    printf("%s=1\n", word);
    fflush(stdout);
    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
        ;
}

/* Begins the units that are due. */
static void begin_due(struct load *load)
{
    struct tunnel *t = NULL;
    uint64_t since = 0;

    if (!pace_is_on(&load->pace))
        return;
    while ((t = pace_take(&load->pace, tunnel_now_ns(), &since)) != NULL) {
        load->begin(load, t);
        t->since_ns = since;
    }
}

MUST_CHECK static int run_until(struct load *load, uint64_t until_ns)
{
    while (tunnel_now_ns() < until_ns && load->failed_row < MAX_FAILURES &&
           (load->active > 0 || !tunnel_names_are_gone(&load->route))) {
        begin_due(load);
        if (run_events(load, pace_next(&load->pace, until_ns)) != 0)
            return -1;
    }
    return 0;
}

static void start_unit(struct load *load, struct tunnel *t)
{
    load->active++;
    t->since_ns = tunnel_now_ns();
    if (exchange_send(&load->exchange, t) != 0)
        lose_tunnel(load, t);
}

static void start_flow(struct load *load, struct tunnel *t)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};

    load->active++;
    if (epoll_ctl(load->route.epoll_fd, EPOLL_CTL_ADD, t->fd, &event) != 0)
        lose_tunnel(load, t);
}

MUST_CHECK static int run_idle(struct load *load)
{
    if (!load->options.sync) {
        struct timespec hold = {.tv_sec = (time_t)load->options.seconds};

        while (nanosleep(&hold, &hold) != 0 && errno == EINTR)
            ;
    }
    load->start_ns = tunnel_now_ns();
    for (unsigned i = 0; i < load->options.count; i++)
        start_unit(load, &load->tunnels[i]);
    return drain(load, DRAIN_LIMIT_S * NS_PER_S);
}

MUST_CHECK static int run_flow(struct load *load, payload_fn begin)
{
    uint64_t length_ns = (uint64_t)(load->options.seconds * (double)NS_PER_S);

    load->begin = begin;
    load->start_ns = tunnel_now_ns();
    for (unsigned i = 0; i < load->options.count; i++) {
        if (pace_is_on(&load->pace))
            pace_give(&load->pace, &load->tunnels[i], load->start_ns);
        else
            begin(load, &load->tunnels[i]);
    }
    pace_start(&load->pace, load->start_ns);
    if (run_until(load, load->start_ns + length_ns) != 0)
        return -1;
    if (load->options.mode == OPTIONS_BULK)
        return 0;
    return drain(load, DRAIN_LIMIT_S * NS_PER_S);
}

MUST_CHECK static int run_work(struct load *load)
{
    if (load->options.mode != OPTIONS_CONNECT && open_tunnels(load) != 0)
        return -1;
    meet_caller(load, "ready");
    switch (load->options.mode) {
    case OPTIONS_CONNECT:
        load->on_payload = on_connect_payload;
        return run_flow(load, begin_connect);
    case OPTIONS_PINGPONG:
        load->on_payload = on_pingpong_payload;
        return run_flow(load, start_unit);
    case OPTIONS_BULK:
        load->on_payload = on_bulk_payload;
        return run_flow(load, start_flow);
    case OPTIONS_IDLE:
        load->on_payload = on_idle_payload;
        return run_idle(load);
    }
    return -1;
}

static void print_report(const struct load *load)
{
    bool is_bulk = load->options.mode == OPTIONS_BULK;
    unsigned stuck = is_bulk ? 0 : load->active;
    double seconds = 0.0;

    if (load->last_ns > load->start_ns)
        seconds = (double)(load->last_ns - load->start_ns) / (double)NS_PER_S;
    printf("units=%llu\n", (unsigned long long)(is_bulk ? load->bytes : load->units));
    printf("errors=%llu\n", (unsigned long long)(load->errors + stuck));
    printf("seconds=%.6f\n", seconds);
    printf("rate=%.3f\n",
           seconds > 0.0 ? (double)(is_bulk ? load->bytes : load->units) / seconds : 0.0);
    printf("p50_us=%.2f\n", histogram_quantile(&load->latency, 0.50) / 1000.0);
    printf("p99_us=%.2f\n", histogram_quantile(&load->latency, 0.99) / 1000.0);
    printf("bytes=%llu\n", (unsigned long long)load->bytes);
    printf("names=%u\n", load->route.names_used);
}

static int init_load(struct load *load, int argc, char **argv)
{
    if (options_parse(&load->options, argc, argv) != 0)
        return -1;
    if (exchange_init(&load->exchange, &load->options) != 0) {
        fprintf(stderr, "load: no request can be made for this origin\n");
        return -1;
    }
    load->route.proxy = load->options.proxy;
    load->route.target = load->options.target;
    load->route.has_target = load->options.has_target;
    load->route.first_name = load->options.first_name;
    load->route.name_count = load->options.name_count;
    load->route.names_once = load->options.names_once;
    if (load->options.tls)
        load->route.tls = tls_client_new();
    load->route.sources = load->options.sources;
    load->route.wants_refusal = load->options.login == LOGIN_WRONG;
    login_init(&load->route.login, load->options.login);
    load->route.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load->tunnels = calloc(load->options.count, sizeof(*load->tunnels));
    if (load->tunnels == NULL || load->route.epoll_fd < 0 ||
        (load->options.tls && load->route.tls == NULL) ||
        pace_init(&load->pace, load->options.rate, load->options.count) != 0) {
        perror("load");
        return -1;
    }
    for (unsigned i = 0; i < load->options.count; i++)
        load->tunnels[i].fd = -1;
    return 0;
}

int main(int argc, char **argv)
{
    static struct load load;
    int rc = 0;

    signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* a pace is kept to the microsecond */
    if (init_load(&load, argc, argv) != 0)
        return 2;
    rc = run_work(&load);
    if (rc == 0) {
        print_report(&load);
        meet_caller(&load, "done");
    }
    for (unsigned i = 0; i < load.options.count; i++)
        tunnel_close(&load.tunnels[i]);
    pace_fini(&load.pace);
    free(load.tunnels);
    SSL_CTX_free(load.route.tls);
    close(load.route.epoll_fd);
    return rc == 0 ? 0 : 1;
}
