/* SPDX-License-Identifier: MIT */
/* connector.c - one connection out of several addresses; see connector.h. */
#include "proxy/net/connector.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/mem.h"

struct attempt {
    struct stream stream;
    struct connector *connector;
    struct addr addr;
};

void connector_init(struct connector *x, struct event_base *base, struct stream *stream,
                    uint16_t port, connector_wake_fn *on_wake)
{
    x->base = base;
    x->stream = stream;
    x->on_wake = on_wake;
    x->port = port;
    x->is_first_open = x->is_timer_on = x->is_due = x->was_v6 = false;
    x->v6.count = x->v6.tried = x->v4.count = x->v4.tried = 0;
    for (unsigned i = 0; i < ARRAY_LEN(x->attempts); i++)
        x->attempts[i] = NULL;
    x->error = 0;
}

void connector_add(struct connector *x, const struct addr *a)
{
    struct connector_family *f = addr_is_v4(a) ? &x->v4 : &x->v6;
    if (f->count < DNS_MAX_ADDRESSES)
        f->addrs[f->count++] = *a;
}

static bool has_left(const struct connector_family *f)
{
    return f->tried < f->count;
}

bool connector_has_addresses(const struct connector *x)
{
    return has_left(&x->v6) || has_left(&x->v4);
}

bool connector_is_trying(const struct connector *x)
{
    bool is_trying = x->is_first_open;
    for (unsigned i = 0; i < ARRAY_LEN(x->attempts); i++)
        is_trying = is_trying || x->attempts[i] != NULL;
    return is_trying;
}

/* IPv6 first, then in turns (RFC 8305 section 4). */
static const struct addr *take_address(struct connector *x)
{
    bool wants_v4 = x->was_v6 ? has_left(&x->v4) : !has_left(&x->v6);
    struct connector_family *f = wants_v4 ? &x->v4 : &x->v6;
    x->was_v6 = !wants_v4;
    return &f->addrs[f->tried++];
}

/* Higher is more telling: what is wrong here before what the origin said, and
 * that before silence (as h2o ranks its errors). */
static int rank(int error)
{
    switch (error) {
    case 0:
        return 0;
    case EMFILE:
    case ENFILE:
    case EADDRNOTAVAIL:
    case ENOBUFS:
    case ENOMEM:
        return 4;
    case ECONNREFUSED:
        return 3;
    case ETIMEDOUT:
        return 2;
    default:
        return 1;
    }
}

static void note_error(struct connector *x, int error)
{
    if (rank(error) > rank(x->error))
        x->error = error;
}

/* A connecting socket, or -1 with errno. */
static int begin_connect(const struct endpoint *to)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(to, &sa);
    int one = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void on_attempt_ready(struct stream *s)
{
    struct attempt *a = LIST_ITEM(s, struct attempt, stream);
    a->connector->on_wake(a->connector);
}

static bool has_room(const struct connector *x)
{
    bool has = !stream_is_open(x->stream);
    for (unsigned i = 0; i < ARRAY_LEN(x->attempts); i++)
        has = has || x->attempts[i] == NULL;
    return has;
}

static int start_first(struct connector *x, int fd, const struct addr *a, stream_ready_fn *ready)
{
    if (stream_open(x->stream, x->base, fd, false, ready) != 0)
        return -1;
    x->first = *a;
    x->is_first_open = true;
    return 0;
}

static int start_further(struct connector *x, int fd, const struct addr *addr)
{
    unsigned i = 0;
    while (i < ARRAY_LEN(x->attempts) && x->attempts[i] != NULL)
        i++;
    struct attempt *a = i < ARRAY_LEN(x->attempts) ? mem_zalloc(sizeof(*a)) : NULL;
    if (a == NULL)
        return -1;
    stream_init(&a->stream);
    a->connector = x;
    a->addr = *addr;
    if (stream_open(&a->stream, x->base, fd, false, on_attempt_ready) != 0) {
        mem_free(a);
        return -1;
    }
    x->attempts[i] = a;
    return 0;
}

