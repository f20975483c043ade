/* SPDX-License-Identifier: MIT */
/* exempt.c - whether an allowed tunnel is inspected; see exempt.h. */
#include "policy/exempt.h"

#include <string.h>

static void mark_exempt(struct policy_verdict *v, const struct exemption *e, const char *set)
{
    v->tls = POLICY_TLS_TUNNEL;
    v->tls_reason = e->reason;
    v->is_exempt = true;
    v->is_always = e->is_always;
    v->tls_set = set;
}

/* Users are no part of it: nobody is asked who it is before it is known whether there is
 * anything to see. So a set that names users alone exempts nobody, rather than everybody. */
static bool find_client(const struct ask *ask, struct policy_verdict *v)
{
    const struct inspection *inspection = &ask->p->inspection;
    for (size_t i = 0; i < inspection->never_from_count; i++) {
        const struct exemption *e = &inspection->never_from[i];
        const struct source *source = &ask->p->sources[e->set];
        if (source->prefixes == 0 && source->product == NULL)
            continue;
        if (!ask_has_client(ask, e->set))
            continue;
        mark_exempt(v, e, source->name);
        v->tls_at = source->at;
        return true;
    }
    return false;
}

/* The first set that holds the host. Where a regex gives up at its limit it is not known
 * whether the host is exempt, and then it is: never is never, in doubt too. */
static bool find_destination(const struct ask *ask, struct policy_verdict *v)
{
    const struct policy *p = ask->p;
    for (size_t i = 0; i < p->inspection.never_count; i++) {
        const struct exemption *e = &p->inspection.never[i];
        if (!ask_has_set(ask, e->set) && p->destinations[e->set].first_regex != REGEX_NONE)
            ask_run_regexes(ask, e->set);
        bool is_inside = ask_has_set(ask, e->set);
        if (!is_inside && !ask_has_limit(ask, e->set))
            continue;
        mark_exempt(v, e, p->destinations[e->set].name);
        if (is_inside)
            ask_read_pattern(ask, e->set, &v->tls_pattern, &v->tls_at);
        else
            compiled_note(p, &regex_at(&p->regexes, ask->s->sets[e->set].limit_regex)->note,
                          &v->tls_pattern, &v->tls_at);
        return true;
    }
    return false;
}

void exempt_tunnel(const struct ask *ask, const struct rule *rule, struct policy_verdict *v)
{
    const struct inspection *inspection = &ask->p->inspection;
    if (!inspection->is_on) {
        v->tls = POLICY_TLS_TUNNEL;
        v->tls_reason = "inspection is off";
        return;
    }
    if (find_client(ask, v) || find_destination(ask, v))
        return;
    if (rule->tls != POLICY_TLS_NONE) {
        v->tls = rule->tls;
        v->tls_reason = "tls of the rule";
        v->tls_at = rule->at;
        return;
    }
    v->tls = inspection->fallback;
    v->tls_reason = "inspection.default";
}

/* The exemption that holds the address, and its prefix. Longest prefixes come first; of equal
 * ones the set that stands first in never. */
static const struct exemption *find_prefix(const struct policy *p, const struct addr *a,
                                           const struct netset_item **prefix)
{
    const struct inspection *inspection = &p->inspection;
    const struct exemption *found = NULL;
    *prefix = NULL;
    for (uint32_t i = netset_find(&p->nets, a); i != NETSET_NONE; i = netset_next(&p->nets, i, a)) {
        const struct netset_item *item = netset_item(&p->nets, i);
        if (*prefix != NULL && item->bits != (*prefix)->bits)
            break;
        const struct exemption *e =
            inspection_find(inspection->never, inspection->never_count, item->note.set);
        if (e == NULL || item->note.url != NOTE_NO_URL || (found != NULL && e >= found))
            continue;
        *prefix = item;
        found = e;
    }
    return found;
}

bool exempt_is_translated(const struct addr *a, struct addr *v4)
{
    static const struct addr PREFIX = {{0x00, 0x64, 0xff, 0x9b}};
    if (!addr_in_prefix(a, &PREFIX, 96))
        return false;
    *v4 = (struct addr){{[10] = 0xff, [11] = 0xff}};
    memcpy(v4->bytes + 12, a->bytes + 12, 4);
    return true;
}

bool policy_exempts_address(const struct policy *p, const struct addr *dialled,
                            struct policy_scratch *s, struct policy_verdict *v)
{
    const struct netset_item *prefix;
    struct addr v4;
    ASSERT(s->policy == p);
    if (v->is_exempt || v->tls == POLICY_TLS_NONE || p->inspection.never_count == 0)
        return v->is_exempt;
    const struct exemption *found = find_prefix(p, dialled, &prefix);
    if (found == NULL && exempt_is_translated(dialled, &v4))
        found = find_prefix(p, &v4, &prefix);
    if (found == NULL)
        return false;
    mark_exempt(v, found, p->destinations[found->set].name);
    compiled_note(p, &prefix->note, &v->tls_pattern, &v->tls_at);
    return true;
}
