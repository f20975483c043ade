/* SPDX-License-Identifier: MIT */
/*
 * tunnel.c - opens one connection, through CONNECT where the proxy speaks it.
 */
#include "tests/bench/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_SOURCE 0x7f000101U /* 127.0.1.1 */
#define DISCARD_SIZE 65536

uint64_t tunnel_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void tunnel_close(struct tunnel *t)
{
    tls_client_close(t->tls);
    t->tls = NULL;
    if (t->state != TUNNEL_CLOSED)
        close(t->fd);
    t->fd = -1;
    t->state = TUNNEL_CLOSED;
}

static enum tunnel_result fail(struct tunnel *t)
{
    tunnel_close(t);
    return TUNNEL_FAILED;
}

/* A socket bound to the source address whose turn it is. The port is left to connect(), which
 * may then share it between destinations. TCP_NODELAY would be a wasted call: no work here sends
 * while an earlier piece is unacknowledged. */
static int open_socket(const struct tunnel_route *route)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    source.sin_addr.s_addr = htonl(FIRST_SOURCE + route->next % route->sources);
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int watch(struct tunnel *t, const struct tunnel_route *route, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = t};

    return epoll_ctl(route->epoll_fd, operation, t->fd, &event);
}

/* The socket is connected: ask for the target, or be done. `refusal` is the head of the 407 to
 * answer, NULL the first time. */
static enum tunnel_result ask(struct tunnel *t, struct tunnel_route *route, const char *refusal)
{
    char request[2 * NETADDR_HOST_SIZE + 128 + LOGIN_FIELD_SIZE];
    char credentials[LOGIN_FIELD_SIZE];
    char target[NETADDR_HOST_SIZE + 16];
    int len = 0;

    if (!route->has_target) {
        t->state = TUNNEL_UP;
        return TUNNEL_READY;
    }
    (void)snprintf(target, sizeof(target), "%s:%d", t->host, t->port);
    if (login_write(&route->login, target, refusal, credentials) < 0)
        return fail(t);
    len = snprintf(request, sizeof(request),
                   "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n%s\r\n", target, target,
                   credentials);
    if (len < 0 || (size_t)len >= sizeof(request))
        return fail(t);
    if (send(t->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return fail(t);
    t->state = TUNNEL_ASKED;
    t->reply_len = 0;
    t->legs++;
    return TUNNEL_WAIT;
}

bool tunnel_names_are_gone(const struct tunnel_route *route)
{
    return route->names_once && route->names_used >= route->name_count;
}

/* The host that this tunnel asks for. */
static int choose_name(struct tunnel *t, struct tunnel_route *route)
{
    int len = 0;

    if (tunnel_names_are_gone(route))
        return -1;
    if (route->name_count == 0)
        len = snprintf(t->host, sizeof(t->host), "%s", route->target.host);
    else
        len = snprintf(t->host, sizeof(t->host), "h%u.%s",
                       route->first_name + route->names_used++ % route->name_count,
                       route->target.host);
    return len > 0 && (size_t)len < sizeof(t->host) ? 0 : -1;
}

enum tunnel_result tunnel_open(struct tunnel *t, struct tunnel_route *route)
{
    struct sockaddr_in proxy;
    int rc = 0;

    t->since_ns = tunnel_now_ns();
    t->reply_len = 0;
    t->early_bytes = 0;
    t->in_body = false;
    t->legs = 0;
    route->next++;
    if (route->has_target)
        t->port = route->target.first + (int)(route->next % route->target.count);
    if ((route->has_target && choose_name(t, route) != 0) ||
        netaddr_resolve(&route->proxy, route->next, &proxy) != 0)
        return TUNNEL_FAILED;
    t->fd = open_socket(route);
    if (t->fd < 0)
        return TUNNEL_FAILED;
    t->state = TUNNEL_CONNECTING;
    rc = connect(t->fd, (struct sockaddr *)&proxy, sizeof(proxy));
    if (rc != 0 && errno != EINPROGRESS)
        return fail(t);
    /* On loopback the handshake is over by now, but only a second call says so. */
    if (rc != 0)
        rc = connect(t->fd, (struct sockaddr *)&proxy, sizeof(proxy));
    if (rc != 0 && errno != EALREADY)
        return fail(t);
    if (watch(t, route, EPOLL_CTL_ADD, rc == 0 ? EPOLLIN : EPOLLOUT) != 0)
        return fail(t);
    return rc == 0 ? ask(t, route, NULL) : TUNNEL_WAIT;
}

static enum tunnel_result finish_connect(struct tunnel *t, struct tunnel_route *route)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        return fail(t);
    if (watch(t, route, EPOLL_CTL_MOD, EPOLLIN) != 0)
        return fail(t);
    return ask(t, route, NULL);
}

/* Throws the body of a 407 away; what follows is another request, or the end. */
static enum tunnel_result drop_body(struct tunnel *t, struct tunnel_route *route)
{
    static char unused[DISCARD_SIZE];

