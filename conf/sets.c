/* SPDX-License-Identifier: MIT */
/* sets.c - the sets of a specification into a policy; see sets.h. */
#include "conf/sets.h"

#include <stdio.h>
#include <string.h>

#include "auth/accounts.h"
#include "auth/scheme.h"
#include "conf/file.h"
#include "conf/suggest.h"
#include "util/mem.h"

typedef int (*add_pattern_fn)(struct policy_builder *b, int set, struct str pattern,
                              const struct place *at, struct err *e);

static char *dup_text(const char *text)
{
    return text ? mem_must_dup(text, strlen(text)) : NULL;
}

static void add_patterns(const struct spec_texts *patterns, add_pattern_fn add,
                         struct policy_builder *b, int set, struct errlist *faults)
{
    for (size_t i = 0; i < patterns->count; i++) {
        struct err e;
        const struct spec_text *item = &patterns->items[i];
        if (add(b, set, str_of(item->text), &item->at, &e) != 0)
            errlist_add_err(faults, &e);
    }
}

static void add_file(const struct spec_text *file, struct policy_builder *b, int set,
                     struct errlist *faults)
{
    char *path = file_relative(file->at.file, file->text);
    char *text;
    size_t len;
    struct err e;

    if (file_read(path, SETS_MAX_FILE_BYTES, &file->at, &text, &len, &e) != 0) {
        errlist_add_err(faults, &e);
    } else {
        policy_add_lines(b, set, (struct str){text, len}, path, faults);
        mem_free(text);
    }
    mem_free(path);
}

static void add_destinations(const struct spec_groups *groups, struct policy_builder *b,
                             struct errlist *faults)
{
    const struct spec_set *sets = groups->items;
    for (size_t i = 0; i < groups->count; i++) {
        const struct spec_set *s = &sets[i];
        struct err e;
        int set = policy_add_destination(b, s->head.name, &s->head.at, &e);
        if (set < 0) {
            errlist_add_err(faults, &e);
            continue;
        }
        add_patterns(&s->domains, policy_add_domain, b, set, faults);
        add_patterns(&s->addresses, policy_add_prefix, b, set, faults);
        add_patterns(&s->urls, policy_add_url, b, set, faults);
        add_patterns(&s->regex, policy_add_regex, b, set, faults);
        for (size_t j = 0; j < s->files.count; j++)
            add_file(&s->files.items[j], b, set, faults);
        if (!s->domains.is_set && !s->addresses.is_set && !s->urls.is_set && !s->regex.is_set &&
            !s->files.is_set)
            errlist_warn(faults, &s->head.at, "the set %s holds nothing", s->head.name);
    }
}

/* ---- products ---- */

static void check_auth(const struct spec_texts *auth, struct errlist *faults)
{
    for (size_t i = 0; i < auth->count; i++) {
        const struct spec_text *item = &auth->items[i];
        enum auth_scheme scheme;
        if (scheme_parse(&scheme, str_of(item->text)) != 0)
            errlist_add(faults, &item->at, "auth: '%s' is not one of %s", item->text,
                        scheme_names());
    }
}

static char *join_texts(const struct spec_texts *texts)
{
    size_t len = 0;
    for (size_t i = 0; i < texts->count; i++)
        len += strlen(texts->items[i].text) + 2;
    char *joined = mem_must_zalloc(len + 1);
    for (size_t i = 0, used = 0; i < texts->count; i++)
        used += (size_t)snprintf(joined + used, len + 1 - used, "%s%s", i ? ", " : "",
                                 texts->items[i].text);
    return joined;
}

