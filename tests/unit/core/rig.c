/* SPDX-License-Identifier: MIT */
/* rig.c - a worker without its thread; see rig.h. */
#include "tests/unit/core/rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/clients.h"
#include "proxy/listener.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/mem.h"

struct rig rig;

static const char HOSTS[] = "127.0.0.1 origin.test\n"
                            "127.0.0.2 first.test\n127.0.0.1 first.test\n"
                            "127.0.0.2 nobody.test\n"
                            "127.0.0.9 denied.test\n";

static const char ALLOW_ALL[] =
    "guard = { deny_private = false; };\n"
    "destinations = { all = { domains = [ \"*\" ];\n"
    "                         addresses = [ \"0.0.0.0/0\", \"::/0\" ]; }; };\n"
    "rules = ( { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
    "            action = \"allow\"; } );\n";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", rig.folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void print_faults(const struct errlist *faults)
{
    char line[900];
    for (size_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", err_format(&faults->items[i], line, sizeof(line)));
}

struct config *rig_config(const char *extra)
{
    static char text[16384];
    char path[128];
    struct errlist faults;
    bool has_dns = extra != NULL && strstr(extra, "dns =") != NULL;
    bool has_log = extra != NULL && strstr(extra, "log =") != NULL;
    int len = snprintf(text, sizeof(text),
                       "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
                       "workers = 1;\n%s%s%s",
                       extra != NULL ? extra : ALLOW_ALL,
                       has_dns ? "" : "dns = { hosts = \"hosts\"; };\n",
                       has_log ? "" : "log = { access = \"-\"; format = \"json\"; };\n");
    struct str slice = {text, (size_t)len};
    snprintf(path, sizeof(path), "%s/test.conf", rig.folder);
    errlist_init(&faults);
    struct config *config = config_parse(path, &slice, &faults);
    if (config == NULL)
        print_faults(&faults);
    errlist_fini(&faults);
    ck_assert_ptr_nonnull(config);
    return config;
}

static void open_origin(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    rig.origin_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(rig.origin_fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(rig.origin_fd, 100), 0);
    ck_assert_int_eq(getsockname(rig.origin_fd, (struct sockaddr *)&sa, &len), 0);
    rig.origin_port = ntohs(sa.sin_port);
}

void rig_start(const char *extra)
{
    struct err e = {.line = 0};
    memset(&rig, 0, sizeof(rig));
    rig.fds_before = flow_open_fds();
    snprintf(rig.folder, sizeof(rig.folder), "/tmp/sallyport-rig-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.folder));
    write_file("hosts", HOSTS);
    open_origin();
    rig.shared.clients = clients_new();
    rig.shared.logwriter = logwriter_new(NULL, 1, &e);
    rig.shared.done_fd = eventfd(0, EFD_CLOEXEC);
    rig.shared.tunnels_max = 1000;
    ck_assert_ptr_nonnull(rig.shared.logwriter);
    rig.worker = worker_new(&rig.shared, 0, rig_config(extra), &e);
    ck_assert_msg(rig.worker != NULL, "%s", e.text);
    /* A ring that nobody empties but the test. */
    ck_assert_int_eq(logring_init(&rig.ring, 1 << 16), 0);
    rig.worker->ring = &rig.ring;
    ck_assert_int_eq(addr_parse(&rig.at.addr, STR_LIT("127.0.0.1")), 0);
    int fd = listener_bind(&rig.at, &e);
    ck_assert_msg(fd >= 0, "%s", e.text);
    ck_assert_int_eq(listener_add(rig.worker, 7, fd), 0);
}

static void free_graveyard(void)
{
    struct list_node *node;
    while ((node = list_first(&rig.worker->graveyard)) != NULL) {
        list_remove(node);
        mem_free(LIST_ITEM(node, struct conn, node));
    }
}

void rig_turn(void)
{
    MUST(event_base_loop(rig.worker->base, EVLOOP_NONBLOCK) >= 0);
    free_graveyard();
}

void rig_stop(void)
{
    char path[128];
    rig_wait_conns(0);
    ck_assert_uint_eq(atomic_load(&rig.shared.tunnels), 0);
    worker_free(rig.worker);
    logwriter_free(rig.shared.logwriter);
    logring_fini(&rig.ring);
    clients_free(rig.shared.clients);
    close(rig.shared.done_fd);
    close(rig.origin_fd);
    snprintf(path, sizeof(path), "%s/hosts", rig.folder);
    unlink(path);
    rmdir(rig.folder);
    ck_assert_uint_eq(flow_open_fds(), rig.fds_before);
}

int rig_connect(void)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(&rig.at, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(evutil_make_socket_nonblocking(fd), 0);
    return fd;
}

int rig_connect_pair(void)
{
    struct endpoint client = {.port = 50000};
    int fds[2];
    ck_assert_int_eq(addr_parse(&client.addr, STR_LIT("192.0.2.1")), 0);
    flow_pair(FLOW_UNIX, 0, fds);
    conn_accept(rig.worker, fds[1], &client, NULL);
    return fds[0];
}

void rig_send(int fd, struct str bytes)
{
    ck_assert_int_eq(send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), (ssize_t)bytes.len);
}

void rig_send_connect(int fd, const char *host, uint16_t port)
{
    char text[1024];
    if (port == 0)
        port = rig.origin_port;
    int len = snprintf(text, sizeof(text), "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n", host,
                       (unsigned)port, host, (unsigned)port);
    rig_send(fd, (struct str){text, (size_t)len});
}

void rig_clear(void)
{
    rig.text_len = 0;
    rig.text[0] = '\0';
}

bool rig_read(int fd)
{
    size_t room = RIG_TEXT - 1 - rig.text_len;
    MUST(room > 0);
    ssize_t got = recv(fd, rig.text + rig.text_len, room, 0);
    if (got > 0) {
        rig.text_len += (size_t)got;
        rig.text[rig.text_len] = '\0';
    }
    return got > 0 || (got < 0 && errno == EAGAIN);
}

void rig_expect(int fd, const char *needle)
{
    uint64_t until = clock_usec() + 10000000;
    bool is_open = true;
    while (strstr(rig.text, needle) == NULL) {
        if (!is_open || clock_usec() > until)
            ck_abort_msg("%s without '%s': '%s'", is_open ? "10 s" : "the end", needle, rig.text);
        rig_turn();
        is_open = rig_read(fd);
    }
}

void rig_expect_end(int fd, bool may_reset)
{
    uint64_t until = clock_usec() + 10000000;
    errno = 0;
    while (rig_read(fd)) {
        if (clock_usec() > until)
            ck_abort_msg("no end in 10 s");
        rig_turn();
        errno = 0;
    }
    if (errno != 0 && !(may_reset && errno == ECONNRESET))
        ck_abort_msg("ended with %s", strerror(errno));
}

int rig_accept(void)
{
    uint64_t until = clock_usec() + 10000000;
    int fd;
    while ((fd = accept4(rig.origin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
        if (clock_usec() > until)
            ck_abort_msg("no connection to the origin in 10 s");
        rig_turn();
    }
    return fd;
}

void rig_wait_conns(size_t count)
{
    uint64_t until = clock_usec() + 10000000;
    do {
        if (clock_usec() > until)
            ck_abort_msg("%zu connections are left", rig.worker->conn_count);
        rig_turn();
    } while (rig.worker->conn_count != count);
}

void rig_pass_time(uint64_t ms)
{
    wheel_turn(&rig.worker->wheel, worker_now_ms() + ms);
    free_graveyard();
}

const char *rig_log(void)
{
    struct str pieces[2];
    unsigned count = logring_peek(&rig.ring, pieces);
    rig.log_len = 0;
    for (unsigned i = 0; i < count; i++) {
        ck_assert_uint_lt(rig.log_len + pieces[i].len, RIG_TEXT);
        memcpy(rig.log + rig.log_len, pieces[i].ptr, pieces[i].len);
        rig.log_len += pieces[i].len;
        logring_take(&rig.ring, pieces[i].len);
    }
    rig.log[rig.log_len] = '\0';
    return rig.log;
}

unsigned rig_log_lines(void)
{
    unsigned lines = 0;
    for (size_t i = 0; i < rig.log_len; i++)
        lines += rig.log[i] == '\n';
    return lines;
}

const char *rig_log_line(unsigned n)
{
    static char line[8192];
    const char *from = rig.log;
    while (n-- > 0 && from != NULL) {
        from = strchr(from, '\n');
        from = from != NULL ? from + 1 : NULL;
    }
    if (from == NULL || *from == '\0')
        ck_abort_msg("too few lines: '%s'", rig.log);
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(from, "\n"), from);
    return line;
}

void rig_check_idle(unsigned fds)
{
    ck_assert_uint_eq(rig.worker->conn_count, 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.connections_open), 0);
    ck_assert_uint_eq(count_read(&rig.worker->counters.tunnels_open), 0);
    ck_assert_uint_eq(atomic_load(&rig.shared.tunnels), 0);
    ck_assert_uint_eq(rig.worker->pin->users, 1);
    ck_assert_uint_eq(rig.worker->pool.pipes.count, rig.worker->pool.pipes.free_count);
    ck_assert_uint_eq(flow_open_fds(), fds);
}

void rig_check_serves(void)
{
    int client = rig_connect(), origin;
    rig_clear();
    rig_send_connect(client, "origin.test", 0);
    rig_expect(client, "HTTP/1.1 200 ");
    rig_expect(client, "\r\n\r\n");
    origin = rig_accept();
    rig_send(client, STR_LIT("ping"));
    rig_clear();
    rig_expect(origin, "ping");
    rig_send(origin, STR_LIT("pong"));
    rig_clear();
    rig_expect(client, "pong");
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    rig_expect_end(origin, false);
    close(origin);
    rig_expect_end(client, false);
    close(client);
    rig_wait_conns(0);
}
