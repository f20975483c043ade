/* SPDX-License-Identifier: MIT */
/*
 * origin.c - what the benchmark's tunnels lead to: one thread, raw epoll.
 *
 * Ports of four kinds: an echo port sends every byte back; a source port sends without pause and
 * throws away what it gets; an HTTP port answers every request with one fixed response; a TLS port
 * does so inside TLS, where a response of the largest size is sent without pause. Ends at end of
 * file on standard input, so it never outlives the script that started it. Prints ready=1 when all
 * ports listen.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/certificates.h"
#include "tests/bench/netaddr.h"
#include "tests/bench/response.h"
#include "tests/bench/tls_peer.h"
#include "util/attr.h"

#define BACKLOG 4096
#define MAX_BODY_SIZE (1UL << 30)
#define ENDLESS_SIZE (1UL << 40) /* nobody takes all of it */
#define CHUNK_SIZE (256 * 1024)
#define HELD_SIZE 4096

/* A listener's kind is followed by that of the connections it accepts. */
enum peer_kind {
    PEER_STDIN,
    PEER_LISTEN_ECHO,
    PEER_ECHO,
    PEER_LISTEN_SOURCE,
    PEER_SOURCE,
    PEER_LISTEN_HTTP,
    PEER_HTTP,
    PEER_LISTEN_TLS,
    PEER_TLS,
};

/* One watched descriptor. `held` is what an echo could not send at once, or the start of a
 * request. */
struct peer {
    int fd;
    enum peer_kind kind;
    size_t held_len;
    char *held;
    SSL_CTX *ctx; /* of a TLS port */
    struct tls_peer *tls;
    const struct response *response; /* of an HTTP or TLS port and its connections */
    size_t sent;                     /* of the response under way; 0: none is */
    bool last;                       /* the connection ends after that response */
    bool is_writing;                 /* TLS waits to write */
};

static char chunk[CHUNK_SIZE];

static int watch(int epoll_fd, int operation, struct peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};

    return epoll_ctl(epoll_fd, operation, peer->fd, &event);
}

static void drop_peer(struct peer *peer)
{
    tls_peer_free(peer->tls);
    close(peer->fd);
    free(peer->held);
    free(peer);
}

/* Watches fd as a new peer; closes it when that fails. ctx: of a TLS port or one of its
 * connections. */
static int add_peer(int epoll_fd, int fd, enum peer_kind kind, const struct response *response,
                    SSL_CTX *ctx)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    uint32_t events = kind == PEER_SOURCE ? EPOLLIN | EPOLLOUT : EPOLLIN;

    if (peer == NULL) {
        close(fd);
        return -1;
    }
    peer->fd = fd;
    peer->kind = kind;
    peer->response = response;
    peer->ctx = ctx;
    if (kind == PEER_TLS)
        peer->tls = tls_peer_new(ctx, fd, response);
    if ((kind != PEER_TLS || peer->tls != NULL) &&
        watch(epoll_fd, EPOLL_CTL_ADD, peer, events) == 0)
        return 0;
    drop_peer(peer);
    return -1;
}

static void accept_peers(int epoll_fd, const struct peer *listener)
{
    int fd = -1;
    int on = 1;

    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        /* The end of a response must not wait for the acknowledgement of its beginning. */
        if ((listener->response != NULL &&
             setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) ||
            add_peer(epoll_fd, fd, listener->kind + 1, listener->response, listener->ctx) != 0)
            perror("origin: accept");
    }
}

/* Keeps what the peer does not take now, and stops reading from it until it does. */
static int hold_rest(int epoll_fd, struct peer *peer, const char *bytes, size_t len)
{
    if (peer->held == NULL)
        peer->held = malloc(HELD_SIZE);
    if (peer->held == NULL)
        return -1;
    memmove(peer->held, bytes, len);
    peer->held_len = len;
    return watch(epoll_fd, EPOLL_CTL_MOD, peer, EPOLLOUT);
}

static int send_echo(int epoll_fd, struct peer *peer, const char *bytes, size_t len)
{
    ssize_t sent = send(peer->fd, bytes, len, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return -1;
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < len)
        return hold_rest(epoll_fd, peer, bytes + sent, len - (size_t)sent);
    if (peer->held_len == 0)
        return 0;
    peer->held_len = 0;
    return watch(epoll_fd, EPOLL_CTL_MOD, peer, EPOLLIN);
}

