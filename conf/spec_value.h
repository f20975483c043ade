/* SPDX-License-Identifier: MIT */
/*
 * spec_value.h - single values of a specification, each with its place.
 *
 * A value that was not written holds its default and is_set is false. Texts are
 * borrowed from the parse that filled the value.
 * Threads: one.
 */
#ifndef CONF_SPEC_VALUE_H
#define CONF_SPEC_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* A number, a boolean (0, 1), milliseconds, bytes, or the index of a choice. */
struct spec_number {
    uint64_t value;
    struct place at;
    bool is_set;
};

struct spec_text {
    const char *text; /* NULL: not written and without a default */
    struct place at;
};

struct spec_texts {
    struct spec_text *items;
    size_t count;
    struct place at;
    bool is_set;
};

struct spec_ports {
    uint16_t (*items)[2];
    size_t count;
    struct place at;
    bool is_set;
};

/* Groups in a list or in a map, in the order of the file. */
struct spec_groups {
    void *items;
    size_t count;
    struct place at;
    bool is_set;
};

struct spec_head {
    const char *name; /* the key of a map; NULL in a list */
    struct place at;
    bool is_set;
};

#endif
