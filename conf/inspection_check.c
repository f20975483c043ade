/* SPDX-License-Identifier: MIT */
/* inspection_check.c - what inspection would break; see inspection_check.h. */
#include "conf/inspection_check.h"

#include <stdio.h>
#include <string.h>

#include "certs/constraint.h"
#include "conf/inspection.h"
#include "conf/set_names.h"
#include "policy/host.h"

#define ENTRY_SIZE 128 /* of one entry of the CA's constraints */
#define LIST_SIZE 160  /* of all that are shown */

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

/* Whether the CA may issue for every host of a pattern, as far as that can be told: of a name,
 * and of all below one. */
static bool may_issue_for(NAME_CONSTRAINTS *constraints, const char *pattern)
{
    struct host host;
    struct str name = str_of(pattern);
    if (str_starts(name, STR_LIT("*.")))
        name = (struct str){name.ptr + 2, name.len - 2};
    name.len = str_find(name, '/');
    return host_parse(&host, name) == NULL && str_find(host_str(&host), '*') == host.len &&
           constraint_allows_host(constraints, host_str(&host));
}

static bool may_issue_for_set(const struct spec *spec, NAME_CONSTRAINTS *constraints,
                              const char *name)
{
    const struct spec_set *set = set_names_destination(spec, name);
    if (is_never(spec, name))
        return true;
    if (set == NULL || set->addresses.count + set->urls.count + set->regex.count +
                           set->files.count > 0)
        return false;
    for (size_t i = 0; i < set->domains.count; i++)
        if (!may_issue_for(constraints, set->domains.items[i].text))
            return false;
    return true;
}

static bool may_issue_for_rule(const struct spec *spec, NAME_CONSTRAINTS *constraints,
                               const struct spec_rule *r)
{
    for (size_t i = 0; i < r->to.count; i++)
        if (!may_issue_for_set(spec, constraints, r->to.items[i].text))
            return false;
    return r->to.is_set;
}

/* The entries of a kind: "corp.example, 10.0.0.0/8", cut where there is no room for more. */
static void list_entries(const NAME_CONSTRAINTS *set, enum constraint_kind kind, char *out,
                         size_t size)
{
    size_t used = 0, count = constraint_count(set, kind);
    char one[ENTRY_SIZE];
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        constraint_format(set, kind, i, one, sizeof(one));
        if (used + strlen(one) + sizeof(", ...") > size) {
            snprintf(out + used, size - used, ", ...");
            break;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", one);
    }
}

static void warn_of_constraints(const struct inspection_config *inspection, struct errlist *faults)
{
    const NAME_CONSTRAINTS *set = inspection->ca_constraints;
    bool is_limited = constraint_count(set, CONSTRAINT_PERMIT) > 0;
    char list[LIST_SIZE];
    list_entries(set, is_limited ? CONSTRAINT_PERMIT : CONSTRAINT_EXCLUDE, list, sizeof(list));
    errlist_warn(faults, &inspection->ca_certificate_at,
                 "%s: the CA may %sissue certificates for %s%s, and rules inspect more than that: "
                 "clients of other hosts get an alert; `sallyport explain` tells of each",
                 inspection->ca_certificate_path, is_limited ? "" : "not ", list,
                 is_limited ? " alone" : "");
}

/* One warning for all rules. */
static void check_constraints(const struct spec *spec, const struct inspection_config *inspection,
                              struct errlist *faults)
{
    const struct spec_rule *rules = spec->rules.items;
    for (size_t i = 0; i < spec->rules.count; i++)
        if (would_inspect(spec, &rules[i]) &&
            !may_issue_for_rule(spec, inspection->ca_constraints, &rules[i])) {
            warn_of_constraints(inspection, faults);
            return;
        }
}

void inspection_check(const struct spec *spec, const struct inspection_config *inspection,
                      struct errlist *faults)
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
    if (inspection->ca_constraints != NULL)
        check_constraints(spec, inspection, faults);
}
