/* SPDX-License-Identifier: MIT */
/* ask.c - one question to a policy on its way: what matches; see ask.h. */
#include "policy/ask.h"

#include <string.h>

static void mark_limit(const struct ask *ask, uint16_t set)
{
    ask->s->sets[set].limit_stamp = ask->s->stamp;
}

static bool has_path(const struct ask *ask, uint32_t index, uint16_t set)
{
    const struct url *url = compiled_url(ask->p, index);
    struct policy_scratch *s = ask->s;
    if (!url_fits(url, ask->q->scheme, ask->q->port))
        return false;
    if (url->path_len == 0)
        return true;
    if (ask->q->path.len > SCRATCH_PATH_MAX) {
        mark_limit(ask, set);
        return false;
    }
    if (!s->has_path)
        s->path_len = url_normalise(ask->q->path, s->path);
    s->has_path = true;
    return glob_matches(compiled_text(ask->p, url->path, url->path_len),
                        (struct str){s->path, s->path_len});
}

static void record_match(const struct ask *ask, uint16_t set, enum scratch_kind kind, size_t len,
                         uint32_t url, uint32_t index)
{
    struct set_state *state = &ask->s->sets[set];
    uint32_t rank = (uint32_t)kind << 16 | (uint32_t)len;
    if (url != NOTE_NO_URL) {
        if (!has_path(ask, url, set))
            return;
        rank |= SCRATCH_URL_RANK;
    }
    if (state->stamp == ask->s->stamp && state->rank >= rank)
        return;
    state->stamp = ask->s->stamp;
    state->rank = rank;
    state->kind = kind;
    state->index = index;
}

static void on_domain(void *context, const struct domain_match *match)
{
    record_match(context, match->set, match->is_suffix ? KIND_SUFFIX : KIND_EXACT, match->key_len,
                 match->url, match->ref);
}

static void on_glob(void *context, uint32_t index)
{
    const struct ask *ask = context;
    const struct glob *glob = glob_at(&ask->p->globs, index);
    record_match(ask, glob->note.set, glob->literals ? KIND_GLOB : KIND_ALL, glob->literals,
                 glob->note.url, index);
}

static void collect_globs(struct ask *ask)
{
    struct policy_scratch *s = ask->s;
    const struct host *h = ask->q->host;
    if (ask->p->globs.count == 0)
        return;
    s->subject[0] = '.';
    memcpy(s->subject + 1, h->name, h->len);
    glob_find(&ask->p->globs, s->subject, h->len + 1, s->bucket_stamps, s->stamp, on_glob, ask);
}

void ask_collect_nets(const struct ask *ask, const struct addr *a, bool urls)
{
    const struct netset *n = &ask->p->nets;
    for (uint32_t i = netset_find(n, a); i != NETSET_NONE; i = netset_next(n, i, a)) {
        const struct netset_item *item = netset_item(n, i);
        if (urls || item->note.url == NOTE_NO_URL)
            record_match(ask, item->note.set, KIND_PREFIX, item->bits, item->note.url, i);
    }
}

void ask_collect_host(struct ask *ask, const struct domain_search *search)
{
    collect_globs(ask);
    if (ask->q->host->is_address)
        ask_collect_nets(ask, &ask->q->host->addr, true);
    domain_find(&ask->p->domains, search, on_domain, ask);
}

static void collect_client(const struct ask *ask)
{
    const struct netset *n = &ask->p->clients;
    const struct addr *a = ask->q->client;
    if (a == NULL || n->count == 0)
        return;
    for (uint32_t i = netset_find(n, a); i != NETSET_NONE; i = netset_next(n, i, a))
        ask->s->source_stamps[netset_item(n, i)->note.set] = ask->s->stamp;
}

void ask_begin(struct ask *ask, const struct policy *p, const struct policy_query *q,
               struct policy_scratch *s)
{
    ASSERT(s->policy == p);
    scratch_next(s);
    *ask = (struct ask){p, q, s, q->method};
    if (q->method.len == 0 && q->scheme == POLICY_CONNECT)
        ask->method = STR_LIT("CONNECT");
    collect_client(ask);
}

bool ask_has_client(const struct ask *ask, uint16_t index)
{
    const struct source *source = &ask->p->sources[index];
    struct str product = ask->q->product;
    bool is_product = source->product != NULL && str_eq(product, str_of(source->product));
    if (source->prefixes == 0)
        return is_product || (source->product == NULL && source->has_names);
    if (ask->q->client == NULL)
        return is_product;
    bool is_inside = ask->s->source_stamps[index] == ask->s->stamp;
    return is_inside && (source->product == NULL || product.len == 0 || is_product);
}

void ask_run_regexes(const struct ask *ask, uint16_t set)
{
    const struct regex_list *l = &ask->p->regexes;
    struct set_state *state = &ask->s->sets[set];
    uint32_t i = ask->p->destinations[set].first_regex;
    if (state->regex_stamp == ask->s->stamp)
        return;
    state->regex_stamp = ask->s->stamp;
    for (; i != REGEX_NONE; i = regex_at(l, i)->next) {
        enum regex_result result = regex_match(l, i, host_str(ask->q->host), ask->s->regex);
        if (result == REGEX_GAVE_UP) {
            mark_limit(ask, set);
            state->limit_regex = i;
        }
        if (result != REGEX_MATCH)
            continue;
        record_match(ask, set, KIND_REGEX, 0, NOTE_NO_URL, i);
        return;
    }
}

void ask_read_pattern(const struct ask *ask, uint16_t set, struct str *text, struct place *at)
{
    const struct policy *p = ask->p;
    const struct set_state *state = &ask->s->sets[set];
    struct domain_entry entry;
    switch (state->kind) {
    case KIND_EXACT:
    case KIND_SUFFIX:
        domain_read(&p->domains, state->index, &entry);
        *text = entry.written;
        *at = compiled_place(p, entry.file, entry.line);
        break;
    case KIND_GLOB:
    case KIND_ALL:
        compiled_note(p, &glob_at(&p->globs, state->index)->note, text, at);
        break;
    case KIND_REGEX:
        compiled_note(p, &regex_at(&p->regexes, state->index)->note, text, at);
        break;
    case KIND_PREFIX:
        compiled_note(p, &netset_item(&p->nets, state->index)->note, text, at);
        break;
    }
}
