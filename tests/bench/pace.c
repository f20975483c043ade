/* SPDX-License-Identifier: MIT */
/*
 * pace.c - the timetable and the free slots.
 */
#include "tests/bench/pace.h"

#include <stdlib.h>
#include <string.h>

int pace_init(struct pace *pace, double rate, unsigned slots)
{
    memset(pace, 0, sizeof(*pace));
    if (!(rate > 0.0))
        return 0;
    pace->period_ns = 1e9 / rate;
    pace->spare = calloc(slots, sizeof(struct tunnel *));
    return pace->spare != NULL ? 0 : -1;
}

void pace_fini(struct pace *pace)
{
    free(pace->spare);
    pace->spare = NULL;
}

bool pace_is_on(const struct pace *pace)
{
    return pace->spare != NULL;
}

void pace_start(struct pace *pace, uint64_t now_ns)
{
    pace->start_ns = now_ns;
    pace->begun = 0;
    pace->starved_ns = 0;
}

void pace_give(struct pace *pace, struct tunnel *t, uint64_t now_ns)
{
    if (pace->spare_count == 0)
        pace->starved_ns = now_ns;
    pace->spare[pace->spare_count++] = t;
}

static uint64_t find_due(const struct pace *pace)
{
    return pace->start_ns + (uint64_t)((double)pace->begun * pace->period_ns);
}

struct tunnel *pace_take(struct pace *pace, uint64_t now_ns, uint64_t *since_ns)
{
    uint64_t due = find_due(pace);

    if (pace->spare_count == 0 || due > now_ns)
        return NULL;
    pace->begun++;
    *since_ns = due < pace->starved_ns ? due : now_ns;
    return pace->spare[--pace->spare_count];
}

uint64_t pace_next(const struct pace *pace, uint64_t until_ns)
{
    uint64_t due = 0;

    if (!pace_is_on(pace) || pace->spare_count == 0)
        return until_ns;
    due = find_due(pace);
    return due < until_ns ? due : until_ns;
}
