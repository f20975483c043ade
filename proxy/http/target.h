/* SPDX-License-Identifier: MIT */
/*
 * target.h - the request target of a request to a proxy (RFC 9112 section 3.2), or of one
 * inside TLS that ends here.
 *
 * Slices point into the text given. A fault is a constant phrase that fits
 * behind "the target": "has no port"; host_parse's are of the same kind.
 * Threads: any; no state.
 */
#ifndef PROXY_HTTP_TARGET_H
#define PROXY_HTTP_TARGET_H

#include <stdint.h>

#include "policy/host.h"
#include "util/attr.h"
#include "util/str.h"

struct target {
    struct host host;
    uint16_t port;   /* 1 to 65535 */
    struct str path; /* absolute form: as sent, from '/' or '?' on; may be empty */
};

/* "host:port" of CONNECT (RFC 9110 section 9.3.6): both are there, the port is 1
 * to 65535 in decimal digits without leading zeros, an IPv6 address is in brackets
 * and nothing else is, all bytes are visible ASCII, no userinfo. path is empty.
 * Returns NULL, or the fault; t is of use after NULL only. */
MUST_CHECK const char *target_parse_authority(struct target *t, struct str text);

/* "http://host[:port][/path][?query]"; the scheme in any case; without a port, or
 * with an empty one (RFC 3986 section 6.2.3), 80. Userinfo, a fragment, another
 * scheme, an empty host are wrong (RFC 9110 section 4.2). Host and port as above.
 * Returns NULL, or the fault; t is of use after NULL only. */
MUST_CHECK const char *target_parse_absolute(struct target *t, struct str text);

/* The target of a request inside inspected TLS, where the client believes to speak to the
 * origin: "/path", or "*" of OPTIONS alone (section 3.2.4; path is empty then), for the host of
 * the Host field (empty: none was sent; then host.len and port are 0); or
 * "https://host[:port][/path]", which outdoes Host. Without a port 443. Returns NULL, or the
 * fault; t is of use after NULL only. */
MUST_CHECK const char *target_parse_inside(struct target *t, struct str method, struct str text,
                                           struct str host);

#endif
