/* SPDX-License-Identifier: MIT */
/* inspection_check.c - what inspection would break; see inspection_check.h. */
#include "conf/inspection_check.h"

#include <string.h>

#include "conf/inspection.h"
#include "conf/set_names.h"

static bool is_never(const struct spec *spec, const char *set)
{
    return strcmp(set, INSPECTION_UNINSPECTABLE) == 0 || strcmp(set, INSPECTION_MEDIA) == 0 ||
           set_names_has(&spec->inspection.never, set);
}

static bool is_all_never(const struct spec *spec, const struct spec_texts *to)
{
    for (size_t i = 0; i < to->count; i++)
        if (!is_never(spec, to->items[i].text))
            return false;
    return to->count > 0;
}

static bool has_method(const struct spec_rule *r, const char *method)
{
    return !r->methods.is_set || set_names_has(&r->methods, method);
}

/* Whether a tunnel that the rule allows can be inspected. */
static bool would_inspect(const struct spec *spec, const struct spec_rule *r)
{
    uint64_t tls = r->tls.is_set ? r->tls.value : spec->inspection.fallback.value;
    return r->action.value == SPEC_ACTION_ALLOW && tls == SPEC_TLS_INSPECT &&
           has_method(r, "CONNECT") && !is_all_never(spec, &r->to);
}

static bool has_connect_alone(const struct spec_rule *r)
{
    for (size_t i = 0; i < r->methods.count; i++)
        if (strcmp(r->methods.items[i].text, "CONNECT") != 0)
            return false;
    return r->methods.is_set;
}

/* Nobody in that source set can be inspected by a rule that is behind this one. */
static bool is_last_for(const struct spec_rule *r, const char *source)
{
    return !r->to.is_set && !r->ports.is_set && has_method(r, "CONNECT") &&
           (!r->from.is_set || set_names_has(&r->from, source));
}

static bool may_be_inspected(const struct spec *spec, const char *source)
{
    const struct spec_rule *rules = spec->rules.items;
    for (size_t i = 0; i < spec->rules.count; i++) {
        const struct spec_rule *r = &rules[i];
        bool is_for = !r->from.is_set || set_names_has(&r->from, source);
        if (is_for && would_inspect(spec, r))
            return true;
        if (is_last_for(r, source))
            return false;
    }
    return false;
}

/* The product where it is known that it cannot be given a CA; else NULL. */
static const struct spec_product *find_stubborn(const struct spec *spec, const char *key)
{
    const struct spec_product *products = spec->webex.products.items;
    for (size_t i = 0; key != NULL && i < spec->webex.products.count; i++)
        if (strcmp(products[i].head.name, key) == 0 && products[i].custom_ca.is_set &&
            products[i].custom_ca.value == 0)
            return &products[i];
    return NULL;
}

static void check_source(const struct spec *spec, const struct spec_source *s,
                         struct errlist *faults)
{
    const struct spec_product *product = find_stubborn(spec, s->product.text);
    if (product == NULL || set_names_has(&spec->inspection.never_from, s->head.name) ||
        !may_be_inspected(spec, s->head.name))
        return;
    errlist_warn(faults, &s->head.at,
                 "%s cannot be given a CA: put the source %s into inspection.never_from",
                 product->name.text, s->head.name);
}

void inspection_check(const struct spec *spec, struct errlist *faults)
{
    const struct spec_rule *rules = spec->rules.items;
    const struct spec_source *sources = spec->sources.items;
    for (size_t i = 0; i < spec->rules.count; i++)
        if (would_inspect(spec, &rules[i]) && has_connect_alone(&rules[i]))
            errlist_warn(faults, &rules[i].methods.at,
                         "methods: the tunnels of this rule are inspected, and requests inside "
                         "are asked of the rules again by their own method: this rule lets none "
                         "through");
    for (size_t i = 0; i < spec->sources.count; i++)
        check_source(spec, &sources[i], faults);
}
