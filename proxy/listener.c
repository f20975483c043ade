/* SPDX-License-Identifier: MIT */
/* listener.c - sockets that accept clients; see listener.h. */
#include "proxy/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "proxy/http/reply.h"
#include "proxy/http/status.h"
#include "proxy/worker.h"
#include "util/log.h"
#include "util/mem.h"

#define BACKLOG 4096
#define ACCEPTS_PER_TURN 64
#define PAUSE_MS 100
#define REFUSALS_PER_PAUSE 16

struct listener {
    struct list_node node;
    struct worker *worker;
    unsigned number;
    int fd;
    bool is_paused;
    struct event event, pause;
};

static void set_inherited(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    stream_set_keepalive(fd);
}

static int bind_and_listen(int fd, struct endpoint *at)
{
    static const struct addr ANY_V6 = {{0}};
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);
    int on = 1, is_only_v6 = !addr_eq(&at->addr, &ANY_V6);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
        return -1;
    if (sa.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_only_v6, sizeof(is_only_v6)) != 0)
        return -1;
    set_inherited(fd);
    if (bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, BACKLOG) != 0)
        return -1;
    len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return -1;
    struct endpoint bound;
    if (addr_from_sockaddr(&bound, (struct sockaddr *)&sa) == 0)
        at->port = bound.port;
    return 0;
}

bool listener_is_taken(const struct endpoint *at)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bool is_taken = bind(fd, (struct sockaddr *)&sa, len) != 0 && errno == EADDRINUSE;
    close(fd);
    return is_taken;
}

int listener_bind(struct endpoint *at, struct err *e)
{
    char text[ADDR_TEXT_SIZE];
    int family = addr_is_v4(&at->addr) ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_and_listen(fd, at) == 0)
        return fd;
    err_set(e, NULL, "cannot listen on %s port %u: %s", addr_format(&at->addr, text), at->port,
            strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The answer for a client that there is no descriptor for: it is read in one go by
 * nearly every client, so it gets the shortest life that still delivers it. */
static void refuse_client(int fd, struct worker *w, bool speaks_tls)
{
    char bytes[REPLY_MAX], id[TXN_ID_TEXT + 1];
    const struct end_row *row = end_row(END_NO_DESCRIPTORS);
    struct reply reply = {.status = row->status,
                          .reason = status_words(row->status)->phrase,
                          .title = status_words(row->status)->title,
                          .error = row->error, .text = row->text,
                          .id = str_of(txn_id_text(w->id_key + w->next_id++, id)),
                          .retry_after = 5};
    size_t len = reply_write(&reply, bytes, sizeof(bytes));
    (void)!recv(fd, w->pool.buffer, RELAY_BUFFER_BYTES, MSG_DONTWAIT);
    if (!speaks_tls) /* else there is no handshake to say it behind */
        (void)!send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    close(fd);
    count_add(&w->counters.ends[END_NO_DESCRIPTORS], 1);
    count_add(&w->counters.requests[COUNT_ERROR][COUNT_CONNECT], 1);
}

/* As the configuration in force has it: a reload may have changed it. */
static SSL_CTX *tls_of(const struct listener *l)
{
    const struct config *config = l->worker->pin->config;
    for (size_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].number == l->number)
            return config->listeners[i].tls;
    return NULL;
}

/* Clients that wait must not wait in vain: with the spare descriptor each is
 * accepted for as long as it takes to tell it. */
static void refuse_some(struct listener *l)
{
    struct worker *w = l->worker;
    for (unsigned i = 0; i < REFUSALS_PER_PAUSE && w->spare_fd >= 0; i++) {
        close(w->spare_fd);
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            refuse_client(fd, w, tls_of(l) != NULL);
        w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return;
    }
}

static void pause_accepting(struct listener *l)
{
    static const struct timeval PAUSE = {0, PAUSE_MS * 1000};
    refuse_some(l);
    count_add(&l->worker->counters.accept_pauses, 1);
    event_del(&l->event);
    l->is_paused = true;
    evtimer_add(&l->pause, &PAUSE);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    struct worker *w = l->worker;
    (void)fd;
    (void)what;
    l->is_paused = false;
    if (w->spare_fd < 0)
        w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    event_add(&l->event, NULL);
}

static bool is_out_of_something(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(evutil_socket_t listen_fd, short what, void *arg)
{
    struct listener *l = arg;
    (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        struct endpoint client;
        int fd = accept4((int)listen_fd, (struct sockaddr *)&sa, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && is_out_of_something(errno))
            pause_accepting(l);
        /* Else there is none left, or that one is gone already (accept(2)). */
        if (fd < 0)
            return;
        if (addr_from_sockaddr(&client, (struct sockaddr *)&sa) != 0)
            close(fd);
        else
            conn_accept(l->worker, fd, &client, tls_of(l));
    }
}

int listener_add(struct worker *w, unsigned number, int fd)
{
    struct listener *l = mem_zalloc(sizeof(*l));
    if (l == NULL) {
        close(fd);
        return -1;
    }
    l->worker = w;
    l->number = number;
    l->fd = fd;
    evtimer_assign(&l->pause, w->base, on_pause_over, l);
    if (event_assign(&l->event, w->base, fd, EV_READ | EV_PERSIST, on_acceptable, l) != 0 ||
        event_add(&l->event, NULL) != 0) {
        close(fd);
        mem_free(l);
        return -1;
    }
    list_append(&w->listeners, &l->node);
    return 0;
}

static void destroy(struct listener *l)
{
    list_remove(&l->node);
    event_del(&l->event);
    evtimer_del(&l->pause);
    close(l->fd);
    mem_free(l);
}

void listener_remove(struct worker *w, unsigned number)
{
    struct list_node *node = list_first(&w->listeners);
    while (node != NULL) {
        struct listener *l = LIST_ITEM(node, struct listener, node);
        node = list_next(&w->listeners, node);
        if (l->number == number)
            destroy(l);
    }
}

void listener_remove_all(struct worker *w)
{
    struct list_node *node;
    while ((node = list_first(&w->listeners)) != NULL)
        destroy(LIST_ITEM(node, struct listener, node));
}
