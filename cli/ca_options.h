/* SPDX-License-Identifier: MIT */
/*
 * ca_options.h - what 'ca init' and 'ca rotate' can be told of the CA that they make.
 *
 *   struct ca_options o = {0} -> ca_options_take ... -> ca_options_finish -> ...
 *   -> ca_options_fini
 *
 * Owns the constraints; the texts are those of the arguments. Threads: the main one.
 */
#ifndef CLI_CA_OPTIONS_H
#define CLI_CA_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "certs/ca.h"

/* The codes of getopt_long for the rows of CA_OPTIONS_ROWS. */
enum ca_option_code {
    CA_OPTION_NAME = 512,
    CA_OPTION_ORGANIZATION,
    CA_OPTION_DAYS,
    CA_OPTION_RSA,
    CA_OPTION_EC,
    CA_OPTION_PERMIT,
    CA_OPTION_EXCLUDE,
};

#define CA_OPTIONS_ROWS                                              \
    {"name", required_argument, NULL, CA_OPTION_NAME},               \
    {"organization", required_argument, NULL, CA_OPTION_ORGANIZATION}, \
    {"days", required_argument, NULL, CA_OPTION_DAYS},               \
    {"rsa", no_argument, NULL, CA_OPTION_RSA},                       \
    {"ec", no_argument, NULL, CA_OPTION_EC},                         \
    {"permit", required_argument, NULL, CA_OPTION_PERMIT},           \
    {"exclude", required_argument, NULL, CA_OPTION_EXCLUDE}

struct ca_options {
    bool is_any; /* one was given */
    struct str name, organization; /* empty: not given */
    unsigned days;                 /* 0: not given */
    bool has_key_type;
    enum ca_key_type key_type;
    NAME_CONSTRAINTS *constraints; /* NULL: not given */
};

/* Takes one. 0, or -1 with a sentence that names the option. A code that is none of them
 * is an error as well: there is no such option. */
MUST_CHECK int ca_options_take(struct ca_options *o, int code, const char *value, struct err *e);

/* When all are taken: completes the constraints. 0 or -1. */
MUST_CHECK int ca_options_finish(struct ca_options *o, struct err *e);
void ca_options_fini(struct ca_options *o);

#endif
