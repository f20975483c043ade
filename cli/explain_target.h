/* SPDX-License-Identifier: MIT */
/*
 * explain_target.h - one target of 'explain', as a request that asks for it.
 *
 * A plain value; path is borrowed from the argument. Threads: any.
 */
#ifndef CLI_EXPLAIN_TARGET_H
#define CLI_EXPLAIN_TARGET_H

#include <stdint.h>

#include "policy/policy.h"
#include "util/err.h"
#include "util/str.h"

struct explain_target {
    struct str text; /* as given, without a query or fragment */
    struct host host;
    uint16_t port;
    enum policy_scheme scheme; /* POLICY_CONNECT or POLICY_HTTP */
    struct str path;           /* empty for POLICY_CONNECT */
    struct str inside;         /* of https and wss: the path that is asked for in the tunnel;
                                * else empty */
};

/* "http://HOST[:PORT][/PATH]" is a plain request; "https://..." and "wss://..."
 * and HOST[:PORT] are a CONNECT, port 443 where none is named. An IPv6 address
 * stands in brackets where a port follows. 0, or -1 with an error. */
MUST_CHECK int explain_target_parse(struct explain_target *t, const char *text, struct err *e);

/* What the client asks for: "CONNECT host:443", "GET http://host/path". */
void explain_target_format(const struct explain_target *t, char *out, size_t size);

#endif
