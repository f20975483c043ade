/* SPDX-License-Identifier: MIT */
/* netset.c - prefixes of both families in one sorted table; see netset.h. */
#include "policy/netset.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct key {
    uint64_t high, low;
};

static uint64_t load_big_endian(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

static struct key make_key(const struct addr *a)
{
    return (struct key){load_big_endian(a->bytes), load_big_endian(a->bytes + 8)};
}

static struct netset_item *items_of(const struct netset *n)
{
    return (struct netset_item *)(void *)n->items.data;
}

static const struct key *keys_of(const struct netset *n)
{
    return (const struct key *)(const void *)n->keys.data;
}

const struct netset_item *netset_item(const struct netset *n, uint32_t index)
{
    return items_of(n) + index;
}

void netset_add(struct netset *n, const struct addr *addr, unsigned bits, const struct note *note)
{
    struct netset_item item = {*addr, NETSET_NONE, (uint32_t)n->count, *note, (uint8_t)bits};
    bulk_append(&n->items, &item, sizeof(item));
    n->count++;
}

/* By address, then wider ones first; of equal ones the first added comes last, so
 * that it is found first. */
static int compare_items(const void *left, const void *right)
{
    const struct netset_item *a = left;
    const struct netset_item *b = right;
    int by_address = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
    if (by_address != 0)
        return by_address;
    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return a->order > b->order ? -1 : a->order < b->order;
}

/* In sorted order the enclosing prefixes of an item are a chain that starts at
 * the item in front of it. */
static void link_outer(struct netset_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t outer = (uint32_t)i - 1;
        while (outer != NETSET_NONE &&
               (items[outer].bits > items[i].bits ||
                !addr_in_prefix(&items[i].addr, &items[outer].addr, items[outer].bits)))
            outer = items[outer].outer;
        items[i].outer = outer;
    }
}

void netset_finish(struct netset *n)
{
    bulk_trim(&n->items);
    if (n->count == 0)
        return;
    qsort(items_of(n), n->count, sizeof(struct netset_item), compare_items);
    link_outer(items_of(n), n->count);
    for (size_t i = 0; i < n->count; i++) {
        struct key key = make_key(&items_of(n)[i].addr);
        bulk_append(&n->keys, &key, sizeof(key));
    }
    bulk_trim(&n->keys);
}

void netset_fini(struct netset *n)
{
    bulk_fini(&n->items);
    bulk_fini(&n->keys);
    n->count = 0;
}

static bool is_above(const struct key *a, const struct key *b)
{
    return a->high > b->high || (a->high == b->high && a->low > b->low);
}

/* index and outwards: the first that holds a. */
static uint32_t first_holder(const struct netset *n, uint32_t index, const struct addr *a)
{
    const struct netset_item *items = items_of(n);
    while (index != NETSET_NONE && !addr_in_prefix(a, &items[index].addr, items[index].bits))
        index = items[index].outer;
    if (index != NETSET_NONE && items[index].bits < 96 && addr_is_v4(a))
        return NETSET_NONE;
    return index;
}

uint32_t netset_find(const struct netset *n, const struct addr *a)
{
    const struct key *keys = keys_of(n);
    struct key wanted = make_key(a);
    size_t low = 0;
    size_t high = n->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_above(&keys[middle], &wanted))
            high = middle;
        else
            low = middle + 1;
    }
    return low == 0 ? NETSET_NONE : first_holder(n, (uint32_t)low - 1, a);
}

uint32_t netset_next(const struct netset *n, uint32_t index, const struct addr *a)
{
    return first_holder(n, items_of(n)[index].outer, a);
}
