/* SPDX-License-Identifier: MIT */
/*
 * host.h - the one spelling of a host that everything else compares.
 *
 * A name becomes lower-case A-labels without a trailing dot (RFC 5890; U-labels
 * go through IDNA with the UTS 46 mapping). An address in any spelling that a
 * resolver would take for one (0x7f.1, 2130706433, 010.0.0.1, [::ffff:10.0.0.1])
 * becomes that address, so that no rule and no guard can be passed by spelling.
 *
 * A plain value of 280 bytes: owns nothing. Threads: any.
 */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/addr.h"
#include "util/str.h"

/* RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters of text. */
#define HOST_MAX 253

struct host {
    bool is_address;
    struct addr addr;        /* where is_address */
    size_t len;              /* of name */
    char name[HOST_MAX + 1]; /* the name, or the address without brackets; NUL behind */
};

/* Reads text: a name (ASCII, or UTF-8 for U-labels), an IPv4 address, an IPv6
 * address in brackets or bare. No port. Returns NULL where it is fine, else what
 * is wrong with it as a constant phrase ("has an empty label"). The letters,
 * digits, '-' and '_' are taken; a percent sign, a zone or a space is not. */
MUST_CHECK const char *host_parse(struct host *h, struct str text);

static inline struct str host_str(const struct host *h)
{
    return (struct str){h->name, h->len};
}

#endif
