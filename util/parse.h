/* SPDX-License-Identifier: MIT */
/*
 * parse.h - how far a parser came.
 *
 * PARSE_OK         a whole thing was read
 * PARSE_MORE       so far so good, but it is not all there
 * PARSE_BAD        it is not what it should be
 * PARSE_TOO_LARGE  it may be, but it is more than anybody wants
 *
 * A plain value. Threads: any.
 */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

enum parse { PARSE_OK, PARSE_MORE, PARSE_BAD, PARSE_TOO_LARGE };

#endif
