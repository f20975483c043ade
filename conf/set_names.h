/* SPDX-License-Identifier: MIT */
/*
 * set_names.h - the sets that a key names, as their numbers in the policy.
 *
 * Owns nothing. Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_SET_NAMES_H
#define CONF_SET_NAMES_H

#include "conf/spec.h"
#include "policy/policy_build.h"
#include "util/err.h"

/* An error about a name that is none of a set's, with the one that was meant. */
void set_names_report(const struct spec *spec, const struct spec_text *name, bool is_source,
                      struct errlist *faults);

/* The numbers of the destination or source sets named, in an array that the caller frees
 * with mem_free. A name without a set is an error in faults, and not counted. */
MUST_CHECK int *set_names_find(const struct spec *spec, const struct policy_builder *b,
                               const struct spec_texts *names, bool is_source, size_t *count,
                               struct errlist *faults);

/* Whether one of the texts is this one. */
MUST_CHECK bool set_names_has(const struct spec_texts *names, const char *name);

/* The destination set of that name as it was written; NULL: there is none. */
MUST_CHECK const struct spec_set *set_names_destination(const struct spec *spec,
                                                        const char *name);

/* The source set of that name as it was written; NULL: there is none. */
MUST_CHECK const struct spec_source *set_names_source(const struct spec *spec, const char *name);

#endif
