/* SPDX-License-Identifier: MIT */
/*
 * accesslog.h - one line for what a client did, as JSON or in Squid's format.
 *
 * A request that came to no tunnel has one line; a tunnel has one when it opens
 * and one when it closes, with the same id (in Squid's format, which has but one
 * line a transaction, the last one). Never in a line: credentials, cookies, query
 * strings.
 *
 * Lines go to the worker's ring; a full ring drops and counts.
 * Threads: the worker's own only.
 */
#ifndef PROXY_OPS_ACCESSLOG_H
#define PROXY_OPS_ACCESSLOG_H

#include "proxy/txn.h"

/* verdict: "deny" or "error". status 0: nothing could be answered. */
void accesslog_request(const struct txn *t, enum end_reason end, unsigned status,
                       const char *verdict);

/* Writes the open line and keeps what the close line needs. NULL without memory:
 * then nothing was written. */
MUST_CHECK struct txn_tail *accesslog_open(const struct txn *t);

void accesslog_close(const struct txn_tail *tail, struct worker *w, enum end_reason end,
                     uint64_t bytes_in, uint64_t bytes_out);

#endif
