/* SPDX-License-Identifier: MIT */
/* flow.c - bytes through two relays, and the ends that check them; see flow.h. */
#include "tests/unit/core/flow.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/list.h"

#define CHUNK (256 * 1024)
#define PIECE (8 * 1024)

static char chunk[CHUNK], expected[CHUNK]; /* one test, one thread at a time */

uint64_t flow_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

unsigned flow_open_fds(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

struct event_base *flow_base(void)
{
    struct event_config *config = event_config_new();
    ck_assert_int_eq(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK), 0);
    ck_assert_int_eq(event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST), 0);
    ck_assert_int_eq(
        event_config_require_features(config, (int)EV_FEATURE_ET | (int)EV_FEATURE_EARLY_CLOSE), 0);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    ck_assert_ptr_nonnull(base);
    return base;
}

static void tcp_pair(int fds[2])
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&sa, len), 0);
    fds[1] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fds[1], 0);
    close(fd);
    for (unsigned i = 0; i < 2; i++)
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void flow_pair(enum flow_kind kind, int send_bytes, int fds[2])
{
    if (kind == FLOW_TCP)
        tcp_pair(fds);
    else
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(evutil_make_socket_nonblocking(fds[i]), 0);
        if (send_bytes != 0)
            setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
    }
}

void flow_step(struct flow *f)
{
    f->steps++;
    f->up_rc = relay_run(&f->up);
    f->was_bulk_up = f->was_bulk_up || f->up.is_bulk;
    f->down_rc = relay_run(&f->down);
    f->was_bulk_down = f->was_bulk_down || f->down.is_bulk;
    if (f->up_rc == IO_YIELD || f->down_rc == IO_YIELD)
        stream_wake(&f->left);
}

static void on_left(struct stream *s)
{
    flow_step(LIST_ITEM(s, struct flow, left));
}

static void on_right(struct stream *s)
{
    flow_step(LIST_ITEM(s, struct flow, right));
}

void flow_start(struct flow *f, struct event_base *base, enum flow_kind kind, int send_bytes)
{
    int near[2], far[2];
    *f = (struct flow){.base = base, .up_rc = IO_AGAIN, .down_rc = IO_AGAIN};
    flow_pair(kind, send_bytes, near);
    flow_pair(kind, send_bytes, far);
    ck_assert_int_eq(relay_pool_init(&f->pool), 0);
    stream_init(&f->left);
    stream_init(&f->right);
    ck_assert_int_eq(stream_open(&f->left, base, near[1], true, on_left), 0);
    ck_assert_int_eq(stream_open(&f->right, base, far[1], true, on_right), 0);
    relay_init(&f->up, &f->pool, &f->left, &f->right);
    relay_init(&f->down, &f->pool, &f->right, &f->left);
    f->client = (struct flow_end){.fd = near[0], .seed = 0x1111, .peer_seed = 0x2222};
    f->origin = (struct flow_end){.fd = far[0], .seed = 0x2222, .peer_seed = 0x1111};
}

void flow_turn(struct flow *f)
{
    MUST(event_base_loop(f->base, EVLOOP_NONBLOCK) >= 0);
}

/* The bytes that the end with that seed sends from position at on: eight by eight
 * the random numbers of their places. */
static void fill(char *out, size_t len, uint64_t seed, uint64_t at)
{
    for (size_t i = 0; i < len;) {
        uint64_t state = seed ^ (at + i) / 8 * 0x100000001b3U;
        uint64_t word = flow_random(&state);
        size_t from = (size_t)((at + i) % 8), step = len - i < 8 - from ? len - i : 8 - from;
        if (step == 8) /* a size that the compiler knows: sanitizers check it in place */
            memcpy(out + i, &word, 8);
        else
            memcpy(out + i, (char *)&word + from, step);
        i += step;
    }
}

static void note_error(struct flow_end *e)
{
    if (errno != EAGAIN && e->error == 0)
        e->error = errno;
}

/* Sends len bytes in pieces, so that a socket with little room costs little to
 * fill. What went out, or -1 where not a byte did. */
