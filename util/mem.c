/* SPDX-License-Identifier: MIT */
/* mem.c - heap memory that may run out; see mem.h. */
#include "util/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong fail_nth;  /* global: test hook; 0: never fail */
static atomic_ulong fail_seen; /* global: test hook; allocations since mem_fail_at */
static atomic_int fail_repeat; /* global: test hook */

static int must_fail(void)
{
    unsigned long nth = atomic_load_explicit(&fail_nth, memory_order_relaxed);
    if (nth == 0)
        return 0;
    unsigned long seen = atomic_fetch_add(&fail_seen, 1) + 1;
    return atomic_load(&fail_repeat) ? seen >= nth : seen == nth;
}

static void *never_null(void *block, size_t size)
{
    if (block != NULL)
        return block;
    fprintf(stderr, "sallyport: out of memory (%zu bytes wanted) while starting\n", size);
    exit(2);
}

void *mem_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
    if (must_fail())
        return NULL;
    return calloc(1, size ? size : 1);
}

void *mem_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return mem_alloc(count * size);
}

void *mem_resize(void *old, size_t size)
{
    if (must_fail())
        return NULL;
    return realloc(old, size ? size : 1);
}

char *mem_dup(const char *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (copy == NULL)
        return NULL;
    if (len != 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *block)
{
    free(block);
}

void *mem_must_zalloc(size_t size)
{
    return never_null(calloc(1, size ? size : 1), size);
}

void *mem_must_resize(void *old, size_t size)
{
    return never_null(realloc(old, size ? size : 1), size);
}

char *mem_must_dup(const char *bytes, size_t len)
{
    char *copy = mem_must_zalloc(len + 1);
    if (len != 0)
        memcpy(copy, bytes, len);
    return copy;
}

unsigned long mem_fail_at(unsigned long nth, int repeat)
{
    unsigned long seen = atomic_exchange(&fail_seen, 0);
    atomic_store(&fail_repeat, repeat);
    atomic_store(&fail_nth, nth);
    return seen;
}
