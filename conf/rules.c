/* SPDX-License-Identifier: MIT */
/* rules.c - the rules of a specification into a policy; see rules.h. */
#include "conf/rules.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conf/set_names.h"
#include "conf/suggest.h"
#include "util/mem.h"

struct building {
    const struct spec *spec;
    struct policy_builder *builder;
    struct config *config;
    struct errlist *faults;
};

/* RFC 9110 section 5.6.2: token. */
static bool is_token(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static struct str *read_methods(const struct building *b, const struct spec_texts *methods)
{
    struct str *out = mem_must_zalloc((methods->count + 1) * sizeof(*out));
    for (size_t i = 0; i < methods->count; i++) {
        const struct spec_text *m = &methods->items[i];
        out[i] = str_of(m->text);
        if (!is_token(m->text))
            errlist_add(b->faults, &m->at, "methods: '%s' is not a request method", m->text);
        else if (m->text[strcspn(m->text, "abcdefghijklmnopqrstuvwxyz")] != '\0')
            errlist_warn(b->faults, &m->at,
                         "methods: '%s': methods are case-sensitive, and all known ones are "
                         "upper-case",
                         m->text);
    }
    return out;
}

/* A rule whose name stands in an earlier one already. */
static void check_name(const struct building *b, size_t index)
{
    const struct spec_rule *rules = b->spec->rules.items;
    const struct spec_text *name = &rules[index].name;
    for (size_t i = 0; i < index; i++)
        if (rules[i].name.text != NULL && strcmp(rules[i].name.text, name->text) == 0) {
            errlist_add(b->faults, &name->at, "two rules are named '%s', the first at %s:%u",
                        name->text, rules[i].name.at.file, rules[i].name.at.line);
            return;
        }
}

static char *format_ports(const struct spec_ports *ports)
{
    size_t room = ports->count * sizeof("65535-65535, ") + 1;
    char *text = mem_must_zalloc(room);
    size_t used = 0;
    for (size_t i = 0; i < ports->count; i++) {
        unsigned low = ports->items[i][0], high = ports->items[i][1];
        used += (size_t)snprintf(text + used, room - used, "%s%u", i ? ", " : "", low);
        if (high != low)
            used += (size_t)snprintf(text + used, room - used, "-%u", high);
    }
    return text;
}

static char *format_methods(const struct spec_texts *methods)
{
    size_t room = 1, used = 0;
    for (size_t i = 0; i < methods->count; i++)
        room += strlen(methods->items[i].text) + 2;
    char *text = mem_must_zalloc(room);
    for (size_t i = 0; i < methods->count; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "",
                                 methods->items[i].text);
    return text;
}

/* The index of the parent that the rule names; -1 where it names none. */
static int find_parent(const struct building *b, const struct spec_rule *r)
{
    struct suggest s = suggest_begin(r->via.text != NULL ? r->via.text : "");
    if (r->via.text == NULL)
        return -1;
    for (size_t i = 0; i < b->config->parent_count; i++) {
        if (strcmp(b->config->parents[i].name, r->via.text) == 0)
            return (int)i;
        suggest_offer(&s, b->config->parents[i].name);
    }
    if (s.best != NULL)
        errlist_add(b->faults, &r->via.at, "there is no parent '%s', did you mean '%s'?",
                    r->via.text, s.best);
    else
        errlist_add(b->faults, &r->via.at, "there is no parent '%s'", r->via.text);
    return -1;
}

static void keep_texts(const struct building *b, const struct spec_rule *r)
{
    struct rule_text *text = &b->config->rules[b->config->rule_count++];
    const struct spec_guard *guard = &b->spec->guard;

    text->parent = find_parent(b, r);
    if (r->not_tls.is_set)
        text->not_tls =
            r->not_tls.value == SPEC_NOT_TLS_DENY ? NOT_TLS_DENY : NOT_TLS_TUNNEL;
    if (r->ports.is_set || r->action.value == SPEC_ACTION_ALLOW) {
        text->connect_ports = format_ports(r->ports.is_set ? &r->ports : &guard->connect_ports);
        text->http_ports = format_ports(r->ports.is_set ? &r->ports : &guard->http_ports);
    }
    if (r->methods.is_set)
        text->methods = format_methods(&r->methods);
}

static bool has_names(const struct building *b, const char *source)
{
    const struct spec_source *s = set_names_source(b->spec, source);
    return s != NULL && (s->users.is_set || s->groups.is_set);
}

/* Whether the rule asks for credentials, whatever its sources name. */
static bool needs_user(const struct building *b, const struct spec_rule *r)
{
    bool has_auth = b->spec->auth.head.is_set;
    bool is_required = r->auth.is_set ? r->auth.value == SPEC_AUTH_REQUIRED : has_auth;
    if (r->action.value == SPEC_ACTION_DENY && r->auth.is_set)
        errlist_warn(b->faults, &r->auth.at, "auth means nothing in a rule that denies");
    else if (is_required && !has_auth)
        errlist_add(b->faults, &r->auth.at, "auth = \"required\": there is no auth section");
    for (size_t i = 0; r->auth.is_set && !is_required && i < r->from.count; i++)
        if (has_names(b, r->from.items[i].text))
            errlist_warn(b->faults, &r->auth.at,
                         "auth = \"none\": clients are asked all the same, for the source %s "
                         "names users or groups",
                         r->from.items[i].text);
    return is_required;
}

/* What is written must be what happens, so a rule cannot ask for what is off. */
static enum policy_tls read_tls(const struct building *b, const struct spec_rule *r)
{
    bool is_inspect = r->tls.value == SPEC_TLS_INSPECT;
    const struct spec_number *useless = r->tls.is_set ? &r->tls : &r->not_tls;
    if (r->action.value == SPEC_ACTION_DENY) {
        if (useless->is_set)
            errlist_warn(b->faults, &useless->at, "%s means nothing in a rule that denies",
                         r->tls.is_set ? "tls" : "not_tls");
        return POLICY_TLS_NONE;
    }
    if (!r->tls.is_set)
        return POLICY_TLS_NONE;
    if (is_inspect && !b->spec->inspection.enabled.value)
        errlist_add(b->faults, &r->tls.at,
                    "tls = \"inspect\": inspection is off; set inspection.enabled, or take the "
                    "key out");
    return is_inspect ? POLICY_TLS_INSPECT : POLICY_TLS_TUNNEL;
}

static void add_rule(const struct building *b, size_t index)
{
    const struct spec_rule *r = &((const struct spec_rule *)b->spec->rules.items)[index];
    struct err e;
    size_t from_count, to_count;
    size_t faults_before = b->faults->errors;

    if (r->name.text != NULL)
        check_name(b, index);
    int *from = set_names_find(b->spec, b->builder, &r->from, true, &from_count, b->faults);
    int *to = set_names_find(b->spec, b->builder, &r->to, false, &to_count, b->faults);
    struct str *methods = read_methods(b, &r->methods);
    struct policy_rule_spec spec = {
        .name = r->name.text,
        .at = r->head.at,
        .action = r->action.value == SPEC_ACTION_ALLOW ? POLICY_ALLOW : POLICY_DENY,
        .needs_user = needs_user(b, r),
        .tls = read_tls(b, r),
        .from = from,
        .from_count = from_count,
        .to = to,
        .to_count = to_count,
        .ports = (const uint16_t(*)[2])r->ports.items,
        .ports_count = r->ports.count,
        .methods = methods,
        .methods_count = r->methods.count,
    };
    /* A rule that lost a part to a fault would mean more than what was written. */
    if (b->faults->errors == faults_before && r->name.text != NULL &&
        policy_add_rule(b->builder, &spec, &e) != 0)
        errlist_add_err(b->faults, &e);
    keep_texts(b, r);
    mem_free(from);
    mem_free(to);
    mem_free(methods);
}

void rules_build(const struct spec *spec, struct policy_builder *builder, struct config *c,
                 struct errlist *faults)
{
    struct building b = {spec, builder, c, faults};
    const struct spec_guard *guard = &spec->guard;

    policy_set_default_ports(builder, POLICY_CONNECT,
                             (const uint16_t(*)[2])guard->connect_ports.items,
                             guard->connect_ports.count);
    policy_set_default_ports(builder, POLICY_HTTP, (const uint16_t(*)[2])guard->http_ports.items,
                             guard->http_ports.count);
    policy_set_default_ports(builder, POLICY_HTTPS,
                             (const uint16_t(*)[2])guard->connect_ports.items,
                             guard->connect_ports.count);
    c->rules = mem_must_zalloc((spec->rules.count + 1) * sizeof(*c->rules));
    for (size_t i = 0; i < spec->rules.count; i++)
        add_rule(&b, i);
    /* Not where what is written was no list and is reported already. */
    bool is_written = spec->rules.at.file != NULL;
    if (spec->rules.count == 0 && spec->rules.is_set == is_written)
        errlist_warn(faults, is_written ? &spec->rules.at : &spec->head.at,
                     "there are no rules: every request is denied");
}
