/* SPDX-License-Identifier: MIT */
/*
 * leaf_order.h - what the signer is asked to put into a leaf: names and dates, and
 * nothing else of what an origin sent.
 *
 *   leaf_order_of_origin or leaf_order_of_page -> its bytes go to the signer -> leaf_order_free
 *
 * An order is one block with the bytes in it that travel; who receives them takes them apart
 * with leaf_order_read, which trusts nothing. Names are checked on both sides: lower-case
 * host names of letters, digits, '-', '_' and '.' whose last label is no number, perhaps with
 * "*." in front of two labels or more, and addresses.
 *
 * The bytes: i64 not_before, i64 not_after, then for each name u8 kind, u8 length, its bytes.
 * Integers are big-endian.
 *
 * Threads: any; one at a time for each certificate that is read.
 */
#ifndef CERTS_LEAF_ORDER_H
#define CERTS_LEAF_ORDER_H

#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

#include "util/attr.h"
#include "util/str.h"

#define LEAF_DAYS_MAX 90u
#define LEAF_PAGE_HOURS 24u
#define LEAF_ORDER_MAX 32768 /* bytes of one order */
#define LEAF_NAMES_MAX 1000

struct leaf_order {
    size_t len;
    unsigned char bytes[];
};

enum leaf_name_kind { LEAF_DNS = 1, LEAF_IP = 2 };

/* A cursor over an order that was read. */
struct leaf_names {
    int64_t not_before, not_after; /* seconds since 1970 */
    size_t count;
    const unsigned char *at, *end;
};

/* For an origin whose certificate was verified: the names of its subjectAltName (DNS and
 * IP; whatever else stands there is left out), those that fit, and first the ones that
 * cover host. Dates inside the certificate's own and at most LEAF_DAYS_MAX days, from a
 * day before now at the earliest. NULL without memory, where there is no usable name, or
 * where the certificate is not valid any more. */
MUST_CHECK struct leaf_order *leaf_order_of_origin(X509 *origin, struct str host, time_t now);

/* For a page of our own in the place of an origin: the names alone (host names or addresses
 * in any spelling that the rest of Sallyport writes; second may be empty), valid from an hour
 * before now, for LEAF_PAGE_HOURS. */
MUST_CHECK struct leaf_order *leaf_order_of_page(struct str first, struct str second, time_t now);
void leaf_order_free(struct leaf_order *o); /* NULL is fine */

/* 0, or -1 where the bytes are no order that the above could have made. */
MUST_CHECK int leaf_order_read(struct leaf_names *names, struct str bytes);

/* The next name: text of LEAF_DNS, 4 or 16 bytes of LEAF_IP. False: no more. */
MUST_CHECK bool leaf_names_next(struct leaf_names *names, enum leaf_name_kind *kind,
                                struct str *name);

#endif
