/* SPDX-License-Identifier: MIT */
/*
 * logwriter.h - the thread that writes the access log.
 *
 * It sleeps until a worker has lines for it, then collects for a few
 * milliseconds and writes what all workers have in few calls: so a log costs a
 * busy proxy almost nothing and is never more than LOGWRITER_DELAY_MS late.
 *
 *   logwriter_new -> logwriter_wake (workers) ... logwriter_reopen -> logwriter_free
 *
 * logwriter_free writes what is left first. Owns its rings.
 * Threads: logwriter_wake by any; the rest by the control thread.
 */
#ifndef PROXY_OPS_LOGWRITER_H
#define PROXY_OPS_LOGWRITER_H

#include "proxy/ops/logring.h"
#include "util/err.h"

#define LOGWRITER_DELAY_MS 10

struct logwriter;

/* path: a file, "-" for standard output, or NULL for no log. rings are made here,
 * one for each of count workers. NULL with e filled. */
MUST_CHECK struct logwriter *logwriter_new(const char *path, unsigned count, struct err *e);

/* The ring of a worker. */
struct logring *logwriter_ring(struct logwriter *w, unsigned worker);

/* After logring_put. Cheap where the writer is awake. */
void logwriter_wake(struct logwriter *w);

/* Goes on with path (opened anew: the old file may have been renamed). On failure
 * the old file stays in use. 0, or -1 with e filled. */
MUST_CHECK int logwriter_reopen(struct logwriter *w, const char *path, struct err *e);

/* Lines lost so far: rings full, or the file could not be written. */
uint64_t logwriter_dropped(struct logwriter *w);

void logwriter_free(struct logwriter *w);

#endif
