/* SPDX-License-Identifier: MIT */
/* policy_build.c - collects sets and rules and compiles them; see policy_build.h. */
#include "policy/policy_build.h"

#include <string.h>

#include "policy/builder.h"
#include "policy/compiled.h"
#include "policy/pattern.h"
#include "util/mem.h"

/* Where a pattern comes from. */
struct source_line {
    uint16_t file;
    uint32_t line;
};

struct policy_builder *policy_builder_new(void)
{
    struct policy_builder *b = mem_must_zalloc(sizeof(*b));
    static const uint16_t connect[][2] = {{443, 443}};
    static const uint16_t http[][2] = {{80, 80}};
    b->policy = compiled_new();
    policy_set_default_ports(b, POLICY_CONNECT, connect, 1);
    policy_set_default_ports(b, POLICY_HTTP, http, 1);
    return b;
}

void policy_builder_free(struct policy_builder *b)
{
    if (b == NULL)
        return;
    compiled_free(b->policy);
    mem_free(b);
}

int policy_find_destination(const struct policy_builder *b, struct str name)
{
    for (size_t i = 0; i < b->policy->destinations_count; i++)
        if (str_eq(str_of(b->policy->destinations[i].name), name))
            return (int)i;
    return -1;
}

int policy_find_source(const struct policy_builder *b, struct str name)
{
    for (size_t i = 0; i < b->policy->sources_count; i++)
        if (str_eq(str_of(b->policy->sources[i].name), name))
            return (int)i;
    return -1;
}

static int fail_taken(struct err *e, const struct place *at, const char *name,
                      const struct place *first)
{
    if (first->file == NULL)
        return err_set(e, at, "the set '%s' is defined twice", name);
    return err_set(e, at, "the set '%s' is defined already at %s:%u", name, first->file,
                   first->line);
}

int policy_add_destination(struct policy_builder *b, const char *name, const struct place *at,
                           struct err *e)
{
    struct policy *p = b->policy;
    int taken = policy_find_destination(b, str_of(name));
    if (taken >= 0)
        return fail_taken(e, at, name, &p->destinations[taken].at);
    if (p->destinations_count == POLICY_MAX_SETS)
        return err_set(e, at, "there are more than %d sets of destinations", POLICY_MAX_SETS);
    size_t size = (p->destinations_count + 1) * sizeof(*p->destinations);
    p->destinations = mem_must_resize(p->destinations, size);
    p->destinations[p->destinations_count] = (struct destination){
        .name = mem_must_dup(name, strlen(name)),
        .at = builder_place(b, at),
        .first_regex = REGEX_NONE,
        .last_regex = REGEX_NONE,
    };
    return (int)p->destinations_count++;
}

int policy_add_source(struct policy_builder *b, const char *name, const struct place *at,
                      struct err *e)
{
    struct policy *p = b->policy;
    int taken = policy_find_source(b, str_of(name));
    if (taken >= 0)
        return fail_taken(e, at, name, &p->sources[taken].at);
    if (p->sources_count == POLICY_MAX_SETS)
        return err_set(e, at, "there are more than %d sets of sources", POLICY_MAX_SETS);
    p->sources = mem_must_resize(p->sources, (p->sources_count + 1) * sizeof(*p->sources));
    p->sources[p->sources_count] = (struct source){
        .name = mem_must_dup(name, strlen(name)),
        .at = builder_place(b, at),
    };
    return (int)p->sources_count++;
}

static struct note make_note(struct policy *p, int set, struct str text, struct source_line from)
{
    uint32_t at = (uint32_t)bulk_append(&p->texts, text.ptr, text.len);
    return (struct note){at, from.line, NOTE_NO_URL, (uint16_t)text.len, from.file, (uint16_t)set};
}

static uint32_t add_url(struct policy *p, const struct pattern *pattern)
{
    struct url url = {(uint32_t)p->texts.used, 0, pattern->port, (uint8_t)pattern->scheme};
    if (pattern->path.len != 0) {
        char *room = bulk_room(&p->texts, pattern->path.len + 1);
        url.path_len = (uint16_t)url_normalise(pattern->path, room);
        p->texts.used += url.path_len;
    }
    return (uint32_t)(bulk_append(&p->urls, &url, sizeof(url)) / sizeof(url));
}

