/* SPDX-License-Identifier: MIT */
/*
 * tunnel.c - the phase that moves bytes both ways until both sides have ended.
 *
 * Each direction ends for itself: a FIN is passed on once everything in front of
 * it was delivered, and the other direction goes on; inside inspected TLS an end without
 * close_notify is passed on without one. A side that breaks ends the
 * tunnel, and the other side is reset, so that it cannot take what it got for all
 * there was; but what a side sent before it broke is delivered first.
 *
 * The client's first bytes are looked at for the name in a ClientHello, which the log
 * gets (tunnel_hello.h).
 *
 * The phase needs nothing of the request or the configuration any more, and lets
 * go of both: a tunnel may live for weeks.
 */
#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/inspected.h"
#include "proxy/net/relay.h"
#include "proxy/phase/tunnel_hello.h"
#include "proxy/worker.h"
#include "util/mem.h"

struct tunnel {
    struct relay up, down; /* client to origin, origin to client */
    uint64_t idle_ms;
    uint64_t idle_at_ms; /* the conn's deadline, unless that is a hello's */
    uint64_t counted_up, counted_down;
    uint8_t unsent; /* of the 200: comes first in `down`, and is no payload */
    struct txn_tail *tail;
    struct hello_keeper *hello; /* NULL: nothing is kept of one */
};

static const char ESTABLISHED[] = "HTTP/1.1 200 Connection established\r\n\r\n";

/* The answer goes out at once; what the client's socket does not take (it never
 * happens with a fresh one) waits in the relay and is not counted as payload. */
static int send_established(struct conn *c, struct tunnel *t)
{
    size_t len = 0;
    struct str rest = {ESTABLISHED, sizeof(ESTABLISHED) - 1};
    if (stream_send(&c->client, rest.ptr, rest.len, &len) == IO_OK) {
        rest.ptr += len;
        rest.len -= len;
    }
    t->unsent = (uint8_t)rest.len;
    return relay_put(&t->down, rest);
}

static void move_idle_deadline(struct conn *c, struct tunnel *t)
{
    t->idle_at_ms = worker_now_ms() + t->idle_ms;
    if (t->hello == NULL)
        c->deadline.deadline_ms = t->idle_at_ms;
}

/* The client's next bytes; false: no more are wanted. */
static bool see_hello(struct conn *c, struct tunnel *t, struct str bytes)
{
    bool was_kept = t->hello != NULL;
    bool wants_more = tunnel_hello_see(&t->hello, t->tail, bytes);
    if (wants_more && !was_kept && worker_now_ms() + TUNNEL_HELLO_MS < t->idle_at_ms)
        conn_set_deadline(c, TUNNEL_HELLO_MS);
    if (!wants_more)
        c->deadline.deadline_ms = t->idle_at_ms;
    return wants_more;
}

static bool on_client_bytes(struct relay *r, struct str in)
{
    return see_hello(LIST_ITEM(r->from, struct conn, client), LIST_ITEM(r, struct tunnel, up), in);
}

/* Squid's format has no place for a name. */
static void watch_for_hello(struct conn *c, struct tunnel *t)
{
    struct str early = {c->early, c->early_len};
    if (t->tail->format != LOG_FORMAT_JSON)
        return;
    if (early.len == 0 || see_hello(c, t, early))
        relay_observe(&t->up, on_client_bytes);
}

static int tunnel_enter(struct conn *c)
{
    struct tunnel *t = mem_alloc(sizeof(*t));
    if (t == NULL)
        return -1;
    c->state = t;
    relay_init(&t->up, &c->worker->pool, &c->client, &c->origin);
    relay_init(&t->down, &c->worker->pool, &c->origin, &c->client);
    t->idle_ms = c->txn->pin->config->limits.tunnel_idle_ms;
    t->counted_up = t->counted_down = 0;
    t->unsent = 0;
    t->hello = NULL;
    /* Counted and logged before the client can know of it. */
    t->tail = txn_open_tunnel(c->txn);
    if (t->tail == NULL)
        return -1;
    c->is_logged = true;
    /* After an upgrade, and where its first bytes were looked at, the client has had its
     * answer. */
    bool is_answered = c->txn->status != 0;
    bool is_watched = c->txn->is_connect && !c->txn->has_peeked;
    if (!is_answered && send_established(c, t) != 0)
        return -1;
    if (relay_put(&t->up, (struct str){c->early, c->early_len}) != 0 ||
        relay_put(&t->down, (struct str){c->late, c->late_len}) != 0)
        return -1;
    conn_set_deadline(c, t->idle_ms);
    t->idle_at_ms = c->deadline.deadline_ms;
    if (is_watched)
        watch_for_hello(c, t);
    mem_free(c->late);
    c->late = NULL;
    conn_drop_early(c);
    txn_free(c->txn);
    c->txn = NULL;
    auth_session_free(c->auth);
    c->auth = NULL;
    return 0;
}

