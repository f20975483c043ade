/* SPDX-License-Identifier: MIT */
/*
 * scan.h - the form of a configuration, watched as it is read, token by token.
 *
 * Says what is wrong where the parser of libconfig 1.5 says "syntax error" (and
 * keeps memory of what it read so far), stops at the first name set twice, or
 * reads another number than was written. What passes here, that parser takes.
 *
 *   scan_init -> scan_token ... -> scan_end -> scan_fini
 *
 * Names are borrowed: the text they stand in must live as long as the scan.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/str.h"

enum scan_kind {
    SCAN_NAME,   /* true and false too */
    SCAN_NUMBER, /* digits, letters and signs in a row that begin like one */
    SCAN_STRING,
    SCAN_MARK,   /* one byte: = : ; , or a bracket, or any other */
};

struct scan {
    struct errlist *faults;
    bool is_repeated; /* the name before this '=' is no new one and was reported */
    /* private */
    struct scan_seen *seen; /* the names of all open groups, the outermost first */
    size_t seen_count;
    size_t seen_room;
    struct scan_scope *scopes; /* the open brackets; [0] is the file */
    size_t depth;
    struct str name; /* before a '=' */
    struct place name_at;
};

void scan_init(struct scan *s, struct errlist *faults);
void scan_fini(struct scan *s);

/* The next token. 0, or -1 with a fault where it cannot stand there; the scan
 * is over then. */
MUST_CHECK int scan_token(struct scan *s, enum scan_kind kind, struct str text,
                          const struct place *at);

/* The end of the whole text, at its last line. 0 or -1. */
MUST_CHECK int scan_end(struct scan *s, const struct place *at);

#endif
