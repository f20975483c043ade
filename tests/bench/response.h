/* SPDX-License-Identifier: MIT */
/*
 * response.h - the HTTP of the benchmark's origin: one fixed response, and how requests end.
 *
 * Knows what the bench needs: requests without a body. A response is made once, owns its bytes
 * and lives as long as the program; any number of connections send from it. Threads: one.
 */
#ifndef BENCH_RESPONSE_H
#define BENCH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"

struct response {
    size_t len; /* head and body */
    char *bytes;
    size_t body_at;  /* where the body begins */
    bool is_endless; /* the body goes on and on with the same bytes */
};

/* Makes a 200 with a body of `body_size` bytes; the date is that of the call. Returns NULL
 * when memory is short. */
MUST_CHECK struct response *response_new(size_t body_size);

/* Makes one that promises a body of `body_size` bytes, more than anybody will wait for, and has
 * `piece` bytes of it to be sent again and again. NULL when memory is short. */
MUST_CHECK struct response *response_new_endless(uint64_t body_size, size_t piece);

/* The length of the first request head in the `len` bytes, 0 when it is not complete. Sets *last
 * when the connection is to end after its response: HTTP/1.0, or Connection: close. */
MUST_CHECK size_t response_find_request(const char *bytes, size_t len, bool *last);

#endif
