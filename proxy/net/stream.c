/* SPDX-License-Identifier: MIT */
/* stream.c - one end of a connection: a socket and what is known about it. */
#include "proxy/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static enum io plain_recv(struct stream *s, void *bytes, size_t size, size_t *len)
{
    ssize_t got;
    do
        got = recv(s->fd, bytes, size, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *len = (size_t)got;
        /* Less than was asked for: the socket is empty, and a FIN that comes
         * later makes an edge of its own (epoll(7), question 9). */
        if (*len < size && !s->is_ending && !s->is_send_broken)
            s->is_readable = false;
        return IO_OK;
    }
    /* The kernel tells a reset once. Where a send has met it, it looks like a FIN here. */
    bool was_reset = got == 0 && s->is_send_broken && s->error == ECONNRESET;
    if (got == 0 && !was_reset) {
        s->is_eof = true;
        return IO_EOF;
    }
    s->is_readable = false;
    if (got < 0 && errno == EAGAIN)
        return IO_AGAIN;
    s->error = got < 0 ? errno : s->error;
    s->is_recv_broken = true;
    return IO_ERR;
}

static enum io plain_send(struct stream *s, const void *bytes, size_t size, size_t *len)
{
    ssize_t put;
    do
        put = send(s->fd, bytes, size, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put >= 0) {
        *len = (size_t)put;
        return IO_OK;
    }
    s->is_writable = false;
    if (errno == EAGAIN)
        return IO_AGAIN;
    s->error = errno;
    s->is_send_broken = true;
    s->is_readable = true; /* the edge that told of the end may be used up */
    return IO_ERR;
}

static enum io plain_shut(struct stream *s)
{
    if (shutdown(s->fd, SHUT_WR) == 0)
        return IO_OK;
    s->error = errno;
    s->is_send_broken = true;
    return IO_ERR;
}

const struct stream_ops STREAM_PLAIN = {plain_recv, plain_send, plain_shut, NULL, NULL, true};

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    (void)fd;
    if (what & EV_READ)
        s->is_readable = true;
    if (what & EV_WRITE)
        s->is_writable = true;
    if (what & EV_CLOSED)
        s->is_readable = s->is_ending = true;
    if ((what & EV_WRITE) && s->recv_waits_write)
        s->is_readable = true;
    if ((what & (EV_READ | EV_CLOSED)) && s->send_waits_recv)
        s->is_writable = true;
    if ((what & EV_WRITE) && s->ops->flush != NULL)
        s->ops->flush(s);
    s->on_ready(s);
}

void stream_init(struct stream *s)
{
    s->fd = -1;
    s->error = 0;
    s->is_readable = s->is_writable = false;
    s->is_ending = s->is_eof = s->is_shut = false;
    s->is_recv_broken = s->is_send_broken = s->is_cut = s->ends_cut = false;
    s->recv_waits_write = s->send_waits_recv = false;
    s->tls = NULL;
    s->ops = &STREAM_PLAIN;
    s->on_ready = NULL;
}

int stream_open(struct stream *s, struct event_base *base, int fd, bool is_connected,
                stream_ready_fn *on_ready)
{
    short what = EV_READ | EV_WRITE | EV_CLOSED | EV_PERSIST | EV_ET;
    if (event_assign(&s->event, base, fd, what, on_event, s) != 0)
        return -1;
    if (event_add(&s->event, NULL) != 0)
        return -1;
    s->fd = fd;
    s->is_readable = s->is_writable = is_connected;
    s->on_ready = on_ready;
    return 0;
}

enum io stream_recv(struct stream *s, void *bytes, size_t size, size_t *len)
{
    *len = 0;
    if (s->is_recv_broken)
        return IO_ERR;
    if (s->is_eof)
        return IO_EOF;
    if (!s->is_readable)
        return IO_AGAIN;
    return s->ops->recv(s, bytes, size, len);
}

enum io stream_send(struct stream *s, const void *bytes, size_t size, size_t *len)
{
    *len = 0;
    if (s->is_send_broken)
        return IO_ERR;
    if (!s->is_writable)
        return IO_AGAIN;
    return s->ops->send(s, bytes, size, len);
}

enum io stream_shut(struct stream *s)
{
    if (s->is_shut)
        return IO_OK;
    enum io rc = s->ops->shut(s);
    if (rc == IO_OK)
        s->is_shut = true;
    return rc;
}

static int socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

bool stream_is_broken(struct stream *s)
{
    if (s->error != 0)
        return true;
    s->error = socket_error(s->fd);
    if (s->error != 0)
        s->is_recv_broken = s->is_send_broken = true;
    return s->error != 0;
}

void stream_probe(struct stream *s)
{
    if (!s->is_eof)
        s->is_readable = true;
    else if (stream_is_broken(s))
        s->is_readable = false;
}

enum io stream_connected(struct stream *s)
{
    if (s->error != 0)
        return IO_ERR;
    if (!s->is_writable)
        return IO_AGAIN;
    /* A failed attempt is shown as readable too; a good one is only when the
     * origin speaks first, which the error then tells apart. */
    if (s->is_readable && stream_is_broken(s))
        return IO_ERR;
    return IO_OK;
}

int stream_move(struct stream *to, struct stream *from, stream_ready_fn *on_ready)
{
    struct event_base *base = event_get_base(&from->event);
    event_del(&from->event);
    if (stream_open(to, base, from->fd, false, on_ready) != 0) {
        if (from->ops->fini != NULL)
            from->ops->fini(from);
        close(from->fd);
        from->fd = -1;
        return -1;
    }
    to->is_readable = from->is_readable;
    to->is_writable = from->is_writable;
    to->is_ending = from->is_ending;
    to->recv_waits_write = from->recv_waits_write;
    to->send_waits_recv = from->send_waits_recv;
    to->ops = from->ops;
    to->tls = from->tls;
    from->fd = -1;
    from->ops = &STREAM_PLAIN;
    from->tls = NULL;
    return 0;
}

void stream_wake(struct stream *s)
{
    event_active(&s->event, EV_TIMEOUT, 0);
}

void stream_set_keepalive(int fd)
{
    int on = 1, idle_s = 60, interval_s = 15, probes = 4;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void stream_close(struct stream *s)
{
    if (s->fd < 0)
        return;
    if (s->ops->fini != NULL)
        s->ops->fini(s);
    event_del(&s->event);
    close(s->fd);
    s->fd = -1;
}

void stream_abort(struct stream *s)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (s->fd >= 0)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    stream_close(s);
}
