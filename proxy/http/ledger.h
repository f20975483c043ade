/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what was done to the fields of one message, by field and reason.
 *
 * A short list, as a message has two to four changes: the caller sets count to 0 in
 * front of a message and adds the entries to its counters behind it.
 *
 * Invariants: no two entries are for the same pair. The 59 pairs that can occur, in
 * requests, responses and trailers together, fit.
 * Threads: one at a time for each ledger.
 */
#ifndef PROXY_HTTP_LEDGER_H
#define PROXY_HTTP_LEDGER_H

#include <stddef.h>
#include <stdint.h>

/* The fields that a proxy has something to do with, and all others as one. */
enum header_field {
    HEADER_CONNECTION,
    HEADER_CONTENT_LENGTH,
    HEADER_DATE,
    HEADER_HOST,
    HEADER_HTTP2_SETTINGS,
    HEADER_KEEP_ALIVE,
    HEADER_MAX_FORWARDS,
    HEADER_PROXY_AUTHENTICATE,
    HEADER_PROXY_AUTHENTICATION_INFO,
    HEADER_PROXY_AUTHORIZATION,
    HEADER_PROXY_CONNECTION,
    HEADER_TE,
    HEADER_TRAILER,
    HEADER_TRANSFER_ENCODING,
    HEADER_UPGRADE,
    HEADER_VIA,
    HEADER_X_FORWARDED_FOR,
    HEADER_OTHER,
    HEADER_FIELD_COUNT,
};

enum header_reason {
    HEADER_HOP_BY_HOP,    /* dropped: one of the fixed set (RFC 9110 section 7.6.1) */
    HEADER_NAMED,         /* dropped: named by a Connection field */
    HEADER_FOR_THE_PROXY, /* dropped: credentials and challenges between neighbours */
    HEADER_FRAMING,       /* dropped, replaced or added: the length of the body */
    HEADER_FROM_TARGET,   /* Host replaced or added (RFC 9112 section 3.2.2) */
    HEADER_COUNTED_DOWN,  /* Max-Forwards (RFC 9110 section 7.6.2) */
    HEADER_REPAIRED,      /* a space in front of the colon (RFC 9112 section 5.1) */
    HEADER_NO_TRAILERS,   /* dropped: a trailer field, for a client of HTTP/1.0 */
    HEADER_BARRED,        /* dropped: no field of a trailer (RFC 9110 section 6.5.1) */
    HEADER_ADDED,         /* a line of our own */
    HEADER_REASON_COUNT,
};

#define LEDGER_MAX 64

struct header_change {
    uint8_t field, reason;
    uint16_t count;
};

struct header_ledger {
    size_t count;
    struct header_change changes[LEDGER_MAX];
};

/* Counts one more. */
void ledger_add(struct header_ledger *ledger, enum header_field field, enum header_reason reason);

/* For labels of a metric: a field's name in lower case, or "other"; a reason as one
 * word in lower case. Constant text. */
const char *ledger_field_token(enum header_field field);
const char *ledger_reason_token(enum header_reason reason);

#endif
