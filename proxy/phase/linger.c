/* SPDX-License-Identifier: MIT */
/*
 * linger.c - the phase in which a connection that has been answered closes.
 *
 * Our side is shut, and what the client still sends is read and thrown away for a
 * moment: closing over unread bytes would make the kernel send a reset, which can
 * destroy the answer on its way (RFC 9112 section 9.6).
 */
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define LINGER_MS 2000
#define LINGER_BYTES (256 * 1024)

struct linger_state {
    size_t drained;
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

static enum next linger_step(struct conn *c)
{
    struct linger_state *l = c->state;
    /* The last word of TLS may have to wait; what is read meanwhile makes room for it. */
    if (c->is_expired || stream_shut(&c->client) == IO_ERR)
        return conn_end(c, END_DONE);
    for (;;) {
        size_t len;
        enum io rc = stream_recv(&c->client, c->worker->pool.buffer, RELAY_BUFFER_BYTES, &len);
        if (rc == IO_AGAIN)
            return NEXT_AGAIN;
        l->drained += len;
        if (rc != IO_OK || l->drained > LINGER_BYTES)
            return conn_end(c, END_DONE);
    }
}

const struct phase PHASE_LINGER = {"linger", linger_enter, linger_step, linger_leave, NULL};
