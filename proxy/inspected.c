/* SPDX-License-Identifier: MIT */
/* inspected.c - what a connection keeps whose TLS ends here; see inspected.h. */
#include "proxy/inspected.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth/session.h"
#include "proxy/conn.h"
#include "proxy/http/head.h"
#include "proxy/http/hop.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "util/mem.h"

static void free_inspected(struct inspected *i)
{
    /* There may be more in it that is nobody's business. */
    if (i->connect_head != NULL)
        OPENSSL_cleanse(i->connect_head, i->connect_head_len);
    mem_free(i->connect_head);
    mem_free(i->parent);
    mem_free(i);
}

/* The client's credentials were for us alone, and have been looked at: no reason to keep them
 * for as long as the connection lives. The field goes no further either way. */
static void blank_credentials(char *head, size_t len)
{
    struct request_head h;
    const char *fault;
    if (head_parse(&h, (struct str){head, len}, &fault) != PARSE_OK)
        return; /* it was parsed before */
    for (size_t i = 0; i < h.field_count; i++) {
        struct str value = h.fields[i].value;
        if (value.len != 0 && hop_field(h.fields[i].name) == HEADER_PROXY_AUTHORIZATION)
            memset(head + (value.ptr - head), '-', value.len);
    }
}

/* How to get to the origin once more. 0, or -1 without memory. */
static int keep_parent(struct inspected *i, const struct txn *t)
{
    i->parent = mem_dup(t->parent->name, strlen(t->parent->name));
    i->connect_head = mem_dup(t->head, t->head_len);
    i->connect_head_len = i->connect_head != NULL ? t->head_len : 0;
    if (i->connect_head != NULL)
        blank_credentials(i->connect_head, i->connect_head_len);
    return i->parent != NULL && i->connect_head != NULL ? 0 : -1;
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
    snprintf(i->sni, sizeof(i->sni), "%.*s", STR_ARG(sni));
    if (t->parent == NULL || keep_parent(i, t) == 0)
        i->tail = txn_open_tunnel(t);
    if (i->tail == NULL) {
        free_inspected(i);
        return -1;
    }
    i->identity = t->identity;
    t->identity = NULL;
    auth_session_free(c->auth); /* nobody is asked any more */
    c->auth = NULL;
    c->is_logged = true;
    c->inspected = i;
    return 0;
}

void inspected_set_fault(struct inspected *i, enum end_reason fault, const char *details)
{
    i->fault = fault;
    snprintf(i->details, sizeof(i->details), "%s", details);
}

void inspected_note_request(struct inspected *i, struct worker *w)
{
    if (i->requests++ == 0 && i->has_leaf)
        proposals_note_success(w->shared->proposals, host_str(&i->host), i->port);
}

void inspected_describe(const struct inspected *i, struct txn *t)
{
    t->is_inside = true;
    t->host = i->host;
    t->port = i->port;
    if (i->identity != NULL)
        t->identity = identity_ref(i->identity);
}

const struct parent_config *inspected_parent(const struct inspected *i,
                                             const struct config *config)
{
    for (size_t k = 0; i->parent != NULL && k < config->parent_count; k++)
        if (strcmp(config->parents[k].name, i->parent) == 0)
            return &config->parents[k];
    return NULL;
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
    free_inspected(i);
    c->inspected = NULL;
}
