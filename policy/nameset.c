/* SPDX-License-Identifier: MIT */
/* nameset.c - the users or groups of a source set; see nameset.h. */
#include "policy/nameset.h"

#include <stdlib.h>

#include "util/mem.h"

void nameset_add(struct nameset *n, struct str name)
{
    char *folded = mem_must_dup(name.ptr, name.len);
    for (size_t i = 0; i < name.len; i++)
        folded[i] = str_lower(folded[i]);
    n->names = mem_must_resize(n->names, (n->count + 1) * sizeof(*n->names));
    n->names[n->count++] = (struct str){folded, name.len};
}

/* left is in lower case; right need not be. By bytes, the shorter one first. */
static int compare_folded(struct str left, struct str right)
{
    size_t len = left.len < right.len ? left.len : right.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char a = (unsigned char)left.ptr[i];
        unsigned char b = (unsigned char)str_lower(right.ptr[i]);
        if (a != b)
            return a < b ? -1 : 1;
    }
    return (left.len > right.len) - (left.len < right.len);
}

static int compare_names(const void *left, const void *right)
{
    return compare_folded(*(const struct str *)left, *(const struct str *)right);
}

void nameset_finish(struct nameset *n)
{
    size_t kept = 0;
    if (n->count == 0)
        return;
    qsort(n->names, n->count, sizeof(*n->names), compare_names);
    for (size_t i = 0; i < n->count; i++) {
        if (kept != 0 && str_eq(n->names[kept - 1], n->names[i]))
            mem_free((void *)n->names[i].ptr);
        else
            n->names[kept++] = n->names[i];
    }
    n->count = kept;
}

void nameset_fini(struct nameset *n)
{
    for (size_t i = 0; i < n->count; i++)
        mem_free((void *)n->names[i].ptr);
    mem_free(n->names);
    *n = (struct nameset){NULL, 0};
}

bool nameset_has(const struct nameset *n, struct str name)
{
    size_t from = 0;
    size_t to = n->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare_folded(n->names[middle], name);
        if (order == 0)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

bool nameset_covers(const struct nameset *outer, const struct nameset *inner)
{
    for (size_t i = 0; i < inner->count; i++)
        if (!nameset_has(outer, inner->names[i]))
            return false;
    return true;
}

size_t nameset_bytes(const struct nameset *n)
{
    size_t bytes = n->count * sizeof(*n->names);
    for (size_t i = 0; i < n->count; i++)
        bytes += n->names[i].len + 1;
    return bytes;
}