/* Returns 0 while the peer lives, -1 at its end. */
static int run_echo(int epoll_fd, struct peer *peer)
{
    char bytes[HELD_SIZE];
    ssize_t got = 0;

    if (peer->held_len > 0)
        return send_echo(epoll_fd, peer, peer->held, peer->held_len);
    got = recv(peer->fd, bytes, sizeof(bytes), 0);
    if (got < 0)
        return errno == EAGAIN ? 0 : -1;
    return got == 0 ? -1 : send_echo(epoll_fd, peer, bytes, (size_t)got);
}

static int run_source(const struct peer *peer, uint32_t events)
{
    ssize_t moved = 0;

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        moved = recv(peer->fd, chunk, sizeof(chunk), MSG_TRUNC);
        if (moved == 0 || (moved < 0 && errno != EAGAIN))
            return -1;
    }
    if (events & EPOLLOUT) {
        moved = send(peer->fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
        if (moved < 0 && errno != EAGAIN)
            return -1;
    }
    return 0;
}

/* Sends what is left of the response. 1: all of it is sent; 0: the peer takes no more now; -1:
 * the end. */
static int send_response(int epoll_fd, struct peer *peer)
{
    const struct response *response = peer->response;
    bool was_waiting = peer->sent > 0;
    ssize_t moved =
        send(peer->fd, response->bytes + peer->sent, response->len - peer->sent, MSG_NOSIGNAL);

    if (moved < 0 && errno != EAGAIN)
        return -1;
    if (moved > 0)
        peer->sent += (size_t)moved;
    if (peer->sent == response->len) {
        peer->sent = 0;
        if (peer->last)
            return -1;
        return was_waiting && watch(epoll_fd, EPOLL_CTL_MOD, peer, EPOLLIN) != 0 ? -1 : 1;
    }
    /* A first send that moves nothing has no place here: the buffer of the socket is empty. */
    if (peer->sent == 0)
        return -1;
    return was_waiting || watch(epoll_fd, EPOLL_CTL_MOD, peer, EPOLLOUT) == 0 ? 0 : -1;
}

/* Answers the requests in the buffer, one after the other, while the peer takes the responses. */
static int answer_held(int epoll_fd, struct peer *peer)
{
    size_t used = 0;
    size_t len = 0;
    int rc = 1;

    while (rc > 0 && (len = response_find_request(peer->held + used, peer->held_len - used,
                                                  &peer->last)) > 0) {
        used += len;
        rc = send_response(epoll_fd, peer);
    }
    if (rc < 0)
        return -1;
    peer->held_len -= used;
    memmove(peer->held, peer->held + used, peer->held_len);
    return rc > 0 && peer->held_len == HELD_SIZE ? -1 : 0;
}

/* Returns 0 while the peer lives, -1 at its end. */
static int run_http(int epoll_fd, struct peer *peer)
{
    ssize_t got = 0;

    if (peer->sent > 0) {
        int rc = send_response(epoll_fd, peer);

        return rc > 0 ? answer_held(epoll_fd, peer) : rc;
    }
    if (peer->held == NULL)
        peer->held = malloc(HELD_SIZE);
    if (peer->held == NULL)
        return -1;
    got = recv(peer->fd, peer->held + peer->held_len, HELD_SIZE - peer->held_len, 0);
    if (got < 0)
        return errno == EAGAIN ? 0 : -1;
    peer->held_len += (size_t)got;
    return got == 0 ? -1 : answer_held(epoll_fd, peer);
}

/* Returns 0 while the peer lives, -1 at its end. */
static int run_tls(int epoll_fd, struct peer *peer)
{
    enum tls_peer_wish wish = tls_peer_run(peer->tls);
    bool is_writing = wish == TLS_PEER_WRITE;

    if (wish == TLS_PEER_END)
        return -1;
    if (is_writing == peer->is_writing)
        return 0;
    peer->is_writing = is_writing;
    return watch(epoll_fd, EPOLL_CTL_MOD, peer, is_writing ? EPOLLOUT : EPOLLIN);
}

static int listen_range(int epoll_fd, const struct netaddr_range *range, enum peer_kind kind,
                        const struct response *response, SSL_CTX *ctx)
{
    int on = 1;

    for (unsigned i = 0; i < range->count; i++) {
        struct sockaddr_in address;
        int fd = -1;

        if (netaddr_resolve(range, i, &address) != 0)
            return -1;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -1;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            listen(fd, BACKLOG) != 0) {
            close(fd);
            return -1;
        }
        if (add_peer(epoll_fd, fd, kind, response, ctx) != 0)
            return -1;
    }
    return 0;
}

