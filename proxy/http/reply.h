/* SPDX-License-Identifier: MIT */
/*
 * reply.h - answers of the proxy's own: status line, fields and a short page.
 *
 * The page names the cause and the request id, and never repeats what the
 * client sent but for the host it asked for, escaped. HTML where the client
 * accepts it (accept.h says when), else plain text.
 *
 * Fields, in this order: Date, Proxy-Status (RFC 9209; none where error is NULL),
 * X-Request-Id (the id of the access log), those of the caller, Content-Type, Content-Length,
 * Content-Language, Cache-Control: no-store, X-Content-Type-Options, with HTML
 * Content-Security-Policy, Retry-After where set, Connection.
 *
 * Writes into the caller's buffer; keeps no state. Threads: any.
 */
#ifndef PROXY_HTTP_REPLY_H
#define PROXY_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"
#include "util/str.h"

#define REPLY_PAGE_MAX 8192
#define REPLY_FIELDS_MAX 8192 /* of whole field lines that the caller brings */
#define REPLY_MAX (REPLY_PAGE_MAX + REPLY_FIELDS_MAX) /* every reply fits in that many bytes */

struct reply {
    unsigned status;       /* 400 to 599 */
    const char *reason;    /* reason phrase, constant text */
    const char *error;     /* Proxy-Status error token (RFC 9209); NULL: none */
    const char *title;     /* a few words for a person: "Not allowed here" */
    const char *text;      /* one sentence that names the cause */
    struct str details;    /* for Proxy-Status details and the page; may be empty */
    struct str host;       /* what was asked for; may be empty */
    struct str id;         /* of the request */
    struct str fields;     /* whole lines with CRLF, at most REPLY_FIELDS_MAX: written as they are,
                            * in front of Content-Type; may be empty */
    struct str accept;     /* the client's Accept value; empty: none sent */
    unsigned retry_after;  /* seconds; 0: no such field */
    bool is_head;          /* the request was HEAD: no page, same fields */
    bool keeps_connection; /* else Connection: close */
};

/* The whole reply into out (at least REPLY_MAX bytes); returns its length. Texts
 * are cut where they are too long (reply_page.h); a byte of them that is not
 * printable ASCII becomes '?', others are escaped for where they stand. Date is now. */
MUST_CHECK size_t reply_write(const struct reply *r, char *out, size_t size);

#endif
