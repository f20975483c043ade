/* SPDX-License-Identifier: MIT */
/* dns_server.c - a scripted DNS server; see dns_server.h. */
#include "tests/unit/net/dns_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A reply on its way; over TCP it is sent at once. */
struct delayed {
    struct dns_server *server;
    struct sockaddr_in to;
    int fd; /* of a TCP connection, or -1 */
    size_t len;
    struct event *timer;
    uint8_t bytes[9000];
};

struct dns_tcp {
    struct list_node node;
    struct dns_server *server;
    int fd;
    struct event *on_bytes;
    size_t len;
    uint8_t bytes[4096];
};

static void put_u16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    put_u16(out, value >> 16);
    put_u16(out + 2, value & 0xFFFF);
}

size_t put_name(uint8_t *out, const char *name)
{
    size_t at = 0;

    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        ck_assert(len > 0 && len < 64 && at + len + 2 <= 256);
        out[at++] = (uint8_t)len;
        memcpy(out + at, name, len);
        at += len;
        name += len + (name[len] == '.');
    }
    out[at++] = 0;
    return at;
}

static void put_record(struct server_reply *r, const char *owner, unsigned type, uint32_t ttl_s,
                       const uint8_t *data, size_t len)
{
    ck_assert(r->len + 300 + len < sizeof(r->records));
    r->len += put_name(r->records + r->len, owner);
    uint8_t *fixed = r->records + r->len;
    put_u16(fixed, type);
    put_u16(fixed + 2, 1);
    put_u32(fixed + 4, ttl_s);
    put_u16(fixed + 8, (unsigned)len);
    memcpy(fixed + 10, data, len);
    r->len += 10 + len;
}

void reply_a(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *address)
{
    uint8_t data[4];

    ck_assert_int_eq(inet_pton(AF_INET, address, data), 1);
    put_record(r, owner, 1, ttl_s, data, sizeof(data));
    r->answers++;
}

void reply_aaaa(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *address)
{
    uint8_t data[16];

    ck_assert_int_eq(inet_pton(AF_INET6, address, data), 1);
    put_record(r, owner, 28, ttl_s, data, sizeof(data));
    r->answers++;
}

void reply_cname(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *target)
{
    uint8_t data[256];

    put_record(r, owner, 5, ttl_s, data, put_name(data, target));
    r->answers++;
}

void reply_soa(struct server_reply *r, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
    uint8_t data[600];
    size_t at = put_name(data, "ns.test");

    at += put_name(data + at, "admin.test");
    for (unsigned i = 0; i < 4; i++)
        put_u32(data + at + 4 * i, 7200);
    put_u32(data + at + 16, minimum_s);
    put_record(r, owner, 6, ttl_s, data, at + 20);
    r->authorities++;
}

/* Reads the one question; returns where it ends. */
static size_t read_question(const uint8_t *bytes, size_t len, struct seen_question *q)
{
    size_t at = 12, out = 0;

    ck_assert(len > 12);
    while (at < len && bytes[at] != 0) {
        size_t label = bytes[at++];
        ck_assert(at + label < len && out + label + 1 < sizeof(q->name));
        if (out > 0)
            q->name[out++] = '.';
        memcpy(q->name + out, bytes + at, label);
        out += label;
        at += label;
    }
    q->name[out] = '\0';
    ck_assert(at + 5 <= len);
    q->type = (uint16_t)(bytes[at + 1] << 8 | bytes[at + 2]);
    q->has_edns = bytes[11] != 0;
    return at + 5;
}

static void count(struct dns_server *s, const struct seen_question *q)
{
    s->asked++;
    s->asked_a += q->type == SEEN_A;
    s->asked_aaaa += q->type == SEEN_AAAA;
    s->asked_tcp += q->is_tcp;
    s->asked_edns += q->has_edns;
    memcpy(s->last_name, q->name, sizeof(s->last_name));
}

static void send_reply(struct delayed *d)
{
    if (d->fd >= 0) {
        (void)send(d->fd, d->bytes, d->len, MSG_NOSIGNAL);
    } else {
        (void)sendto(d->server->udp, d->bytes, d->len, 0, (struct sockaddr *)&d->to, sizeof(d->to));
    }
    if (d->timer != NULL)
        event_free(d->timer);
    d->server->pending--;
    free(d);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    send_reply(arg);
}

