/* SPDX-License-Identifier: MIT */
/*
 * err.h - why a setup function failed: a sentence with file and line, and
 * lists of such sentences, so that one run reports every fault.
 *
 *   struct err e = {0};          embedded, no fini: it owns nothing
 *   errlist_init -> errlist_add ... -> errlist_fini
 *
 * Invariant: an err with line 0 has no place; with an empty file it has none
 * either. Warnings stand in the same list, in the order they were found.
 * Threads: one at a time for each object.
 */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "util/attr.h"

/* Where something is written; file is borrowed from whoever loaded it. */
struct place {
    const char *file; /* NULL: nowhere */
    unsigned line;    /* from 1; 0: the file as a whole */
};

struct err {
    char file[256];
    unsigned line;
    bool is_warning;
    char text[512];
};

struct errlist {
    struct err *items;
    size_t count;
    size_t errors; /* without the warnings */
};

/* Fills e with a sentence; place may be NULL. Always returns -1, so that a
 * caller can write `return err_set(...)`. e may be NULL. */
int err_set(struct err *e, const struct place *place, const char *format, ...) PRINTF_LIKE(3, 4);

/* "file:line: text" into out, cut at size; returns out. */
char *err_format(const struct err *e, char *out, size_t size);

void errlist_init(struct errlist *list);
void errlist_fini(struct errlist *list);

/* Adds an error or a warning. Setup only: ends the process without memory.
 * Beyond 1,000 entries only the count of errors goes on. */
void errlist_add(struct errlist *list, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
void errlist_warn(struct errlist *list, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
void errlist_add_err(struct errlist *list, const struct err *e);

#endif
