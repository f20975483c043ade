/* SPDX-License-Identifier: MIT */
/* scratch.c - the working memory of one thread for one policy; see scratch.h. */
#include "policy/scratch.h"

#include <string.h>

#include "util/mem.h"

static int alloc_scratch(struct policy_scratch *s, const struct policy *p)
{
    s->sets = mem_zalloc(p->destinations_count * sizeof(*s->sets));
    s->source_stamps = mem_zalloc(p->sources_count * sizeof(*s->source_stamps));
    s->bucket_stamps = mem_zalloc(p->globs.bucket_count * sizeof(*s->bucket_stamps));
    if (s->sets == NULL || s->source_stamps == NULL || s->bucket_stamps == NULL)
        return -1;
    if (p->regexes.count != 0 && (s->regex = regex_scratch_new()) == NULL)
        return -1;
    if (p->urls.used != 0 && (s->path = mem_alloc(SCRATCH_PATH_MAX + 1)) == NULL)
        return -1;
    return 0;
}

struct policy_scratch *policy_scratch_new(const struct policy *p)
{
    struct policy_scratch *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return NULL;
    s->policy = p;
    if (alloc_scratch(s, p) == 0)
        return s;
    policy_scratch_free(s);
    return NULL;
}

void policy_scratch_free(struct policy_scratch *s)
{
    if (s == NULL)
        return;
    mem_free(s->sets);
    mem_free(s->source_stamps);
    mem_free(s->bucket_stamps);
    regex_scratch_free(s->regex);
    mem_free(s->path);
    mem_free(s);
}

void scratch_wrap(struct policy_scratch *s)
{
    const struct policy *p = s->policy;
    memset(s->sets, 0, p->destinations_count * sizeof(*s->sets));
    memset(s->source_stamps, 0, p->sources_count * sizeof(*s->source_stamps));
    memset(s->bucket_stamps, 0, p->globs.bucket_count * sizeof(*s->bucket_stamps));
    s->stamp = 1;
}
