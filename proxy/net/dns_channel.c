/* SPDX-License-Identifier: MIT */
/* dns_channel.c - questions to the resolvers through c-ares; see dns_channel.h. */
#include "proxy/net/dns_channel.h"

#include <ares.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/list.h"
#include "util/mem.h"

enum {
    CLASS_IN = 1,
    MAX_SERVERS = 8,
    EDNS_SIZE = 1232, /* fits every path's packets: no fragments */
    /* The tries of one server, each twice as long as the one before, last 1 + 2
     * + 4 fifths of the time; those of two or three servers 1 + 2 each. */
    TRY_FRACTION = 5,
    MIN_TRY_MS = 20,
    MAX_TIMEOUT_MS = 10 * 60 * 1000,
    MIN_TIMER_MS = 10, /* c-ares looks at every question to find the next timeout */
};

struct dns_channel {
    ares_channel ares;
    struct event_base *base;
    struct event *timer;
    dns_reply_fn *on_reply;
    void *owner;
    struct list sockets;
    size_t load;
    int try_ms;
};

struct dns_question {
    struct dns_channel *channel;
    struct dns_question **slot; /* NULL: abandoned */
    void *asked_for;
    enum dns_type type;
    bool is_repeated;
    char name[]; /* with a NUL behind */
};

/* A socket of c-ares. It reads all its life and writes while c-ares wants to. */
struct dns_socket {
    struct list_node node;
    struct dns_channel *channel;
    int fd;
    bool is_udp;
    struct event *reading, *writing;
};

