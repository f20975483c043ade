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
    bool is_allowed;               /* by both */
};

void explain_print(const struct explain_answer *a, FILE *out);

/* One object and a newline. */
void explain_print_json(const struct explain_answer *a, FILE *out);

#endif
