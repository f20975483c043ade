/* SPDX-License-Identifier: MIT */
/*
 * policy_lint.c - rules that can never match; declared in policy.h.
 *
 * A rule is reported where one earlier rule decides all of it: each of its
 * sources, destinations, ports and methods. Whatever is not certain is not
 * reported: two globs or two regexes may cover each other without being seen.
 */
#include "policy/policy.h"

#include <string.h>

#include "policy/catalog.h"
#include "policy/compiled.h"
#include "util/mem.h"

struct lint {
    const struct policy *p;
    struct catalog catalog;
    bool *is_covering; /* sets of the earlier rule */
    bool is_deny;      /* the earlier rule denies */
    bool is_later_deny;
    uint32_t *stamps; /* for glob_find */
    uint32_t stamp;
};

/* A look for globs of the earlier rule that cover a name or another glob. */
struct glob_look {
    const struct lint *l;
    bool is_subtree; /* everything below the name, too */
    bool is_found;
};

static void on_glob(void *context, uint32_t index)
{
    struct glob_look *look = context;
    const struct glob_index *g = &look->l->p->globs;
    const struct glob *glob = glob_at(g, index);
    struct str text = glob_text(g, index);
    if (!look->l->is_covering[glob->note.set] || glob->note.url != NOTE_NO_URL)
        return;
    /* "*literal" takes whatever stands in front of a name that it takes. */
    if (!look->is_subtree || (text.ptr[0] == '*' && memrchr(text.ptr, '*', text.len) == text.ptr))
        look->is_found = true;
}

static bool has_glob_for(struct lint *l, const char *subject, size_t len, bool is_subtree)
{
    struct glob_look look = {l, is_subtree, false};
    glob_find(&l->p->globs, subject, len, l->stamps, ++l->stamp, on_glob, &look);
    return look.is_found;
}

static bool is_same_url(const struct policy *p, uint32_t left, uint32_t right)
{
    const struct url *a = compiled_url(p, left);
    const struct url *b = compiled_url(p, right);
    return a->port == b->port && a->scheme == b->scheme &&
           str_eq(compiled_text(p, a->path, a->path_len), compiled_text(p, b->path, b->path_len));
}

/* A look for names and suffixes of the earlier rule that cover a name. */
struct domain_look {
    const struct lint *l;
    bool is_subtree;                 /* everything below the name, too */
    const struct domain_entry *same; /* where the same URL does as well, or NULL */
    bool is_found;
};

static void on_domain(void *context, const struct domain_match *match)
{
    struct domain_look *look = context;
    if (!look->l->is_covering[match->set])
        return;
    if (match->url == NOTE_NO_URL)
        look->is_found |= match->is_suffix || !look->is_subtree;
    else if (look->same != NULL && look->same->url != NOTE_NO_URL)
        look->is_found |= match->is_whole && match->is_suffix == look->same->is_suffix &&
                          is_same_url(look->l->p, match->url, look->same->url);
}

static bool has_domain_for(const struct lint *l, struct str name, bool is_subtree,
                           const struct domain_entry *same)
{
    struct domain_look look = {l, is_subtree, same, false};
    struct domain_search search;
    domain_prepare(&l->p->domains, name, &search);
    domain_find(&l->p->domains, &search, on_domain, &look);
    return look.is_found;
}

static bool is_domain_covered(struct lint *l, uint32_t ref)
{
    struct domain_entry entry;
    char subject[GLOB_SUBJECT_SIZE];
    domain_read(&l->p->domains, ref, &entry);
    if (has_domain_for(l, entry.key, entry.is_suffix, &entry))
        return true;
    subject[0] = '.';
    memcpy(subject + 1, entry.key.ptr, entry.key.len);
    return has_glob_for(l, subject, entry.key.len + 1, entry.is_suffix);
}

