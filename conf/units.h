/* SPDX-License-Identifier: MIT */
/*
 * units.h - durations and sizes as people write them: "10s", "250ms", "64KiB".
 *
 * A whole decimal number and a unit, nothing between them and nothing else.
 * Durations: ms, s, m, h, d. Sizes: B, kB, MB, GB (powers of 1,000) and KiB,
 * MiB, GiB (powers of 1,024). The case of a unit matters.
 *
 * Owns nothing. Threads: any.
 */
#ifndef CONF_UNITS_H
#define CONF_UNITS_H

#include <stdint.h>

#include "util/attr.h"
#include "util/str.h"

/* Room for any text that the format functions write, with the NUL. */
#define UNITS_TEXT_SIZE 24

/* Milliseconds, or bytes. 0, or -1 where text is none or does not fit. */
MUST_CHECK int units_duration(struct str text, uint64_t *ms);
MUST_CHECK int units_size(struct str text, uint64_t *bytes);

/* In the largest unit that leaves a whole number; returns out. */
char *units_format_duration(uint64_t ms, char out[UNITS_TEXT_SIZE]);
char *units_format_size(uint64_t bytes, char out[UNITS_TEXT_SIZE]);

#endif
