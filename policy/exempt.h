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

/* The IPv4 address that a translated one stands for: on networks with IPv6 alone the translator's
 * prefix stands in front of it (RFC 6052 section 2.1), and dialling the one is dialling the
 * other. False: it is no such address. */
MUST_CHECK bool exempt_is_translated(const struct addr *a, struct addr *v4);

#endif