static void answer(struct dns_server *s, const uint8_t *question, size_t len, struct delayed *d)
{
    static struct server_reply r;
    struct seen_question q = {.is_tcp = d->fd >= 0};
    size_t question_len = read_question(question, len, &q), at = d->fd >= 0 ? 2 : 0;

    count(s, &q);
    memset(&r, 0, sizeof(r));
    s->answer(s, &q, &r);
    uint8_t *out = d->bytes + at;
    memcpy(out, question, question_len);
    out[0] ^= r.has_wrong_id;
    out[2] = (uint8_t)((r.is_question ? 0 : 0x80) | 1 | (r.is_cut ? 2 : 0));
    out[3] = (uint8_t)(0x80 | r.rcode);
    put_u16(out + 6, r.is_cut ? 0 : r.answers);
    put_u16(out + 8, r.is_cut ? 0 : r.authorities);
    put_u16(out + 10, 0);
    if (r.is_cut)
        r.len = 0;
    memcpy(out + question_len, r.records, r.len);
    d->len = at + question_len + r.len;
    if (d->fd >= 0)
        put_u16(d->bytes, (unsigned)(question_len + r.len));
    d->server = s;
    s->pending++;
    if (r.is_silent) {
        s->pending--;
        free(d);
    } else if (r.delay_ms > 0) {
        ck_assert_int_lt(d->fd, 0);
        struct timeval delay = {r.delay_ms / 1000, (r.delay_ms % 1000) * 1000};
        d->timer = evtimer_new(s->base, on_due, d);
        event_add(d->timer, &delay);
    } else {
        send_reply(d);
    }
}

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
    uint8_t bytes[1024];

    for (;;) {
        struct delayed *d = calloc(1, sizeof(*d));
        socklen_t size = sizeof(d->to);
        ck_assert_ptr_nonnull(d);
        d->fd = -1;
        ssize_t len =
            recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&d->to, &size);
        if (len < 0) {
            free(d);
            return;
        }
        answer(arg, bytes, (size_t)len, d);
    }
}

static void free_tcp(struct dns_tcp *t)
{
    list_remove(&t->node);
    event_free(t->on_bytes);
    (void)close(t->fd);
    free(t);
}

/* Each question stands behind its length (RFC 1035 section 4.2.2). */
static void on_tcp_bytes(evutil_socket_t fd, short what, void *arg)
{
    struct dns_tcp *t = arg;
    ssize_t len = recv(fd, t->bytes + t->len, sizeof(t->bytes) - t->len, MSG_DONTWAIT);

    if (len <= 0) {
        free_tcp(t);
        return;
    }
    t->len += (size_t)len;
    for (;;) {
        size_t size = t->len < 2 ? 0 : (size_t)(t->bytes[0] << 8 | t->bytes[1]);
        if (size == 0 || t->len < 2 + size)
            return;
        struct delayed *d = calloc(1, sizeof(*d));
        ck_assert_ptr_nonnull(d);
        d->fd = fd;
        answer(t->server, t->bytes + 2, size, d);
        t->len -= 2 + size;
        memmove(t->bytes, t->bytes + 2 + size, t->len);
    }
}

static void on_tcp(evutil_socket_t fd, short what, void *arg)
{
    struct dns_tcp *t = calloc(1, sizeof(*t));

    ck_assert_ptr_nonnull(t);
    t->server = arg;
    t->fd = accept(fd, NULL, NULL);
    ck_assert_int_ge(t->fd, 0);
    list_append(&t->server->connections, &t->node);
    t->on_bytes = event_new(t->server->base, t->fd, EV_READ | EV_PERSIST, on_tcp_bytes, t);
    event_add(t->on_bytes, NULL);
}

static int open_socket(int type, uint16_t *port)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof(at);

    ck_assert_int_ge(fd, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        (void)close(fd);
        return -1;
    }
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

struct dns_server *dns_server_new(struct event_base *base, answer_fn *answer_function)
{
    struct dns_server *s = calloc(1, sizeof(*s));

    ck_assert_ptr_nonnull(s);
    s->base = base;
    s->answer = answer_function;
    list_init(&s->connections);
    for (s->tcp = -1; s->tcp < 0;) { /* the port that is free for UDP may be taken for TCP */
        s->port = 0;
        s->udp = open_socket(SOCK_DGRAM, &s->port);
        ck_assert_int_ge(s->udp, 0);
        s->tcp = open_socket(SOCK_STREAM, &s->port);
        if (s->tcp < 0)
            (void)close(s->udp);
    }
    ck_assert_int_eq(listen(s->tcp, 16), 0);
    s->on_udp = event_new(base, s->udp, EV_READ | EV_PERSIST, on_udp, s);
    s->on_tcp = event_new(base, s->tcp, EV_READ | EV_PERSIST, on_tcp, s);
    event_add(s->on_udp, NULL);
    event_add(s->on_tcp, NULL);
    return s;
}

void dns_server_free(struct dns_server *s)
{
    struct list_node *node;

    ck_assert_uint_eq(s->pending, 0);
    while ((node = list_first(&s->connections)) != NULL)
        free_tcp(LIST_ITEM(node, struct dns_tcp, node));
    event_free(s->on_udp);
    event_free(s->on_tcp);
    (void)close(s->udp);
    (void)close(s->tcp);
    free(s);
}