static void add_domain(struct policy *p, int set, const struct pattern *pattern, struct str text,
                       uint32_t url, struct source_line from)
{
    struct str key = pattern_key(pattern);
    bool is_suffix = pattern->kind == PATTERN_SUFFIX;
    struct str plain = text;
    if (is_suffix)
        plain = (struct str){text.ptr + 2, text.len - 2};
    struct domain_entry entry = {key,
                                 is_suffix,
                                 (uint16_t)set,
                                 from.file,
                                 from.line,
                                 url,
                                 str_eq(plain, key) ? (struct str){NULL, 0} : text};
    domain_add(&p->domains, &entry);
}

static void add_pattern(struct policy *p, int set, const struct pattern *pattern, struct str text,
                        struct source_line from)
{
    uint32_t url = pattern->is_url ? add_url(p, pattern) : NOTE_NO_URL;
    p->destinations[set].patterns++;
    p->destinations[set].can_give_up |= pattern->is_url;
    if (pattern->kind == PATTERN_EXACT || pattern->kind == PATTERN_SUFFIX) {
        add_domain(p, set, pattern, text, url, from);
        return;
    }
    struct note note = make_note(p, set, text, from);
    note.url = url;
    if (pattern->kind == PATTERN_GLOB)
        glob_add(&p->globs, pattern_key(pattern), &note);
    else
        netset_add(&p->nets, &pattern->addr, pattern->bits, &note);
}

typedef const char *(*parse_fn)(struct pattern *p, struct str text);

static int add_parsed(struct policy_builder *b, int set, struct str text, const struct place *at,
                      parse_fn parse, struct err *e)
{
    struct pattern pattern;
    struct source_line from = {NOTE_NO_FILE, at ? at->line : 0};
    ASSERT(set >= 0 && (size_t)set < b->policy->destinations_count);
    const char *fault = parse(&pattern, text);
    if (fault == NULL)
        fault = builder_find_limit(b->policy);
    if (fault == NULL && at != NULL && builder_intern_file(b, at->file, &from.file) != 0)
        fault = "comes from one file too many: 65,000 is the limit";
    if (fault != NULL)
        return builder_fail(e, at, text, fault);
    add_pattern(b->policy, set, &pattern, text, from);
    return 0;
}

int policy_add_domain(struct policy_builder *b, int set, struct str pattern, const struct place *at,
                      struct err *e)
{
    return add_parsed(b, set, pattern, at, pattern_parse_domain, e);
}

int policy_add_url(struct policy_builder *b, int set, struct str pattern, const struct place *at,
                   struct err *e)
{
    return add_parsed(b, set, pattern, at, pattern_parse_url, e);
}

int policy_add_prefix(struct policy_builder *b, int set, struct str cidr, const struct place *at,
                      struct err *e)
{
    return add_parsed(b, set, cidr, at, pattern_parse_prefix, e);
}

int policy_add_regex(struct policy_builder *b, int set, struct str pattern, const struct place *at,
                     struct err *e)
{
    struct policy *p = b->policy;
    struct source_line from = {NOTE_NO_FILE, at ? at->line : 0};
    char words[256];
    uint32_t index;
    ASSERT(set >= 0 && (size_t)set < p->destinations_count);
    const char *fault = builder_find_limit(p);
    if (pattern.len == 0)
        fault = "is empty";
    else if (pattern.len > PATTERN_MAX)
        fault = "is too long";
    else if (at != NULL && builder_intern_file(b, at->file, &from.file) != 0)
        fault = "comes from one file too many: 65,000 is the limit";
    if (fault != NULL)
        return builder_fail(e, at, pattern, fault);
    size_t texts = p->texts.used;
    struct note note = make_note(p, set, pattern, from);
    if (regex_add(&p->regexes, pattern, &note, &index, words, sizeof(words)) != 0) {
        p->texts.used = texts;
        char quoted[BUILDER_QUOTE_SIZE];
        return err_set(e, at, "the regex '%s' has a fault: %s", builder_quote(pattern, quoted),
                       words);
    }
    struct destination *destination = &p->destinations[set];
    if (destination->first_regex == REGEX_NONE)
        destination->first_regex = index;
    else
        regex_link(&p->regexes, destination->last_regex, index);
    destination->last_regex = index;
    destination->can_give_up = true;
    destination->patterns++;
    return 0;
}

/* Most lines of long lists: lower-case ASCII, perhaps with "*." in front. Anything
 * else, faults included, is false and goes the long way. */
