/* SPDX-License-Identifier: MIT */
/*
 * hello.h - reads a TLS ClientHello from the first bytes of a client.
 *
 * The hello may come in any number of pieces and records. The caller keeps what has
 * come from the first byte on and shows all of it each time; the scanner remembers how
 * far it was looked at, so a hello that comes byte by byte costs no more than one that
 * comes at once. Nothing is allocated and nothing behind the hello is looked at.
 *
 *   struct hello_scanner s = {0}; hello_read(&s, bytes, &hello) until it is not PARSE_MORE
 *
 * Strict: what a TLS endpoint would refuse is PARSE_BAD here too, so that nobody shows
 * one name to us and another one to the origin.
 * Plain values that own nothing; a struct hello borrows nothing either.
 * Threads: any.
 */
#ifndef CERTS_HELLO_H
#define CERTS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/parse.h"
#include "util/str.h"

#define HELLO_MAX 65536      /* bytes of a hello with the headers of its records */
#define HELLO_NAME_MAX 253   /* of a host name (RFC 1035 section 2.3.4 as text) */
#define HELLO_ALPN_BYTES 512 /* of the list of protocols, each with its length byte */

enum hello_sni {
    HELLO_SNI_NONE, /* the extension is not there */
    HELLO_SNI_NAME, /* it holds one host name */
    HELLO_SNI_ODD,  /* it holds something that is no host name */
};

struct hello_scanner {
    size_t record_at; /* where the record begins that is not whole yet */
    size_t gathered;  /* bytes of the message in the records in front of it */
    size_t wanted;    /* bytes of the whole message; 0: not known yet */
    uint8_t header[4];
};

struct hello {
    size_t len;       /* bytes that it takes, with the headers of its records */
    uint16_t version; /* the highest offered: 0x0303 is TLS 1.2; 0: none that we know */
    enum hello_sni sni;
    bool has_ech;     /* encrypted_client_hello, be it real or not: nobody can tell */
    bool is_alpn_cut; /* there were more protocols than are kept */
    uint8_t name_len;
    uint16_t alpn_len; /* 0: no ALPN */
    char name[HELLO_NAME_MAX]; /* lower case, no dot at its end */
    char alpn[HELLO_ALPN_BYTES];
};

/* bytes: all that has come, from the first byte on. PARSE_OK: *hello is filled;
 * PARSE_MORE: it may become one; PARSE_BAD: it is not TLS, or a hello that is not right
 * (RFC 8446 sections 4.1.2, 4.2 and 5.1, RFC 6066 section 3, RFC 7301 section 3.1);
 * PARSE_TOO_LARGE: it is more than HELLO_MAX. Not to be called again after any but
 * PARSE_MORE. */
MUST_CHECK enum parse hello_read(struct hello_scanner *s, struct str bytes, struct hello *hello);

/* The name in the SNI; empty unless sni is HELLO_SNI_NAME. It has letters, digits, '-',
 * '_' and '.' only; an address in numbers (RFC 6066 has none) passes as a name too. */
static inline struct str hello_name(const struct hello *h)
{
    return (struct str){h->name, h->name_len};
}

/* The next protocol of the ALPN, in the client's order: any bytes, 1 to 255. *at starts
 * at 0. False: there are no more. */
MUST_CHECK bool hello_next_protocol(const struct hello *h, size_t *at, struct str *protocol);

#endif
