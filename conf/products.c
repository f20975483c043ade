/* SPDX-License-Identifier: MIT */
/* products.c - which Webex products an auth section leaves out; see products.h. */
#include "conf/products.h"

#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "conf/offers.h"
#include "util/mem.h"

#define WEBEX_SET "webex"
#define EVERYBODY (-1)
#define TUNNEL_PORT 443

struct proof {
    const struct spec *spec;
    const struct auth *auth;
    bool has_webex_set;
    /* For each product: the offer that strands it; SERVED, or NO_RULE. */
    size_t *fates;
};

#define SERVED SIZE_MAX
#define NO_RULE (SIZE_MAX - 1)

static bool is_named(const struct spec_texts *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, name) == 0)
            return true;
    return false;
}

static bool has_set(const struct spec_groups *groups, const char *name)
{
    const struct spec_set *sets = groups->items;
    for (size_t i = 0; i < groups->count; i++)
        if (strcmp(sets[i].head.name, name) == 0)
            return true;
    return false;
}

/* Whether the rule's destinations hold those of Webex: by name, or because one of them is
 * everything. */
static bool covers_webex(const struct proof *p, const struct spec_rule *r)
{
    const struct spec_set *sets = p->spec->destinations.items;
    if (!r->to.is_set || !p->has_webex_set || is_named(&r->to, WEBEX_SET))
        return true;
    for (size_t i = 0; i < p->spec->destinations.count; i++)
        if (is_named(&sets[i].domains, "*") && is_named(&r->to, sets[i].head.name))
            return true;
    return false;
}

/* Whether a product's tunnels to Webex can come to this rule. */
static bool is_for_webex(const struct proof *p, const struct spec_rule *r)
{
    const struct spec_ports *ports = r->ports.is_set ? &r->ports : &p->spec->guard.connect_ports;
    bool has_port = false;
    for (size_t i = 0; i < ports->count; i++)
        has_port |= ports->items[i][0] <= TUNNEL_PORT && ports->items[i][1] >= TUNNEL_PORT;
    return r->action.value == SPEC_ACTION_ALLOW && has_port &&
           (!r->methods.is_set || is_named(&r->methods, "CONNECT")) &&
           covers_webex(p, r);
}

/* The number of a source set is its place in the specification. */
static const struct spec_source *source_at(const struct proof *p, int number)
{
    return &((const struct spec_source *)p->spec->sources.items)[number];
}

static int find_source(const struct proof *p, const char *name)
{
    for (size_t i = 0; i < p->spec->sources.count; i++)
        if (strcmp(source_at(p, (int)i)->head.name, name) == 0)
            return (int)i;
    return EVERYBODY;
}

static bool can_hold(const struct spec_source *s, const char *product)
{
    return s->product.text == NULL || strcmp(s->product.text, product) == 0;
}

/* What the product's clients in that source set are offered; EVERYBODY: in none. */
static size_t find_offer(const struct proof *p, const char *product, int source)
{
    size_t i = 0;
    for (; i + 1 < p->auth->offer_count; i++) {
        int number = p->auth->offers[i].source;
        const char *named = source_at(p, number)->product.text;
        if (number == source || (named != NULL && strcmp(named, product) == 0))
            break;
    }
    return i;
}

static bool can_do(const struct spec_product *product, enum auth_scheme scheme)
{
    return is_named(&product->auth, scheme_name(scheme));
}

/* Whether the product is served by a rule, as a client in that source set of it. */
static bool is_served(const struct proof *p, size_t index, bool needs_user, int source)
{
    const struct spec_product *product =
        &((const struct spec_product *)p->spec->webex.products.items)[index];
    if (!needs_user && can_do(product, AUTH_NONE)) {
        p->fates[index] = SERVED;
        return true;
    }
    if (!needs_user)
        return false;
    size_t number = find_offer(p, product->head.name, source);
    const struct auth_offer *offer = &p->auth->offers[number];
    for (size_t i = 0; i < offer->count; i++)
        if (can_do(product, offer->schemes[i])) {
            p->fates[index] = SERVED;
            return true;
        }
    if (p->fates[index] == NO_RULE)
        p->fates[index] = number;
    return false;
}

