/* SPDX-License-Identifier: MIT */
/* bulk.c - a block of memory that only grows; see bulk.h. */
#include "policy/bulk.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "util/mem.h"

#define FIRST_SIZE 256
#define HUGE_PAGE ((uintptr_t)2 << 20)

/* Only a hint: where the kernel has no huge pages, nothing changes. */
static void advise_huge(void *block, size_t bytes)
{
    uintptr_t from = ((uintptr_t)block + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)block + bytes) & ~(HUGE_PAGE - 1);
    if (to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

void *bulk_room(struct bulk *b, size_t bytes)
{
    if (b->size - b->used >= bytes && b->data != NULL)
        return b->data + b->used;
    size_t size = b->size ? b->size * 2 : FIRST_SIZE;
    while (size - b->used < bytes)
        size *= 2;
    b->data = mem_must_resize(b->data, size);
    /* What is not touched yet can still become huge pages. */
    advise_huge(b->data + b->used, size - b->used);
    b->size = size;
    return b->data + b->used;
}

size_t bulk_append(struct bulk *b, const void *from, size_t bytes)
{
    size_t at = b->used;
    void *room = bulk_room(b, bytes);
    if (from != NULL && bytes != 0)
        memcpy(room, from, bytes);
    else
        memset(room, 0, bytes);
    b->used += bytes;
    return at;
}

void bulk_trim(struct bulk *b)
{
    if (b->data == NULL || b->size == b->used)
        return;
    b->data = mem_must_resize(b->data, b->used ? b->used : 1);
    b->size = b->used;
}

void bulk_fini(struct bulk *b)
{
    mem_free(b->data);
    *b = (struct bulk){0};
}

void *bulk_zalloc(size_t bytes)
{
    void *block = mem_must_zalloc(bytes);
    advise_huge(block, bytes);
    return block;
}
