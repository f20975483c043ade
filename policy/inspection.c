/* SPDX-License-Identifier: MIT */
/* inspection.c - what is never inspected, compiled; see inspection.h. */
#include "policy/inspection.h"

#include <stdio.h>
#include <string.h>

#include "policy/builder.h"
#include "policy/policy_build.h"
#include "util/mem.h"

static char *make_reason(const char *list, const char *set)
{
    size_t size = strlen(list) + strlen(": ") + strlen(set) + 1;
    char *reason = mem_must_zalloc(size);
    snprintf(reason, size, "%s: %s", list, set);
    return reason;
}

static void free_list(struct exemption *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(list[i].reason);
    mem_free(list);
}

void inspection_fini(struct inspection *i)
{
    free_list(i->never, i->never_count);
    free_list(i->never_from, i->never_from_count);
    *i = (struct inspection){0};
}

static size_t list_bytes(const struct exemption *list, size_t count)
{
    size_t bytes = count * sizeof(*list);
    for (size_t i = 0; i < count; i++)
        bytes += strlen(list[i].reason) + 1;
    return bytes;
}

size_t inspection_bytes(const struct inspection *i)
{
    return list_bytes(i->never, i->never_count) + list_bytes(i->never_from, i->never_from_count);
}

const struct exemption *inspection_find(const struct exemption *list, size_t count, uint16_t set)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].set == set)
            return &list[i];
    return NULL;
}

/* A set that is named twice counts where it stands first. */
static void add_exemption(struct exemption *list, size_t *count, const struct exemption *one)
{
    if (inspection_find(list, *count, one->set) == NULL)
        list[(*count)++] = *one;
    else
        mem_free(one->reason);
}

void policy_set_inspection(struct policy_builder *b, const struct policy_inspection *inspection)
{
    const struct policy *p = b->policy;
    struct inspection *i = &b->policy->inspection;
    size_t named = inspection->never_count - inspection->always_count;
    ASSERT(inspection->fallback != POLICY_TLS_NONE);
    inspection_fini(i);
    i->is_on = true;
    i->fallback = inspection->fallback;
    i->never = mem_must_zalloc(inspection->never_count * sizeof(*i->never));
    i->never_from = mem_must_zalloc(inspection->never_from_count * sizeof(*i->never_from));
    for (size_t k = 0; k < inspection->never_count; k++) {
        int set = inspection->never[k];
        ASSERT(set >= 0 && (size_t)set < p->destinations_count);
        add_exemption(i->never, &i->never_count, &(struct exemption){
            make_reason("never", p->destinations[set].name), (uint16_t)set, k >= named});
    }
    for (size_t k = 0; k < inspection->never_from_count; k++) {
        int set = inspection->never_from[k];
        ASSERT(set >= 0 && (size_t)set < p->sources_count);
        add_exemption(i->never_from, &i->never_from_count, &(struct exemption){
            make_reason("never_from", p->sources[set].name), (uint16_t)set, false});
    }
}