static bool read_plain(struct str name)
{
    size_t label = 0;
    if (name.len == 0 || name.len > HOST_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
            continue;
        if (c != '.' || i == label || i - label > 63)
            return false;
        label = i + 1;
    }
    char last = label < name.len ? name.ptr[label] : '0';
    return name.len - label <= 63 && !(last >= '0' && last <= '9');
}

static bool add_plain(struct policy *p, int set, struct str line, struct source_line from)
{
    bool is_suffix = line.len > 2 && line.ptr[0] == '*' && line.ptr[1] == '.';
    struct str name = line;
    if (is_suffix)
        name = (struct str){line.ptr + 2, line.len - 2};
    if (!read_plain(name) || builder_find_limit(p) != NULL)
        return false;
    struct domain_entry entry = {name,      is_suffix,   (uint16_t)set, from.file,
                                 from.line, NOTE_NO_URL, {NULL, 0}};
    domain_add(&p->domains, &entry);
    p->destinations[set].patterns++;
    return true;
}

/* A comment is a line that begins with '#', or what follows a blank and a '#'. */
static struct str strip_line(struct str line)
{
    const char *hash = line.len ? memchr(line.ptr, '#', line.len) : NULL;
    while (hash != NULL && hash != line.ptr && hash[-1] != ' ' && hash[-1] != '\t')
        hash = memchr(hash + 1, '#', (size_t)(line.ptr + line.len - hash - 1));
    if (hash != NULL)
        line.len = (size_t)(hash - line.ptr);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return str_trim(line);
}

static int add_line(struct policy_builder *b, int set, struct str line, const struct place *at,
                    struct err *e)
{
    if (memmem(line.ptr, line.len, "://", 3) != NULL)
        return policy_add_url(b, set, line, at, e);
    if (pattern_is_range(line))
        return policy_add_prefix(b, set, line, at, e);
    return policy_add_domain(b, set, line, at, e);
}

void policy_add_lines(struct policy_builder *b, int set, struct str text, const char *file,
                      struct errlist *errors)
{
    struct place at = {file, 0};
    struct source_line from = {NOTE_NO_FILE, 0};
    struct err e;
    ASSERT(set >= 0 && (size_t)set < b->policy->destinations_count);
    if (builder_intern_file(b, file, &from.file) != 0) {
        errlist_add(errors, &at, "is one file too many: 65,000 is the limit");
        return;
    }
    if (str_starts(text, STR_LIT("\xef\xbb\xbf")))
        text = (struct str){text.ptr + 3, text.len - 3};
    while (text.len != 0) {
        struct str line = strip_line(str_cut(&text, '\n'));
        at.line = ++from.line;
        if (line.len == 0 || add_plain(b->policy, set, line, from))
            continue;
        if (add_line(b, set, line, &at, &e) != 0)
            errlist_add_err(errors, &e);
    }
}

int policy_add_client_prefix(struct policy_builder *b, int source, struct str cidr,
                             const struct place *at, struct err *e)
{
    struct policy *p = b->policy;
    struct pattern pattern;
    ASSERT(source >= 0 && (size_t)source < p->sources_count);
    const char *fault = pattern_parse_prefix(&pattern, cidr);
    if (fault == NULL)
        fault = builder_find_limit(p);
    if (fault != NULL)
        return builder_fail(e, at, cidr, fault);
    struct note note = make_note(p, source, cidr, (struct source_line){NOTE_NO_FILE, 0});
    netset_add(&p->clients, &pattern.addr, pattern.bits, &note);
    p->sources[source].prefixes++;
    return 0;
}

void policy_set_product(struct policy_builder *b, int source, struct str product)
{
    ASSERT(source >= 0 && (size_t)source < b->policy->sources_count);
    mem_free(b->policy->sources[source].product);
    b->policy->sources[source].product = mem_must_dup(product.ptr, product.len);
}

static struct source *source_for_names(struct policy_builder *b, int source)
{
    ASSERT(source >= 0 && (size_t)source < b->policy->sources_count);
    b->policy->sources[source].has_names = true;
    return &b->policy->sources[source];
}

void policy_add_user(struct policy_builder *b, int source, struct str user)
{
    nameset_add(&source_for_names(b, source)->users, user);
}

