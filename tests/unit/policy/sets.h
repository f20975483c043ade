/* SPDX-License-Identifier: MIT */
/*
 * sets.h - builds a policy from a text of one statement a line:
 *
 *   set NAME, source NAME                  what the next lines add to
 *   domain P, url P, prefix P, regex P     a pattern of the set
 *   client CIDR, product NAME, user NAME, group NAME
 *                                          who the source holds
 *   default connect|http|https PORTS
 *   inspection tunnel|inspect [never=A,B] [never_from=A,B]
 *   rule NAME allow|deny [from=A,B] [to=A,B] [ports=1,2-3] [methods=A,B] [auth] [tls=inspect]
 *
 * '#' in front is a comment. The caller owns the builder. Threads: one.
 */
#ifndef TESTS_UNIT_POLICY_SETS_H
#define TESTS_UNIT_POLICY_SETS_H

#include "policy/policy_build.h"

struct sets {
    struct policy_builder *builder;
    const char *file;
    int set;
    int source;
};

void sets_init(struct sets *s, const char *file);

/* The test fails where the statement has a fault. */
void sets_add(struct sets *s, struct str statement, unsigned line);

/* A whole file below tests/data/policy, or a text. */
struct policy *sets_load(const char *file);
struct policy *sets_parse(const char *text);

#endif