/* A glob that takes the text of another, stars and all, takes whatever that takes. */
static bool is_glob_covered(struct lint *l, uint32_t number)
{
    struct str text = glob_text(&l->p->globs, number - 1);
    char subject[GLOB_SUBJECT_SIZE];
    if (text.len <= sizeof(subject) - sizeof(uint64_t)) {
        memcpy(subject, text.ptr, text.len);
        if (has_glob_for(l, subject, text.len, false))
            return true;
    }
    /* Its hosts all end as it ends; the first label of that end may be cut. */
    const char *last = memrchr(text.ptr, '*', text.len);
    struct str tail = str_range(last + 1, text.ptr + text.len);
    size_t dot = str_find(tail, '.');
    if (dot == tail.len)
        return false;
    return has_domain_for(l, (struct str){tail.ptr + dot + 1, tail.len - dot - 1}, true, NULL);
}

/* The addresses of a deny rule are also asked for after name resolution, when an
 * earlier allow rule for addresses has had no say. */
static bool is_net_covered(const struct lint *l, uint32_t number)
{
    const struct netset *n = &l->p->nets;
    const struct netset_item *inner = netset_item(n, number - 1);
    if (l->is_later_deny && !l->is_deny)
        return false;
    uint32_t i = netset_find(n, &inner->addr);
    for (; i != NETSET_NONE; i = netset_next(n, i, &inner->addr)) {
        const struct netset_item *item = netset_item(n, i);
        if (item->bits <= inner->bits && item->note.url == NOTE_NO_URL &&
            l->is_covering[item->note.set])
            return true;
    }
    return false;
}

static bool is_regex_covered(const struct lint *l, const struct rule *earlier, uint32_t number)
{
    const struct regex_list *list = &l->p->regexes;
    const struct note *note = &regex_at(list, number)->note;
    struct str text = compiled_text(l->p, note->text, note->text_len);
    for (size_t k = 0; k < earlier->to_count; k++) {
        uint32_t i = l->p->destinations[earlier->to[k]].first_regex;
        for (; i != REGEX_NONE; i = regex_at(list, i)->next) {
            const struct note *other = &regex_at(list, i)->note;
            if (str_eq(text, compiled_text(l->p, other->text, other->text_len)))
                return true;
        }
    }
    return false;
}

static bool is_set_covered(struct lint *l, const struct rule *earlier, uint16_t set)
{
    for (size_t i = l->catalog.domains.first[set]; i < l->catalog.domains.first[set + 1]; i++)
        if (!is_domain_covered(l, l->catalog.domains.items[i]))
            return false;
    for (size_t i = l->catalog.globs.first[set]; i < l->catalog.globs.first[set + 1]; i++)
        if (!is_glob_covered(l, l->catalog.globs.items[i]))
            return false;
    for (size_t i = l->catalog.nets.first[set]; i < l->catalog.nets.first[set + 1]; i++)
        if (!is_net_covered(l, l->catalog.nets.items[i]))
            return false;
    uint32_t i = l->p->destinations[set].first_regex;
    for (; i != REGEX_NONE; i = regex_at(&l->p->regexes, i)->next)
        if (!is_regex_covered(l, earlier, i))
            return false;
    return true;
}

/* Does a set of the rule hold "*"? */
static bool takes_everything(struct lint *l, const struct rule *r)
{
    if (r->to_count == 0)
        return true;
    for (uint32_t i = l->p->globs.count ? l->p->globs.unfiled : GLOB_NONE; i != GLOB_NONE;
         i = glob_at(&l->p->globs, i)->next) {
        const struct note *note = &glob_at(&l->p->globs, i)->note;
        if (l->is_covering[note->set] && note->url == NOTE_NO_URL)
            return true;
    }
    return false;
}

