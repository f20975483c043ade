/* SPDX-License-Identifier: MIT */
/*
 * chunked.h - a chunked body (RFC 9112 section 7.1) on its way through: read
 * strictly, and written again chunk by chunk or as bare content.
 *
 *   chunked_init -> chunked_run ... until PARSE_OK or PARSE_BAD -> chunked_fini
 *
 * Written again, chunks keep their sizes; extensions and leading zeros are dropped,
 * trailer fields go out as received but for hop-by-hop ones and those that concern
 * framing, routing and authentication between neighbours. Nothing of the last chunk
 * goes out before the whole trailer section is there and sound, so a body that is
 * cut or at fault never looks complete.
 *
 * Owns the bytes of a trailer section that comes in pieces (heap, bounded).
 * Invariant: how the body is cut into pieces makes no difference to what comes out.
 * Threads: one at a time for each codec.
 */
#ifndef PROXY_HTTP_CHUNKED_H
#define PROXY_HTTP_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/http/head.h"
#include "proxy/http/ledger.h"
#include "util/attr.h"
#include "util/str.h"

#define CHUNKED_TRAILER_MAX 16384  /* of the trailer section, its empty line included */
#define CHUNKED_SIZE_LINE_MAX 4096 /* of a chunk-size line: digits and extensions */
#define CHUNKED_SLACK (CHUNKED_TRAILER_MAX + 64)

struct chunked {
    uint64_t payload;             /* octets of content that came out */
    struct header_ledger *ledger; /* counts trailer fields dropped; NULL, as init leaves it:
                                   * nothing is counted. The caller may set it. */
    /* private */
    uint64_t left; /* of the chunk, or its size while that is read */
    char *trailer; /* of a trailer section that is not whole */
    size_t trailer_len, trailer_size;
    char *named; /* names of hop-by-hop fields, each with ',' behind it; or NULL */
    struct head_scanner scanner;
    unsigned line_len; /* of the chunk-size line so far */
    unsigned state;
    bool keeps_framing;
};

/* keeps_framing: what comes out is chunked; else only the content comes out. */
void chunked_init(struct chunked *c, bool keeps_framing);
void chunked_fini(struct chunked *c);

/* The fields of the head of the message: trailer fields that its Connection fields
 * name are dropped as well (RFC 9110 section 7.6.1). Nothing is kept of fields. 0, or
 * -1 without memory. Not needed where there is no Connection field. */
MUST_CHECK int chunked_drop_named(struct chunked *c, const struct head_field *fields, size_t count);

/* Reads from in and writes to out, which has room for in.len + CHUNKED_SLACK bytes at
 * least and does not overlap with in. *used and *out_len are always set.
 *   PARSE_MORE  all of in was used, and more is needed
 *   PARSE_OK    the body is over: what is behind *used bytes of in is not part of it
 *   PARSE_BAD   with *fault, a constant phrase for behind "the message has"; what came
 *               out so far is sound. Also where memory runs out.
 * Both of the latter are final: the codec must not run again. */
MUST_CHECK enum parse chunked_run(struct chunked *c, struct str in, size_t *used, char *out,
                                  size_t out_size, size_t *out_len, const char **fault);

#endif
