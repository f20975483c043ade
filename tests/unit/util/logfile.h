/* SPDX-License-Identifier: MIT */
/*
 * logfile.h - a folder for the log of a test, and its lines.
 *
 *   logfile_init -> log_open(f.path) ... -> logfile_read ... -> logfile_fini
 *
 * Owns the folder and the two files in it. Threads: one.
 */
#ifndef TESTS_UNIT_UTIL_LOGFILE_H
#define TESTS_UNIT_UTIL_LOGFILE_H

#include <stddef.h>

struct logfile {
    char folder[64];
    char path[80];    /* the log */
    char rotated[80]; /* where a test moves it to */
};

void logfile_init(struct logfile *f);
void logfile_fini(struct logfile *f);

/* The whole file as text, in memory that the caller frees; "" for none. */
char *logfile_read(const char *path);

/* Checks that a line is "STAMP sallyport: LEVEL: text" and returns the text. */
const char *logfile_text(const char *line, const char *level);

#endif