static bool covers_destinations(struct lint *l, const struct rule *a, const struct rule *b)
{
    l->is_deny = a->action == POLICY_DENY;
    l->is_later_deny = b->action == POLICY_DENY;
    for (size_t i = 0; i < a->to_count; i++)
        l->is_covering[a->to[i]] = true;
    bool is_covered = takes_everything(l, a);
    if (!is_covered && b->to_count != 0) {
        is_covered = true;
        for (size_t i = 0; is_covered && i < b->to_count; i++) {
            /* The same set, too, may hold addresses that are asked for later. */
            bool is_same = l->is_covering[b->to[i]] && (l->is_deny || !l->is_later_deny);
            is_covered = is_same || is_set_covered(l, a, b->to[i]);
        }
    }
    for (size_t i = 0; i < a->to_count; i++)
        l->is_covering[a->to[i]] = false;
    return is_covered;
}

static bool holds_ports(const struct ports *a, unsigned first, unsigned last)
{
    size_t i = 0;
    while (first <= last && i < a->count) {
        if (first < a->ranges[i][0] || first > a->ranges[i][1]) {
            i++;
            continue;
        }
        first = a->ranges[i][1] + 1U;
        i = 0;
    }
    return first > last;
}

static bool covers_ports(const struct ports *a, const struct ports *b)
{
    if (a == NULL)
        return true;
    if (b == NULL)
        return holds_ports(a, 0, UINT16_MAX);
    for (size_t i = 0; i < b->count; i++)
        if (!holds_ports(a, b->ranges[i][0], b->ranges[i][1]))
            return false;
    return true;
}

static bool has_method(const struct rule *r, struct str method)
{
    for (size_t i = 0; i < r->methods_count; i++)
        if (str_eq(r->methods[i], method))
            return true;
    return r->methods_count == 0;
}

static bool covers_methods(const struct rule *a, const struct rule *b)
{
    if (b->methods_count == 0)
        return a->methods_count == 0;
    for (size_t i = 0; i < b->methods_count; i++)
        if (!has_method(a, b->methods[i]))
            return false;
    return true;
}

/* Ports count under the schemes that the methods of the later rule can have. */
static bool covers_requests(const struct policy *p, const struct rule *a, const struct rule *b)
{
    bool has_connect = has_method(b, STR_LIT("CONNECT"));
    bool has_others = b->methods_count != (has_connect ? 1 : 0);
    if (!covers_methods(a, b))
        return false;
    for (unsigned i = 0; i < COMPILED_SCHEMES; i++) {
        enum policy_scheme scheme = (enum policy_scheme)i;
        bool counts = scheme == POLICY_CONNECT ? has_connect : has_others || b->methods_count == 0;
        if (counts && !covers_ports(compiled_ports(p, a, scheme), compiled_ports(p, b, scheme)))
            return false;
    }
    return true;
}

static bool has_source(const struct rule *r, uint16_t set)
{
    for (size_t i = 0; i < r->from_count; i++)
        if (r->from[i] == set)
            return true;
    return false;
}

static bool holds_nobody(const struct source *s)
{
    return s->prefixes == 0 && s->product == NULL && !s->has_names;
}

/* Each user that b names is one that a takes. Who is in which group is not known here. */
static bool covers_names(const struct source *a, const struct source *b)
{
    if (!a->has_names)
        return true;
    return b->has_names && nameset_covers(&a->users, &b->users) &&
           nameset_covers(&a->groups, &b->groups);
}

static bool is_same_product(const struct source *a, const struct source *b)
{
    if (a->product == NULL || b->product == NULL)
        return a->product == b->product;
    return strcmp(a->product, b->product) == 0;
}

/* A prefix of source set number in some set of rule a that asks for the same product
 * and takes the same users. */
static bool is_client_covered(const struct policy *p, const struct rule *a, uint16_t number,
                              const struct netset_item *inner)
{
    const struct netset *n = &p->clients;
    const struct source *source = &p->sources[number];
    uint32_t i = netset_find(n, &inner->addr);
    for (; i != NETSET_NONE; i = netset_next(n, i, &inner->addr)) {
        const struct netset_item *item = netset_item(n, i);
        const struct source *outer = &p->sources[item->note.set];
        if (item->bits <= inner->bits && has_source(a, item->note.set) &&
            is_same_product(outer, source) && covers_names(outer, source))
            return true;
    }
    return false;
}

