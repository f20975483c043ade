/* SPDX-License-Identifier: MIT */
/*
 * origin_tls.c - the phase that shakes hands with the origin of an inspected tunnel.
 *
 * The origin comes first: only one that has proved who it is gets a leaf and a request. The
 * CONNECT host is what it must prove to be; where that is an address, the name that the
 * client sent by SNI, if it sent one. One that fails is closed at once, and the client is
 * told in a page why.
 */
#include "certs/origin_tls.h"

#include <stdio.h>

#include "proxy/conn.h"
#include "proxy/inspected.h"
#include "proxy/net/stream_tls.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"
#include "util/mem.h"

#define KEY_SIZE (2 * HOST_MAX + 16)

struct origin_state {
    struct origin_check check;
};

/* What the origin must prove, and what it is asked for by SNI. */
static struct str name_to_verify(const struct inspected *i)
{
    return i->host.is_address ? str_of(i->sni) : host_str(&i->host);
}

/* A session is for who was verified at a place. */
static struct str session_key(const struct inspected *i, struct str name, char room[KEY_SIZE])
{
    int len = snprintf(room, KEY_SIZE, "%s %u %.*s", i->host.name, (unsigned)i->port,
                       STR_ARG(name));
    return (struct str){room, len < KEY_SIZE ? (size_t)len : KEY_SIZE - 1};
}

static int origin_tls_enter(struct conn *c)
{
    const struct inspected *i = c->inspected;
    const struct config *config = c->txn->pin->config;
    struct origin_state *o = mem_zalloc(sizeof(*o));
    char room[KEY_SIZE];
    struct str name = name_to_verify(i), late = {c->late, c->late_len};
    SSL_CTX *ctx = config->inspection.origin_tls;
    c->state = o;
    if (o == NULL ||
        stream_tls_start(&c->origin, c->worker->tls_pool, ctx, STREAM_TLS_CLIENT, late) != 0)
        return -1;
    /* What a parent sent behind its answer: TLS has it now. */
    mem_free(c->late);
    c->late = NULL;
    c->late_len = 0;
    conn_set_deadline(c, config->limits.connect_timeout_ms);
    if (origin_tls_expect(stream_tls_ssl(&c->origin), &o->check, name,
                          i->host.is_address ? &i->host.addr : NULL, name) != 0)
        return -1;
    return stream_tls_resume(&c->origin, c->worker->sessions, session_key(i, name, room));
}

static void origin_tls_leave(struct conn *c)
{
    mem_free(c->state);
    c->state = NULL;
}

/* One page for every fault; behind the handshake with the client it is at hand. */
static enum next fail(struct conn *c, enum end_reason reason, const char *details)
{
    conn_drop_origin(c);
    if (c->inspected->is_open)
        return conn_fail(c, reason, details);
    inspected_set_fault(c->inspected, reason, details);
    return conn_enter(c, &PHASE_INSPECT);
}

static enum next judge(struct conn *c, struct origin_state *o)
{
    char text[ORIGIN_FAULT_SIZE], details[sizeof(c->inspected->details)];
    enum origin_fault fault = origin_tls_judge(stream_tls_ssl(&c->origin), &o->check, text);
    counter *counters = c->worker->counters.origin_handshakes;
    if (fault == ORIGIN_FINE) {
        count_add(&counters[COUNT_TLS_OK], 1);
        c->bound_to = c->txn->dialled;
        return conn_enter(c, c->inspected->is_open ? &PHASE_FORWARD : &PHASE_INSPECT);
    }
    count_add(&counters[COUNT_TLS_FAILED], 1);
    count_add(&c->worker->counters.origin_faults[fault], 1);
    snprintf(details, sizeof(details), "the origin %s", text);
    if (fault == ORIGIN_WANTS_CERTIFICATE) {
        inside_propose_exemption(c, "asks for a client certificate");
        return fail(c, END_CLIENT_CERTIFICATE_WANTED, details);
    }
    return fail(c, fault == ORIGIN_NO_TLS ? END_ORIGIN_TLS_FAILED : END_ORIGIN_CERTIFICATE,
                details);
}

static enum next origin_tls_step(struct conn *c)
{
    if (c->has_client_stirred && stream_is_broken(&c->client))
        return conn_end(c, END_CLIENT_RESET);
    /* Half a handshake and a FIN. Behind it a client may end its own direction. */
    if (c->client.is_ending && !c->inspected->is_open)
        return conn_end(c, END_CLIENT_GONE);
    c->has_client_stirred = false;
    if (c->is_expired) {
        count_add(&c->worker->counters.origin_handshakes[COUNT_TLS_TIMEOUT], 1);
        return fail(c, END_CONNECT_TIMEOUT, "the origin did not finish the TLS handshake in time");
    }
    enum io rc = stream_tls_handshake(&c->origin);
    return rc == IO_AGAIN ? NEXT_AGAIN : judge(c, c->state);
}

const struct phase PHASE_ORIGIN_TLS = {"origin_tls", origin_tls_enter, origin_tls_step,
                                       origin_tls_leave, NULL};
