/* SPDX-License-Identifier: MIT */
/*
 * json_check.h - whether a text is one JSON value (RFC 8259), nothing more.
 *
 * Strict: UTF-8 (RFC 3629), no control characters in strings, no white space
 * around. Owns nothing. Threads: any.
 */
#ifndef TESTS_UNIT_CORE_JSON_CHECK_H
#define TESTS_UNIT_CORE_JSON_CHECK_H

#include "util/str.h"

/* Position of the first fault, or text.len where there is none. */
size_t json_check(struct str text);

#endif
