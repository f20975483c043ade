/* SPDX-License-Identifier: MIT */
/*
 * file_line.h - the lines of a file of accounts: comments and empty lines left out,
 * ends of lines of both kinds, blanks at both ends taken off.
 *
 *   struct file_lines l = file_lines_of(text);
 *   while (file_lines_next(&l, &line)) ... l.number is its number
 *
 * A plain value over the caller's text. Threads: one at a time for each object.
 */
#ifndef AUTH_FILE_LINE_H
#define AUTH_FILE_LINE_H

#include <stdbool.h>

#include "util/str.h"

struct file_lines {
    struct str rest;
    unsigned number; /* of the line that was returned last, from 1 */
};

/* A byte order mark at the beginning is no part of the first line. */
struct file_lines file_lines_of(struct str text);

/* The next line that is neither empty nor begins with '#'. False: there is none. */
MUST_CHECK bool file_lines_next(struct file_lines *l, struct str *line);

/* Whether there is a control character in it (U+0000 to U+001F, U+007F). */
bool file_line_has_control(struct str s);

/* Why this cannot be a user's name in a file of accounts, as the end of a sentence
 * ("is empty", ...); NULL where it can. */
const char *file_line_name_fault(struct str name);

#endif
