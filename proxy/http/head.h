/* SPDX-License-Identifier: MIT */
/*
 * head.h - the head of a request (RFC 9112 sections 2 to 6), read strictly.
 *
 * The parser copies nothing: every slice points into the caller's bytes. What
 * RFC 9112 lets a recipient reject or repair is rejected. A head that arrives
 * in pieces is scanned once: head_scan remembers how far it came.
 *
 *   struct head_scanner s = {0};
 *   head_scan(&s, bytes, limit) until PARSE_OK -> head_parse
 *
 * A fault is a constant noun phrase that fits behind "the request has":
 * "a line that ends without CR".
 *
 * Invariants: neither looks at a byte beyond the end it was given; how a head
 * is cut into pieces makes no difference; what head_parse takes, head_scan takes.
 * Threads: any; all state is the caller's.
 */
#ifndef PROXY_HTTP_HEAD_H
#define PROXY_HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/parse.h"
#include "util/str.h"

#define HEAD_MAX_FIELDS 200

struct head_scanner {
    size_t skipped; /* of one empty line in front (RFC 9112 section 2.2): 0 or 2 */
    size_t seen;    /* bytes looked at; PARSE_BAD: offset of the byte at fault */
    size_t len;     /* PARSE_OK: of the head with skipped and its empty line */
    /* private */
    unsigned state;
};

/* Looks for the end of the head in bytes, which always begins at the same place
 * and grows from call to call. PARSE_BAD as soon as a byte stands where no
 * request can have one (a NUL, a bare CR or LF, a control byte or a byte beyond
 * ASCII in the first line, a first byte that begins no method, a folded line, TLS
 * or SOCKS on an HTTP port), with *fault set. PARSE_TOO_LARGE where no end is found
 * within limit bytes, skipped ones included. Any result but PARSE_MORE is final:
 * asked again, it is given again. */
MUST_CHECK enum parse head_scan(struct head_scanner *s, struct str bytes, size_t limit,
                                const char **fault);

struct head_field {
    struct str name, value; /* value without white space at its ends */
};

/* Some 6.5 KB; only the first field_count fields are ever written. */
struct request_head {
    struct str method, target;
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    size_t field_count;
    struct head_field fields[HEAD_MAX_FIELDS];
};

/* Takes a whole head (head_scanner.skipped to .len) apart. PARSE_OK, PARSE_BAD
 * with *fault, or PARSE_TOO_LARGE (too many fields); never PARSE_MORE. h is of
 * use after PARSE_OK only. Checks what every request must keep:
 *   - CRLF at each end of line, one SP between method, target and version; other
 *     versions than HTTP/1.0 and HTTP/1.1 are refused (RFC 9112 sections 2 and 3);
 *   - tokens for names, no space around them, no obs-fold, no control byte but
 *     HTAB in values (section 5);
 *   - one Host in HTTP/1.1 and at most one in HTTP/1.0, a valid host[:port]; it may
 *     be empty only where the target names no host, '/...' or '*' (section 3.2);
 *   - one length at most: a single decimal Content-Length or a Transfer-Encoding
 *     that ends with chunked, not both, the latter not in HTTP/1.0 (section 6);
 *   - no content with CONNECT; "Content-Length: 0" is fine (RFC 9110 section 9.3.6). */
MUST_CHECK enum parse head_parse(struct request_head *h, struct str bytes, const char **fault);

/* The first field of that name (case makes no difference), or NULL. */
const struct head_field *head_find(const struct request_head *h, struct str name);

#endif
