/* SPDX-License-Identifier: MIT */
/*
 * hop.h - what the fields of a head say about this connection alone: which are
 * hop-by-hop (RFC 9110 section 7.6.1), and the options they hold.
 *
 * Pure; slices point into the head. A fault is a constant noun phrase that fits
 * behind "the request has" or "the response has". Threads: any.
 */
#ifndef PROXY_HTTP_HOP_H
#define PROXY_HTTP_HOP_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/http/head.h"
#include "proxy/http/ledger.h"
#include "proxy/http/response.h"
#include "util/attr.h"
#include "util/str.h"

#define HOP_MAX_NAMES 32

/* The names in all Connection fields but those of the fixed set. */
struct hop_names {
    size_t count;
    struct str names[HOP_MAX_NAMES];
};

/* Which field a name is; case makes no difference. */
enum header_field hop_field(struct str name);

/* Whether a field is of the fixed set that no message keeps: Connection, Keep-Alive,
 * Proxy-Connection, TE, Transfer-Encoding, Upgrade, HTTP2-Settings, and
 * Proxy-Authenticate, Proxy-Authentication-Info, Proxy-Authorization. */
bool hop_is_fixed(enum header_field field);

/* Why a field of the fixed set is dropped. */
enum header_reason hop_reason(enum header_field field);

/* Must be asked for every message that is forwarded, and the message refused (400,
 * 502) where it gives a fault: a Connection field of a request that names Host,
 * Content-Length or Transfer-Encoding, one of a response that names Content-Length
 * (Transfer-Encoding is named by servers in wide use, and harmless), or more than
 * HOP_MAX_NAMES names. */
MUST_CHECK const char *hop_fault_of_request(const struct request_head *h);
MUST_CHECK const char *hop_fault_of_response(const struct response_head *h);

/* 0, or -1 for more than HOP_MAX_NAMES. */
MUST_CHECK int hop_collect(struct hop_names *n, const struct head_field *fields, size_t count);

/* Whether name is among them; case makes no difference. */
bool hop_is_named(const struct hop_names *n, struct str name);

/* Whether the sender of HTTP/1.minor will not use the connection again: "close" in
 * Connection or Proxy-Connection, or in HTTP/1.0 no "keep-alive" in Connection
 * (RFC 9112 section 9.3). */
bool hop_wants_close(const struct head_field *fields, size_t count, unsigned minor);

/* Whether a client of HTTP/1.0 asks for the connection to be kept in the field that
 * old clients write to proxies, "Proxy-Connection: keep-alive". */
bool hop_keeps_proxy_connection(const struct request_head *h);

/* A GET of HTTP/1.1 without content that asks for websocket and nothing else
 * (RFC 6455 section 4.1). */
bool hop_wants_websocket(const struct request_head *h);

/* A 101 that switches to websocket and nothing else. */
bool hop_gives_websocket(const struct response_head *h);

/* Whether pseudonym has received the message before: it is the received-by of an
 * entry in Via, case ignored. Comments count for nothing (RFC 9110 section 7.6.3). */
bool hop_has_via(const struct request_head *h, struct str pseudonym);

/* An Authorization or WWW-Authenticate field of a scheme that authenticates the
 * connection instead of the request: NTLM or Negotiate (RFC 4559 section 6). */
bool hop_has_connection_auth(const struct head_field *fields, size_t count);

/* "100-continue" in Expect; never in HTTP/1.0 (RFC 9110 section 10.1.1). */
bool hop_expects_continue(const struct request_head *h);

#endif
