/* SPDX-License-Identifier: MIT */
/*
 * exempt.h - whether an allowed tunnel is inspected, and what says so. The exemption by
 * address, policy_exempts_address, is declared in policy.h.
 *
 * Threads: any, as the question's.
 */
#ifndef POLICY_EXEMPT_H
#define POLICY_EXEMPT_H

#include "policy/ask.h"

/* Fills the tls fields of v for a CONNECT that the rule allows: never_from, never, the rule,
 * the fallback, in this order. */
void exempt_tunnel(const struct ask *ask, const struct rule *rule, struct policy_verdict *v);

#endif
