/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the commands share: exit status, messages, colours, loading.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/config.h"
#include "util/err.h"

enum cli_status {
    CLI_DONE = 0,
    CLI_NO = 1,    /* the answer is no */
    CLI_USAGE = 2, /* wrong usage or unreadable input */
};

enum cli_colour { CLI_PLAIN, CLI_GREEN, CLI_RED, CLI_YELLOW, CLI_DIM, CLI_BOLD };

/* Whether out is a terminal that wants colours (NO_COLOR and TERM are heeded). */
bool cli_has_colour(FILE *out);

/* The escape sequence, or "" where is_on is false. CLI_PLAIN ends a colour. */
const char *cli_colour(bool is_on, enum cli_colour colour);

/* Every fault on standard error as "sallyport: file:line: text", the lines of
 * one file in order. */
void cli_print_faults(const struct errlist *faults);

/* One fault in the same form; returns status. */
int cli_report(const struct err *e, int status);

/* As config_load; *is_unreadable tells a file that cannot be read from a faulty one. */
MUST_CHECK struct config *cli_load(const char *path, struct errlist *faults, bool *is_unreadable);

#endif
