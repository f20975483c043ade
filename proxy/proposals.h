/* SPDX-License-Identifier: MIT */
/*
 * proposals.h - hosts whose inspection fails, for the administrator to decide on.
 *
 * Clients that do not trust our leaf show it: by an alert, or by closing at once. An origin
 * that asks for a client's certificate cannot be inspected at all. Each is counted by host;
 * nothing is ever exempted by itself.
 *
 *   proposals_new -> proposals_note ... -> proposals_write -> proposals_free
 *
 * Invariants: at most PROPOSALS_MAX hosts; the one that did not fail for the longest time goes
 * first. Addresses of clients are counted and never shown.
 * Threads: any; a lock is held for a look-up, at failures only.
 */
#ifndef PROXY_PROPOSALS_H
#define PROXY_PROPOSALS_H

#include <event2/buffer.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/attr.h"
#include "util/str.h"

#define PROPOSALS_MAX 1000
#define PROPOSALS_CLIENTS_MAX 16u /* distinct addresses of a host are counted up to here */

enum proposal_cause {
    PROPOSAL_ALERT,       /* the client refused our leaf in so many words */
    PROPOSAL_CLOSED,      /* it closed straight after our leaf, before any request */
    PROPOSAL_CERTIFICATE, /* the origin asked for a certificate of the client */
    PROPOSAL_ALPN,        /* the client speaks no HTTP/1.1, and was refused */
    PROPOSAL_CAUSES,
};

struct proposals;

/* NULL without memory. */
MUST_CHECK struct proposals *proposals_new(void);
void proposals_free(struct proposals *p); /* NULL is fine */

/* host: of the CONNECT. alert: its name ("unknown CA"); may be empty. Without memory nothing
 * is counted. now_ms: wall clock. */
void proposals_note(struct proposals *p, struct str host, uint16_t port, enum proposal_cause cause,
                    struct str alert, const struct addr *client, uint64_t now_ms);

/* A connection to the host had a request inside: shown beside its failures. Only hosts that
 * have one are looked for. */
void proposals_note_success(struct proposals *p, struct str host, uint16_t port);

/* As one JSON object and a line end: the host with the most failures first. 0, or -1 without
 * memory: then out is as it was. */
MUST_CHECK int proposals_write(struct proposals *p, struct evbuffer *out);

#endif
