/* SPDX-License-Identifier: MIT */
/*
 * reply.c - the phase that gives an answer of our own, and closes or listens again.
 */
#include <string.h>

#include "proxy/conn.h"
#include "proxy/http/reply.h"
#include "proxy/http/status.h"
#include "proxy/phase/discard.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define SEND_MS 10000

struct answer {
    size_t len, sent;
    bool keeps_connection;
    struct framing content; /* of the request, if the connection goes on */
    char bytes[];
};

/* Only a client that is asked for credentials must be heard again on the same
 * connection, for a handshake that belongs to it. */
static bool keeps_connection(const struct txn *t)
{
    return t->fields != NULL && t->keeps_connection;
}

static size_t write_reply(struct conn *c, char *out)
{
    struct txn *t = c->txn;
    if (t->local != LOCAL_NONE && c->end == END_DONE)
        return local_write(t->local, (struct str){t->head, t->head_len}, out, RELAY_BUFFER_BYTES);
    const struct end_row *row = end_row(c->end);
    char id[TXN_ID_TEXT + 1];
    struct reply reply = {
        .status = row->status,
        .reason = status_words(row->status)->phrase,
        .title = status_words(row->status)->title,
        .error = row->error,
        .text = row->text,
        .details = str_of(t->details),
        .host = host_str(&t->host),
        .id = str_of(txn_id_text(t->id, id)),
        .accept = str_of(t->accept),
        .retry_after = row->status == 503 ? 5 : t->retry_s,
        .is_head = strcmp(t->method, "HEAD") == 0,
        .fields = str_of(t->fields),
        .keeps_connection = keeps_connection(t),
    };
    return reply_write(&reply, out, REPLY_MAX);
}

static int reply_enter(struct conn *c)
{
    if (!c->is_logged) {
        c->txn->status = 200;
        txn_forwarded(c->txn);
        c->is_logged = true;
    }
    char *buffer = c->worker->pool.buffer;
    size_t len = write_reply(c, buffer);
    struct answer *a = mem_alloc(sizeof(*a) + len);
    if (a == NULL)
        return -1;
    c->state = a;
    a->len = len;
    a->sent = 0;
    memcpy(a->bytes, buffer, len);
    a->keeps_connection = keeps_connection(c->txn);
    a->content = c->txn->content;
    if (!a->keeps_connection)
        conn_drop_early(c);
    txn_free(c->txn);
    c->txn = NULL;
    conn_set_deadline(c, SEND_MS);
    return 0;
}

static void reply_leave(struct conn *c)
{
    mem_free(c->state);
    c->state = NULL;
}

static enum next send_answer(struct conn *c, struct answer *a)
{
    while (a->sent < a->len) {
        size_t len;
        enum io rc = stream_send(&c->client, a->bytes + a->sent, a->len - a->sent, &len);
        if (rc == IO_ERR)
            return conn_end(c, END_CLIENT_RESET);
        if (rc != IO_OK)
            return NEXT_AGAIN;
        a->sent += len;
    }
    if (!a->keeps_connection)
        return conn_enter(c, &PHASE_LINGER);
    return discard_enter_for(c, a->content);
}

static enum next reply_step(struct conn *c)
{
    if (c->is_expired)
        return conn_end(c, END_CLIENT_STALLED);
    return send_answer(c, c->state);
}

const struct phase PHASE_REPLY = {"reply", reply_enter, reply_step, reply_leave, NULL};
