/* SPDX-License-Identifier: MIT */
/*
 * fidelity.h - a second opinion on a head that is about to be sent: nothing that is
 * end-to-end may differ from what was received.
 *
 * For headers.strict. It shares no code with rewrite.c and hop.c on purpose: it
 * reads the bytes to be sent anew and has its own list of what may differ.
 *
 * A fault is a constant phrase that fits behind "the proxy would send" and names
 * the field where it is a well-known one: "a Cookie field that was altered". It holds
 * no byte that a peer sent. Pure. Threads: any.
 */
#ifndef PROXY_HTTP_FIDELITY_H
#define PROXY_HTTP_FIDELITY_H

#include "proxy/http/head.h"
#include "proxy/http/response.h"
#include "util/attr.h"
#include "util/str.h"

/* Compares in with out, the whole head that would be sent for it. Allowed are:
 *   - the target in origin form, or "*" for OPTIONS without a path; or unchanged;
 *   - Connection, the fields it names, and the fixed hop-by-hop set gone; a Connection
 *     field of ours; an Upgrade field that was there; a Proxy-Authorization field;
 *   - one more Via and one more X-Forwarded-For, behind those received;
 *   - Host as the target says it; Transfer-Encoding: chunked for a chunked request;
 *   - Max-Forwards smaller by one or more in OPTIONS and TRACE.
 * Returns NULL or the fault: a field deleted, added, out of order, respelled or with
 * another value, or a head that is none. */
MUST_CHECK const char *fidelity_check_request(const struct request_head *in, struct str out);

/* The same for a response. Allowed are: one more Via, one Date where there was none, a
 * Connection field of ours, Transfer-Encoding: chunked, Content-Length gone from 1xx,
 * 204 and where a Transfer-Encoding is sent, Proxy-Authenticate and
 * Proxy-Authentication-Info gone or unchanged. */
MUST_CHECK const char *fidelity_check_response(const struct response_head *in, struct str out);

#endif
