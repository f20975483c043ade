/* SPDX-License-Identifier: MIT */
/*
 * policy_prove.c - rules that ask for inspection where nothing is ever inspected; declared in
 * policy.h.
 *
 * A pattern is reported where every host that it can match is exempt by one pattern of a set in
 * inspection.never. Whatever is not certain is not reported: of regexes those are judged that are
 * a host and nothing else, and patterns that only several others cover together are not.
 */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "policy/builder.h"
#include "policy/catalog.h"
#include "policy/compiled.h"
#include "policy/exempt.h"
#include "util/mem.h"

#define MAX_FAULTS 10 /* of one rule */
#define PLACE_SIZE 300

/* The pattern that exempts. */
struct cover {
    const struct exemption *by; /* NULL: there is none */
    struct str text;
};

/* A pattern of the rule's sets that is exempt. */
struct finding {
    uint16_t file;
    uint32_t line;
    struct str text;
    struct cover cover;
};

struct proof {
    const struct policy *p;
    struct catalog catalog;
    uint32_t *stamps; /* for glob_find */
    uint32_t stamp;
    const struct rule *rule;
    struct finding found[MAX_FAULTS]; /* those that stand first in their files, in order */
    size_t count;
    struct errlist *faults;
    size_t left; /* how many faults the rule may still have */
};

/* A look for what exempts a name, and perhaps all below it. */
struct look {
    struct proof *proof;
    bool is_subtree;
    uint32_t url; /* of the pattern that is judged, or NOTE_NO_URL */
    struct cover cover;
};

/* The set's exemption where it may replace what was found: never counts in its order. */
static const struct exemption *find_better(const struct look *look, uint16_t set)
{
    const struct inspection *i = &look->proof->p->inspection;
    const struct exemption *e = inspection_find(i->never, i->never_count, set);
    return e != NULL && (look->cover.by == NULL || e < look->cover.by) ? e : NULL;
}

/* Does a pattern with that URL exempt every tunnel of the rule to its hosts? One without a
 * URL does, one with a path none, one with a port those to this port. */
static bool holds_tunnels(const struct look *look, uint32_t number)
{
    const struct policy *p = look->proof->p;
    if (number == NOTE_NO_URL)
        return true;
    const struct url *url = compiled_url(p, number);
    if (!url_fits(url, POLICY_CONNECT, url->port))
        return false;
    bool is_same = look->url != NOTE_NO_URL && compiled_url(p, look->url)->port == url->port;
    if (url->port == 0 || is_same)
        return true;
    const struct ports *ports = compiled_ports(p, look->proof->rule, POLICY_CONNECT);
    for (size_t i = 0; i < ports->count; i++)
        if (ports->ranges[i][0] != url->port || ports->ranges[i][1] != url->port)
            return false;
    return true;
}

static void on_domain(void *context, const struct domain_match *match)
{
    struct look *look = context;
    const struct exemption *e = find_better(look, match->set);
    struct domain_entry entry;
    if (e == NULL || (look->is_subtree && !match->is_suffix) || !holds_tunnels(look, match->url))
        return;
    domain_read(&look->proof->p->domains, match->ref, &entry);
    look->cover = (struct cover){e, entry.written};
}

/* What begins with a star takes whatever stands in front of a name that it takes. */
static void on_glob(void *context, uint32_t index)
{
    struct look *look = context;
    const struct policy *p = look->proof->p;
    const struct note *note = &glob_at(&p->globs, index)->note;
    const struct exemption *e = find_better(look, note->set);
    if (e == NULL || !holds_tunnels(look, note->url))
        return;
    if (!look->is_subtree || glob_text(&p->globs, index).ptr[0] == '*')
        look->cover = (struct cover){e, compiled_text(p, note->text, note->text_len)};
}

static void look_for_domains(struct look *look, struct str name)
{
    const struct domain_table *domains = &look->proof->p->domains;
    struct domain_search search;
    domain_prepare(domains, name, &search);
    domain_find(domains, &search, on_domain, look);
}

/* subject: as glob_find wants it. */
static void look_for_globs(struct look *look, const char *subject, size_t len)
{
    struct proof *s = look->proof;
    glob_find(&s->p->globs, subject, len, s->stamps, ++s->stamp, on_glob, look);
}

