/* SPDX-License-Identifier: MIT */
/*
 * helpers.h - the processes that check passwords for us: Squid's helper protocols.
 *
 * One thread with a loop of its own starts them when somebody asks, feeds them lines,
 * reads their answers, starts them again when they die (waiting longer each time), and
 * ends those that nobody needs any more. An ask is embedded in what it is about; once
 * submitted it belongs to that thread until it comes back through the worker's inbox.
 *
 *   helpers_new -> helpers_ask ... -> helpers_free (before the workers are freed)
 *
 * Invariants: processes of one command are bounded, the queue is bounded, every ask
 * comes back, with an answer or a reason; a helper that dies takes its asks with it and
 * no others. Passwords go through pipes, never into an argument list or the environment.
 * Threads: helpers_ask, helpers_release by any; done and drop as in jobs.h.
 */
#ifndef PROXY_HELPERS_H
#define PROXY_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/helper_line.h"
#include "proxy/inbox.h"
#include "util/err.h"

#define HELPER_NO_LEASE 0

enum helper_fate {
    HELPER_ANSWERED,
    HELPER_QUEUE_FULL,
    HELPER_DIED,      /* while it had the ask, or it cannot be started */
    HELPER_TIMED_OUT,
    HELPER_LEASE_LOST, /* the process of the handshake is gone */
};

/* One line to a helper and its answer. */
struct helper_ask {
    struct helper_ask *next;
    struct inbox *inbox;
    struct letter letter;
    void (*done)(struct helper_ask *ask); /* on the worker */
    void (*drop)(struct helper_ask *ask);
    const char *line; /* the caller's, from helper_line.h; read until done or drop */
    size_t line_len;
    uint64_t lease; /* in: HELPER_NO_LEASE, or of the first message of this handshake;
                     * out: to be used for the next, where the answer is HELPER_TOKEN */
    enum helper_fate fate;
    struct helper_answer answer;
    char token[HELPER_TOKEN_MAX]; /* answer.token points here */
    uint64_t sent_ms; /* this and what follows is the thread's */
    struct helper_pool *pool;
    unsigned channel;
    bool is_retried;
};

struct helpers;
struct helper_pool;

/* Starts the thread. NULL with e. */
MUST_CHECK struct helpers *helpers_new(struct err *e);

/* Never fails: what cannot be done comes back with a fate. config is read before this
 * returns and not kept. The caller sets inbox, done, drop, line and lease. */
void helpers_ask(struct helpers *h, const struct helper_config *config, struct helper_ask *ask);

/* The handshake of this lease will not go on: its process is free for others. */
void helpers_release(struct helpers *h, uint64_t lease);

/* started, died (unasked, or put down because it was out of step), running: processes;
 * the others: asks. */
struct helpers_counts {
    uint64_t started, died, timed_out, queue_full;
    unsigned running, waiting;
};
void helpers_count(struct helpers *h, struct helpers_counts *out);

/* How long a process beyond the first of its command stays without work, and how long
 * all of a command that nobody asks for. Tests only: the values are minutes. */
void helpers_set_idle(struct helpers *h, uint64_t process_ms, uint64_t pool_ms);

/* Ends the processes and the thread (within seconds, whatever the processes do); what
 * was asked is dropped. NULL is fine. */
void helpers_free(struct helpers *h);

#endif
