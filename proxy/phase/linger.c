/* SPDX-License-Identifier: MIT */
/*
 * linger.c - the phase in which a connection that has been answered closes.
 *
 * Our side is shut, and what the client still sends is read and thrown away for a
 * moment: closing over unread bytes would make the kernel send a reset, which can
 * destroy the answer on its way (RFC 9112 section 9.6). What TLS has sealed and the client
 * has not taken yet is no business of the kernel's: it is waited for as long as it gets less.
 */
#include "proxy/conn.h"
#include "proxy/net/stream_tls.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define LINGER_MS 2000
#define LINGER_BYTES (256 * 1024)
#define LINGER_TURNS 30 /* of LINGER_MS at most, for a slow client */

struct linger_state {
    size_t drained;
    size_t unsent; /* when the deadline was last set */
    unsigned turns;
};

static int linger_enter(struct conn *c)
{
    struct linger_state *l = mem_zalloc(sizeof(*l));
    if (l == NULL)
        return -1;
    c->state = l;
    conn_drop_early(c);
    txn_free(c->txn);
    c->txn = NULL;
    conn_set_deadline(c, LINGER_MS);
    return 0;
}

static void linger_leave(struct conn *c)
{
    mem_free(c->state);
    c->state = NULL;
}

/* The deadline was for a client that takes nothing. */
static bool goes_on(struct conn *c, struct linger_state *l)
{
    size_t unsent = stream_tls_unsent(&c->client);
    bool is_moving = unsent != 0 && (l->turns == 0 || unsent < l->unsent);
    if (!is_moving || ++l->turns > LINGER_TURNS)
        return false;
    l->unsent = unsent;
    conn_set_deadline(c, LINGER_MS);
    return true;
}

static enum next linger_step(struct conn *c)
{
    struct linger_state *l = c->state;
    if (c->is_expired && !goes_on(c, l))
        return conn_end(c, END_DONE);
    /* The last word of TLS may have to wait; what is read meanwhile makes room for it. */
    if (stream_shut(&c->client) == IO_ERR)
        return conn_end(c, END_DONE);
    for (;;) {
        size_t len;
        enum io rc = stream_recv(&c->client, c->worker->pool.buffer, RELAY_BUFFER_BYTES, &len);
        if (rc == IO_AGAIN || (rc == IO_EOF && stream_tls_unsent(&c->client) != 0))
            return NEXT_AGAIN;
        l->drained += len;
        if (rc != IO_OK || l->drained > LINGER_BYTES)
            return conn_end(c, END_DONE);
    }
}

const struct phase PHASE_LINGER = {"linger", linger_enter, linger_step, linger_leave, NULL};
