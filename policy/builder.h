/* SPDX-License-Identifier: MIT */
/*
 * builder.h - what the functions of policy_build.h share: the builder itself, the
 * names of files, limits, and how a faulty pattern is named.
 *
 * The builder owns the policy in the making, and the policy the names. Threads: one.
 */
#ifndef POLICY_BUILDER_H
#define POLICY_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/compiled.h"
#include "util/err.h"
#include "util/str.h"

#define BUILDER_QUOTE_SIZE 104

struct policy_builder {
    struct policy *policy;
    uint16_t last_file; /* patterns come file by file */
    bool has_https_ports;
};

/* The number of a file's name, NOTE_NO_FILE for NULL. -1: too many files. */
MUST_CHECK int builder_intern_file(struct policy_builder *b, const char *file, uint16_t *number);

/* The same place with a file name that lives as long as the policy; at may be NULL. */
struct place builder_place(struct policy_builder *b, const struct place *at);

/* NULL where there is room for one more pattern, else why not. */
const char *builder_find_limit(const struct policy *p);

/* A pattern for a message: shortened, and without what would upset a terminal. */
char *builder_quote(struct str text, char out[BUILDER_QUOTE_SIZE]);

/* "'text' fault" into e. Returns -1. */
int builder_fail(struct err *e, const struct place *at, struct str text, const char *fault);

#endif
