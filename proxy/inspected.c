/* SPDX-License-Identifier: MIT */
/* inspected.c - what a connection keeps whose TLS ends here; see inspected.h. */
#include "proxy/inspected.h"

#include <stdio.h>
#include <string.h>

#include "proxy/conn.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "util/mem.h"

static void copy_text(char *out, size_t size, struct str text)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len != 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

int inspected_new(struct conn *c, struct str sni)
{
    struct txn *t = c->txn;
    struct inspected *i = mem_zalloc(sizeof(*i));
    if (i == NULL)
        return -1;
    i->host = t->host;
    i->port = t->port;
    i->generation = t->pin->generation;
    copy_text(i->sni, sizeof(i->sni), sni);
    if (t->parent != NULL) {
        i->connect_head = mem_dup(t->head, t->head_len);
        i->connect_head_len = t->head_len;
    }
    if (t->parent == NULL || i->connect_head != NULL)
        i->tail = txn_open_tunnel(t);
    if (i->tail == NULL) {
        mem_free(i->connect_head);
        mem_free(i);
        return -1;
    }
    i->identity = t->identity;
    t->identity = NULL;
    c->is_logged = true;
    c->inspected = i;
    return 0;
}

void inspected_set_fault(struct inspected *i, enum end_reason fault, const char *details)
{
    i->fault = fault;
    copy_text(i->details, sizeof(i->details), str_of(details));
}

void inspected_describe(struct inspected *i, struct txn *t)
{
    if (i->requests++ == 0 && i->has_leaf)
        proposals_note_success(t->worker->shared->proposals, host_str(&i->host), i->port);
    t->is_inside = true;
    t->host = i->host;
    t->port = i->port;
    if (i->identity != NULL)
        t->identity = identity_ref(i->identity);
}

void inspected_count(struct inspected *i, uint64_t bytes_in, uint64_t bytes_out)
{
    i->bytes_in += bytes_in;
    i->bytes_out += bytes_out;
}

void inspected_close(struct conn *c, enum end_reason end)
{
    struct inspected *i = c->inspected;
    if (i == NULL)
        return;
    /* A page that nobody came to fetch: the log has the reason all the same. */
    if (i->fault != END_DONE && i->requests == 0)
        end = i->fault;
    txn_close_tunnel(i->tail, c->worker, end, i->bytes_in, i->bytes_out);
    identity_unref(i->identity);
    mem_free(i->connect_head);
    mem_free(i);
    c->inspected = NULL;
}