static void arm_timer(struct dns_channel *c)
{
    if (c->load == 0) {
        (void)event_del(c->timer);
        return;
    }
    /* No try ends sooner than try_ms after its start and the timer never runs
     * longer than that: a question that begins while it runs needs no new look. */
    if (event_pending(c->timer, EV_TIMEOUT, NULL))
        return;
    struct timeval most = {c->try_ms / 1000, (c->try_ms % 1000) * 1000}, room;
    struct timeval next = *ares_timeout(c->ares, &most, &room);
    if (next.tv_sec == 0 && next.tv_usec < MIN_TIMER_MS * 1000)
        next.tv_usec = MIN_TIMER_MS * 1000;
    /* Without memory tries are not repeated; the owner's deadline still holds. */
    (void)event_add(c->timer, &next);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct dns_channel *c = arg;

    ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct dns_socket *s = arg;
    struct dns_channel *c = s->channel; /* s may be gone after the next line */

    ares_process_fd(c->ares, fd, ARES_SOCKET_BAD);
    arm_timer(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct dns_socket *s = arg;
    struct dns_channel *c = s->channel;

    ares_process_fd(c->ares, ARES_SOCKET_BAD, fd);
    arm_timer(c);
}

static struct dns_socket *find_socket(const struct dns_channel *c, int fd)
{
    for (struct list_node *n = list_first(&c->sockets); n != NULL; n = list_next(&c->sockets, n)) {
        struct dns_socket *s = LIST_ITEM(n, struct dns_socket, node);
        if (s->fd == fd)
            return s;
    }
    return NULL;
}

static void free_socket(struct dns_socket *s)
{
    list_remove(&s->node);
    if (s->reading != NULL)
        event_free(s->reading);
    if (s->writing != NULL)
        event_free(s->writing);
    mem_free(s);
}

static struct dns_socket *watch_socket(struct dns_channel *c, int fd, bool is_udp)
{
    struct dns_socket *s = mem_zalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->channel = c;
    s->fd = fd;
    s->is_udp = is_udp;
    s->reading = event_new(c->base, fd, EV_READ | EV_PERSIST, on_readable, s);
    s->writing = event_new(c->base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
    if (s->reading == NULL || s->writing == NULL || event_add(s->reading, NULL) != 0) {
        free_socket(s);
        return NULL;
    }
    list_append(&c->sockets, &s->node);
    return s;
}

/* The sockets are made here rather than by c-ares so that they are close-on-exec
 * from the start, whatever another thread forks, and raise no SIGPIPE. */
static ares_socket_t on_open(int domain, int type, int protocol, void *arg)
{
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), on = 1;

    if (fd < 0)
        return ARES_SOCKET_BAD;
    if (type == SOCK_STREAM)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (watch_socket(arg, fd, type == SOCK_DGRAM) == NULL) {
        (void)close(fd);
        errno = ENOMEM;
        return ARES_SOCKET_BAD;
    }
    return fd;
}

static int on_close(ares_socket_t fd, void *arg)
{
    struct dns_socket *s = find_socket(arg, fd);

    if (s != NULL)
        free_socket(s);
    return close(fd);
}

static int on_connect(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len, void *arg)
{
    return connect(fd, to, len);
}

static ares_ssize_t on_receive(ares_socket_t fd, void *bytes, size_t size, int flags,
                               struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
    return recvfrom(fd, bytes, size, flags, from, from_len);
}

static ares_ssize_t on_send(ares_socket_t fd, const struct iovec *parts, int count, void *arg)
{
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
    const struct dns_socket *s = find_socket(arg, fd);
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

    /* Over UDP this tells that an earlier question met a closed port, and eats that
     * news: c-ares would wait for its answer. Sent again, the news comes again. */
    if (sent < 0 && errno == ECONNREFUSED)
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    /* A datagram for which the kernel has no room now is one that got lost on the
     * way: c-ares would end the question rather than repeat it. It sends a question
     * in one part. */
    if (sent < 0 && s != NULL && s->is_udp && (errno == EAGAIN || errno == ENOBUFS))
        return (ares_ssize_t)parts[0].iov_len;
    return sent;
}

static const struct ares_socket_functions socket_functions = {
    .asocket = on_open,
    .aclose = on_close,
    .aconnect = on_connect,
    .arecvfrom = on_receive,
    .asendv = on_send,
};

/* What c-ares waits for. Reading is as good as always wanted; before it closes a
 * socket it says that nothing is wanted any more. */
static void on_interest(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dns_socket *s = find_socket(arg, fd);

    if (s == NULL)
        return;
    if (!readable)
        (void)event_del(s->reading);
    if (writable)
        (void)event_add(s->writing, NULL);
    else
        (void)event_del(s->writing);
}

static enum dns_status status_of(int ares_status)
{
    switch (ares_status) {
    case ARES_ETIMEOUT:
        return DNS_TIMED_OUT;
    case ARES_EBADNAME:  /* a label too long, or empty: no such name can be */
    case ARES_ENOTFOUND: /* c-ares asks nobody for the names of RFC 7686 */
        return DNS_NO_NAME;
    default:
        return DNS_FAILED;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len);

static void send_question(struct dns_question *q)
{
    ares_query(q->channel->ares, q->name, CLASS_IN, q->type, on_answer, q);
}

/* May be called from within ares_query. Tells the owner and nobody else: c-ares
 * has its own lists open here. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len)
{
    struct dns_question *q = arg;
    struct dns_channel *c = q->channel;
    struct dns_records records;

    memset(&records, 0, sizeof(records));
    if (status == ARES_EDESTRUCTION)
        q->slot = NULL;
    else if (message != NULL)
        dns_message_read(message, (size_t)len, str_of(q->name), q->type, &records);
    else
        records.status = status_of(status);
    /* The first such reply makes c-ares do without EDNS; it repeats that question
     * itself, but not the others that were under way. */
    if (records.is_format_error && !q->is_repeated && q->slot != NULL) {
        q->is_repeated = true;
        send_question(q);
        return;
    }
    c->load--;
    if (q->slot != NULL) {
        *q->slot = NULL;
        c->on_reply(c->owner, q->asked_for, &records);
    }
    mem_free(q);
}

int dns_channel_ask(struct dns_channel *c, const char *name, enum dns_type type, void *asked_for,
                    struct dns_question **slot)
{
    size_t size = strlen(name) + 1;
    struct dns_question *q = NULL;

    *slot = NULL;
    if (c->load < DNS_CHANNEL_MAX_QUESTIONS)
        q = mem_zalloc(sizeof(*q) + size);
    if (q == NULL)
        return -1;
    memcpy(q->name, name, size);
    q->channel = c;
    q->type = type;
    q->asked_for = asked_for;
    q->slot = slot;
    *slot = q;
    c->load++;
    send_question(q);
    arm_timer(c);
    return 0;
}

void dns_channel_abandon(struct dns_question *question)
{
    if (question == NULL)
        return;
    *question->slot = NULL;
    question->slot = NULL;
}

size_t dns_channel_load(const struct dns_channel *c)
{
    return c->load;
}

/* "address", "address:port" or "[address]:port". */
static int read_server(struct str text, struct ares_addr_port_node *server)
{
    struct addr a;
    struct str host = text;
    uint64_t port = 53;

    memset(server, 0, sizeof(*server));
    if (text.len > 0 && text.ptr[0] == '[') {
        (void)str_cut(&text, '[');
        host = str_cut(&text, ']');
        if (text.ptr == NULL || (text.len > 0 && text.ptr[0] != ':'))
            return -1;
        if (text.len > 0 && str_to_u64((struct str){text.ptr + 1, text.len - 1}, 65535, &port) != 0)
            return -1;
    } else if (addr_parse(&a, text) != 0) {
        host = str_cut(&text, ':');
        if (str_to_u64(text, 65535, &port) != 0)
            return -1;
    }
    if (port == 0 || addr_parse(&a, host) != 0)
        return -1;
    server->udp_port = server->tcp_port = (int)port;
    server->family = addr_is_v4(&a) ? AF_INET : AF_INET6;
    if (server->family == AF_INET)
        memcpy(&server->addr.addr4, a.bytes + 12, 4);
    else
        memcpy(&server->addr.addr6, a.bytes, 16);
    return 0;
}

static int set_servers(ares_channel ares, const char *list, struct err *e)
{
    struct ares_addr_port_node servers[MAX_SERVERS];
    struct str rest = str_of(list);
    size_t count = 0;

    do {
        struct str item = str_trim(str_cut(&rest, ','));
        if (count == MAX_SERVERS)
            return err_set(e, NULL, "more than %d DNS servers", MAX_SERVERS);
        if (read_server(item, &servers[count]) != 0)
            return err_set(e, NULL, "'%.*s' is not the address of a DNS server", STR_ARG(item));
        if (count > 0)
            servers[count - 1].next = &servers[count];
        count++;
    } while (rest.ptr != NULL);
    int status = ares_set_servers_ports(ares, servers);
    if (status != ARES_SUCCESS)
        return err_set(e, NULL, "cannot set the DNS servers: %s", ares_strerror(status));
    return 0;
}

static int count_servers(ares_channel ares)
{
    struct ares_addr_port_node *servers = NULL;
    int count = 0;

    if (ares_get_servers_ports(ares, &servers) != ARES_SUCCESS)
        return 1;
    for (struct ares_addr_port_node *s = servers; s != NULL; s = s->next)
        count++;
    ares_free_data(servers);
    return count;
}

/* tries: of each server. */
static int open_ares(struct dns_channel *c, const struct dns_settings *settings, int tries,
                     struct err *e)
{
    char lookups[] = "b";
    struct ares_options options = {
        .flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = c->try_ms,
        .tries = tries,
        .ednspsz = EDNS_SIZE,
        .lookups = lookups,
        .sock_state_cb = on_interest,
        .sock_state_cb_data = c,
    };
    int wanted = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                 ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&c->ares, &options, wanted);

    if (status != ARES_SUCCESS) {
        c->ares = NULL;
        return err_set(e, NULL, "cannot start the resolver: %s", ares_strerror(status));
    }
    ares_set_socket_functions(c->ares, &socket_functions, c);
    return settings->servers != NULL ? set_servers(c->ares, settings->servers, e) : 0;
}