static ssize_t send_filled(struct flow_end *e, size_t len)
{
    ssize_t all = 0;
    while (len > 0) {
        size_t piece = len < PIECE ? len : PIECE;
        fill(chunk, piece, e->seed, e->sent);
        ssize_t put = send(e->fd, chunk, piece, MSG_NOSIGNAL);
        if (put < 0)
            return all > 0 ? all : -1;
        e->sent += (uint64_t)put;
        all += put;
        len -= piece;
        if ((size_t)put < piece)
            break;
    }
    return all;
}

size_t flow_send(struct flow_end *e, size_t size, bool is_finishing)
{
    uint64_t left = e->to_send - e->sent;
    size_t len = size < left ? size : (size_t)left;
    ssize_t put = 0;
    if (e->fd < 0 || e->has_finished)
        return 0;
    if (len > CHUNK)
        len = CHUNK;
    if (len > 0) {
        put = send_filled(e, len);
        if (put < 0)
            note_error(e);
    }
    if (is_finishing && e->sent == e->to_send) {
        e->has_finished = true;
        MUST(shutdown(e->fd, SHUT_WR) == 0);
    }
    return put > 0 ? (size_t)put : 0;
}

size_t flow_receive(struct flow_end *e, size_t size)
{
    if (e->fd < 0 || e->has_eof)
        return 0;
    ssize_t got = recv(e->fd, chunk, size < CHUNK ? size : CHUNK, 0);
    if (got < 0)
        note_error(e);
    if (got == 0)
        e->has_eof = true;
    if (got <= 0)
        return 0;
    fill(expected, (size_t)got, e->peer_seed, e->received);
    if (memcmp(chunk, expected, (size_t)got) != 0)
        ck_abort_msg("wrong bytes behind %llu", (unsigned long long)e->received);
    e->received += (uint64_t)got;
    return (size_t)got;
}

/* Mostly small, now and then large. */
static size_t random_portion(uint64_t *state)
{
    uint64_t r = flow_random(state);
    return 1 + (size_t)(r >> 8) % (size_t)(1U << (r % 19));
}

void flow_finish(struct flow *f, uint64_t seed)
{
    uint64_t state = seed, until = clock_usec() + 20000000;
    while (!f->client.has_eof || !f->origin.has_eof) {
        if (clock_usec() > until)
            ck_abort_msg("no end: client %llu of %llu, origin %llu of %llu",
                         (unsigned long long)f->client.received,
                         (unsigned long long)f->origin.sent,
                         (unsigned long long)f->origin.received,
                         (unsigned long long)f->client.sent);
        flow_send(&f->client, random_portion(&state), true);
        flow_send(&f->origin, random_portion(&state), true);
        flow_turn(f);
        flow_receive(&f->client, random_portion(&state));
        flow_receive(&f->origin, random_portion(&state));
    }
    ck_assert_int_eq(f->client.error, 0);
    ck_assert_int_eq(f->origin.error, 0);
}

void flow_check_quiet(const struct flow *f)
{
    ck_assert_ptr_null(f->up.pending);
    ck_assert_ptr_null(f->down.pending);
    ck_assert_ptr_null(f->up.pipe);
    ck_assert_ptr_null(f->down.pipe);
    ck_assert_uint_eq(f->pool.pipes.count, f->pool.pipes.free_count);
}

void flow_check_done(const struct flow *f)
{
    ck_assert_uint_eq(f->client.received, f->origin.sent);
    ck_assert_uint_eq(f->origin.received, f->client.sent);
    ck_assert_uint_eq(f->up.bytes, f->client.sent);
    ck_assert_uint_eq(f->down.bytes, f->origin.sent);
    ck_assert_int_eq(f->up.state, RELAY_DONE);
    ck_assert_int_eq(f->down.state, RELAY_DONE);
    ck_assert(f->left.is_shut && f->right.is_shut);
    flow_check_quiet(f);
}

void flow_reset(struct flow_end *e)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(e->fd);
    e->fd = -1;
}

static void close_end(struct flow_end *e)
{
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
}

void flow_stop(struct flow *f)
{
    relay_fini(&f->up);
    relay_fini(&f->down);
    flow_check_quiet(f);
    stream_close(&f->left);
    stream_close(&f->right);
    relay_pool_fini(&f->pool);
    ck_assert_uint_eq(f->pool.pipes.count, 0);
    close_end(&f->client);
    close_end(&f->origin);
}
