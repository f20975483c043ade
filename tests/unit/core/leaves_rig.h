/* SPDX-License-Identifier: MIT */
/*
 * leaves_rig.h - CAs in a folder, asks for leaves, and workers whose inboxes they come back to.
 *
 *   rig_set_up -> rig_use, rig_ask, rig_await ... -> rig_tear_down
 *
 * Workers are a loop and an inbox; the first is the test's own. Threads: as each says.
 */
#ifndef TESTS_UNIT_CORE_LEAVES_RIG_H
#define TESTS_UNIT_CORE_LEAVES_RIG_H

#include "certs/ca.h"
#include "proxy/leaves.h"
#include "proxy/worker.h"
#include "tests/unit/core/must.h"

#define RIG_WORKERS 3
#define RIG_QUESTIONS 600

enum rig_ca { RIG_A, RIG_B, RIG_BELOW, RIG_CAS }; /* two roots, and one below the first */

struct question {
    struct leaf_ask ask;
    struct worker *worker;
    unsigned *done_total;
    unsigned done_count, drop_count;
};

/* What a test may look at. */
struct leaves_rig {
    char folder[64], log_path[96], starts_path[96];
    struct ca cas[RIG_CAS];
    char *certificates[RIG_CAS]; /* PEM */
    char key_paths[RIG_CAS][96];
    struct worker workers[RIG_WORKERS];
    unsigned done_totals[RIG_WORKERS], drop_total;
    struct question questions[RIG_QUESTIONS];
    struct leaves *leaves;
    unsigned fds_before;
};

extern struct leaves_rig leaves_rig; /* global: of the one test that runs */

/* signer: what fake_signer.h is told. */
void rig_set_up(const char *signer);
void rig_tear_down(void); /* checks that nothing is left over */

struct inspection_config rig_inspection(enum rig_ca ca);
int rig_use(enum rig_ca ca, struct err *e);
void rig_must_use(enum rig_ca ca);

/* Question n asks for the leaf of key, whose name is "NAME.example"; name NULL: "host-KEY". By
 * the thread of its worker. */
void rig_prepare(unsigned n, unsigned worker, unsigned key, const char *name); /* not yet asked */
void rig_ask(unsigned n, unsigned worker, unsigned key, const char *name);
void rig_key(unsigned key, unsigned char out[LEAVES_KEY_SIZE]);

/* Runs that worker's loop until so many of its questions are done; 30 s at most. */
void rig_await(unsigned worker, unsigned count);

void rig_expect_leaf(unsigned n, enum rig_ca ca);
void rig_expect_fault(unsigned n, const char *text); /* a part of it */

struct leaves_counts rig_counts(void);
char *rig_log(void); /* all of it; until the next call */
unsigned rig_starts(void); /* of signers */
int rig_last_pid(void); /* of the last start */

#endif
