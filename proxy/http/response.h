/* SPDX-License-Identifier: MIT */
/*
 * response.h - the head of a response (RFC 9112 sections 4 and 5), read strictly.
 *
 * As head.h does it for requests: nothing is copied, every slice points into the
 * caller's bytes, a head that arrives in pieces is scanned once.
 *
 *   struct head_scanner s = {0};
 *   response_scan(&s, bytes, limit) until PARSE_OK -> response_parse
 *
 * A fault is a constant noun phrase that fits behind "the response has".
 *
 * Invariants: those of head.h; what response_parse takes, response_scan takes.
 * Threads: any; all state is the caller's.
 */
#ifndef PROXY_HTTP_RESPONSE_H
#define PROXY_HTTP_RESPONSE_H

#include "proxy/http/head.h"
#include "util/attr.h"
#include "util/str.h"

/* Some 6.5 KB; only the first field_count fields are ever written. */
struct response_head {
    unsigned minor;    /* HTTP/1.minor: 0 or 1 */
    unsigned status;   /* 100 to 999 */
    struct str reason; /* as received; may be empty */
    size_t field_count;
    struct head_field fields[HEAD_MAX_FIELDS];
};

/* As head_scan. No empty line may be in front: skipped stays 0. A status line may
 * hold HTAB and bytes beyond ASCII, as its reason phrase may. */
MUST_CHECK enum parse response_scan(struct head_scanner *s, struct str bytes, size_t limit,
                                    const char **fault);

/* Takes a whole head apart. PARSE_OK, PARSE_BAD with *fault, or PARSE_TOO_LARGE (too
 * many fields); never PARSE_MORE. Checks the status line ("HTTP/1.0" or "HTTP/1.1",
 * three digits, a reason phrase) and the syntax of the fields; framing.h checks their
 * meaning. Two things that no recipient could misread are taken in another spelling:
 *   - white space in front of a colon, which section 5.1 tells a proxy to remove: the
 *     name ends in front of it, so that name.ptr[name.len] is not ':';
 *   - a status line that ends behind its digits (section 4 lets a recipient do so). */
MUST_CHECK enum parse response_parse(struct response_head *h, struct str bytes, const char **fault);

/* The first field of that name (case makes no difference), or NULL. */
const struct head_field *response_find(const struct response_head *h, struct str name);

#endif
