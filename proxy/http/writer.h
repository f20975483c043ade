/* SPDX-License-Identifier: MIT */
/*
 * writer.h - appends text to a buffer of fixed size, escaped for where it goes.
 *
 * What does not fit is left out, a whole piece at a time; is_cut says so.
 * The buffer belongs to the caller; nothing is NUL terminated.
 * Threads: one at a time for each writer.
 */
#ifndef PROXY_HTTP_WRITER_H
#define PROXY_HTTP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

struct writer {
    char *buf;
    size_t len, size;
    bool is_cut;
};

/* The longest that one byte becomes in each of the escaped forms. */
#define WRITER_HTML_GROWTH 5
#define WRITER_QUOTED_GROWTH 2

void writer_put(struct writer *w, struct str text);
void writer_put_u64(struct writer *w, uint64_t value);

/* Printable ASCII as it is; every other byte as '?'. For plain text. */
void writer_put_plain(struct writer *w, struct str text);

/* For HTML, between tags or in a quoted attribute: the five special characters as
 * references, bytes that are not printable ASCII as '?'. */
void writer_put_html(struct writer *w, struct str text);

/* A string of structured fields with its quotes (RFC 8941 section 3.3.3): '"' and
 * '\' get a '\' in front; bytes that cannot stand in one become '?'. */
void writer_put_quoted(struct writer *w, struct str text);

#endif
