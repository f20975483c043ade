/* SPDX-License-Identifier: MIT */
/* accounts.c - names, and for each a value of fixed size; see accounts.h. */
#include "auth/accounts.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/attr.h"
#include "util/mem.h"

/* While names come in, a hash table finds doubles; sealed, the sorted order does. */
struct slot {
    char *name;
    uint32_t value; /* its number */
};

struct accounts {
    size_t value_size;
    bool is_folded, is_sealed;
    char *values;
    struct slot *slots; /* by the order of addition; sorted once sealed */
    size_t count, room;
    uint32_t *table; /* slot + 1, open addressing; a power of two */
    size_t table_size;
};

struct accounts *accounts_new(size_t value_size, bool is_folded)
{
    struct accounts *a = mem_must_zalloc(sizeof(*a));
    a->value_size = value_size;
    a->is_folded = is_folded;
    return a;
}

void accounts_free(struct accounts *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->count; i++)
        mem_free(a->slots[i].name);
    if (a->values != NULL)
        OPENSSL_cleanse(a->values, a->room * a->value_size);
    mem_free(a->values);
    mem_free(a->slots);
    mem_free(a->table);
    mem_free(a);
}

static int compare(const struct accounts *a, struct str x, struct str y)
{
    size_t len = x.len < y.len ? x.len : y.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char p = (unsigned char)(a->is_folded ? str_lower(x.ptr[i]) : x.ptr[i]);
        unsigned char q = (unsigned char)(a->is_folded ? str_lower(y.ptr[i]) : y.ptr[i]);
        if (p != q)
            return p < q ? -1 : 1;
    }
    return x.len == y.len ? 0 : x.len < y.len ? -1 : 1;
}

/* FNV-1a: files of accounts are the administrator's own. */
static uint32_t hash(const struct accounts *a, struct str name)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < name.len; i++) {
        char c = a->is_folded ? str_lower(name.ptr[i]) : name.ptr[i];
        h = (h ^ (unsigned char)c) * 16777619U;
    }
    return h;
}

/* Where the name stands in the table, or the free place for it. */
static uint32_t *find_place(struct accounts *a, struct str name)
{
    size_t at = hash(a, name) & (a->table_size - 1);
    while (a->table[at] != 0 && compare(a, str_of(a->slots[a->table[at] - 1].name), name) != 0)
        at = (at + 1) & (a->table_size - 1);
    return &a->table[at];
}

/* The values move with care: the old block is cleansed. */
static void grow(struct accounts *a)
{
    size_t room = a->room == 0 ? 16 : 2 * a->room;
    char *values = mem_must_zalloc(room * a->value_size);
    if (a->values != NULL) {
        memcpy(values, a->values, a->count * a->value_size);
        OPENSSL_cleanse(a->values, a->room * a->value_size);
    }
    mem_free(a->values);
    a->values = values;
    a->slots = mem_must_resize(a->slots, room * sizeof(*a->slots));
    a->room = room;
    mem_free(a->table);
    a->table_size = 2 * room;
    a->table = mem_must_zalloc(a->table_size * sizeof(*a->table));
    for (size_t i = 0; i < a->count; i++)
        *find_place(a, str_of(a->slots[i].name)) = (uint32_t)i + 1;
}

void *accounts_add(struct accounts *a, struct str name, bool *is_new)
{
    ASSERT(!a->is_sealed && name.len <= ACCOUNT_NAME_MAX);
    if (a->count == a->room)
        grow(a);
    uint32_t *place = find_place(a, name);
    *is_new = *place == 0;
    if (*is_new) {
        a->slots[a->count] = (struct slot){mem_must_dup(name.ptr, name.len), (uint32_t)a->count};
        *place = (uint32_t)++a->count;
    }
    return a->values + (*place - 1) * a->value_size;
}

static int compare_slots(const void *x, const void *y, void *context)
{
    return compare(context, str_of(((const struct slot *)x)->name),
                   str_of(((const struct slot *)y)->name));
}

void accounts_seal(struct accounts *a)
{
    mem_free(a->table);
    a->table = NULL;
    a->is_sealed = true;
    if (a->count > 0)
        qsort_r(a->slots, a->count, sizeof(*a->slots), compare_slots, a);
}

static const struct slot *find_slot(const struct accounts *a, struct str name)
{
    size_t low = 0, high = a->count;
    ASSERT(a->is_sealed);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(a, name, str_of(a->slots[middle].name));
        if (order == 0)
            return &a->slots[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const void *accounts_find(const struct accounts *a, struct str name, const char **written)
{
    const struct slot *slot = find_slot(a, name);
    if (slot != NULL && written != NULL)
        *written = slot->name;
    return slot != NULL ? a->values + slot->value * a->value_size : NULL;
}

size_t accounts_count(const struct accounts *a)
{
    return a->count;
}

const char *accounts_name(const struct accounts *a, size_t index)
{
    return a->slots[index].name;
}

const void *accounts_value(const struct accounts *a, size_t index)
{
    return a->values + a->slots[index].value * a->value_size;
}
