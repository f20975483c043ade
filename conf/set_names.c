/* SPDX-License-Identifier: MIT */
/* set_names.c - the sets that a key names; see set_names.h. */
#include "conf/set_names.h"

#include <string.h>

#include "conf/suggest.h"
#include "util/mem.h"

static void offer_names(struct suggest *s, const struct spec_groups *groups, size_t item_size)
{
    const char *item = groups->items;
    for (size_t i = 0; i < groups->count; i++)
        suggest_offer(s, ((const struct spec_head *)(item + i * item_size))->name);
}

void set_names_report(const struct spec *spec, const struct spec_text *name, bool is_source,
                      struct errlist *faults)
{
    struct suggest s = suggest_begin(name->text);
    if (is_source) {
        offer_names(&s, &spec->sources, sizeof(struct spec_source));
    } else {
        offer_names(&s, &spec->destinations, sizeof(struct spec_set));
        offer_names(&s, &spec->webex.destinations, sizeof(struct spec_set));
    }
    const char *kind = is_source ? "source" : "destination";
    if (s.best != NULL)
        errlist_add(faults, &name->at, "there is no %s set '%s', did you mean '%s'?", kind,
                    name->text, s.best);
    else
        errlist_add(faults, &name->at, "there is no %s set '%s'", kind, name->text);
}

int *set_names_find(const struct spec *spec, const struct policy_builder *b,
                    const struct spec_texts *names, bool is_source, size_t *count,
                    struct errlist *faults)
{
    int *sets = mem_must_zalloc((names->count + 1) * sizeof(*sets));
    *count = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct str name = str_of(names->items[i].text);
        int set = is_source ? policy_find_source(b, name) : policy_find_destination(b, name);
        if (set < 0)
            set_names_report(spec, &names->items[i], is_source, faults);
        else
            sets[(*count)++] = set;
    }
    return sets;
}

bool set_names_has(const struct spec_texts *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, name) == 0)
            return true;
    return false;
}

static const void *find_group(const struct spec_groups *groups, size_t item_size, const char *name)
{
    const char *item = groups->items;
    for (size_t i = 0; i < groups->count; i++, item += item_size)
        if (strcmp(((const struct spec_head *)item)->name, name) == 0)
            return item;
    return NULL;
}

const struct spec_set *set_names_destination(const struct spec *spec, const char *name)
{
    const struct spec_set *own = find_group(&spec->destinations, sizeof(*own), name);
    return own != NULL ? own : find_group(&spec->webex.destinations, sizeof(*own), name);
}

const struct spec_source *set_names_source(const struct spec *spec, const char *name)
{
    return find_group(&spec->sources, sizeof(struct spec_source), name);
}