/* Keeps what stands first: patterns come in the order of their table. */
static void keep_finding(struct proof *s, const struct finding *finding)
{
    size_t at = s->count;
    while (at > 0 && (s->found[at - 1].file > finding->file ||
                      (s->found[at - 1].file == finding->file &&
                       s->found[at - 1].line > finding->line)))
        at--;
    if (at == MAX_FAULTS)
        return;
    s->count += s->count < MAX_FAULTS;
    memmove(&s->found[at + 1], &s->found[at], (s->count - at - 1) * sizeof(s->found[0]));
    s->found[at] = *finding;
}

static void keep_note(struct look *look, const struct note *note)
{
    struct finding finding = {note->file, note->line,
                              compiled_text(look->proof->p, note->text, note->text_len),
                              look->cover};
    if (look->cover.by != NULL)
        keep_finding(look->proof, &finding);
}

/* What is for plain HTTP alone has nothing to do with inspection. */
static bool is_plain_http(const struct policy *p, uint32_t url)
{
    return url != NOTE_NO_URL && compiled_url(p, url)->scheme == PATTERN_HTTP;
}

static void judge_domain(struct proof *s, domain_ref ref)
{
    struct domain_entry entry;
    char subject[GLOB_SUBJECT_SIZE];
    domain_read(&s->p->domains, ref, &entry);
    struct look look = {.proof = s, .is_subtree = entry.is_suffix, .url = entry.url};
    if (is_plain_http(s->p, entry.url))
        return;
    look_for_domains(&look, entry.key);
    subject[0] = '.';
    memcpy(subject + 1, entry.key.ptr, entry.key.len);
    look_for_globs(&look, subject, entry.key.len + 1);
    struct finding finding = {entry.file, entry.line, entry.written, look.cover};
    if (look.cover.by != NULL)
        keep_finding(s, &finding);
}

/* A glob that takes the text of another, stars and all, takes whatever that takes. And hosts
 * of a glob all end as it ends; the first label of that end may be cut. */
static void judge_glob(struct proof *s, uint32_t index)
{
    const struct note *note = &glob_at(&s->p->globs, index)->note;
    struct str text = glob_text(&s->p->globs, index);
    struct look look = {.proof = s, .url = note->url};
    char subject[GLOB_SUBJECT_SIZE];
    if (is_plain_http(s->p, note->url))
        return;
    if (text.len <= sizeof(subject) - sizeof(uint64_t)) {
        memcpy(subject, text.ptr, text.len);
        look_for_globs(&look, subject, text.len);
    }
    const char *last = memrchr(text.ptr, '*', text.len);
    struct str tail = str_range(last + 1, text.ptr + text.len);
    size_t dot = str_find(tail, '.');
    look.is_subtree = true;
    if (dot < tail.len)
        look_for_domains(&look, (struct str){tail.ptr + dot + 1, tail.len - dot - 1});
    keep_note(&look, note);
}

/* Inside a prefix, or under "*", which takes addresses too. */
static void look_for_prefixes(struct look *look, const struct addr *a, unsigned bits)
{
    const struct policy *p = look->proof->p;
    const struct netset *n = &p->nets;
    for (uint32_t i = netset_find(n, a); i != NETSET_NONE; i = netset_next(n, i, a)) {
        const struct netset_item *item = netset_item(n, i);
        const struct exemption *e = find_better(look, item->note.set);
        if (e != NULL && item->bits <= bits && holds_tunnels(look, item->note.url))
            look->cover =
                (struct cover){e, compiled_text(p, item->note.text, item->note.text_len)};
    }
}

/* Lengths are the same before and behind a translation: 96 and those of IPv4. */
static void look_for_nets(struct look *look, const struct addr *a, unsigned bits)
{
    struct addr v4;
    look_for_prefixes(look, a, bits);
    if (look->cover.by == NULL && bits >= 96 && exempt_is_translated(a, &v4))
        look_for_prefixes(look, &v4, bits);
}