/* a has no prefix: it takes its product's clients where their product is known, or,
 * where it names users alone, these from everywhere. */
static bool covers_without_prefix(const struct source *a, const struct source *b)
{
    if (a->prefixes != 0 || holds_nobody(a) || !covers_names(a, b))
        return false;
    return a->product == NULL || (b->prefixes == 0 && is_same_product(a, b));
}

static bool is_source_covered(const struct policy *p, const struct rule *a, uint16_t number)
{
    const struct source *source = &p->sources[number];
    if (has_source(a, number) || holds_nobody(source))
        return true;
    for (size_t i = 0; i < a->from_count; i++)
        if (covers_without_prefix(&p->sources[a->from[i]], source))
            return true;
    if (source->prefixes == 0)
        return false;
    for (uint32_t i = 0; i < p->clients.count; i++) {
        const struct netset_item *item = netset_item(&p->clients, i);
        if (item->note.set == number && !is_client_covered(p, a, number, item))
            return false;
    }
    return true;
}

static bool covers_sources(const struct policy *p, const struct rule *a, const struct rule *b)
{
    if (a->from_count == 0)
        return true;
    for (size_t i = 0; i < b->from_count; i++)
        if (!is_source_covered(p, a, b->from[i]))
            return false;
    return b->from_count != 0;
}

static bool holds_nothing(const struct policy *p, const struct rule *r)
{
    for (size_t i = 0; i < r->to_count; i++)
        if (p->destinations[r->to[i]].patterns != 0)
            return false;
    return r->to_count != 0;
}

static bool is_for_nobody(const struct policy *p, const struct rule *r)
{
    for (size_t i = 0; i < r->from_count; i++)
        if (!holds_nobody(&p->sources[r->from[i]]))
            return false;
    return r->from_count != 0;
}

static void warn_covered(const struct rule *a, const struct rule *b, struct errlist *warnings)
{
    if (a->at.file != NULL)
        errlist_warn(warnings, &b->at,
                     "rule '%s' can never match: rule '%s' (%s:%u) already decides all of it",
                     b->name, a->name, a->at.file, a->at.line);
    else
        errlist_warn(warnings, &b->at,
                     "rule '%s' can never match: rule '%s' already decides all of it", b->name,
                     a->name);
}

static void check_rule(struct lint *l, size_t number, struct errlist *warnings)
{
    const struct policy *p = l->p;
    const struct rule *b = &p->rules[number];
    if (holds_nothing(p, b)) {
        errlist_warn(warnings, &b->at,
                     "rule '%s' can never match: its sets of destinations are empty", b->name);
        return;
    }
    if (is_for_nobody(p, b)) {
        errlist_warn(warnings, &b->at, "rule '%s' can never match: its sources hold nobody",
                     b->name);
        return;
    }
    for (size_t i = 0; i < number; i++) {
        const struct rule *a = &p->rules[i];
        if (covers_requests(p, a, b) && covers_sources(p, a, b) && covers_destinations(l, a, b)) {
            warn_covered(a, b, warnings);
            return;
        }
    }
}

void policy_lint(const struct policy *p, struct errlist *warnings)
{
    struct lint l = {.p = p};
    l.is_covering = mem_must_zalloc(p->destinations_count * sizeof(*l.is_covering));
    l.stamps = mem_must_zalloc(p->globs.bucket_count * sizeof(*l.stamps));
    catalog_init(&l.catalog, p);
    for (size_t i = 0; i < p->rules_count; i++)
        check_rule(&l, i, warnings);
    catalog_fini(&l.catalog);
    mem_free(l.is_covering);
    mem_free(l.stamps);
}
