/* SPDX-License-Identifier: MIT */
/*
 * origin.c - what the benchmark's tunnels lead to: one thread, raw epoll.
 *
 * Ports of two kinds: an echo port sends every byte back; a source port sends without pause and
 * throws away what it gets. Ends at end of file on standard input, so it never outlives the
 * script that started it. Prints ready=1 when all ports listen.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/netaddr.h"
#include "util/attr.h"

#define BACKLOG 4096
#define CHUNK_SIZE (256 * 1024)
#define ECHO_SIZE 4096

enum peer_kind { PEER_STDIN, PEER_LISTEN_ECHO, PEER_LISTEN_SOURCE, PEER_ECHO, PEER_SOURCE };

/* One watched descriptor. `held` is what an echo could not send at once. */
struct peer {
    int fd;
    enum peer_kind kind;
    size_t held_len;
    char *held;
};

static char chunk[CHUNK_SIZE];

static int watch(int epoll_fd, int operation, struct peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};

    return epoll_ctl(epoll_fd, operation, peer->fd, &event);
}

static void drop_peer(struct peer *peer)
{
    close(peer->fd);
    free(peer->held);
    free(peer);
}

/* Watches fd as a new peer; closes it when that fails. */
static int add_peer(int epoll_fd, int fd, enum peer_kind kind)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    uint32_t events = kind == PEER_SOURCE ? EPOLLIN | EPOLLOUT : EPOLLIN;

    if (peer == NULL) {
        close(fd);
        return -1;
    }
    peer->fd = fd;
    peer->kind = kind;
    if (watch(epoll_fd, EPOLL_CTL_ADD, peer, events) == 0)
        return 0;
    drop_peer(peer);
    return -1;
}

static void accept_peers(int epoll_fd, const struct peer *listener)
{
    enum peer_kind kind = listener->kind == PEER_LISTEN_ECHO ? PEER_ECHO : PEER_SOURCE;
    int fd = -1;

    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (add_peer(epoll_fd, fd, kind) != 0)
            perror("origin: accept");
    }
}

/* Keeps what the peer does not take now, and stops reading from it until it does. */
static int hold_rest(int epoll_fd, struct peer *peer, const char *bytes, size_t len)
{
    if (peer->held == NULL)
        peer->held = malloc(ECHO_SIZE);
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
    char bytes[ECHO_SIZE];
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

static int listen_range(int epoll_fd, const struct netaddr_range *range, enum peer_kind kind)
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
        if (add_peer(epoll_fd, fd, kind) != 0)
            return -1;
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
            if (peer->kind == PEER_LISTEN_ECHO || peer->kind == PEER_LISTEN_SOURCE)
                accept_peers(epoll_fd, peer);
            else if (peer->kind == PEER_ECHO && run_echo(epoll_fd, peer) != 0)
                drop_peer(peer);
            else if (peer->kind == PEER_SOURCE && run_source(peer, events[i].events) != 0)
                drop_peer(peer);
        }
    }
}

int main(int argc, char **argv)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct netaddr_range range;

    if (epoll_fd < 0 || argc < 3 || argc % 2 == 0)
        goto usage;
    for (int i = 1; i < argc; i += 2) {
        bool is_echo = strcmp(argv[i], "--echo") == 0;

        if ((!is_echo && strcmp(argv[i], "--source") != 0) ||
            netaddr_parse(argv[i + 1], &range) != 0)
            goto usage;
        if (listen_range(epoll_fd, &range, is_echo ? PEER_LISTEN_ECHO : PEER_LISTEN_SOURCE) != 0) {
            fprintf(stderr, "origin: %s: %s\n", argv[i + 1], strerror(errno));
            return 1;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    if (add_peer(epoll_fd, STDIN_FILENO, PEER_STDIN) != 0) {
        perror("origin: standard input must be a pipe or a terminal");
        return 1;
    }
    printf("ready=1\n");
    fflush(stdout);
    return serve(epoll_fd) == 0 ? 0 : 1;
usage:
    fputs("usage: origin {--echo | --source} 127.x.x.x:PORT[-PORT] ...\n", stderr);
    return 2;
}
