/* SPDX-License-Identifier: MIT */
/*
 * bulk.h - a block of memory that only grows, for the big arrays of a policy.
 *
 * Large blocks ask the kernel for huge pages: a lookup in a million domains
 * touches a few random places, and each would cost a walk of the page table.
 *
 *   struct bulk b = {0} -> bulk_append ... -> bulk_trim -> bulk_fini
 *
 * Owns its block. Pointers into it end with the next append; offsets stay.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef POLICY_BULK_H
#define POLICY_BULK_H

#include <stddef.h>

#include "util/attr.h"

struct bulk {
    unsigned char *data;
    size_t used;
    size_t size;
};

/* Makes room for bytes more and returns where they go; used does not change. */
MUST_CHECK void *bulk_room(struct bulk *b, size_t bytes);

/* Copies bytes to the end and returns their offset. from NULL: zeros. */
size_t bulk_append(struct bulk *b, const void *from, size_t bytes);

/* Gives back what was asked for and not used. */
void bulk_trim(struct bulk *b);
void bulk_fini(struct bulk *b);

/* A block of zeros, on huge pages where it is large; mem_free frees it. */
MUST_CHECK void *bulk_zalloc(size_t bytes);

#endif
