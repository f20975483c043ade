/* SPDX-License-Identifier: MIT */
/* txn.c - one request: what was asked, what was decided, how it ended; see txn.h. */
#include "proxy/txn.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proxy/ops/accesslog.h"
#include "proxy/worker.h"
#include "util/mem.h"

/* A bijection (the finalizer of SplitMix64), so ids of one worker never repeat
 * and still look like nothing. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

struct txn *txn_new(struct worker *w, const struct endpoint *client)
{
    struct txn *t = mem_alloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    t->worker = w;
    t->pin = worker_pin(w);
    t->id = mix(w->id_key + w->next_id++);
    t->start_usec = clock_usec();
    t->client = *client;
    t->method[0] = t->details[0] = t->accept[0] = '\0';
    t->host.len = 0;
    t->host.is_address = false;
    t->port = 0;
    t->is_connect = t->has_max_forwards = t->is_reused = false;
    t->is_inside = t->is_misdirected = t->has_peeked = false;
    t->sni = NULL;
    t->path = t->head = NULL;
    t->head_len = 0;
    t->local = LOCAL_NONE;
    t->forwarding = END_DONE;
    t->status = 0;
    t->bytes_in = t->bytes_out = 0;
    t->offer = NULL;
    t->authorization = t->target = t->fields = NULL;
    t->identity = NULL;
    t->tried = AUTH_NONE;
    t->retry_s = 0;
    t->keeps_connection = t->expects_continue = t->is_10 = false;
    t->content.kind = BODY_NONE;
    t->parent = NULL;
    t->has_verdict = t->is_dialled = false;
    t->dial_usec = t->start_usec;
    t->connect_usec = 0;
    return t;
}

void txn_connected(struct txn *t)
{
    t->connect_usec = clock_usec() - t->dial_usec;
}

void txn_query(const struct txn *t, struct policy_query *query)
{
    *query = (struct policy_query){
        .host = &t->host,
        .port = t->port,
        .scheme = t->is_connect  ? POLICY_CONNECT
                  : t->is_inside ? POLICY_HTTPS
                                 : POLICY_HTTP,
        .method = str_of(t->method),
        .path = str_of(t->path),
        .client = &t->client.addr,
    };
    if (t->identity != NULL) {
        query->user = t->identity->user;
        query->groups = t->identity->groups;
        query->group_count = t->identity->group_count;
    }
}

char *txn_id_text(uint64_t id, char out[TXN_ID_TEXT + 1])
{
    static const char HEX[] = "0123456789abcdef";
    for (unsigned i = 0; i < TXN_ID_TEXT; i++)
        out[i] = HEX[id >> (60 - 4 * i) & 15];
    out[TXN_ID_TEXT] = '\0';
    return out;
}

static void count_request(struct txn *t, enum count_verdict verdict)
{
    enum count_method method = t->is_connect ? COUNT_CONNECT : COUNT_OTHER_METHOD;
    count_add(&t->worker->counters.requests[verdict][method], 1);
}

void txn_finish(struct txn *t, enum end_reason end, unsigned status)
{
    bool is_denial = end == END_DENIED || end == END_ADDRESS_FORBIDDEN || end == END_LOOP ||
                     end == END_SNI_DENIED || end == END_TUNNEL_NOT_TLS || end == END_MISDIRECTED;
    bool is_question = status == 407;
    count_request(t, is_denial ? COUNT_DENY : is_question ? COUNT_AUTHENTICATE : COUNT_ERROR);
    count_add(&t->worker->counters.ends[end], 1);
    accesslog_request(t, end, status,
                      is_denial ? "deny" : is_question ? "authenticate" : "error");
}

void txn_forwarded(struct txn *t)
{
    count_request(t, COUNT_ALLOW);
    count_add(&t->worker->counters.ends[END_DONE], 1);
    count_add(&t->worker->counters.bytes_in, t->bytes_in);
    count_add(&t->worker->counters.bytes_out, t->bytes_out);
    accesslog_request(t, END_DONE, t->status, "allow");
}

struct str txn_key(const struct txn *t, char room[TXN_KEY_SIZE])
{
    int len = t->parent != NULL
                  ? snprintf(room, TXN_KEY_SIZE, "parent %s", t->parent->name)
                  : snprintf(room, TXN_KEY_SIZE, "%s %u", t->host.name, (unsigned)t->port);
    return (struct str){room, len < TXN_KEY_SIZE ? (size_t)len : TXN_KEY_SIZE - 1};
}

static enum count_tls_decision decision(const struct policy_verdict *v)
{
    if (v->action == POLICY_DENY) /* the name in the hello: a page says so */
        return COUNT_TLS_DENIED;
    if (v->tls == POLICY_TLS_INSPECT)
        return COUNT_TLS_INSPECT;
    return v->is_exempt ? COUNT_TLS_EXEMPT : COUNT_TLS_TUNNEL;
}

struct txn_tail *txn_open_tunnel(struct txn *t)
{
    struct txn_tail *tail = accesslog_open(t);
    if (tail == NULL)
        return NULL;
    struct counters *counters = &t->worker->counters;
    count_request(t, COUNT_ALLOW);
    if (t->is_connect) { /* an upgrade carries no TLS of its own */
        count_add(&counters->tls_decisions[decision(&t->verdict)], 1);
        count_connect(counters, t->connect_usec);
    }
    count_add(&counters->tunnels_open, 1);
    return tail;
}

void txn_tail_name(struct txn_tail *tail, struct str sni)
{
    mem_free(tail->sni);
    tail->sni = mem_dup(sni.ptr, sni.len);
}

void txn_close_tunnel(struct txn_tail *tail, struct worker *w, enum end_reason end,
                      uint64_t bytes_in, uint64_t bytes_out)
{
    count_sub(&w->counters.tunnels_open, 1);
    count_add(&w->counters.ends[end], 1);
    accesslog_close(tail, w, end, bytes_in, bytes_out);
    mem_free(tail->sni);
    mem_free(tail);
}

void txn_free(struct txn *t)
{
    if (t == NULL)
        return;
    worker_unpin(t->worker, t->pin);
    if (t->authorization != NULL)
        OPENSSL_cleanse(t->authorization, strlen(t->authorization));
    mem_free(t->authorization);
    mem_free(t->target);
    mem_free(t->fields);
    identity_unref(t->identity);
    mem_free(t->path);
    mem_free(t->head);
    mem_free(t->sni);
    mem_free(t);
}
