/* SPDX-License-Identifier: MIT */
/*
 * addr.h - IP addresses of both families as one type.
 *
 * An IPv4 address is kept in its IPv4-mapped form (::ffff:a.b.c.d, RFC 4291
 * section 2.5.5.2), so that both spellings of one address are equal and a set
 * of prefixes needs one kind of key. Prefix lengths count from 0 to 128; an
 * IPv4 prefix of n bits has length 96 + n.
 *
 * A plain value: owns nothing. Threads: any.
 */
#ifndef UTIL_ADDR_H
#define UTIL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/str.h"

/* Room for any address as text, with the NUL. */
#define ADDR_TEXT_SIZE 46

struct addr {
    uint8_t bytes[16];
};

struct endpoint {
    struct addr addr;
    uint16_t port;
};

bool addr_is_v4(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);

/* True where the first bits of both are equal; bits from 0 to 128. */
bool addr_in_prefix(const struct addr *a, const struct addr *prefix, unsigned bits);

/* Four decimal numbers without leading zeros, or RFC 4291 text without brackets
 * and without a zone. Nothing else is taken. 0 or -1. */
MUST_CHECK int addr_parse(struct addr *a, struct str text);

/* As addr_parse with an optional "/bits" behind; bits are returned as 0 to 128
 * in the mapped form. Bits set beyond the prefix are an error. 0 or -1. */
MUST_CHECK int addr_parse_prefix(struct addr *a, unsigned *bits, struct str text);

/* The shortest text (RFC 5952; IPv4 as four numbers) into out; returns out. */
char *addr_format(const struct addr *a, char out[ADDR_TEXT_SIZE]);

/* From and to the kernel's form. AF_INET and AF_INET6 only; 0 or -1. */
MUST_CHECK int addr_from_sockaddr(struct endpoint *e, const struct sockaddr *sa);

/* Fills out with AF_INET for IPv4 and AF_INET6 otherwise; returns its length. */
socklen_t addr_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out);

#endif
