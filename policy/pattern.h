/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - reads one pattern of a configuration: what kind it is, in the
 * spelling that is compared.
 *
 * A struct pattern is a plain value; its path borrows from the text that was
 * read. Threads: any.
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/host.h"
#include "util/addr.h"
#include "util/str.h"

/* A longer line is a mistake, not a pattern. */
#define PATTERN_MAX 4096
#define PATTERN_KEY_MAX 511

enum pattern_kind {
    PATTERN_EXACT,  /* key is the name */
    PATTERN_SUFFIX, /* key is the parent, without "*." */
    PATTERN_GLOB,   /* key is compared with "." + host, so that a leading "*." takes
                     * the parent too: it begins with '*' or '.' */
    PATTERN_PREFIX, /* addr and bits */
};

enum pattern_scheme { PATTERN_ANY_SCHEME, PATTERN_HTTP, PATTERN_HTTPS };

struct pattern {
    enum pattern_kind kind;
    size_t key_len;
    char key[PATTERN_KEY_MAX + 1];
    struct addr addr;
    unsigned bits; /* 0 to 128, mapped form */
    bool is_url;   /* the fields below say more than "any" */
    enum pattern_scheme scheme;
    uint16_t port;   /* 0: any */
    struct str path; /* as written, begins with '/'; empty: any */
};

/* A name, "*.suffix", a glob, an address literal; "/path" may follow. Returns NULL
 * where it is fine, else what is wrong with it as a constant phrase. */
MUST_CHECK const char *pattern_parse_domain(struct pattern *p, struct str text);

/* "http://" or "https://" in front of the same; a port may follow the host. Without
 * a port it means the scheme's (RFC 9110 section 4.2). */
MUST_CHECK const char *pattern_parse_url(struct pattern *p, struct str text);

/* "addr/bits" or an address. */
MUST_CHECK const char *pattern_parse_prefix(struct pattern *p, struct str text);

/* Is it written like "address/number", faults beyond that aside? */
bool pattern_is_range(struct str text);

static inline struct str pattern_key(const struct pattern *p)
{
    return (struct str){p->key, p->key_len};
}

#endif
