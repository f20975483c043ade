/* SPDX-License-Identifier: MIT */
/*
 * helper_pool.h - the processes of one command, and the asks that wait for them.
 *
 * An ask goes to the first process that has a free place; where none has, one more is
 * started, as long as they are fewer than `children`; else it waits. The rules:
 *
 *   - A handshake of NTLM has its process to itself from TT to AF, NA or BH, until it is
 *     released, or until nobody used it for timeout_ms. No helper can be told to forget
 *     a handshake: the next YR starts afresh.
 *   - An ask waits at most timeout_ms, and then is out at most timeout_ms. A process
 *     that takes longer is killed, for its answer would come out of step; so is one that
 *     says what nobody asked for, or what the protocol does not have: its next line
 *     might be taken for the answer to somebody else's password.
 *   - Asks that were out when their process died are HELPER_DIED; one of Basic is asked
 *     once more.
 *   - After a death, or a start that failed, no process is started for 0.1 s; the time
 *     doubles up to 30 s, and an answer ends it. Where nothing runs and the time left is
 *     more than a second, asks are HELPER_DIED at once.
 *   - A process beyond the first that had nothing to do for two minutes is ended; all are
 *     where nobody asked for ten.
 *
 *   helper_pool_new -> helper_pool_ask, helper_pool_tick ...
 *       -> helper_pool_end -> helper_pool_tick until it has no process -> helper_pool_free
 *
 * Invariant: processes, those that are being ended included, are at most `children`.
 * Threads: the helpers' own; helper_pool_new and helper_pool_is_for by any.
 */
#ifndef PROXY_HELPER_POOL_H
#define PROXY_HELPER_POOL_H

#include <stdatomic.h>

#include "proxy/helper_process.h"

/* What all pools share. */
struct helper_shared {
    struct event_base *base;
    atomic_uint_fast64_t started, died, timed_out, queue_full;
    atomic_uint running, waiting;
    atomic_uint_fast64_t process_idle_ms, pool_idle_ms;
    uint64_t last_lease;
    bool is_ending;
};

struct helper_pool {
    struct list_node node;
    struct helper_shared *shared;
    struct helper_config config; /* a copy */
    char **argv;                 /* NULL: the command has no word */
    struct list processes;
    unsigned process_count, runs; /* all, and those that can be asked */
    struct helper_ask *first, *last; /* they wait; by next */
    unsigned waiting;
    unsigned failures; /* in a row */
    uint64_t retry_at_ms, used_ms;
    unsigned arriving; /* asks on their way here; under the lock of helpers.c */
};

/* NULL without memory. */
MUST_CHECK struct helper_pool *helper_pool_new(struct helper_shared *shared,
                                               const struct helper_config *config);
bool helper_pool_is_for(const struct helper_pool *pool, const struct helper_config *config);

void helper_pool_ask(struct helper_pool *pool, struct helper_ask *ask, uint64_t now_ms);
void helper_pool_release(struct helper_pool *pool, uint64_t lease, uint64_t now_ms);

/* Time has passed: time-outs, ends, starts. */
void helper_pool_tick(struct helper_pool *pool, uint64_t now_ms);

/* Whether a tick is due soon: an ask, a lease, or an end is under way. */
bool helper_pool_is_busy(const struct helper_pool *pool);

/* Nobody needs it: it has no process and was not asked for long. */
bool helper_pool_is_unused(const struct helper_pool *pool, uint64_t now_ms);

/* Ends every process, within the grace; asks that are out queue again. With is_ending set. */
void helper_pool_end(struct helper_pool *pool, uint64_t now_ms, uint64_t grace_ms);

/* One of the asks that are left after helper_pool_end. NULL: none. */
struct helper_ask *helper_pool_take_left(struct helper_pool *pool);

/* It has no process and no ask. NULL is fine. */
void helper_pool_free(struct helper_pool *pool);

/* Sends the ask back to its worker. */
void helper_ask_return(struct helper_ask *ask, enum helper_fate fate);

#endif
