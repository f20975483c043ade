/* SPDX-License-Identifier: MIT */
/*
 * data.h - tables of questions and answers from tests/data/policy.
 *
 *   data_open -> data_next_row ... -> data_close
 *
 * A table has a line with the names of its columns, then a row a line, cut by tabs;
 * '#' in front is a comment. "-" is an empty field; \xHH is a byte, \\ a backslash.
 * Owns its text; fields are valid until data_close. Threads: one.
 */
#ifndef TESTS_UNIT_POLICY_DATA_H
#define TESTS_UNIT_POLICY_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/str.h"

#define DATA_MAX_COLUMNS 12

struct data {
    char *text;
    struct str rest;
    const char *file;
    unsigned line; /* of the row */
    size_t columns;
    struct str fields[DATA_MAX_COLUMNS];
};

/* The test fails where the file is not there or has other than that many columns. */
void data_open(struct data *d, const char *file, size_t columns);

/* false: no more rows. */
bool data_next_row(struct data *d);
void data_close(struct data *d);

/* A file below tests/data/policy, with a NUL behind; the test fails where it cannot be
 * read. Freed with free. */
char *data_read(const char *file, size_t *len);

/* For messages: "webex.tsv:12: why". The text is good until the next call. */
const char *data_where(const struct data *d);

#endif
