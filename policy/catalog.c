/* SPDX-License-Identifier: MIT */
/* catalog.c - the patterns of a policy, set by set; see catalog.h. */
#include "policy/catalog.h"

#include "util/mem.h"

typedef uint32_t (*walk_fn)(const struct policy *p, uint32_t after, uint16_t *set);

/* The walks give 1 + the index of each pattern; 0 begins and ends. */
static uint32_t walk_domains(const struct policy *p, uint32_t after, uint16_t *set)
{
    struct domain_entry entry;
    domain_ref ref = domain_walk(&p->domains, after);
    if (ref != 0) {
        domain_read(&p->domains, ref, &entry);
        *set = entry.set;
    }
    return ref;
}

static uint32_t walk_globs(const struct policy *p, uint32_t after, uint16_t *set)
{
    if (after == p->globs.count)
        return 0;
    *set = glob_at(&p->globs, after)->note.set;
    return after + 1;
}

static uint32_t walk_nets(const struct policy *p, uint32_t after, uint16_t *set)
{
    if (after == p->nets.count)
        return 0;
    *set = netset_item(&p->nets, after)->note.set;
    return after + 1;
}

/* Counts, then files: two walks. */
static void file_kind(struct catalog_kind *kind, const struct policy *p, walk_fn walk)
{
    uint16_t set;
    size_t total = 0;
    kind->first = mem_must_zalloc((p->destinations_count + 2) * sizeof(*kind->first));
    for (uint32_t i = walk(p, 0, &set); i != 0; i = walk(p, i, &set))
        kind->first[set + 2]++;
    for (size_t i = 0; i < p->destinations_count; i++) {
        total += kind->first[i + 2];
        kind->first[i + 2] = total;
    }
    kind->items = mem_must_zalloc(total * sizeof(*kind->items));
    /* first[s + 1] is where the next of s goes; in the end it is where s + 1 begins. */
    for (uint32_t i = walk(p, 0, &set); i != 0; i = walk(p, i, &set))
        kind->items[kind->first[set + 1]++] = i;
}

static void free_kind(struct catalog_kind *kind)
{
    mem_free(kind->first);
    mem_free(kind->items);
}

void catalog_init(struct catalog *c, const struct policy *p)
{
    file_kind(&c->domains, p, walk_domains);
    file_kind(&c->globs, p, walk_globs);
    file_kind(&c->nets, p, walk_nets);
}

void catalog_fini(struct catalog *c)
{
    free_kind(&c->domains);
    free_kind(&c->globs);
    free_kind(&c->nets);
}
