/* SPDX-License-Identifier: MIT */
/*
 * helper_process.h - one process of a helper: its start, its pipes, lines to it and
 * from it, its end.
 *
 *   helper_process_start -> helper_process_send ...
 *       -> helper_process_end or helper_process_kill -> helper_process_reap -> (true) free
 *
 * The process is the leader of a group of its own, so that a ^C at the terminal leaves it
 * to serve while the proxy drains, and so that what it started can be ended with it. It
 * has three pipes and no other descriptor of ours.
 *
 * Owns the process, its pipes and its buffers; an ask that is out is its caller's, who
 * takes it from its slot. Nothing of an ask is copied: it is written from the ask itself.
 * Invariants: callbacks come from the loop, never out of a call; a process is freed only
 * after it was reaped. Threads: the helpers' own.
 */
#ifndef PROXY_HELPER_PROCESS_H
#define PROXY_HELPER_PROCESS_H

#include <event2/event.h>
#include <sys/types.h>

#include "proxy/helpers.h"
#include "util/list.h"

#define HELPER_STDERR_MAX 2048

enum helper_state { HELPER_RUNS, HELPER_ENDS, HELPER_KILLED };

struct helper_process;

struct helper_calls {
    void (*on_line)(struct helper_process *p, struct str line);
    /* It is of no more use, and why; NULL: its output has come to an end. */
    void (*on_broken)(struct helper_process *p, const char *why);
    void (*on_settled)(struct helper_process *p); /* after whatever woke the loop */
};

struct helper_process {
    struct list_node node; /* its owner's */
    struct helper_pool *pool;
    const struct helper_calls *calls;
    const char *name; /* the program; borrowed */
    pid_t pid;
    enum helper_state state;
    uint64_t kill_at_ms;    /* where it ends */
    uint64_t idle_since_ms; /* of the owner, as are the two below */
    uint64_t lease, lease_ms;
    bool was_unasked;   /* its end: say so once the status is known */
    bool is_deaf;       /* a write to it failed */
    bool has_channels;
    int in, out, err; /* our ends; -1: closed */
    struct event *in_event, *out_event, *err_event;
    struct helper_ask **slots; /* by channel; NULL: free */
    unsigned slot_count, asks_out;
    struct helper_ask *unsent, *unsent_last; /* by next; of the first, sent bytes are out */
    size_t sent;
    char *buffer; /* of lines that come */
    size_t len, size;
    char err_line[HELPER_STDERR_MAX];
    size_t err_len;
    uint64_t err_window_ms;
    unsigned err_lines; /* logged in this window */
};

/* slots: asks at once; has_channels: with numbers in front. NULL with errno. */
MUST_CHECK struct helper_process *helper_process_start(struct event_base *base, char *const *argv,
                                                       unsigned slots, bool has_channels,
                                                       const struct helper_calls *calls,
                                                       struct helper_pool *pool);

/* Puts the ask into a free slot and writes what fits. */
void helper_process_send(struct helper_process *p, struct helper_ask *ask);

/* Takes the ask of that channel out of its slot; NULL: there is none. One that is not sent
 * whole may be taken only when the process is ended or killed. */
struct helper_ask *helper_process_take(struct helper_process *p, unsigned channel);

/* Whether the ask is written to its last byte. */
bool helper_process_has_sent(const struct helper_process *p, const struct helper_ask *ask);

/* For one without asks: true where it is silent, as it should be; else why is as for
 * on_broken. */
MUST_CHECK bool helper_process_is_quiet(struct helper_process *p, const char **why);

/* Closes its input, which tells it to end; it is killed where it has not after grace_ms. */
void helper_process_end(struct helper_process *p, uint64_t now_ms, uint64_t grace_ms);

/* With all that it started, at once. Asks are still in their slots. */
void helper_process_kill(struct helper_process *p);

/* True: it is gone. Kills what has outlived its grace. */
MUST_CHECK bool helper_process_reap(struct helper_process *p, uint64_t now_ms);

/* After it was reaped. */
void helper_process_free(struct helper_process *p);

#endif
