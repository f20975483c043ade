/* SPDX-License-Identifier: MIT */
/*
 * keys.h - the one table of configuration keys: name, type, default, range and
 * a line of documentation. The parser reads by it, docs/config.md is written
 * from it, and the manual page is checked against it.
 *
 * Constant data; owns nothing. Threads: any.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum key_type {
    KEY_BOOL,     /* struct spec_number */
    KEY_NUMBER,   /* struct spec_number */
    KEY_DURATION, /* struct spec_number, milliseconds */
    KEY_SIZE,     /* struct spec_number, bytes */
    KEY_CHOICE,   /* struct spec_number, the index into choices */
    KEY_TEXT,     /* struct spec_text */
    KEY_TEXTS,    /* struct spec_texts */
    KEY_PORTS,    /* struct spec_ports */
    KEY_GROUP,    /* a struct of its own, described by group */
    KEY_LIST,     /* struct spec_groups: ( { ... }, { ... } ) */
    KEY_MAP,      /* struct spec_groups: { name = { ... }; ... } */
    KEY_MISSING,  /* known, but not in this version: doc says so in an error */
};

struct key {
    const char *name;
    enum key_type type;
    size_t offset;              /* of the value in the struct of its group */
    const char *fallback;       /* the default as text; NULL: none */
    uint64_t min, max;          /* of numbers, milliseconds, bytes */
    const char *const *choices; /* ends with NULL */
    const struct key_group *group;
    const char *doc;
    bool is_required;
};

struct key_group {
    const char *title; /* "a listener" */
    size_t size;       /* of its struct */
    const struct key *keys;
    size_t count;
};

/* The top of the file. */
extern const struct key_group keys_root;

/* The key of that name, or NULL. */
const struct key *keys_find(const struct key_group *group, const char *name);

/* Reports a name that is none of the group's, with the one that was meant. */
void keys_report_unknown(const struct key_group *group, const char *name, const struct place *at,
                         struct errlist *faults);

#endif
