/* SPDX-License-Identifier: MIT */
/*
 * netset.h - prefixes of both families in one sorted table.
 *
 * Each prefix knows the next wider one that encloses it, so that one binary
 * search finds every prefix an address is in.
 *
 *   struct netset n = {0} -> netset_add ... -> netset_finish -> netset_find ... -> netset_fini
 *
 * Invariant: an IPv4 address is in no prefix of fewer than 96 bits, so "::/0" means
 * IPv6 alone. Threads: read-only and shared once finished.
 */
#ifndef POLICY_NETSET_H
#define POLICY_NETSET_H

#include <stddef.h>
#include <stdint.h>

#include "policy/bulk.h"
#include "policy/note.h"
#include "util/addr.h"

#define NETSET_NONE UINT32_MAX

struct netset {
    struct bulk items; /* struct netset_item */
    struct bulk keys;  /* the addresses alone: what the search touches */
    size_t count;
};

struct netset_item {
    struct addr addr;
    uint32_t outer; /* the next wider one, or NETSET_NONE */
    uint32_t order; /* of adding */
    struct note note;
    uint8_t bits;
};

void netset_add(struct netset *n, const struct addr *addr, unsigned bits, const struct note *note);
void netset_finish(struct netset *n);
void netset_fini(struct netset *n);

const struct netset_item *netset_item(const struct netset *n, uint32_t index);

/* The longest prefix that holds a, or NETSET_NONE; then the next longest. */
uint32_t netset_find(const struct netset *n, const struct addr *a);
uint32_t netset_next(const struct netset *n, uint32_t index, const struct addr *a);

#endif