static void judge_net(struct proof *s, uint32_t index)
{
    const struct glob_index *globs = &s->p->globs;
    const struct netset_item *inner = netset_item(&s->p->nets, index);
    struct look look = {.proof = s, .url = inner->note.url};
    if (is_plain_http(s->p, inner->note.url))
        return;
    look_for_nets(&look, &inner->addr, inner->bits);
    for (uint32_t i = globs->count ? globs->unfiled : GLOB_NONE; i != GLOB_NONE;
         i = glob_at(globs, i)->next)
        on_glob(&look, i);
    keep_note(&look, &inner->note);
}

/* The host that the regex "^host\\.example$" takes, and no other; false where it is another kind of
 * regex. Whatever has a meaning but these anchors and escaped signs is. */
static bool read_literal(struct str regex, struct host *host)
{
    char name[HOST_MAX + 1];
    size_t len = 0;
    if (regex.len < 2 || regex.ptr[0] != '^' || regex.ptr[regex.len - 1] != '$')
        return false;
    for (size_t i = 1; i < regex.len - 1; i++) {
        bool is_escaped = regex.ptr[i] == '\\';
        i += is_escaped;
        char c = str_lower(regex.ptr[i]);
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        bool is_sign = c == '-' || c == ':' || (c == '.' && is_escaped);
        if (len == HOST_MAX || (!is_sign && !(is_plain && !is_escaped)))
            return false;
        name[len++] = c;
    }
    return host_parse(host, (struct str){name, len}) == NULL &&
           str_eq(host_str(host), (struct str){name, len});
}

static void judge_regex(struct proof *s, const struct note *note)
{
    struct look look = {.proof = s, .url = note->url};
    char subject[GLOB_SUBJECT_SIZE];
    struct host host;
    if (!read_literal(compiled_text(s->p, note->text, note->text_len), &host))
        return;
    look_for_domains(&look, host_str(&host));
    subject[0] = '.';
    memcpy(subject + 1, host.name, host.len);
    look_for_globs(&look, subject, host.len + 1);
    if (host.is_address)
        look_for_nets(&look, &host.addr, 128);
    keep_note(&look, note);
}

static void judge_regexes(struct proof *s, uint16_t set)
{
    uint32_t i = s->p->destinations[set].first_regex;
    for (; i != REGEX_NONE; i = regex_at(&s->p->regexes, i)->next)
        judge_regex(s, &regex_at(&s->p->regexes, i)->note);
}

static void judge_set(struct proof *s, uint16_t set)
{
    const struct catalog *c = &s->catalog;
    for (size_t i = c->domains.first[set]; i < c->domains.first[set + 1]; i++)
        judge_domain(s, c->domains.items[i]);
    for (size_t i = c->globs.first[set]; i < c->globs.first[set + 1]; i++)
        judge_glob(s, c->globs.items[i] - 1);
    for (size_t i = c->nets.first[set]; i < c->nets.first[set + 1]; i++)
        judge_net(s, c->nets.items[i] - 1);
    judge_regexes(s, set);
}

static bool may_report(struct proof *s)
{
    if (s->left == 0)
        return false;
    s->left--;
    return true;
}

static void report_set(struct proof *s, const char *kind, const char *set,
                       const struct exemption *e, const char *list)
{
    if (!may_report(s))
        return;
    if (e->is_always)
        errlist_add(s->faults, &s->rule->at,
                    "rule '%s' says tls = \"inspect\", but its %s set %s is never inspected, "
                    "whatever the configuration says",
                    s->rule->name, kind, set);
    else
        errlist_add(s->faults, &s->rule->at,
                    "rule '%s' says tls = \"inspect\", but its %s set %s is in inspection.%s: "
                    "it is never inspected",
                    s->rule->name, kind, set, list);
}

static void report_finding(struct proof *s, const struct finding *f)
{
    char text[BUILDER_QUOTE_SIZE];
    char cover[BUILDER_QUOTE_SIZE];
    char where[PLACE_SIZE] = "";
    struct place at = compiled_place(s->p, f->file, f->line);
    if (at.file != NULL)
        snprintf(where, sizeof(where), " (%s:%u)", at.file, at.line);
    if (may_report(s))
        errlist_add(s->faults, &s->rule->at,
                    "rule '%s' says tls = \"inspect\", but '%s'%s is exempt by '%s' of %s",
                    s->rule->name, builder_quote(f->text, text), where,
                    builder_quote(f->cover.text, cover),
                    s->p->destinations[f->cover.by->set].name);
}