/* Starts with the next address; on to the one behind it where that fails at once. */
static void start_one(struct connector *x, stream_ready_fn *ready)
{
    while (connector_has_addresses(x)) {
        const struct addr *a = take_address(x);
        struct endpoint to = {*a, x->port};
        int fd = begin_connect(&to);
        if (fd < 0) {
            note_error(x, errno);
            continue;
        }
        bool is_free = !stream_is_open(x->stream);
        if ((is_free ? start_first(x, fd, a, ready) : start_further(x, fd, a)) == 0)
            return;
        close(fd);
        note_error(x, ENOMEM);
    }
}

static void drop_attempt(struct connector *x, unsigned i)
{
    stream_close(&x->attempts[i]->stream);
    mem_free(x->attempts[i]);
    x->attempts[i] = NULL;
}

/* IO_OK where an attempt has won; failed ones are dropped. */
static enum io look_at_first(struct connector *x)
{
    enum io rc = x->is_first_open ? stream_connected(x->stream) : IO_AGAIN;
    if (rc == IO_OK)
        x->connected = x->first;
    if (rc != IO_ERR)
        return rc;
    note_error(x, x->stream->error);
    stream_close(x->stream);
    stream_init(x->stream);
    x->is_first_open = false;
    x->is_due = true;
    return IO_AGAIN;
}

static enum io look_at_further(struct connector *x, unsigned i, stream_ready_fn *ready)
{
    struct attempt *a = x->attempts[i];
    enum io rc = a != NULL ? stream_connected(&a->stream) : IO_AGAIN;
    if (rc == IO_AGAIN)
        return rc;
    if (rc == IO_OK) {
        x->connected = a->addr;
        stream_close(x->stream);
        stream_init(x->stream);
        x->is_first_open = false;
        if (stream_move(x->stream, &a->stream, ready) == 0)
            x->is_first_open = true;
        else
            note_error(x, ENOMEM);
        drop_attempt(x, i);
        return x->is_first_open ? IO_OK : IO_AGAIN;
    }
    note_error(x, a->stream.error);
    drop_attempt(x, i);
    x->is_due = true;
    return IO_AGAIN;
}

static enum io look_at_attempts(struct connector *x, stream_ready_fn *ready)
{
    enum io rc = look_at_first(x);
    for (unsigned i = 0; rc != IO_OK && i < ARRAY_LEN(x->attempts); i++)
        rc = look_at_further(x, i, ready);
    return rc;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct connector *x = arg;
    (void)fd;
    (void)what;
    x->is_timer_on = false;
    x->is_due = true;
    x->on_wake(x);
}

/* Only where there is something to start when it fires. */
static void arm_timer(struct connector *x)
{
    static const struct timeval DELAY = {0, CONNECTOR_DELAY_MS * 1000};
    if (x->is_timer_on || !connector_has_addresses(x))
        return;
    if (evtimer_assign(&x->timer, x->base, on_timer, x) == 0 && evtimer_add(&x->timer, &DELAY) == 0)
        x->is_timer_on = true;
}

enum io connector_run(struct connector *x, bool may_start, stream_ready_fn *ready)
{
    if (look_at_attempts(x, ready) == IO_OK)
        return IO_OK;
    bool is_turn = x->is_due || !connector_is_trying(x);
    if (may_start && is_turn && has_room(x) && connector_has_addresses(x)) {
        if (x->is_timer_on)
            evtimer_del(&x->timer);
        x->is_due = x->is_timer_on = false;
        start_one(x, ready);
    }
    if (!connector_is_trying(x))
        return connector_has_addresses(x) ? IO_AGAIN : IO_ERR;
    arm_timer(x);
    return IO_AGAIN;
}

void connector_fini(struct connector *x)
{
    if (x->is_timer_on)
        evtimer_del(&x->timer);
    x->is_timer_on = false;
    for (unsigned i = 0; i < ARRAY_LEN(x->attempts); i++)
        if (x->attempts[i] != NULL)
            drop_attempt(x, i);
}
