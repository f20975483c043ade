/* SPDX-License-Identifier: MIT */
/*
 * mem.h - heap memory that may run out, and a way to make it run out.
 *
 * Run-time code calls mem_alloc and friends and handles NULL. Code that runs
 * while starting or loading a configuration may call the mem_must_ forms,
 * which end the process with a message.
 *
 *   mem_alloc / mem_zalloc / mem_resize / mem_dup ... -> mem_free
 *
 * Invariant: a failed call changes nothing. mem_resize keeps the old block.
 * Threads: any. The failure counter is for tests and counts over all threads.
 */
#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stddef.h>

#include "util/attr.h"

/* A block of size bytes (0 counts as 1), or NULL. */
MUST_CHECK void *mem_alloc(size_t size);

/* The same, filled with zeros. */
MUST_CHECK void *mem_zalloc(size_t size);

/* Room for count elements of size bytes; NULL also when the product overflows. */
MUST_CHECK void *mem_array(size_t count, size_t size);

/* Grows or shrinks old (NULL: allocates). On NULL, old is still valid. */
MUST_CHECK void *mem_resize(void *old, size_t size);

/* A copy of len bytes with a NUL behind them, or NULL. */
MUST_CHECK char *mem_dup(const char *bytes, size_t len);

/* Frees what the functions above returned. NULL is fine. */
void mem_free(void *block);

/* As above, but the process ends where memory runs out: start-up only. */
MUST_CHECK void *mem_must_zalloc(size_t size);
MUST_CHECK void *mem_must_resize(void *old, size_t size);
MUST_CHECK char *mem_must_dup(const char *bytes, size_t len);

/* Test hook: the nth allocation from now fails, and each later one too when
 * repeat is set; n = 0 switches failing off. The mem_must_ forms do not fail.
 * Returns how many allocations were counted since the last call. */
unsigned long mem_fail_at(unsigned long nth, int repeat);

#endif
