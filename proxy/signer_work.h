/* SPDX-License-Identifier: MIT */
/*
 * signer_work.h - what the thread of a signer does: the process's states, orders out to it
 * and answers back.
 *
 * OUT_MAX orders are out at once, and no more, so that one which ends the process takes few
 * others with it. What was out in one death goes out again alone: if the process dies again
 * it is known of what.
 *
 * Orders wait for a process that begins. Where STARTS_MAX in a row have not come so far, or one
 * was not ready in time, there is nothing to wait for: until one is ready, orders are answered
 * at once with the reason of the last.
 *
 *   signer_work_init -> signer_work_start
 *     -> { signer_work_add, signer_work_turn, wait, signer_work_receive } ...
 *     -> signer_work_stop -> signer_work_fini
 *
 * Owns the process and the orders that were added. Invariant: each of them is answered once.
 * Threads: one at a time; `waiting` is read and raised by any.
 */
#ifndef PROXY_SIGNER_WORK_H
#define PROXY_SIGNER_WORK_H

#include <stdatomic.h>

#include "certs/signer_wire.h"
#include "proxy/signer.h"
#include "proxy/signer_process.h"
#include "util/list.h"

#define SIGNER_TEXT_SIZE 256

enum signer_state { SIGNER_AWAY, SIGNER_BEGINS, SIGNER_RUNS };

/* Heap memory. id: the caller's; number: what the process is told. */
struct signer_item {
    struct list_node node;
    uint64_t id, number, until_usec;
    unsigned deaths; /* of processes that it was out to */
    size_t len;
    unsigned char packet[];
};

struct signer_work {
    struct signer_settings settings; /* with no certificate and no keys */
    char *program;
    unsigned char *setup; /* the message; where the key is may be a secret */
    size_t setup_len;
    atomic_uint waiting;  /* orders of the signer that are not answered */
    struct signer_process process;
    enum signer_state state;
    bool is_full;         /* the socket takes no more: wait for room too */
    struct list queued, out;
    unsigned out_count;
    unsigned failures;    /* starts that led to nothing, in a row, or not far */
    unsigned stillbirths; /* starts that were not ready, in a row */
    char why[SIGNER_TEXT_SIZE + 32]; /* the last of them; for an answer */
    uint64_t since_usec;  /* begun, or ready */
    uint64_t retry_usec;  /* away until then */
    uint64_t heard_usec;  /* the last message, or the first order after silence */
    unsigned char packet[SIGNER_WIRE_MAX];
};

/* signer_work_fini either way. */
MUST_CHECK int signer_work_init(struct signer_work *w, const struct signer_settings *settings,
                                struct err *e);

/* Starts the process and waits until it is ready. */
MUST_CHECK int signer_work_start(struct signer_work *w, struct err *e);

/* Takes all that are on the list. */
void signer_work_add(struct signer_work *w, struct list *items);

/* What time has brought, and what can be sent. */
void signer_work_turn(struct signer_work *w);

/* Until the next turn is due; -1: nothing is. */
int signer_work_wait_ms(const struct signer_work *w);

/* The process has spoken, or is gone. */
void signer_work_receive(struct signer_work *w);

/* Answers all with a fault. */
void signer_work_stop(struct signer_work *w);

/* Ends the process. */
void signer_work_fini(struct signer_work *w);

#endif
