/* SPDX-License-Identifier: MIT */
/* wheel.c - deadlines of many connections, cheap to move; see wheel.h. */
#include "proxy/wheel.h"

static uint64_t tick_of(uint64_t ms)
{
    return ms / WHEEL_TICK_MS;
}

void wheel_init(struct wheel *w, uint64_t now_ms, wheel_fn *on_node)
{
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_init(&w->slots[i]);
    w->turned_ms = now_ms;
    w->count = 0;
    w->on_node = on_node;
}

/* The slot that comes round behind the deadline, or a whole round away. */
static void put(struct wheel *w, struct wheel_node *n)
{
    uint64_t now = tick_of(w->turned_ms), at = tick_of(n->deadline_ms) + 1;
    if (at <= now)
        at = now + 1;
    if (at >= now + WHEEL_SLOTS)
        at = now + WHEEL_SLOTS - 1;
    list_append(&w->slots[at % WHEEL_SLOTS], &n->node);
}

void wheel_set(struct wheel *w, struct wheel_node *n, uint64_t deadline_ms)
{
    if (list_has_node(&n->node))
        list_remove(&n->node);
    else
        w->count++;
    n->deadline_ms = deadline_ms;
    put(w, n);
}

void wheel_clear(struct wheel *w, struct wheel_node *n)
{
    if (!list_has_node(&n->node))
        return;
    list_remove(&n->node);
    w->count--;
}

static void visit(struct wheel *w, struct wheel_node *n, uint64_t now_ms)
{
    list_remove(&n->node);
    if (n->deadline_ms <= now_ms) {
        w->count--;
        w->on_node(n, WHEEL_EXPIRED);
        return;
    }
    put(w, n);
    w->on_node(n, WHEEL_CHECK_UP);
}

void wheel_turn(struct wheel *w, uint64_t now_ms)
{
    uint64_t last = tick_of(now_ms), tick = tick_of(w->turned_ms);
    if (last > tick + WHEEL_SLOTS)
        tick = last - WHEEL_SLOTS;
    while (tick < last) {
        struct list due;
        struct list_node *node;
        tick++;
        w->turned_ms = tick * WHEEL_TICK_MS;
        /* Taken off first: what is put back while visiting belongs to a later turn. */
        list_init(&due);
        while ((node = list_first(&w->slots[tick % WHEEL_SLOTS])) != NULL) {
            list_remove(node);
            list_append(&due, node);
        }
        while ((node = list_first(&due)) != NULL)
            visit(w, LIST_ITEM(node, struct wheel_node, node), now_ms);
    }
}
