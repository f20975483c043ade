/* SPDX-License-Identifier: MIT */
/* policy.c - the compiled rules: a question in, a verdict out; see policy.h. */
#include "policy/policy.h"

#include <string.h>

#include "policy/ask.h"
#include "policy/exempt.h"

#define NO_SET (-1)

/* Whether a source fits. Unknown: its client does, and who the user is decides. */
enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN };

/* For a source that names somebody. */
static enum fit match_names(const struct ask *ask, const struct source *source)
{
    const struct policy_query *q = ask->q;
    if (q->user.ptr == NULL)
        return FIT_UNKNOWN;
    if (nameset_has(&source->users, q->user))
        return FIT_YES;
    for (size_t i = 0; i < q->group_count; i++)
        if (nameset_has(&source->groups, q->groups[i]))
            return FIT_YES;
    return FIT_NO;
}

/* source is set to the first set of the rule that fits, else to the first that may, or
 * to NO_SET where the rule is for everybody. */
static enum fit match_source(const struct ask *ask, const struct rule *rule, int *source)
{
    enum fit best = rule->from_count == 0 ? FIT_YES : FIT_NO;
    *source = NO_SET;
    for (size_t i = 0; i < rule->from_count; i++) {
        const struct source *candidate = &ask->p->sources[rule->from[i]];
        if (!ask_has_client(ask, rule->from[i]))
            continue;
        enum fit fit = candidate->has_names ? match_names(ask, candidate) : FIT_YES;
        if (fit == FIT_NO || fit == best)
            continue;
        *source = rule->from[i];
        if (fit == FIT_YES)
            return FIT_YES;
        best = fit;
    }
    return best;
}

static bool match_port(const struct ask *ask, const struct rule *rule)
{
    const struct ports *ports = compiled_ports(ask->p, rule, ask->q->scheme);
    if (ports == NULL)
        return true;
    for (size_t i = 0; i < ports->count; i++)
        if (ask->q->port >= ports->ranges[i][0] && ask->q->port <= ports->ranges[i][1])
            return true;
    return false;
}

static bool match_method(const struct ask *ask, const struct rule *rule)
{
    for (size_t i = 0; i < rule->methods_count; i++)
        if (str_eq(rule->methods[i], ask->method))
            return true;
    return rule->methods_count == 0;
}

enum found { FOUND_NO, FOUND_YES, FOUND_LIMIT, FOUND_UNSURE };

/* set: the first of the rule that matches, or NO_SET where the rule is for every
 * destination. Unsure: none does, but not all was asked. */
static inline enum found match_plain(const struct ask *ask, const struct rule *rule, int *set)
{
    *set = NO_SET;
    for (size_t i = 0; i < rule->to_count; i++) {
        if (!ask_has_set(ask, rule->to[i]))
            continue;
        *set = rule->to[i];
        return FOUND_YES;
    }
    if (rule->to_count == 0)
        return FOUND_YES;
    return rule->can_give_up ? FOUND_UNSURE : FOUND_NO;
}

/* Asks the regexes too. So a set that matches without them comes in front of one that
 * needs them. */
static enum found match_costly(const struct ask *ask, const struct rule *rule, int *set)
{
    enum found found = FOUND_NO;
    for (size_t i = 0; i < rule->to_count; i++) {
        ask_run_regexes(ask, rule->to[i]);
        if (ask_has_set(ask, rule->to[i])) {
            *set = rule->to[i];
            return FOUND_YES;
        }
        if (ask_has_limit(ask, rule->to[i]) && found == FOUND_NO) {
            *set = rule->to[i];
            found = FOUND_LIMIT;
        }
    }
    return found;
}

/* A rule, and the sets by which it fits. */
struct choice {
    size_t index;
    int source; /* or NO_SET, both */
    int set;
};

static void set_verdict(const struct ask *ask, const struct choice *choice,
                        enum policy_reason reason, struct policy_verdict *v)
{
    const struct rule *rule = &ask->p->rules[choice->index];
    const struct source *source =
        choice->source != NO_SET ? &ask->p->sources[choice->source] : NULL;
    int set = choice->set;
    bool is_allowed = reason == POLICY_BY_RULE && rule->action == POLICY_ALLOW;
    bool is_asking = reason == POLICY_NEEDS_USER;
    *v = (struct policy_verdict){
        .action = is_allowed ? POLICY_ALLOW : is_asking ? POLICY_AUTHENTICATE : POLICY_DENY,
        .reason = reason,
        .needs_user = rule->needs_user || (source != NULL && source->has_names),
        .rule_index = (int)choice->index,
        .rule = rule->name,
        .rule_at = rule->at,
        .source = source != NULL ? source->name : NULL,
        .set = set != NO_SET ? ask->p->destinations[set].name : NULL,
    };
    if (set != NO_SET && ask_has_set(ask, (uint16_t)set))
        ask_read_pattern(ask, (uint16_t)set, &v->pattern, &v->pattern_at);
    if (is_allowed && ask->q->scheme == POLICY_CONNECT)
        exempt_tunnel(ask, rule, v);
}

/* Nothing decided: was there an allow rule that failed by its port or method alone? */
static void explain_denial(const struct ask *ask, struct policy_verdict *v)
{
    struct choice c;
    for (c.index = 0; c.index < ask->p->rules_count; c.index++) {
        const struct rule *rule = &ask->p->rules[c.index];
        enum found found = match_plain(ask, rule, &c.set);
        if (rule->action != POLICY_ALLOW || found == FOUND_NO)
            continue;
        bool is_port = match_port(ask, rule);
        if (is_port == match_method(ask, rule) || match_source(ask, rule, &c.source) == FIT_NO)
            continue;
        if (found == FOUND_UNSURE)
            found = match_costly(ask, rule, &c.set);
        if (found != FOUND_YES)
            continue;
        set_verdict(ask, &c, is_port ? POLICY_BY_METHOD : POLICY_BY_PORT, v);
        return;
    }
}

