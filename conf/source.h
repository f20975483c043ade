/* SPDX-License-Identifier: MIT */
/*
 * source.h - the text of a configuration: its file and all that it includes.
 *
 * Included files are put in place here and not by the parser, so that a path is
 * relative to the file that names it, at any depth, and so that a line of the
 * whole text can be traced to its file. Its form is checked on the way (scan.h).
 *
 *   source_read -> source_place ... -> source_fini
 *
 * Invariants: text has no NUL inside and one behind; a setting whose name
 * contains '*' was reported already (source_is_reported) and is to be skipped.
 * The file names belong to the source until source_take_files.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/str.h"

/* All files of a configuration together, without the files of patterns. */
#define SOURCE_MAX_BYTES ((size_t)64 << 20)
#define SOURCE_MAX_INCLUDES 10 /* deep */
#define SOURCE_MAX_NESTING 32

struct source {
    char *text;
    size_t len;
    char **files; /* [0] is the file asked for */
    size_t file_count;
    bool is_unreadable; /* files[0] itself could not be read */
    /* private */
    char **texts;
    size_t text_count;
    size_t room;
    unsigned line;
    struct source_span *spans;
    size_t span_count;
};

/* Reads the file at path; with a text given, that is the content of the file and
 * only what it includes is read. Faults are added to faults. 0, or -1 where the
 * text is not whole or would be misread: parsing it would report faults that are none. */
MUST_CHECK int source_read(struct source *s, const char *path, const struct str *text,
                           struct errlist *faults);

/* Where a line of text (from 1) was written; line 0 is the file as a whole. */
struct place source_place(const struct source *s, unsigned line);

bool source_is_reported(const char *setting_name);

/* Hands the file names to the caller, who frees each and the array. */
char **source_take_files(struct source *s, size_t *count);

void source_fini(struct source *s);

#endif