static uint64_t payload_down(const struct tunnel *t)
{
    return t->down.bytes > t->unsent ? t->down.bytes - t->unsent : 0;
}

/* Adds what was delivered since the last time; true where that is anything. */
static bool account(struct conn *c, struct tunnel *t)
{
    uint64_t up = t->up.bytes - t->counted_up, down = payload_down(t) - t->counted_down;
    if ((up | down) == 0)
        return false;
    t->counted_up += up;
    t->counted_down += down;
    count_add(&c->worker->counters.bytes_in, up);
    count_add(&c->worker->counters.bytes_out, down);
    return true;
}

static bool is_broken(const struct stream *s)
{
    return s->is_recv_broken || s->is_send_broken;
}

/* A reset of what is left, so that neither side takes the end for a good one. */
static enum next end_broken(struct conn *c, enum end_reason reason)
{
    struct tunnel *t = c->state;
    account(c, t);
    stream_abort(&c->client);
    stream_abort(&c->origin);
    return conn_end(c, reason);
}

static enum next end_if_over(struct conn *c, struct tunnel *t)
{
    /* A client that has sent its end and closes before the origin's last word (TLS
     * clients do) has simply finished. */
    bool has_client_finished = c->client.is_eof && t->up.state == RELAY_DONE;
    if (is_broken(&c->client) && has_client_finished)
        return conn_end(c, END_DONE);
    if (c->client.is_recv_broken)
        return end_broken(c, END_CLIENT_RESET);
    if (c->origin.is_recv_broken)
        return end_broken(c, END_ORIGIN_RESET);
    if (!relay_is_over(&t->up) || !relay_is_over(&t->down))
        return NEXT_AGAIN;
    if (is_broken(&c->client))
        return end_broken(c, END_CLIENT_RESET);
    if (is_broken(&c->origin))
        return end_broken(c, END_ORIGIN_RESET);
    return conn_end(c, END_DONE);
}

/* A hello that does not get on is let go of; false: the tunnel was idle for too long. */
static bool outlives_deadline(struct conn *c, struct tunnel *t)
{
    uint64_t now_ms = worker_now_ms();
    if (c->deadline.deadline_ms >= t->idle_at_ms)
        return false;
    tunnel_hello_drop(&t->hello);
    relay_observe(&t->up, NULL);
    conn_set_deadline(c, t->idle_at_ms > now_ms ? t->idle_at_ms - now_ms : 0);
    return true;
}

static enum next tunnel_step(struct conn *c)
{
    struct tunnel *t = c->state;
    if (c->is_expired && !outlives_deadline(c, t))
        return end_broken(c, END_TUNNEL_IDLE);
    enum io up = relay_run(&t->up);
    enum io down = relay_run(&t->down);
    /* Writing has shown that the client is gone: what it sent before is still there. */
    if (c->client.is_send_broken && c->client.is_readable)
        up = relay_run(&t->up);
    if (account(c, t)) {
        move_idle_deadline(c, t);
        conn_watch(c);
    }
    if (up == IO_YIELD || down == IO_YIELD)
        stream_wake(&c->client);
    return end_if_over(c, t);
}

static void tunnel_leave(struct conn *c)
{
    struct tunnel *t = c->state;
    if (t == NULL)
        return;
    if (c->inspected != NULL)
        inspected_count(c->inspected, t->up.bytes, payload_down(t));
    if (t->tail != NULL)
        txn_close_tunnel(t->tail, c->worker, c->end, t->up.bytes, payload_down(t));
    relay_fini(&t->up);
    relay_fini(&t->down);
    tunnel_hello_drop(&t->hello);
    mem_free(t);
    c->state = NULL;
}

static void tunnel_check_up(struct conn *c)
{
    /* Only now: most tunnels are over before a keepalive could matter. The client's
     * socket has it from the listener. */
    if (!c->has_tuned)
        stream_set_keepalive(c->origin.fd);
    c->has_tuned = true;
    stream_probe(&c->client);
    stream_probe(&c->origin);
    conn_run(c);
}

const struct phase PHASE_TUNNEL = {"tunnel", tunnel_enter, tunnel_step, tunnel_leave,
                                   tunnel_check_up};
