/* SPDX-License-Identifier: MIT */
/*
 * json.h - writes one JSON object into a buffer of fixed size.
 *
 *   struct json j; json_begin(&j, buf, size); json_str(&j, "host", s); ...
 *   len = json_end(&j);
 *
 * Text that is not UTF-8 or is a control character comes out escaped, so that
 * whatever a peer sent makes one valid line. What does not fit is left out
 * member by member: the object stays well-formed, is_cut says so.
 * The buffer belongs to the caller; at least 8 bytes. Threads: one at a time.
 */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

struct json {
    char *buf;
    size_t len;
    size_t size; /* room for members; two bytes are kept for the end */
    bool is_cut;
};

void json_begin(struct json *j, char *buf, size_t size);

/* "name":"value". An empty value is written as "". */
void json_str(struct json *j, const char *name, struct str value);
void json_u64(struct json *j, const char *name, uint64_t value);
void json_bool(struct json *j, const char *name, bool value);

/* ["a","b"] of count slices. */
void json_list(struct json *j, const char *name, const struct str *values, size_t count);

/* Members written before by a json without its braces: `"a":1,"b":2`. */
void json_members(struct json *j, struct str members);

/* The members so far, without braces; valid until the next call. */
struct str json_inner(const struct json *j);

/* Closes the object and returns its length; no newline, no NUL. */
size_t json_end(struct json *j);

#endif
