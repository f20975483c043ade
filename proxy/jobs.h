/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - a few threads for work that computes or blocks: slow password hashes,
 * Kerberos.
 *
 * A job is embedded in what it is about. Once submitted it belongs to the threads, until
 * its worker gets it back through the inbox and `done` runs there.
 *
 *   jobs_new -> jobs_submit ... -> jobs_free (before the workers are freed)
 *
 * Invariants: the queue is bounded; a job is done, or dropped, exactly once.
 * Threads: jobs_submit by any; work by the threads of jobs; done and drop by the
 * worker (drop also by the control thread, when the worker's has ended).
 */
#ifndef PROXY_JOBS_H
#define PROXY_JOBS_H

#include <stdbool.h>

#include "proxy/inbox.h"
#include "util/attr.h"
#include "util/err.h"

struct job {
    struct job *next;
    struct inbox *inbox;              /* where it comes back to */
    struct letter letter;             /* it comes back in */
    void (*work)(struct job *job);
    void (*done)(struct job *job);    /* on the worker */
    void (*drop)(struct job *job);    /* instead of done, when everything ends */
};

struct jobs;

/* nice: how far the threads stand back behind the workers, 0 to 19. NULL with e. */
MUST_CHECK struct jobs *jobs_new(unsigned threads, unsigned queue_max, int nice, struct err *e);

/* False where the queue is full: the job is still the caller's. */
MUST_CHECK bool jobs_submit(struct jobs *j, struct job *job);

/* Jobs that wait for a thread now. */
unsigned jobs_waiting(struct jobs *j);

/* Waits for the work under way; what still queues is dropped. NULL is fine. */
void jobs_free(struct jobs *j);

#endif
