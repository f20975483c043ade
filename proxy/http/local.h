/* SPDX-License-Identifier: MIT */
/*
 * local.h - requests that the proxy answers itself, with 200 (RFC 9110 sections
 * 9.3.7 and 9.3.8): OPTIONS and TRACE that may go no further.
 *
 * Writes into the caller's buffer; keeps no state. Threads: any.
 */
#ifndef PROXY_HTTP_LOCAL_H
#define PROXY_HTTP_LOCAL_H

#include <stddef.h>

#include "util/attr.h"
#include "util/str.h"

enum local_answer {
    LOCAL_NONE,
    LOCAL_SELF,    /* OPTIONS * : asks about the proxy, so no rule is asked */
    LOCAL_OPTIONS, /* OPTIONS with Max-Forwards: 0 */
    LOCAL_TRACE,   /* TRACE with Max-Forwards: 0: the request as it was seen, without
                    * what is secret in it */
};

/* The whole answer into out; head is the request's. Returns its length; a TRACE that
 * does not fit is cut to its first lines. */
MUST_CHECK size_t local_write(enum local_answer kind, struct str head, char *out, size_t size);

#endif
