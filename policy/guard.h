/* SPDX-License-Identifier: MIT */
/*
 * guard.h - which addresses may be dialled at all, whatever the rules say.
 *
 * Asked for every address of an answer, and only an address that passed is
 * dialled. With deny_private it refuses what RFC 6890 and its kin call special:
 * this host, loopback, link-local, RFC 1918, shared (CGNAT), unique local,
 * multicast, reserved, and the IPv6 forms that carry such an IPv4 address
 * (mapped, compatible, NAT64, 6to4, Teredo). An address that was allowed by
 * name in the configuration passes.
 *
 *   guard_new -> guard_allow / guard_add_listener ... -> guard_judge ... -> guard_free
 *
 * Threads: built by one, then read-only and shared.
 */
#ifndef POLICY_GUARD_H
#define POLICY_GUARD_H

#include <stdbool.h>

#include "util/addr.h"

struct guard;

enum guard_verdict {
    GUARD_OK,
    GUARD_FORBIDDEN, /* class says which range */
    GUARD_SELF,      /* one of the proxy's own listeners: a loop */
};

/* Setup only: ends the process without memory. */
struct guard *guard_new(bool deny_private);

/* An exception: addresses in this prefix (bits from 0 to 128, mapped form) pass. One
 * for an IPv4 range lifts nothing from IPv6 forms that carry such an address, and one
 * in IPv6 notation ("::/0") nothing from IPv4. */
void guard_allow(struct guard *g, const struct addr *prefix, unsigned bits);

/* An own listener; an unspecified address stands for every address of this
 * machine, so tell each of those with guard_add_own_address. is_proxy: dialling
 * it is a loop (GUARD_SELF), else it is forbidden (admin and the like); neither is
 * lifted by guard_allow. */
void guard_add_listener(struct guard *g, const struct endpoint *listener, bool is_proxy);
void guard_add_own_address(struct guard *g, const struct addr *own);

/* class: where not NULL, set to a constant phrase for an address that is refused
 * ("loopback", "private (RFC 1918)", "link-local", "an own listener", ...), else to
 * NULL. An address that carries a refused IPv4 address has the class of that one. */
MUST_CHECK enum guard_verdict guard_judge(const struct guard *g, const struct endpoint *to,
                                          const char **class);

/* NULL is fine. */
void guard_free(struct guard *g);

#endif