void policy_add_group(struct policy_builder *b, int source, struct str group)
{
    nameset_add(&source_for_names(b, source)->groups, group);
}

static uint16_t *copy_sets(const int *sets, size_t count, size_t limit)
{
    uint16_t *copy = mem_must_zalloc(count * sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        ASSERT(sets[i] >= 0 && (size_t)sets[i] < limit);
        copy[i] = (uint16_t)sets[i];
    }
    return copy;
}

static struct ports copy_ports(const uint16_t (*ranges)[2], size_t count)
{
    struct ports ports = {mem_must_zalloc(count * sizeof(*ranges)), count};
    if (count != 0)
        memcpy(ports.ranges, ranges, count * sizeof(*ranges));
    return ports;
}

static struct str *copy_methods(const struct str *methods, size_t count)
{
    size_t size = count * sizeof(*methods);
    for (size_t i = 0; i < count; i++)
        size += methods[i].len;
    struct str *copy = mem_must_zalloc(size);
    char *at = (char *)(copy + count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = (struct str){at, methods[i].len};
        memcpy(at, methods[i].ptr, methods[i].len);
        at += methods[i].len;
    }
    return copy;
}

static int check_rule(const struct policy *p, const struct policy_rule_spec *rule, struct err *e)
{
    for (size_t i = 0; i < p->rules_count; i++)
        if (strcmp(p->rules[i].name, rule->name) == 0)
            return err_set(e, &rule->at, "the rule '%s' is defined twice", rule->name);
    if (p->rules_count == POLICY_MAX_RULES)
        return err_set(e, &rule->at, "there are more than %d rules", POLICY_MAX_RULES);
    for (size_t i = 0; i < rule->ports_count; i++) {
        unsigned first = rule->ports[i][0];
        unsigned last = rule->ports[i][1];
        if (first == 0 || first > last)
            return err_set(e, &rule->at, "the rule '%s' has no ports in %u-%u", rule->name, first,
                           last);
    }
    return 0;
}

int policy_add_rule(struct policy_builder *b, const struct policy_rule_spec *rule, struct err *e)
{
    struct policy *p = b->policy;
    if (check_rule(p, rule, e) != 0)
        return -1;
    p->rules = mem_must_resize(p->rules, (p->rules_count + 1) * sizeof(*p->rules));
    p->rules[p->rules_count++] = (struct rule){
        .name = mem_must_dup(rule->name, strlen(rule->name)),
        .at = builder_place(b, &rule->at),
        .action = rule->action,
        .needs_user = rule->needs_user && rule->action == POLICY_ALLOW,
        .tls = rule->tls,
        .from = copy_sets(rule->from, rule->from_count, p->sources_count),
        .from_count = rule->from_count,
        .to = copy_sets(rule->to, rule->to_count, p->destinations_count),
        .to_count = rule->to_count,
        .ports = copy_ports(rule->ports, rule->ports_count),
        .methods = copy_methods(rule->methods, rule->methods_count),
        .methods_count = rule->methods_count,
    };
    return 0;
}

static void replace_ports(struct ports *ports, const uint16_t (*ranges)[2], size_t count)
{
    mem_free(ports->ranges);
    *ports = copy_ports(ranges, count);
}

void policy_set_default_ports(struct policy_builder *b, enum policy_scheme scheme,
                              const uint16_t (*ports)[2], size_t count)
{
    struct ports *defaults = b->policy->defaults;
    replace_ports(&defaults[scheme], ports, count);
    if (scheme == POLICY_HTTPS)
        b->has_https_ports = true;
    if (scheme == POLICY_CONNECT && !b->has_https_ports)
        replace_ports(&defaults[POLICY_HTTPS], ports, count);
}

struct policy *policy_builder_finish(struct policy_builder *b)
{
    struct policy *p = b->policy;
    domain_finish(&p->domains);
    glob_finish(&p->globs);
    netset_finish(&p->nets);
    netset_finish(&p->clients);
    for (size_t i = 0; i < p->sources_count; i++) {
        nameset_finish(&p->sources[i].users);
        nameset_finish(&p->sources[i].groups);
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        struct rule *rule = &p->rules[i];
        for (size_t k = 0; k < rule->to_count; k++)
            rule->can_give_up |= p->destinations[rule->to[k]].can_give_up;
    }
    bulk_trim(&p->texts);
    bulk_trim(&p->urls);
    mem_free(b);
    return p;
}
