/* SPDX-License-Identifier: MIT */
/*
 * scan.h - the names and numbers of a configuration, watched as it is read.
 *
 * Fed with the tokens that matter, in order: it knows which group is open and
 * which names that group has, and so finds names set twice.
 *
 *   scan_init -> scan_open / scan_name / scan_assign / scan_close ... -> scan_fini
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

struct scan_seen {
    struct str name;
    struct place at;
};

struct scan {
    struct errlist *faults;
    bool is_misread; /* a number does not fit: the parser would read another one */
    /* private */
    struct scan_seen *seen; /* of all open groups, the outermost first */
    size_t seen_count;
    size_t seen_room;
    size_t *scopes; /* where each open bracket's names begin in seen */
    bool *is_group;
    size_t depth;
};

void scan_init(struct scan *s, struct errlist *faults);
void scan_fini(struct scan *s);

/* A bracket opens; only '{' makes a group of names. -1 where it is too deep. */
MUST_CHECK int scan_open(struct scan *s, char bracket, const struct place *at);
void scan_close(struct scan *s);

/* A name with '=' or ':' behind it. False where it was reported: it is set
 * already in this group, or it is no name at all. */
MUST_CHECK bool scan_assign(struct scan *s, struct str name, const struct place *at);

/* A whole number as written: decimal or 0x, perhaps signed, perhaps with L. */
void scan_number(struct scan *s, struct str number, const struct place *at);

#endif