static bool is_served_by(const struct proof *p, size_t index, const struct spec_rule *r)
{
    const struct spec_product *product =
        &((const struct spec_product *)p->spec->webex.products.items)[index];
    bool needs_user = !r->auth.is_set || r->auth.value == SPEC_AUTH_REQUIRED;
    if (!r->from.is_set)
        return is_served(p, index, needs_user, EVERYBODY);
    for (size_t i = 0; i < r->from.count; i++) {
        int source = find_source(p, r->from.items[i].text);
        const struct spec_source *s = source_at(p, source);
        bool has_names = s->users.is_set || s->groups.is_set;
        if (can_hold(s, product->head.name) && is_served(p, index, needs_user || has_names, source))
            return true;
    }
    return false;
}

static void prove(const struct proof *p, size_t index)
{
    const struct spec_rule *rules = p->spec->rules.items;
    p->fates[index] = NO_RULE;
    for (size_t i = 0; i < p->spec->rules.count; i++) {
        const struct spec_rule *r = &rules[i];
        if (!is_for_webex(p, r))
            continue;
        if (is_served_by(p, index, r))
            return;
        /* It decides for everybody: no rule behind it is asked. */
        if (!r->from.is_set && (p->has_webex_set || !r->to.is_set))
            return;
    }
}

/* "Webex for Windows, Cisco video devices": those of that fate; NULL: there are none. */
static char *join_names(const struct proof *p, size_t fate)
{
    const struct spec_product *products = p->spec->webex.products.items;
    size_t count = p->spec->webex.products.count;
    size_t room = 1;
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (p->fates[i] == fate)
            room += strlen(products[i].name.text) + 2;
    if (room == 1)
        return NULL;
    char *names = mem_must_zalloc(room);
    for (size_t i = 0; i < count; i++)
        if (p->fates[i] == fate)
            used += (size_t)snprintf(names + used, room - used, "%s%s", used ? ", " : "",
                                     products[i].name.text);
    return names;
}

static void warn_of_offer(const struct proof *p, size_t number, struct errlist *faults)
{
    const struct auth_offer *offer = &p->auth->offers[number];
    struct place at = offers_place(p->spec, number);
    char schemes[64];
    size_t used = 0;
    char *names = join_names(p, number);
    if (names == NULL)
        return;
    for (size_t i = 0; i < offer->count; i++)
        used += (size_t)snprintf(schemes + used, sizeof(schemes) - used, "%s%s", i ? ", " : "",
                                 scheme_name(offer->schemes[i]));
    const char *source = offer->source >= 0 ? source_at(p, offer->source)->head.name : NULL;
    errlist_warn(faults, &at, "auth offers %s%sonly %s: %s are stranded", source ? source : "",
                 source ? " " : "", schemes, names);
    mem_free(names);
}

void products_check(const struct spec *spec, const struct config *c, struct errlist *faults)
{
    size_t count = spec->webex.products.count;
    struct proof p = {.spec = spec, .auth = c->auth};
    if (c->auth == NULL || count == 0)
        return;
    p.has_webex_set =
        has_set(&spec->webex.destinations, WEBEX_SET) || has_set(&spec->destinations, WEBEX_SET);
    p.fates = mem_must_zalloc(count * sizeof(*p.fates));
    for (size_t i = 0; i < count; i++)
        prove(&p, i);
    for (size_t i = 0; i < c->auth->offer_count; i++)
        warn_of_offer(&p, i, faults);
    char *names = join_names(&p, NO_RULE);
    if (names != NULL)
        errlist_warn(faults, &spec->auth.head.at, "no rule allows %s%s: %s are stranded",
                     p.has_webex_set ? "the set " : "anything",
                     p.has_webex_set ? WEBEX_SET : "", names);
    mem_free(names);
    mem_free(p.fates);
}
