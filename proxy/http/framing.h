/* SPDX-License-Identifier: MIT */
/*
 * framing.h - where a message ends (RFC 9112 section 6.3), with one meaning or none.
 *
 * Pure. A fault is a constant noun phrase that fits behind "the request has" or
 * "the response has". Threads: any.
 */
#ifndef PROXY_HTTP_FRAMING_H
#define PROXY_HTTP_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/http/head.h"
#include "proxy/http/response.h"
#include "util/attr.h"

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

struct framing {
    enum body_kind kind;
    uint64_t length; /* BODY_LENGTH: octets, at most INT64_MAX, may be 0; else 0 */
};

/* BODY_NONE, BODY_LENGTH or BODY_CHUNKED. Returns NULL, or the fault with *status
 * 400 or, for a transfer coding other than chunked, 501 (RFC 9112 section 6.1): the
 * connection must then be closed. Content in a TRACE is a fault (RFC 9110 section
 * 9.3.8). f and *status are of use after NULL and after a fault, respectively. */
MUST_CHECK const char *framing_of_request(const struct request_head *h, struct framing *f,
                                          unsigned *status);

/* No body behind 1xx, 204, 304, in a reply to HEAD or in a 2xx to CONNECT, whose
 * length fields are ignored; but those of all others must make sense even there.
 * Faults, to answer with 502: a length that is no number, more than one, even
 * equal ones; a transfer coding other than chunked, as nobody asked for one; one in
 * HTTP/1.0; one beside a length. Returns NULL or the fault. */
MUST_CHECK const char *framing_of_response(const struct response_head *h, bool is_reply_to_head,
                                           bool is_reply_to_connect, struct framing *f);

#endif
