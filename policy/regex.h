/* SPDX-License-Identifier: MIT */
/*
 * regex.h - regular expressions over hosts (PCRE2, compiled to machine code).
 *
 * Case makes no difference and nothing is anchored unless written so. A match that
 * needs more than a fixed number of steps is given up.
 *
 *   struct regex_list l = {0} -> regex_add ... -> regex_match ... -> regex_fini
 *   regex_scratch_new -> regex_match ... -> regex_scratch_free
 *
 * Threads: the list is read-only and shared; a scratch belongs to one thread.
 */
#ifndef POLICY_REGEX_H
#define POLICY_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "policy/bulk.h"
#include "policy/note.h"
#include "util/str.h"

#define REGEX_NONE UINT32_MAX

/* Steps of one match: about a quarter of a millisecond. */
#define REGEX_MATCH_LIMIT 20000

struct regex_list {
    struct bulk items; /* struct regex */
    size_t count;
};

struct regex {
    void *code;    /* pcre2_code */
    uint32_t next; /* of the same set, or REGEX_NONE */
    struct note note;
};

struct regex_scratch;

/* Compiles pattern; index gets its number. Returns 0, or -1 with what is wrong with it
 * in fault (cut at size); then nothing was added. */
MUST_CHECK int regex_add(struct regex_list *l, struct str pattern, const struct note *note,
                         uint32_t *index, char *fault, size_t size);

void regex_fini(struct regex_list *l);
size_t regex_bytes(const struct regex_list *l);

const struct regex *regex_at(const struct regex_list *l, uint32_t index);

/* Makes next the one behind index in the chain of their set. */
void regex_link(struct regex_list *l, uint32_t index, uint32_t next);

/* NULL without memory. */
MUST_CHECK struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *s);

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_GAVE_UP };

MUST_CHECK enum regex_result regex_match(const struct regex_list *l, uint32_t index,
                                         struct str subject, struct regex_scratch *s);

#endif
