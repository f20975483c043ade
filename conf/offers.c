/* SPDX-License-Identifier: MIT */
/* offers.c - which client is offered which schemes; see offers.h. */
#include "conf/offers.h"

#include <string.h>

#include "conf/suggest.h"
#include "util/mem.h"

#define EVERYBODY (-1)
#define NAMES "negotiate, ntlm, digest, basic"

/* In the order of the default: the strongest first. */
static const enum auth_scheme strongest_first[] = {AUTH_NEGOTIATE, AUTH_NTLM, AUTH_DIGEST,
                                                   AUTH_BASIC};

static const struct spec_head *section_of(const struct spec_auth *auth, enum auth_scheme scheme)
{
    switch (scheme) {
    case AUTH_BASIC:
        return &auth->basic.head;
    case AUTH_DIGEST:
        return &auth->digest.head;
    case AUTH_NTLM:
        return &auth->ntlm.head;
    default:
        return &auth->negotiate.head;
    }
}

static bool has_scheme(const struct auth_offer *offer, enum auth_scheme scheme)
{
    for (size_t i = 0; i < offer->count; i++)
        if (offer->schemes[i] == scheme)
            return true;
    return false;
}

static void add_scheme(const struct spec_auth *auth, const struct spec_text *name,
                       struct auth_offer *offer, struct errlist *faults)
{
    enum auth_scheme scheme;
    if (scheme_parse(&scheme, str_of(name->text)) != 0 || scheme == AUTH_NONE)
        errlist_add(faults, &name->at, "schemes: '%s' is not one of " NAMES, name->text);
    else if (!section_of(auth, scheme)->is_set)
        errlist_add(faults, &name->at, "schemes: %s is listed, but there is no auth.%s",
                    name->text, name->text);
    else if (has_scheme(offer, scheme))
        errlist_add(faults, &name->at, "schemes: %s is listed twice", name->text);
    else
        offer->schemes[offer->count++] = scheme;
}

static void set_schemes(const struct spec_auth *auth, const struct spec_texts *schemes,
                        struct auth_offer *offer, struct errlist *faults)
{
    for (size_t i = 0; i < schemes->count; i++)
        add_scheme(auth, &schemes->items[i], offer, faults);
}

static void report_undefined(const struct spec *spec, const struct spec_text *name,
                             struct errlist *faults)
{
    const struct spec_source *sources = spec->sources.items;
    struct suggest s = suggest_begin(name->text);
    for (size_t i = 0; i < spec->sources.count; i++)
        suggest_offer(&s, sources[i].head.name);
    if (s.best != NULL)
        errlist_add(faults, &name->at, "there is no source set '%s', did you mean '%s'?",
                    name->text, s.best);
    else
        errlist_add(faults, &name->at, "there is no source set '%s'", name->text);
}

/* An offer is made before anybody has said who he is. */
static void check_source(const struct spec *spec, const struct spec_text *name,
                         struct errlist *faults)
{
    const struct spec_source *sources = spec->sources.items;
    for (size_t i = 0; i < spec->sources.count; i++) {
        const struct spec_source *s = &sources[i];
        if (strcmp(s->head.name, name->text) != 0 || (!s->users.is_set && !s->groups.is_set))
            continue;
        errlist_add(faults, &name->at,
                    "from: the source %s names %s, but schemes are offered to clients of whom "
                    "only the address is known",
                    name->text, s->users.is_set ? "users" : "groups");
    }
}

static void add_offer(const struct spec *spec, const struct spec_offer *o,
                      const struct policy_builder *b, struct auth *a, struct errlist *faults)
{
    struct auth_offer schemes = {.count = 0};
    set_schemes(&spec->auth, &o->schemes, &schemes, faults);
    for (size_t i = 0; i < o->from.count; i++) {
        const struct spec_text *name = &o->from.items[i];
        struct auth_offer *offer = &a->offers[a->offer_count];
        int source = policy_find_source(b, str_of(name->text));
        if (source < 0)
            report_undefined(spec, name, faults);
        else
            check_source(spec, name, faults);
        for (size_t k = 0; source >= 0 && k < a->offer_count; k++)
            if (a->offers[k].source == source)
                errlist_warn(faults, &name->at, "from: the source %s has an offer above already",
                             name->text);
        *offer = schemes;
        offer->source = source;
        a->offer_count++;
    }
}

static bool is_offered(const struct auth *a, enum auth_scheme scheme)
{
    for (size_t i = 0; i < a->offer_count; i++)
        if (has_scheme(&a->offers[i], scheme))
            return true;
    return false;
}

static void check_offered(const struct spec_auth *auth, const struct auth *a,
                          struct errlist *faults)
{
    for (size_t i = 0; i < ARRAY_LEN(strongest_first); i++) {
        enum auth_scheme scheme = strongest_first[i];
        const struct spec_head *section = section_of(auth, scheme);
        /* NTLM is spoken inside Negotiate, too. */
        bool is_inside = scheme == AUTH_NTLM && is_offered(a, AUTH_NEGOTIATE);
        if (section->is_set && !is_offered(a, scheme) && !is_inside)
            errlist_warn(faults, &section->at, "%s is configured, but nobody is offered it",
                         scheme_name(scheme));
    }
}

void offers_build(const struct spec *spec, const struct policy_builder *b, struct auth *a,
                  struct errlist *faults)
{
    const struct spec_auth *auth = &spec->auth;
    const struct spec_offer *offers = auth->offers.items;
    size_t before = faults->errors;
    size_t room = 1;
    for (size_t i = 0; i < auth->offers.count; i++)
        room += offers[i].from.count;
    a->offers = mem_must_zalloc(room * sizeof(*a->offers));
    for (size_t i = 0; i < auth->offers.count; i++)
        add_offer(spec, &offers[i], b, a, faults);
    struct auth_offer *last = &a->offers[a->offer_count++];
    last->source = EVERYBODY;
    if (auth->schemes.is_set)
        set_schemes(auth, &auth->schemes, last, faults);
    for (size_t i = 0; !auth->schemes.is_set && i < ARRAY_LEN(strongest_first); i++)
        if (section_of(auth, strongest_first[i])->is_set)
            last->schemes[last->count++] = strongest_first[i];
    if (faults->errors == before && last->count != 0)
        check_offered(auth, a, faults);
}

struct place offers_place(const struct spec *spec, size_t index)
{
    const struct spec_offer *offers = spec->auth.offers.items;
    for (size_t i = 0; i < spec->auth.offers.count; i++) {
        if (index < offers[i].from.count)
            return offers[i].head.at;
        index -= offers[i].from.count;
    }
    return spec->auth.schemes.is_set ? spec->auth.schemes.at : spec->auth.head.at;
}

const struct auth_offer *offers_find(const struct config *c, const struct addr *client,
                                     struct str product, struct policy_scratch *s)
{
    const struct auth *a = c->auth;
    size_t i = 0;
    if (a == NULL)
        return NULL;
    while (i + 1 < a->offer_count &&
           !policy_source_holds(c->policy, a->offers[i].source, client, product, s))
        i++;
    return &a->offers[i];
}

const struct auth_offer *config_offer(const struct config *c, const struct addr *client,
                                      struct policy_scratch *s)
{
    return offers_find(c, client, (struct str){NULL, 0}, s);
}