/* The number of tries follows from that of the servers, which c-ares tells once it
 * stands. */
static int start_ares(struct dns_channel *c, const struct dns_settings *settings, struct err *e)
{
    if (open_ares(c, settings, 3, e) != 0)
        return -1;
    int servers = count_servers(c->ares);
    if (servers < 2)
        return 0;
    ares_destroy(c->ares);
    c->ares = NULL;
    return open_ares(c, settings, servers < TRY_FRACTION ? 2 : 1, e);
}

static int choose_try_ms(uint64_t timeout_ms)
{
    uint64_t try_ms = (timeout_ms < MAX_TIMEOUT_MS ? timeout_ms : MAX_TIMEOUT_MS) / TRY_FRACTION;

    return try_ms < MIN_TRY_MS ? MIN_TRY_MS : (int)try_ms;
}

struct dns_channel *dns_channel_new(struct event_base *base, const struct dns_settings *settings,
                                    dns_reply_fn *on_reply, void *owner, struct err *e)
{
    struct dns_channel *c = mem_zalloc(sizeof(*c));

    if (c == NULL) {
        (void)err_set(e, NULL, "out of memory");
        return NULL;
    }
    c->base = base;
    c->on_reply = on_reply;
    c->owner = owner;
    c->try_ms = choose_try_ms(settings->timeout_ms);
    list_init(&c->sockets);
    c->timer = evtimer_new(base, on_timer, c);
    if (c->timer == NULL)
        (void)err_set(e, NULL, "out of memory");
    if (c->timer == NULL || start_ares(c, settings, e) != 0) {
        dns_channel_free(c);
        return NULL;
    }
    return c;
}

void dns_channel_free(struct dns_channel *c)
{
    if (c == NULL)
        return;
    if (c->ares != NULL)
        ares_destroy(c->ares);
    if (c->timer != NULL)
        event_free(c->timer);
    mem_free(c);
}