/* Returns 0 while the peer lives, -1 when it is to be dropped. */
static int run_peer(int epoll_fd, struct peer *peer, uint32_t events)
{
    switch (peer->kind) {
    case PEER_LISTEN_ECHO:
    case PEER_LISTEN_SOURCE:
    case PEER_LISTEN_HTTP:
    case PEER_LISTEN_TLS:
        accept_peers(epoll_fd, peer);
        return 0;
    case PEER_ECHO:
        return run_echo(epoll_fd, peer);
    case PEER_SOURCE:
        return run_source(peer, events);
    case PEER_HTTP:
        return run_http(epoll_fd, peer);
    case PEER_TLS:
        return run_tls(epoll_fd, peer);
    case PEER_STDIN:
        break;
    }
    return 0;
}

/* Serves until standard input ends. */
static int serve(int epoll_fd)
{
    struct epoll_event events[256];

    for (;;) {
        int ready = epoll_wait(epoll_fd, events, ARRAY_LEN(events), -1);

        if (ready < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;

            if (peer->kind == PEER_STDIN)
                return 0;
            if (run_peer(epoll_fd, peer, events[i].events) != 0)
                drop_peer(peer);
        }
    }
}

/* The response to serve on the ports of SIZE,ADDRESS; *address is set to what follows the comma.
 * NULL after a bad size, or without memory. */
static const struct response *read_size(const char *text, bool is_tls, const char **address)
{
    char *end = NULL;
    unsigned long size = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != ',' || size == 0)
        return NULL;
    *address = end + 1;
    if (is_tls && size == ENDLESS_SIZE)
        return response_new_endless(size, CHUNK_SIZE);
    return size <= MAX_BODY_SIZE ? response_new(size) : NULL;
}

/* Listens where one option of the command line says. Returns 0, or the exit status. */
static int take_option(int epoll_fd, SSL_CTX *ctx, const char *option, const char *value)
{
    const struct response *response = NULL;
    const char *address = value;
    bool is_tls = strcmp(option, "--tls") == 0;
    enum peer_kind kind = PEER_LISTEN_ECHO;
    struct netaddr_range range;

    if (strcmp(option, "--source") == 0) {
        kind = PEER_LISTEN_SOURCE;
    } else if (is_tls || strcmp(option, "--http") == 0) {
        kind = is_tls ? PEER_LISTEN_TLS : PEER_LISTEN_HTTP;
        response = read_size(value, is_tls, &address);
        if (response == NULL)
            return 2;
    } else if (strcmp(option, "--echo") != 0) {
        return 2;
    }
    if (netaddr_parse(address, &range) != 0)
        return 2;
    if (listen_range(epoll_fd, &range, kind, response, ctx) == 0)
        return 0;
    fprintf(stderr, "origin: %s: %s\n", value, strerror(errno));
    return 1;
}

static int run(int epoll_fd, int argc, char **argv, struct certificates *certificates,
               SSL_CTX *ctx)
{
    int rc = epoll_fd < 0 || argc < 3 || argc % 2 == 0 ? 2 : 0;

    for (int i = 1; rc == 0 && i < argc; i += 2) {
        if (strcmp(argv[i], "--ca") == 0)
            rc = certificates_write_ca(certificates, argv[i + 1]) == 0 ? 0 : 1;
        else
            rc = take_option(epoll_fd, ctx, argv[i], argv[i + 1]);
    }
    if (rc == 2)
        fputs("usage: origin {--echo ADDRESS | --source ADDRESS | --http SIZE,ADDRESS |\n"
              "               --tls SIZE,ADDRESS | --ca FILE} ...\n"
              "  ADDRESS is 127.x.x.x:PORT[-PORT]; SIZE is the length of the body in bytes;\n"
              "  FILE gets the certificate of the CA behind the TLS ports\n",
              stderr);
    if (rc != 0)
        return rc;
    signal(SIGPIPE, SIG_IGN);
    if (add_peer(epoll_fd, STDIN_FILENO, PEER_STDIN, NULL, NULL) != 0) {
        perror("origin: standard input must be a pipe or a terminal");
        return 1;
    }
    printf("ready=1\n");
    fflush(stdout);
    return serve(epoll_fd) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct certificates *certificates = certificates_new();
    SSL_CTX *ctx = certificates != NULL ? certificates_server(certificates) : NULL;
    int rc = 1;

    if (ctx != NULL)
        rc = run(epoll_create1(EPOLL_CLOEXEC), argc, argv, certificates, ctx);
    else
        fputs("origin: TLS cannot be set up\n", stderr);
    SSL_CTX_free(ctx);
    certificates_free(certificates);
    return rc;
}
