/* SPDX-License-Identifier: MIT */
/*
 * dns_message.h - what a resolver's reply says about one name and one type.
 *
 * Reads the wire format of RFC 1035 section 4: the chain of CNAME records from
 * the name that was asked, the addresses at its end, the least TTL of all that
 * was used, and for a negative reply the SOA of the authority section
 * (RFC 2308 section 5). The bytes come from the network: every length and every
 * compression pointer in them is checked.
 *
 * Plain functions over borrowed bytes; nothing is kept. Threads: any.
 */
#ifndef PROXY_NET_DNS_MESSAGE_H
#define PROXY_NET_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/net/dns.h"
#include "util/addr.h"
#include "util/str.h"

/* Longer chains, and loops, count as malformed. */
#define DNS_MESSAGE_MAX_ALIASES 16

/* RFC 1035 section 3.2.2 and RFC 3596 section 2.1. */
enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_AAAA = 28,
};

struct dns_records {
    enum dns_status status; /* DNS_FOUND, DNS_NO_NAME, DNS_NO_DATA or DNS_FAILED */
    bool is_format_error;   /* DNS_FAILED by RCODE 1: the asker's EDNS was not understood */
    bool has_ttl;           /* false: negative without a SOA, or DNS_FAILED */
    uint32_t ttl_s;
    size_t count; /* of addrs; more than 0 with DNS_FOUND only */
    struct addr addrs[DNS_MAX_ADDRESSES];
};

/* Reads message as the reply to a question for name, in its text form without
 * escapes. Always fills records. IPv4-mapped addresses in AAAA records are
 * dropped: they would be IPv4 under another name. */
void dns_message_read(const uint8_t *message, size_t len, struct str name, enum dns_type type,
                      struct dns_records *records);

#endif