static void add_products(const struct spec_groups *groups, struct config *c,
                         struct errlist *faults)
{
    const struct spec_product *products = groups->items;
    c->products = mem_must_zalloc((groups->count + 1) * sizeof(*c->products));
    for (size_t i = 0; i < groups->count; i++) {
        const struct spec_product *p = &products[i];
        const char *key = p->head.name;
        if (key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
            errlist_add(faults, &p->head.at,
                        "'%s' is no key of a product: lower-case letters, digits and '-' only",
                        key);
        check_auth(&p->auth, faults);
        c->products[c->product_count++] = (struct product){
            .key = dup_text(key),
            .name = dup_text(p->name.text ? p->name.text : key),
            .auth = join_texts(&p->auth),
            .custom_ca = !p->custom_ca.is_set       ? PRODUCT_CA_UNKNOWN
                         : p->custom_ca.value != 0 ? PRODUCT_CA_YES
                                                   : PRODUCT_CA_NO,
        };
    }
}

static void check_product(const struct spec_text *product, const struct config *c,
                          struct errlist *faults)
{
    struct suggest s = suggest_begin(product->text);
    for (size_t i = 0; i < c->product_count; i++) {
        if (strcmp(c->products[i].key, product->text) == 0)
            return;
        suggest_offer(&s, c->products[i].key);
    }
    if (s.best != NULL)
        errlist_warn(faults, &product->at,
                     "product: '%s' is not in webex.products, did you mean '%s'?", product->text,
                     s.best);
    else
        errlist_warn(faults, &product->at, "product: '%s' is not in webex.products",
                     product->text);
}

static void add_names(const struct spec_texts *names, const char *key,
                      void (*add)(struct policy_builder *b, int source, struct str name),
                      struct policy_builder *b, int source, struct errlist *faults)
{
    for (size_t i = 0; i < names->count; i++) {
        struct str name = str_of(names->items[i].text);
        if (name.len > ACCOUNT_NAME_MAX)
            errlist_add(faults, &names->items[i].at, "%s: a name has at most %d bytes", key,
                        ACCOUNT_NAME_MAX);
        else
            add(b, source, name);
    }
}

static void add_sources(const struct spec_groups *groups, struct policy_builder *b,
                        const struct config *c, struct errlist *faults)
{
    const struct spec_source *sources = groups->items;
    for (size_t i = 0; i < groups->count; i++) {
        const struct spec_source *s = &sources[i];
        struct err e;
        int set = policy_add_source(b, s->head.name, &s->head.at, &e);
        if (set < 0) {
            errlist_add_err(faults, &e);
            continue;
        }
        add_patterns(&s->addresses, policy_add_client_prefix, b, set, faults);
        if (s->product.text != NULL) {
            check_product(&s->product, c, faults);
            policy_set_product(b, set, str_of(s->product.text));
        }
        add_names(&s->users, "users", policy_add_user, b, set, faults);
        add_names(&s->groups, "groups", policy_add_group, b, set, faults);
        bool has_names = s->users.is_set || s->groups.is_set;
        if (!s->addresses.is_set && (s->product.text != NULL || !has_names))
            errlist_warn(faults, &s->head.at, "the source %s has no addresses: no client is in it",
                         s->head.name);
    }
}

static void check_revision(const struct spec_text *revision, struct errlist *faults)
{
    static const char form[] = "dddd-dd-dd";
    const char *text = revision->text;
    bool is_date = strlen(text) == sizeof(form) - 1;
    for (size_t i = 0; is_date && form[i] != '\0'; i++)
        is_date = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!is_date)
        errlist_add(faults, &revision->at, "revision is \"%s\": it must be a date, YYYY-MM-DD",
                    text);
}

void sets_build(const struct spec *spec, struct policy_builder *b, struct config *c,
                struct errlist *faults)
{
    if (spec->webex.revision.text != NULL)
        check_revision(&spec->webex.revision, faults);
    c->webex_revision = dup_text(spec->webex.revision.text);
    add_products(&spec->webex.products, c, faults);
    add_destinations(&spec->webex.destinations, b, faults);
    add_destinations(&spec->destinations, b, faults);
    add_sources(&spec->sources, b, c, faults);
    c->set_count =
        spec->webex.destinations.count + spec->destinations.count + spec->sources.count;
}
