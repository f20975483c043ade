/* SPDX-License-Identifier: MIT */
/*
 * explain_print.h - an answer of 'explain' for people, and as JSON.
 *
 * A plain value: its texts belong to the policy, the target and the options.
 * Threads: the main one.
 */
#ifndef CLI_EXPLAIN_PRINT_H
#define CLI_EXPLAIN_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/explain_target.h"
#include "conf/config.h"
#include "policy/guard.h"
#include "policy/policy.h"

/* What decided. */
enum explain_stage {
    EXPLAIN_REQUEST, /* the verdict on what the client asks the proxy for */
    EXPLAIN_SNI,     /* that on the name in the hello */
    EXPLAIN_INSIDE,  /* that on the request inside the tunnel */
};

struct explain_answer {
    const struct config *config;
    const struct explain_target *target;
    const struct addr *client;     /* NULL: not asked for */
    const char *product;           /* NULL: not asked for */
    const char *user;              /* NULL: not known who it is */
    const struct str *groups;      /* of the user */
    size_t group_count;
    const struct auth_offer *offer; /* what this client is offered; NULL: nothing */
    struct policy_verdict verdict; /* of the policy alone */
    bool is_guarded;               /* the guard has seen dialled */
    struct addr dialled;
    enum guard_verdict guard;
    const char *guard_class;       /* "loopback"; NULL where it is fine */
    bool is_allowed;               /* by both, and by what follows in the tunnel */
    const char *sni;               /* NULL: not asked for */
    enum explain_stage stage;
    bool is_beyond_ca;             /* inspected, and the CA may not issue for it */
    char details[160];             /* of EXPLAIN_SNI: why, for people */
};

void explain_print(const struct explain_answer *a, FILE *out);

/* One object and a newline. */
void explain_print_json(const struct explain_answer *a, FILE *out);

#endif
