/* SPDX-License-Identifier: MIT */
/* logring.c - lines on their way from one worker to the log writer; see logring.h. */
#include "proxy/ops/logring.h"

#include <string.h>

#include "util/mem.h"

int logring_init(struct logring *r, size_t size)
{
    ASSERT((size & (size - 1)) == 0);
    r->bytes = mem_alloc(size);
    if (r->bytes == NULL)
        return -1;
    memset(r->bytes, ' ', size);
    r->size = size;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->dropped, 0);
    return 0;
}

bool logring_put(struct logring *r, struct str line)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    if (line.len > r->size - (head - tail)) {
        atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
        return false;
    }
    size_t at = head & (r->size - 1);
    size_t first = line.len < r->size - at ? line.len : r->size - at;
    memcpy(r->bytes + at, line.ptr, first);
    memcpy(r->bytes, line.ptr + first, line.len - first);
    atomic_store_explicit(&r->head, head + line.len, memory_order_release);
    return true;
}

unsigned logring_peek(struct logring *r, struct str pieces[2])
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t len = atomic_load_explicit(&r->head, memory_order_acquire) - tail;
    size_t at = tail & (r->size - 1);
    size_t first = len < r->size - at ? len : r->size - at;
    pieces[0] = (struct str){r->bytes + at, first};
    pieces[1] = (struct str){r->bytes, len - first};
    return len == 0 ? 0 : len == first ? 1 : 2;
}

void logring_take(struct logring *r, size_t len)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    atomic_store_explicit(&r->tail, tail + len, memory_order_release);
}

void logring_fini(struct logring *r)
{
    mem_free(r->bytes);
    r->bytes = NULL;
}
