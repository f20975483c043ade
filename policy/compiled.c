/* SPDX-License-Identifier: MIT */
/* compiled.c - what a policy is made of; see compiled.h. */
#include "policy/compiled.h"

#include "util/mem.h"

struct policy *compiled_new(void)
{
    return mem_must_zalloc(sizeof(struct policy));
}

static void free_rule(struct rule *r)
{
    mem_free(r->name);
    mem_free(r->from);
    mem_free(r->to);
    mem_free(r->ports.ranges);
    mem_free(r->methods);
}

void compiled_free(struct policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->files_count; i++)
        mem_free(p->files[i]);
    for (size_t i = 0; i < p->destinations_count; i++)
        mem_free(p->destinations[i].name);
    for (size_t i = 0; i < p->sources_count; i++) {
        mem_free(p->sources[i].name);
        mem_free(p->sources[i].product);
        nameset_fini(&p->sources[i].users);
        nameset_fini(&p->sources[i].groups);
    }
    for (size_t i = 0; i < p->rules_count; i++)
        free_rule(&p->rules[i]);
    for (size_t i = 0; i < COMPILED_SCHEMES; i++)
        mem_free(p->defaults[i].ranges);
    inspection_fini(&p->inspection);
    domain_fini(&p->domains);
    glob_fini(&p->globs);
    regex_fini(&p->regexes);
    netset_fini(&p->nets);
    netset_fini(&p->clients);
    bulk_fini(&p->texts);
    bulk_fini(&p->urls);
    mem_free(p->files);
    mem_free(p->destinations);
    mem_free(p->sources);
    mem_free(p->rules);
    mem_free(p);
}

const struct url *compiled_url(const struct policy *p, uint32_t index)
{
    return (const struct url *)(const void *)p->urls.data + index;
}

struct str compiled_text(const struct policy *p, uint32_t offset, size_t len)
{
    if (len == 0)
        return (struct str){NULL, 0}; /* there may be no texts at all to point into */
    return (struct str){(const char *)p->texts.data + offset, len};
}

struct place compiled_place(const struct policy *p, uint16_t file, uint32_t line)
{
    return (struct place){file == NOTE_NO_FILE ? NULL : p->files[file], line};
}

void compiled_note(const struct policy *p, const struct note *note, struct str *text,
                   struct place *at)
{
    *text = compiled_text(p, note->text, note->text_len);
    *at = compiled_place(p, note->file, note->line);
}

const struct ports *compiled_ports(const struct policy *p, const struct rule *r,
                                   enum policy_scheme scheme)
{
    if (r->ports.count != 0)
        return &r->ports;
    return r->action == POLICY_DENY ? NULL : &p->defaults[scheme];
}
