/* SPDX-License-Identifier: MIT */
/*
 * handshake.c - the phase in which a client of a TLS listener shakes hands.
 *
 * The first bytes are read as they are: a client that speaks plain HTTP gets an answer
 * that it can read, and one that says nothing costs no TLS. Then they are handed in. The
 * deadline is that of the first header, and goes on into the next phase.
 */
#include <openssl/ssl.h>
#include <stdio.h>

#include "proxy/conn.h"
#include "proxy/net/stream_tls.h"
#include "proxy/worker.h"

#define FIRST_BYTES (16 * 1024)

/* No record of TLS begins with a letter or the end of a line (RFC 8446 section 5.1), and
 * a request with nothing else. */
static bool is_text(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '\r' || c == '\n';
}

/* Text, for nobody can know yet what the client would rather have. */
static enum next refuse_text(struct conn *c)
{
    count_add(&c->worker->counters.tls_handshakes[COUNT_TLS_FAILED], 1);
    return conn_fail(c, END_NOT_TLS, NULL);
}

/* The client is gone, or waits for nothing but the alert that it was sent. */
static enum next refuse_tls(struct conn *c, enum count_tls result, const char *why)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    snprintf(fault, sizeof(fault), "%s", why);
    count_add(&c->worker->counters.tls_handshakes[result], 1);
    if (c->client.tls != NULL)
        stream_tls_drop(&c->client);
    return conn_refuse(c, END_TLS_HANDSHAKE_FAILED, fault);
}

static enum next begin(struct conn *c)
{
    char *buffer = c->worker->pool.buffer;
    size_t len;
    enum io rc = stream_recv(&c->client, buffer, FIRST_BYTES, &len);
    if (rc == IO_AGAIN && !c->worker->is_draining)
        return NEXT_AGAIN;
    if (rc != IO_OK)
        return conn_end(c, rc == IO_ERR ? END_CLIENT_RESET : END_CLIENT_IDLE);
    if (is_text(buffer[0]))
        return refuse_text(c);
    if (stream_tls_start(&c->client, c->worker->tls_pool, c->tls, STREAM_TLS_SERVER,
                         (struct str){buffer, len}) != 0)
        return conn_end(c, END_NO_MEMORY);
    SSL_CTX_free(c->tls); /* the stream has its own reference */
    c->tls = NULL;
    return NEXT_PHASE;
}

static enum next handshake_step(struct conn *c)
{
    char fault[STREAM_TLS_FAULT_SIZE];
    if (c->is_expired && c->client.tls == NULL)
        return conn_end(c, END_CLIENT_IDLE);
    if (c->is_expired)
        return refuse_tls(c, COUNT_TLS_TIMEOUT, "it was not complete in time");
    if (c->client.tls == NULL) /* PHASE: here once more */
        return begin(c);
    enum io rc = stream_tls_handshake(&c->client);
    if (rc == IO_AGAIN)
        return NEXT_AGAIN;
    if (rc != IO_OK)
        return refuse_tls(c, COUNT_TLS_FAILED, stream_tls_fault(&c->client, fault));
    count_add(&c->worker->counters.tls_handshakes[COUNT_TLS_OK], 1);
    c->is_new = true;
    conn_watch(c);
    return conn_enter(c, &PHASE_REQUEST);
}

static void handshake_check_up(struct conn *c)
{
    stream_probe(&c->client);
    conn_run(c);
}

const struct phase PHASE_HANDSHAKE = {"handshake", NULL, handshake_step, NULL,
                                      handshake_check_up};
