/* SPDX-License-Identifier: MIT */
/*
 * rewrite.h - the head that is sent for a head that was received.
 *
 * Every end-to-end field goes out byte for byte, name to CRLF, in the order in
 * which it came. Hop-by-hop fields (hop.h) are left out; lines of our own are new
 * lines at the end. docs/conformance.md lists every difference.
 *
 * The caller has asked hop_fault_of_... and framing_of_... before, and refused the
 * message where they gave a fault.
 *
 * Pure; the out buffer and the ledger are the caller's. Threads: any.
 */
#ifndef PROXY_HTTP_REWRITE_H
#define PROXY_HTTP_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/http/framing.h"
#include "proxy/http/head.h"
#include "proxy/http/ledger.h"
#include "proxy/http/response.h"
#include "util/attr.h"
#include "util/str.h"

struct request_rewrite {
    struct str target;                /* to write: origin form, "*" or absolute form */
    struct str host;                  /* the target's authority as the client wrote it */
    struct str client;                /* the client's address, for X-Forwarded-For */
    struct str via;                   /* our pseudonym */
    bool adds_forwarded_for;          /* X-Forwarded-For */
    bool is_upgrade;                  /* websocket: Upgrade stays, Connection: Upgrade is added */
    const char *parent_authorization; /* value of Proxy-Authorization for a parent; or NULL */
    struct str max_forwards;          /* digits in place of those received; len 0: as received */
    bool closes;                      /* adds Connection: close */
};

struct response_rewrite {
    struct str via;         /* our pseudonym */
    bool is_upgrade;        /* 101: Upgrade stays, Connection: Upgrade is added */
    enum body_kind body;    /* towards the client. LENGTH: the received Content-Length stays;
                             * CHUNKED: Transfer-Encoding: chunked; UNTIL_CLOSE: neither; NONE:
                             * the received Content-Length stays but in 1xx and 204 */
    bool closes;            /* adds Connection: close */
    bool keeps_alive_10;    /* adds Connection: keep-alive, for a client of HTTP/1.0 */
    bool relays_proxy_auth; /* from a parent: Proxy-Authenticate, -Authentication-Info stay */
    struct str date;        /* of Date where there is none; len 0: none is added */
    bool is_interim;        /* 1xx: neither Date nor, but for Upgrade, Connection is added */
};

/* What a head can grow by at most, texts of the rewrite and Host aside. */
#define REWRITE_GROWTH 256

/* The head with its empty line into out; changes are added to the ledger. The
 * method is as received, the version is HTTP/1.1, Via says the version received.
 * Host stays where it equals r->host (case ignored); else it is replaced where it
 * stands, or comes first where there was none. Transfer-Encoding becomes "chunked".
 * Returns the length, or 0 where it does not fit into size bytes. */
MUST_CHECK size_t rewrite_request(const struct request_head *h, const struct request_rewrite *r,
                                  char *out, size_t size, struct header_ledger *ledger);

/* The same for a response: status and reason as received. White space in front of
 * a colon is removed. Returns the length, or 0 where it does not fit. */
MUST_CHECK size_t rewrite_response(const struct response_head *h, const struct response_rewrite *r,
                                   char *out, size_t size, struct header_ledger *ledger);

#endif
