/* SPDX-License-Identifier: MIT */
/*
 * inspected.h - what a connection keeps whose TLS ends here: the CONNECT that it began with.
 *
 * Made when the ClientHello has decided that the tunnel is inspected; requests inside are
 * requests like others, but for the host of this CONNECT and by its user.
 *
 *   inspected_new (writes the open line) -> requests ... -> inspected_close (the close line)
 *
 * Owned by the conn. Invariant: an open line is followed by one close line. Threads: the
 * worker's own only.
 */
#ifndef PROXY_INSPECTED_H
#define PROXY_INSPECTED_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/txn.h"

struct conn;

struct inspected {
    struct host host; /* of the CONNECT */
    uint16_t port;
    bool is_open;             /* TLS with the client is there */
    bool has_leaf;            /* it is the origin's; else that of a page of ours */
    uint32_t requests;        /* whose heads were read whole */
    uint64_t opened_ms;       /* when is_open was set */
    uint64_t bytes_in, bytes_out; /* of the requests and responses inside */
    unsigned generation;      /* of the configuration that decided */
    struct identity *identity;   /* who opened it; NULL: nobody was asked */
    struct txn_tail *tail;
    char *parent;             /* its name; NULL: the origin was dialled directly */
    char *connect_head;       /* for the parent, should the origin be dialled again; without
                               * the client's credentials */
    size_t connect_head_len;
    enum end_reason fault;    /* DONE, or what the first request is answered with */
    char details[160];
    char sni[HOST_MAX + 1];   /* empty: none */
};

/* For the CONNECT of c->txn, whose verdict says INSPECT: c->inspected. 0, or -1 without
 * memory: then nothing was written. */
MUST_CHECK int inspected_new(struct conn *c, struct str sni);

/* The host is not inspected but answered for, with a page that names the fault. */
void inspected_set_fault(struct inspected *i, enum end_reason fault, const char *details);

/* A request head was read whole. The first one shows that the client took the leaf, and speaks
 * what can be inspected. */
void inspected_note_request(struct inspected *i, struct worker *w);

/* What a request inside takes from the CONNECT: host, port, user. */
void inspected_describe(const struct inspected *i, struct txn *t);

/* The parent by which the CONNECT went, in that configuration; NULL: it went without one, or
 * there is none of that name any more. */
MUST_CHECK const struct parent_config *inspected_parent(const struct inspected *i,
                                                        const struct config *config);

/* Bytes of a request inside and of its answer, or of what it became by an upgrade. */
void inspected_count(struct inspected *i, uint64_t bytes_in, uint64_t bytes_out);

/* Writes the close line and frees it; c->inspected is NULL then. Harmless without one. */
void inspected_close(struct conn *c, enum end_reason end);

#endif