/* The first rule that decides fills v; false: none does. Rules whose user would have to
 * be known are passed by as long as that can make no difference: where all that comes
 * behind them denies, nobody is asked. is_near: a rule was left for its port, method or
 * source. */
static bool find_rule(const struct ask *ask, bool *is_near, struct policy_verdict *v)
{
    struct choice c;
    struct choice asking; /* the first that has to know the user */
    bool is_asking = false;
    for (c.index = 0; c.index < ask->p->rules_count; c.index++) {
        const struct rule *rule = &ask->p->rules[c.index];
        enum found found = match_plain(ask, rule, &c.set);
        if (found == FOUND_NO)
            continue;
        enum fit fit = FIT_NO;
        if (match_port(ask, rule) && match_method(ask, rule))
            fit = match_source(ask, rule, &c.source);
        if (fit == FIT_NO) {
            *is_near = true;
            continue;
        }
        if (found == FOUND_UNSURE)
            found = match_costly(ask, rule, &c.set);
        if (found == FOUND_NO)
            continue;
        bool may_allow = found == FOUND_YES && rule->action == POLICY_ALLOW;
        bool needs_user = rule->needs_user && may_allow && ask->q->user.ptr == NULL;
        if ((fit == FIT_UNKNOWN || needs_user) && !is_asking) {
            is_asking = true;
            asking = c;
        }
        if (fit == FIT_UNKNOWN && !may_allow)
            continue;
        bool is_open = is_asking && may_allow;
        set_verdict(ask, is_open ? &asking : &c,
                    is_open              ? POLICY_NEEDS_USER
                    : found == FOUND_YES ? POLICY_BY_RULE
                                         : POLICY_MATCH_LIMIT,
                    v);
        return true;
    }
    return false;
}

void policy_eval(const struct policy *p, const struct policy_query *q, struct policy_scratch *s,
                 struct policy_verdict *v)
{
    struct ask ask;
    struct domain_search search;
    bool is_near = false;
    search.count = 0;
    if (!q->host->is_address)
        domain_prepare(&p->domains, host_str(q->host), &search);
    ask_begin(&ask, p, q, s);
    ask_collect_host(&ask, &search);
    if (find_rule(&ask, &is_near, v))
        return;
    *v = (struct policy_verdict){.reason = POLICY_NO_RULE, .rule_index = -1};
    if (is_near)
        explain_denial(&ask, v);
}

bool policy_allows_address(const struct policy *p, const struct policy_query *q,
                           const struct addr *dialled, struct policy_scratch *s,
                           struct policy_verdict *v)
{
    struct ask ask;
    struct choice c;
    if (v->action != POLICY_ALLOW)
        return false;
    ask_begin(&ask, p, q, s);
    ask_collect_nets(&ask, dialled, false);
    for (c.index = 0; c.index < (size_t)v->rule_index; c.index++) {
        const struct rule *rule = &p->rules[c.index];
        if (rule->action != POLICY_DENY || !match_port(&ask, rule) || !match_method(&ask, rule) ||
            match_source(&ask, rule, &c.source) == FIT_NO)
            continue;
        for (size_t k = 0; k < rule->to_count; k++) {
            if (!ask_has_set(&ask, rule->to[k]))
                continue;
            c.set = rule->to[k];
            set_verdict(&ask, &c, POLICY_BY_RULE, v);
            return false;
        }
    }
    return true;
}

bool policy_source_holds(const struct policy *p, int source, const struct addr *client,
                         struct str product, struct policy_scratch *s)
{
    struct policy_query q = {.client = client, .product = product};
    struct ask ask;
    if (source < 0)
        return true;
    ask_begin(&ask, p, &q, s);
    return ask_has_client(&ask, (uint16_t)source);
}

const char *policy_reason_text(enum policy_reason reason)
{
    switch (reason) {
    case POLICY_BY_RULE:
        return "a rule decides it";
    case POLICY_BY_PORT:
        return "the rule for it does not allow this port";
    case POLICY_BY_METHOD:
        return "the rule for it does not allow this method";
    case POLICY_MATCH_LIMIT:
        return "a pattern of the rule for it gave up at its limit";
    case POLICY_NEEDS_USER:
        return "credentials are needed";
    case POLICY_NO_RULE:
        break;
    }
    return "no rule allows it";
}

void policy_stats(const struct policy *p, struct policy_stats *out)
{
    *out = (struct policy_stats){
        .domains = p->domains.count,
        .globs = p->globs.count,
        .regexes = p->regexes.count,
        .urls = p->urls.used / sizeof(struct url),
        .prefixes = p->nets.count + p->clients.count,
        .rules = p->rules_count,
    };
    out->bytes = sizeof(*p) + p->texts.size + p->urls.size + domain_bytes(&p->domains) +
                 glob_bytes(&p->globs) + regex_bytes(&p->regexes) + p->nets.items.size +
                 p->nets.keys.size + p->clients.items.size + p->clients.keys.size +
                 p->rules_count * sizeof(struct rule) +
                 p->destinations_count * sizeof(struct destination) +
                 p->sources_count * sizeof(struct source) + inspection_bytes(&p->inspection);
    for (size_t i = 0; i < p->sources_count; i++)
        out->bytes += nameset_bytes(&p->sources[i].users) + nameset_bytes(&p->sources[i].groups);
}

void policy_free(struct policy *p)
{
    compiled_free(p);
}
