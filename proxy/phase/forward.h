/* SPDX-License-Identifier: MIT */
/*
 * forward.h - the private state of the phase `forward`: one request to an origin
 * and its response. Shared by forward.c, forward_request.c and forward_response.c,
 * and by nobody else.
 *
 * Both directions run side by side: a response may come before the request is
 * complete, and 1xx answers in between.
 *
 * Owned by the conn as its phase's state. Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_FORWARD_H
#define PROXY_PHASE_FORWARD_H

#include "proxy/conn.h"
#include "proxy/http/chunked.h"
#include "proxy/http/framing.h"
#include "proxy/http/head.h"
#include "proxy/http/response.h"
#include "proxy/http/rewrite.h"
#include "proxy/net/relay.h"

struct forward {
    struct conn *conn;
    struct relay up, down; /* request and response bodies, and what waits in front of them */
    struct chunked up_chunks, down_chunks;
    struct header_ledger trailers; /* what the two drop */
    struct framing request_body;
    /* Of the request. */
    bool is_head, is_client_10, is_upgrade, is_bound, has_content, can_repeat;
    bool client_closes; /* the client's connection ends behind this response */
    /* Of the response. */
    bool has_begun;     /* a byte of it has arrived */
    bool has_head;      /* its final head was passed on */
    bool has_parent_refused; /* it wants other credentials than ours */
    bool is_switching;  /* 101: what follows is a tunnel */
    bool origin_closes; /* the origin's connection cannot be used again */
    unsigned status;
    struct head_scanner scanner;
    char *partial;      /* of a response head in pieces; NULL: none */
    size_t partial_len, partial_size;
    uint64_t progress;  /* bytes up and down when the deadline was last moved */
};

/* A struct chunked as the filter of a relay. */
enum parse forward_filter_chunks(void *chunked, struct str in, size_t *used, char *out, size_t size,
                                 size_t *len);

/* Takes the request head apart again and sends it on. DONE, or why it cannot be:
 * then nothing was sent. */
MUST_CHECK enum end_reason forward_send_head(struct forward *f);

/* Reads as much of the response head as there is and passes it on, 1xx included.
 * IO_OK the final head was passed on and the relay `down` is set; IO_AGAIN; IO_YIELD
 * call again; IO_EOF or IO_ERR the connection ended; PARSE faults give *fault and
 * IO_EOF. */
MUST_CHECK enum io forward_read_head(struct forward *f, const char **fault);

#endif
