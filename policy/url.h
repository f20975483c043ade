/* SPDX-License-Identifier: MIT */
/*
 * url.h - the part of a URL pattern behind its host: scheme, port and path.
 *
 * Paths are compared without their query and in the normal form of RFC 3986
 * section 6.2.2, so that /./ncsi.txt and /%6ecsi.txt are /ncsi.txt.
 *
 * Plain values; nothing is owned. Threads: any.
 */
#ifndef POLICY_URL_H
#define POLICY_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/pattern.h"
#include "policy/policy.h"
#include "util/str.h"

struct url {
    uint32_t path;     /* offset of its path, normalised, in the policy's texts */
    uint16_t path_len; /* 0: any path */
    uint16_t port;     /* 0: any */
    uint8_t scheme;    /* enum pattern_scheme */
};

/* The normal form of a path with its query cut off: percent-encoded unreserved
 * characters are decoded, other encodings get upper-case digits, dot segments are
 * removed. out has room for path.len + 1 bytes. Returns the length. An empty path
 * is "/"; one that does not begin with '/' keeps its segments. */
size_t url_normalise(struct str path, char *out);

/* Scheme and port only. A tunnel shows its port and no path: of the URL patterns
 * only "https://host[:port]" without a path matches it. */
bool url_fits(const struct url *u, enum policy_scheme scheme, uint16_t port);

#endif
