/* SPDX-License-Identifier: MIT */
/*
 * note.h - what is remembered of a pattern besides how it matches: the set it is
 * in, its text and its place. Header only.
 *
 * A plain value; text and file are numbers into the policy that holds it.
 * Threads: any.
 */
#ifndef POLICY_NOTE_H
#define POLICY_NOTE_H

#include <stdint.h>

#define NOTE_NO_URL UINT32_MAX
#define NOTE_NO_FILE UINT16_MAX

struct note {
    uint32_t text; /* offset of the pattern as written in the policy's texts */
    uint32_t line;
    uint32_t url; /* index of what stands behind the host, or NOTE_NO_URL */
    uint16_t text_len;
    uint16_t file; /* number of the file, or NOTE_NO_FILE */
    uint16_t set;
};

#endif