/* A rule may name a set twice. */
static bool is_repeated(const uint16_t *sets, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sets[i] == sets[index])
            return true;
    return false;
}

/* In never_from users count for nothing, and of live clients no product is known. */
static bool is_client_exempt(const struct proof *s, const struct netset_item *inner)
{
    const struct inspection *i = &s->p->inspection;
    const struct netset *n = &s->p->clients;
    for (uint32_t k = netset_find(n, &inner->addr); k != NETSET_NONE;
         k = netset_next(n, k, &inner->addr)) {
        const struct netset_item *item = netset_item(n, k);
        if (item->bits <= inner->bits &&
            inspection_find(i->never_from, i->never_from_count, item->note.set) != NULL)
            return true;
    }
    return false;
}

static bool is_product_exempt(const struct proof *s, const struct source *source)
{
    const struct inspection *i = &s->p->inspection;
    for (size_t k = 0; source->product != NULL && k < i->never_from_count; k++) {
        const struct source *other = &s->p->sources[i->never_from[k].set];
        if (other->prefixes == 0 && other->product != NULL &&
            strcmp(other->product, source->product) == 0)
            return true;
    }
    return false;
}

static bool is_source_exempt(const struct proof *s, uint16_t number)
{
    const struct source *source = &s->p->sources[number];
    if (source->prefixes == 0)
        return is_product_exempt(s, source);
    for (uint32_t i = 0; i < s->p->clients.count; i++) {
        const struct netset_item *item = netset_item(&s->p->clients, i);
        if (item->note.set == number && !is_client_exempt(s, item))
            return false;
    }
    return true;
}

static void prove_sources(struct proof *s)
{
    const struct inspection *inspection = &s->p->inspection;
    const struct rule *rule = s->rule;
    for (size_t i = 0; i < rule->from_count; i++) {
        const struct source *source = &s->p->sources[rule->from[i]];
        const struct exemption *e =
            inspection_find(inspection->never_from, inspection->never_from_count, rule->from[i]);
        if (is_repeated(rule->from, i) || !is_source_exempt(s, rule->from[i]))
            continue;
        if (e != NULL)
            report_set(s, "source", source->name, e, "never_from");
        else if (may_report(s))
            errlist_add(s->faults, &rule->at,
                        "rule '%s' says tls = \"inspect\", but all clients of its source set %s "
                        "are in inspection.never_from: they are never inspected",
                        rule->name, source->name);
    }
}

static void prove_destinations(struct proof *s)
{
    const struct inspection *inspection = &s->p->inspection;
    const struct rule *rule = s->rule;
    s->count = 0;
    for (size_t i = 0; i < rule->to_count; i++) {
        uint16_t set = rule->to[i];
        if (is_repeated(rule->to, i))
            continue;
        const struct exemption *e =
            inspection_find(inspection->never, inspection->never_count, set);
        if (e != NULL)
            report_set(s, "destination", s->p->destinations[set].name, e, "never");
        else
            judge_set(s, set);
    }
    for (size_t i = 0; i < s->count; i++)
        report_finding(s, &s->found[i]);
}

static bool asks_for_inspection(const struct rule *rule)
{
    return rule->action == POLICY_ALLOW && rule->tls == POLICY_TLS_INSPECT;
}

void policy_prove_exemptions(const struct policy *p, struct errlist *faults)
{
    struct proof s = {.p = p, .faults = faults};
    size_t first = 0;
    while (first < p->rules_count && !asks_for_inspection(&p->rules[first]))
        first++;
    if (!p->inspection.is_on || first == p->rules_count)
        return;
    catalog_init(&s.catalog, p);
    s.stamps = mem_must_zalloc(p->globs.bucket_count * sizeof(*s.stamps));
    for (size_t i = first; i < p->rules_count; i++) {
        if (!asks_for_inspection(&p->rules[i]))
            continue;
        s.rule = &p->rules[i];
        s.left = MAX_FAULTS;
        prove_sources(&s);
        prove_destinations(&s);
    }
    catalog_fini(&s.catalog);
    mem_free(s.stamps);
}
