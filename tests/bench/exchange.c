/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - sends bytes and requests, takes bytes and responses.
 */
#include "tests/bench/exchange.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DISCARD_SIZE (1 << 20)

/* One byte, or a ClientHello for the target. */
static int init_echo(struct exchange *exchange, const struct options *options)
{
    exchange->kind = EXCHANGE_ECHO;
    exchange->request_len = 1;
    exchange->request[0] = 'x';
    if (options->hello)
        exchange->request_len =
            tls_client_hello(options->target.host, (unsigned char *)exchange->request,
                             TUNNEL_REPLY_SIZE < EXCHANGE_REQUEST_SIZE ? TUNNEL_REPLY_SIZE
                                                                       : EXCHANGE_REQUEST_SIZE);
    exchange->payload = 2 * exchange->request_len;
    return exchange->request_len > 0 ? 0 : -1;
}

/* Writes a GET. Returns its length, 0 when it is too long. */
static size_t write_request(char out[EXCHANGE_REQUEST_SIZE], const char *prefix, const char *host,
                            int port)
{
    int len = snprintf(out, EXCHANGE_REQUEST_SIZE,
                       "GET %s/body HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: bench\r\n"
                       "Accept: */*\r\n\r\n",
                       prefix, host, port);

    return len > 0 && len < EXCHANGE_REQUEST_SIZE ? (size_t)len : 0;
}

int exchange_init(struct exchange *exchange, const struct options *options)
{
    const struct netaddr_range *origin = &options->origin;
    char prefix[NETADDR_HOST_SIZE + 16] = "";

    exchange->body_size = options->body_size;
    exchange->payload = options->body_size;
    if (options->tls) {
        exchange->kind = EXCHANGE_GET_INSIDE;
        return 0;
    }
    if (!options->has_origin)
        return init_echo(exchange, options);
    exchange->kind = EXCHANGE_GET;
    if (options->absolute)
        (void)snprintf(prefix, sizeof(prefix), "http://%s:%u", origin->host, origin->first);
    exchange->request_len = write_request(exchange->request, prefix, origin->host, origin->first);
    return exchange->request_len > 0 ? 0 : -1;
}

int exchange_send(const struct exchange *exchange, struct tunnel *t)
{
    char request[EXCHANGE_REQUEST_SIZE];

    t->reply_len = 0;
    t->body_left = 0;
    t->in_body = false;
    if (exchange->kind != EXCHANGE_GET_INSIDE)
        return tunnel_send(t, exchange->request, exchange->request_len);
    return tunnel_send(t, request, write_request(request, "", t->host, t->port));
}

/* 1: all of it is back; 0: not yet; -1: end, error, other bytes or too many. */
static int take_echo(const struct exchange *exchange, struct tunnel *t)
{
    ssize_t got = tunnel_recv(t, t->reply + t->reply_len, sizeof(t->reply) - t->reply_len, 0);

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0)
        return -1;
    t->reply_len += (size_t)got;
    if (t->reply_len < exchange->request_len)
        return 0;
    return t->reply_len == exchange->request_len &&
                   memcmp(t->reply, exchange->request, t->reply_len) == 0
               ? 1
               : -1;
}

/* The value of the field line when it is a Content-Length. Returns 1, 0 for another field, -1
 * for a value that is no number. */
static int read_length(const char *line, uint64_t *length)
{
    static const char name[] = "Content-Length:";
    char *end = NULL;

    if (strncasecmp(line, name, sizeof(name) - 1) != 0)
        return 0;
    line += sizeof(name) - 1;
    line += strspn(line, " \t");
    if (*line < '0' || *line > '9')
        return -1;
    *length = strtoull(line, &end, 10);
    return end[strspn(end, " \t")] == '\r' ? 1 : -1;
}

/* Whether the head, which ends before `end`, is that of the response wanted. */
static bool is_wanted_head(const char *head, const char *end, uint64_t body_size)
{
    const char *line = head;
    unsigned found = 0;

    if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(head + 8, " 200", 4) != 0)
        return false;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        uint64_t length = 0;
        int rc = read_length(++line, &length);

        if (rc < 0 || (rc > 0 && length != body_size))
            return false;
        found += (unsigned)rc;
    }
    return found == 1;
}

/* 1: the head is complete and its body has begun; 0: not yet; -1: not the response wanted. */
static int take_head(const struct exchange *exchange, struct tunnel *t)
{
    size_t space = sizeof(t->reply) - 1 - t->reply_len;
    ssize_t got = tunnel_recv(t, t->reply + t->reply_len, space, 0);
    const char *end = NULL;
    uint64_t early = 0;

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0)
        return -1;
    t->reply_len += (size_t)got;
    t->reply[t->reply_len] = '\0';
    end = strstr(t->reply, "\r\n\r\n");
    if (end == NULL)
        return t->reply_len < sizeof(t->reply) - 1 ? 0 : -1;
    end += 2;
    if (!is_wanted_head(t->reply, end, exchange->body_size))
        return -1;
    early = t->reply_len - (size_t)(end + 2 - t->reply);
    if (early > exchange->body_size)
        return -1;
    t->body_left = exchange->body_size - early;
    t->in_body = true;
    return 1;
}

/* Never takes more than the body, so that junk behind it spoils the next response. */
static int take_body(struct tunnel *t)
{
    static char unused[DISCARD_SIZE];
    size_t wanted = t->body_left < sizeof(unused) ? (size_t)t->body_left : sizeof(unused);
    ssize_t got = tunnel_recv(t, unused, wanted, MSG_TRUNC);

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0)
        return -1;
    t->body_left -= (uint64_t)got;
    return t->body_left == 0 ? 1 : 0;
}

static int take_response(const struct exchange *exchange, struct tunnel *t)
{
    int taken = 0;

    if (!t->in_body) {
        taken = take_head(exchange, t);
        /* Unless the buffer was too small, what has come is used up: wait for more. */
        if (taken <= 0 || (t->body_left > 0 && t->reply_len < sizeof(t->reply) - 1))
            return taken < 0 ? -1 : 0;
    }
    taken = t->body_left == 0 ? 1 : take_body(t);
    if (taken != 0)
        t->in_body = false;
    return taken;
}

int exchange_take(const struct exchange *exchange, struct tunnel *t)
{
    int taken = 0;

    if (exchange->kind == EXCHANGE_ECHO)
        return take_echo(exchange, t);
    do
        taken = take_response(exchange, t);
    while (taken == 0 && tunnel_has_more(t));
    return taken;
}