    while (t->body_left > 0) {
        size_t wanted = t->body_left < sizeof(unused) ? (size_t)t->body_left : sizeof(unused);
        ssize_t got = recv(t->fd, unused, wanted, MSG_TRUNC);

        if (got < 0 && errno == EAGAIN)
            return TUNNEL_WAIT;
        if (got <= 0)
            return fail(t);
        t->body_left -= (uint64_t)got;
    }
    if (!route->wants_refusal)
        return ask(t, route, t->reply);
    t->state = TUNNEL_UP;
    return TUNNEL_READY;
}

/* A 407 whose head ends before `body`. */
static enum tunnel_result take_refusal(struct tunnel *t, struct tunnel_route *route,
                                       const char *body)
{
    static const char name[] = "\nContent-Length:";
    const char *length = strcasestr(t->reply, name);
    uint64_t early = t->reply_len - (size_t)(body - t->reply);

    if (!route->wants_refusal && (!login_has_legs(&route->login) || t->legs > 1))
        return fail(t);
    if (length == NULL || length > body)
        return fail(t);
    t->body_left = strtoull(length + sizeof(name) - 1, NULL, 10);
    if (early > t->body_left)
        return fail(t);
    t->body_left -= early;
    t->state = TUNNEL_REFUSED;
    return drop_body(t, route);
}

static enum tunnel_result shake_hands(struct tunnel *t)
{
    int rc = tls_client_shake(t->tls);

    if (rc < 0)
        return fail(t);
    if (rc == 0)
        return TUNNEL_WAIT;
    t->state = TUNNEL_UP;
    return TUNNEL_READY;
}

/* The target has been reached. Who speaks first in TLS is the client. */
static enum tunnel_result pass(struct tunnel *t, const struct tunnel_route *route)
{
    if (route->tls == NULL) {
        t->state = TUNNEL_UP;
        return TUNNEL_READY;
    }
    if (t->early_bytes > 0)
        return fail(t);
    t->tls = tls_client_open(route->tls, t->fd, t->host);
    if (t->tls == NULL)
        return fail(t);
    t->state = TUNNEL_SHAKING;
    return shake_hands(t);
}

static enum tunnel_result read_reply(struct tunnel *t, struct tunnel_route *route)
{
    size_t space = sizeof(t->reply) - 1 - t->reply_len;
    ssize_t got = recv(t->fd, t->reply + t->reply_len, space, 0);
    const char *end = NULL;

    if (got < 0 && errno == EAGAIN)
        return TUNNEL_WAIT;
    if (got <= 0)
        return fail(t);
    t->reply_len += (size_t)got;
    t->reply[t->reply_len] = '\0';
    end = strstr(t->reply, "\r\n\r\n");
    if (end == NULL)
        return t->reply_len < sizeof(t->reply) - 1 ? TUNNEL_WAIT : fail(t);
    if (strncmp(t->reply, "HTTP/1.", 7) != 0)
        return fail(t);
    if (strncmp(t->reply + 8, " 407", 4) == 0)
        return take_refusal(t, route, end + 4);
    if (strncmp(t->reply + 8, " 200", 4) != 0 || route->wants_refusal)
        return fail(t);
    t->early_bytes = t->reply_len - (size_t)(end + 4 - t->reply);
    return pass(t, route);
}

enum tunnel_result tunnel_step(struct tunnel *t, struct tunnel_route *route)
{
    if (t->state == TUNNEL_CONNECTING)
        return finish_connect(t, route);
    if (t->state == TUNNEL_REFUSED)
        return drop_body(t, route);
    if (t->state == TUNNEL_SHAKING)
        return shake_hands(t);
    return read_reply(t, route);
}

int tunnel_send(struct tunnel *t, const void *bytes, size_t len)
{
    ssize_t sent = t->tls != NULL ? tls_client_write(t->tls, bytes, len)
                                  : send(t->fd, bytes, len, MSG_NOSIGNAL);

    return sent == (ssize_t)len ? 0 : -1;
}

ssize_t tunnel_recv(struct tunnel *t, void *bytes, size_t size, int flags)
{
    return t->tls != NULL ? tls_client_read(t->tls, bytes, size) : recv(t->fd, bytes, size, flags);
}

bool tunnel_has_more(const struct tunnel *t)
{
    return t->tls != NULL && tls_client_has_more(t->tls);
}
