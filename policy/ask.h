/* SPDX-License-Identifier: MIT */
/*
 * ask.h - one question to a policy on its way: what of the policy matches the host, the
 * address and the client. What that means is for policy.c and exempt.c to say.
 *
 *   ask_begin -> ask_collect_... -> the stamps in the scratch tell what matched
 *
 * Borrows the policy, the question and the scratch. Threads: one.
 */
#ifndef POLICY_ASK_H
#define POLICY_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/compiled.h"
#include "policy/scratch.h"

struct ask {
    const struct policy *p;
    const struct policy_query *q;
    struct policy_scratch *s;
    struct str method;
};

/* Nothing has matched yet, but the client's prefixes. */
void ask_begin(struct ask *ask, const struct policy *p, const struct policy_query *q,
               struct policy_scratch *s);

/* Every pattern, regexes apart, that the host of the question matches. search: what
 * domain_prepare made of its name; without probes for an address. */
void ask_collect_host(struct ask *ask, const struct domain_search *search);

/* Prefixes only. urls: also those that go on behind the address. */
void ask_collect_nets(const struct ask *ask, const struct addr *a, bool urls);

/* The regexes of one set, at most once for a question, up to the first that matches. */
void ask_run_regexes(const struct ask *ask, uint16_t set);

/* Whether a source set holds the client, by address and product alone. */
bool ask_has_client(const struct ask *ask, uint16_t source);

/* The best match in a set that has one. */
void ask_read_pattern(const struct ask *ask, uint16_t set, struct str *text, struct place *at);

static inline bool ask_has_set(const struct ask *ask, uint16_t set)
{
    return ask->s->sets[set].stamp == ask->s->stamp;
}

/* Whether a pattern of the set gave up. */
static inline bool ask_has_limit(const struct ask *ask, uint16_t set)
{
    return ask->s->sets[set].limit_stamp == ask->s->stamp;
}

#endif
