/* SPDX-License-Identifier: MIT */
/*
 * parse.h - a configuration's text into plain data, by the table of keys.c.
 * The only file that knows libconfig.
 *
 *   parse_new -> use the spec -> parse_free
 *
 * Owns the texts and arrays that the spec points to; places are those of the
 * source, which must live longer. Setup only: running out of memory ends the
 * process. Threads: one.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/source.h"
#include "conf/spec.h"
#include "util/err.h"

struct parse;

/* Fills spec with what is written and the defaults of all the rest. Every
 * fault goes to faults; spec is usable even then. NULL where the text is no
 * configuration at all (one fault). */
MUST_CHECK struct parse *parse_new(const struct source *source, struct spec *spec,
                                   struct errlist *faults);

/* NULL is fine. */
void parse_free(struct parse *p);

#endif
