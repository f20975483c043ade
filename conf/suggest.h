/* SPDX-License-Identifier: MIT */
/*
 * suggest.h - "did you mean ...?": the known word closest to a mistyped one.
 *
 *   struct suggest s = suggest_begin("adress"); suggest_offer(&s, "address"); ... s.best
 *
 * Owns nothing: best is one of the words offered, or NULL. Threads: any.
 */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

struct suggest {
    const char *best; /* NULL: nothing is close */
    /* private */
    const char *word;
    size_t distance;
};

struct suggest suggest_begin(const char *word);

/* Keeps candidate where it is closer than what was offered before: few letters
 * added, dropped, changed or swapped, measured by the length of the word. */
void suggest_offer(struct suggest *s, const char *candidate);

#endif
