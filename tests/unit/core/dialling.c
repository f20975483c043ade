/* SPDX-License-Identifier: MIT */
/* dialling.c - a connector and the places it dials; see dialling.h. */
#include "tests/unit/core/dialling.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "util/clock.h"
#include "util/list.h"

static void on_wake(struct connector *x)
{
    struct dialling *d = LIST_ITEM(x, struct dialling, connector);
    d->wakes++;
    if (x->is_due) /* an attempt that has failed is found out by the step only */
        d->delays++;
    dialling_step(d);
}

static void on_stream(struct stream *s)
{
    struct dialling *d = LIST_ITEM(s, struct dialling, stream);
    d->wakes++;
    dialling_step(d);
}

static void note_attempt(struct dialling *d, char family)
{
    size_t len = strlen(d->order);
    ck_assert_uint_lt(len + 1, sizeof(d->order));
    d->order[len] = family;
}

enum io dialling_step(struct dialling *d)
{
    unsigned v6 = d->connector.v6.tried, v4 = d->connector.v4.tried;
    if (d->rc != IO_AGAIN)
        return d->rc;
    d->rc = connector_run(&d->connector, true, on_stream);
    v6 = d->connector.v6.tried - v6;
    v4 = d->connector.v4.tried - v4;
    /* One at a time, but that what cannot even begin gives way to the next. */
    for (; v6 + v4 > 1; v6 > 0 ? v6-- : v4--)
        note_attempt(d, v6 > 0 ? '6' : '4');
    if (v6 + v4 == 1)
        note_attempt(d, v6 == 1 ? '6' : '4');
    return d->rc;
}

/* A port that nobody uses at any address. */
static uint16_t free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

void dialling_start(struct dialling *d)
{
    *d = (struct dialling){.rc = IO_AGAIN};
    d->base = flow_base();
    d->port = free_port();
    stream_init(&d->stream);
    connector_init(&d->connector, d->base, &d->stream, d->port, on_wake);
    dialling_reset_clock(d);
}

static int listen_at(const struct endpoint *at, int backlog)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

/* With its queue full the kernel drops what comes: SYNs are not answered. */
static void fill_queue(const struct endpoint *at, int fillers[3])
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);
    for (unsigned i = 0; i < 3; i++) {
        fillers[i] = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int rc = connect(fillers[i], (struct sockaddr *)&sa, len);
        ck_assert(rc == 0 || errno == EINPROGRESS);
        usleep(2000);
    }
}

unsigned dialling_place(struct dialling *d, enum spot kind, const char *address)
{
    unsigned i = d->places++;
    ck_assert_uint_lt(i, DIALLING_SPOTS);
    d->at[i].port = d->port;
    ck_assert_int_eq(addr_parse(&d->at[i].addr, str_of(address)), 0);
    d->fds[i] = kind == SPOT_REFUSES ? -1 : listen_at(&d->at[i], kind == SPOT_SILENT ? 0 : 10);
    for (unsigned k = 0; k < 3; k++)
        d->fillers[i][k] = -1;
    if (kind == SPOT_SILENT)
        fill_queue(&d->at[i], d->fillers[i]);
    connector_add(&d->connector, &d->at[i].addr);
    return i;
}

enum io dialling_run(struct dialling *d)
{
    uint64_t until = clock_usec() + 10000000;
    dialling_step(d);
    while (d->rc == IO_AGAIN) {
        ck_assert_msg(clock_usec() < until, "no outcome in 10 s");
        /* Something is always under way that will wake it. */
        ck_assert_int_eq(event_base_loop(d->base, EVLOOP_ONCE), 0);
    }
    return d->rc;
}

void dialling_await_delays(struct dialling *d, unsigned count)
{
    uint64_t until = clock_usec() + 10000000;
    while (d->delays < count) {
        ck_assert_msg(clock_usec() < until, "no delay was over in 10 s");
        ck_assert_int_eq(event_base_loop(d->base, EVLOOP_ONCE), 0);
    }
}

void dialling_reset_clock(struct dialling *d)
{
    d->start_usec = clock_usec();
}

uint64_t dialling_ms(const struct dialling *d)
{
    return (clock_usec() - d->start_usec) / 1000;
}

bool dialling_was_reached(struct dialling *d, unsigned place)
{
    int fd = accept4(d->fds[place], NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void dialling_stop(struct dialling *d)
{
    connector_fini(&d->connector);
    stream_close(&d->stream);
    ck_assert_int_eq(event_base_get_num_events(d->base, EVENT_BASE_COUNT_ADDED), 0);
    for (unsigned i = 0; i < d->places; i++) {
        if (d->fds[i] >= 0)
            close(d->fds[i]);
        for (unsigned k = 0; k < 3; k++)
            if (d->fillers[i][k] >= 0)
                close(d->fillers[i][k]);
    }
    event_base_free(d->base);
}
