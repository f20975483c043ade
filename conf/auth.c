/* SPDX-License-Identifier: MIT */
/* auth.c - the section `auth` of a specification; see auth.h. */
#include "conf/auth.h"

#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "conf/file.h"
#include "conf/helper.h"
#include "conf/offers.h"
#include "conf/secret.h"
#include "util/mem.h"

#define MAX_ACCOUNTS_BYTES ((size_t)64 << 20)
#define MAX_SECRET_BYTES 4096
#define REALM_MAX 255
#define DOMAIN_MAX 15 /* of a NetBIOS name */
#define KEYTAB_PREFIX "FILE:"

struct building {
    const struct spec *spec;
    struct auth *auth;
    struct errlist *faults;
};

/* ---- texts ---- */

static void set_realm(const struct building *b)
{
    const struct spec_text *realm = &b->spec->auth.realm;
    size_t len = strlen(realm->text);
    bool is_fine = len <= REALM_MAX;
    for (size_t i = 0; i < len; i++)
        is_fine &= (unsigned char)realm->text[i] >= 0x20 && realm->text[i] != 0x7f;
    if (!is_fine)
        errlist_add(b->faults, &realm->at,
                    "realm must have at most %d bytes, and no control characters", REALM_MAX);
    b->auth->realm = mem_must_dup(realm->text, len);
}

/* MS-NLMP takes any NetBIOS name; these characters none can have. */
static void set_domain(const struct building *b)
{
    const struct spec_text *domain = &b->spec->auth.ntlm.domain;
    if (domain->text == NULL)
        return;
    size_t len = strlen(domain->text);
    bool is_fine = len <= DOMAIN_MAX && domain->text[strcspn(domain->text, "\\/:*?\"<>| ")] == '\0';
    for (size_t i = 0; i < len; i++)
        is_fine &= domain->text[i] > 0x20 && domain->text[i] < 0x7f;
    if (!is_fine)
        errlist_add(b->faults, &domain->at,
                    "domain: '%s' is no NetBIOS name: at most %d letters, digits and signs, as "
                    "\"CORP\"",
                    domain->text, DOMAIN_MAX);
    b->auth->domain = mem_must_dup(domain->text, len);
}

/* ---- helpers ---- */

struct helper_numbers {
    const struct spec_number *children, *queue, *concurrency; /* the last may be NULL */
};

static struct helper_config *build_helper(const struct building *b, const struct spec_text *helper,
                                          enum helper_protocol protocol,
                                          const struct helper_numbers *n)
{
    struct helper_config *h = mem_must_zalloc(sizeof(*h));
    *h = (struct helper_config){
        .command = helper_command(helper, b->faults),
        .protocol = protocol,
        .children = (unsigned)n->children->value,
        .concurrency = n->concurrency != NULL ? (unsigned)n->concurrency->value : 0,
        .queue = (unsigned)n->queue->value,
        .timeout_ms = b->spec->auth.helper_timeout.value,
    };
    return h;
}

/* Exactly one of file and helper. */
static bool is_one(const struct building *b, const struct spec_head *section, const char *key,
                   const struct spec_text *file, const struct spec_text *helper)
{
    if (file->text != NULL && helper->text != NULL)
        errlist_add(b->faults, &helper->at, "%s takes %s or helper, not both", section->name, key);
    else if (file->text == NULL && helper->text == NULL)
        errlist_add(b->faults, &section->at, "%s needs %s or helper", section->name, key);
    else
        return true;
    return false;
}

static void warn_of_number(const struct building *b, const char *key, const struct spec_number *n)
{
    if (n != NULL && n->is_set)
        errlist_warn(b->faults, &n->at, "%s means nothing without a helper", key);
}

static void warn_of_numbers(const struct building *b, const struct helper_numbers *n)
{
    warn_of_number(b, "children", n->children);
    warn_of_number(b, "queue", n->queue);
    warn_of_number(b, "concurrency", n->concurrency);
}

/* ---- schemes ---- */

static void build_basic(const struct building *b)
{
    const struct spec_basic *s = &b->spec->auth.basic;
    const struct helper_numbers numbers = {&s->children, &s->queue, &s->concurrency};
    char *path;
    struct str text;
    if (!s->head.is_set || !is_one(b, &s->head, "htpasswd", &s->htpasswd, &s->helper))
        return;
    b->auth->basic_cache_ms = s->cache.value;
    if (s->helper.text != NULL) {
        b->auth->basic_helper = build_helper(b, &s->helper, HELPER_BASIC, &numbers);
        return;
    }
    warn_of_numbers(b, &numbers);
    if (secret_read(&s->htpasswd, MAX_ACCOUNTS_BYTES, &path, &text, b->faults) != 0)
        return;
    b->auth->htpasswd = htpasswd_new(text, path, b->faults);
    secret_drop(path, text);
}

static void set_algorithms(const struct building *b, struct digest_settings *out)
{
    static const char *const names[] = {[DIGEST_SHA256] = "SHA-256", [DIGEST_MD5] = "MD5"};
    const struct spec_texts *algorithms = &b->spec->auth.digest.algorithms;
    for (size_t i = 0; i < algorithms->count; i++) {
        const struct spec_text *item = &algorithms->items[i];
        unsigned found = 0;
        bool is_twice = false;
        while (found < DIGEST_ALGORITHMS && strcmp(names[found], item->text) != 0)
            found++;
        for (size_t k = 0; k < out->algorithm_count; k++)
            is_twice |= (unsigned)out->algorithms[k] == found;
        if (found == DIGEST_ALGORITHMS)
            errlist_add(b->faults, &item->at, "algorithms: '%s' is not one of SHA-256, MD5",
                        item->text);
        else if (is_twice)
            errlist_add(b->faults, &item->at, "algorithms: %s is listed twice", item->text);
        else
            out->algorithms[out->algorithm_count++] = (enum digest_algorithm)found;
    }
    if (algorithms->is_set)
        return;
    out->algorithm_count = DIGEST_ALGORITHMS;
    for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++)
        out->algorithms[i] = (enum digest_algorithm)i;
}

static void read_nonce_secret(const struct building *b, struct digest_settings *out)
{
    const struct spec_text *secret = &b->spec->auth.digest.secret;
    struct err e;
    char *path = file_relative(secret->at.file, secret->text);
    char *text;
    size_t len;
    if (file_read(path, MAX_SECRET_BYTES, &secret->at, &text, &len, &e) != 0) {
        errlist_add(b->faults, &secret->at, "secret: %s; openssl rand -hex 32 > FILE makes one",
                    e.text);
        mem_free(path);
        return;
    }
    secret_check_mode(path, &secret->at, b->faults);
    b->auth->digest_secret = text;
    b->auth->digest_secret_len = len;
    /* A line feed that an editor left or did not leave makes no other secret. */
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    out->secret = (struct str){text, len};
    if (len < NONCE_SECRET_MIN)
        errlist_add(b->faults, &secret->at,
                    "secret: %s has fewer than %d bytes; openssl rand -hex 32 > FILE makes one",
                    path, NONCE_SECRET_MIN);
    mem_free(path);
}

static void build_digest(const struct building *b)
{
    const struct spec_digest *s = &b->spec->auth.digest;
    struct digest_settings settings = {
        .realm = b->auth->realm,
        .nonce_lifetime_s = s->nonce_lifetime.value / 1000,
    };
    size_t before = b->faults->errors;
    char *path;
    struct str text;
    if (!s->head.is_set)
        return;
    set_algorithms(b, &settings);
    if (s->secret.text != NULL)
        read_nonce_secret(b, &settings);
    if (s->htdigest.text == NULL || /* reported as missing */
        secret_read(&s->htdigest, MAX_ACCOUNTS_BYTES, &path, &text, b->faults) != 0)
        return;
    secret_check_mode(path, &s->htdigest.at, b->faults);
    if (b->faults->errors == before)
        b->auth->digest = digest_new(&settings, text, path, b->faults);
    secret_drop(path, text);
}

static void build_ntlm(const struct building *b)
{
    const struct spec_ntlm *s = &b->spec->auth.ntlm;
    const struct helper_numbers numbers = {&s->children, &s->queue, NULL};
    size_t before = b->faults->errors;
    char *path;
    struct str text;
    if (!s->head.is_set)
        return;
    b->auth->has_ntlm = true;
    set_domain(b);
    if (!is_one(b, &s->head, "smbpasswd", &s->smbpasswd, &s->helper))
        return;
    if (s->helper.text != NULL) {
        b->auth->ntlm_helper = build_helper(b, &s->helper, HELPER_NTLMSSP, &numbers);
        return;
    }
    warn_of_numbers(b, &numbers);
    if (secret_read(&s->smbpasswd, MAX_ACCOUNTS_BYTES, &path, &text, b->faults) != 0)
        return;
    secret_check_mode(path, &s->smbpasswd.at, b->faults);
    struct ntlm_settings settings = {.domain = b->auth->domain};
    if (b->faults->errors == before)
        b->auth->ntlm = ntlm_new(&settings, text, path, b->faults);
    secret_drop(path, text);
}

static void build_negotiate(const struct building *b)
{
    const struct spec_negotiate *s = &b->spec->auth.negotiate;
    const char *keytab = s->keytab.text;
    if (!s->head.is_set)
        return;
    if (keytab == NULL) {
        if (!b->auth->has_ntlm)
            errlist_add(b->faults, &s->head.at, "negotiate needs keytab, or auth.ntlm beside it");
        return;
    }
    if (strncmp(keytab, KEYTAB_PREFIX, sizeof(KEYTAB_PREFIX) - 1) == 0)
        keytab += sizeof(KEYTAB_PREFIX) - 1;
    char *path = file_relative(s->keytab.at.file, keytab);
    secret_check_mode(path, &s->keytab.at, b->faults);
    b->auth->kerberos = kerberos_new(path, &s->keytab.at, b->faults);
    mem_free(path);
}

/* ---- the rest ---- */

static void set_failures(const struct building *b)
{
    const struct spec_failures *s = &b->spec->auth.failures;
    uint64_t address_burst = s->address_burst.value;
    if (s->address_burst.is_set && address_burst < s->burst.value)
        errlist_add(b->faults, &s->address_burst.at,
                    "failures: address_burst must be at least burst");
    if (!s->address_burst.is_set && address_burst < s->burst.value)
        address_burst = s->burst.value;
    b->auth->failures = (struct throttle_limits){
        .burst = (unsigned)s->burst.value,
        .address_burst = (unsigned)address_burst,
        .refill_ms = s->refill.value,
        /* A directory behind a helper may lock the account. */
        .is_per_user = b->auth->basic_helper != NULL || b->auth->ntlm_helper != NULL,
    };
}

static void build_groups(const struct building *b)
{
    const struct spec_text *file = &b->spec->auth.groups;
    char *path;
    struct str text;
    if (file->text == NULL || secret_read(file, MAX_ACCOUNTS_BYTES, &path, &text, b->faults) != 0)
        return;
    b->auth->groups = groups_new(text, path, b->faults);
    secret_drop(path, text);
}

/* Where all groups are known, a misspelt one is seen. */
static void check_groups(const struct building *b)
{
    const struct spec_source *sources = b->spec->sources.items;
    bool is_known = b->auth->basic_helper == NULL && b->auth->ntlm_helper == NULL;
    for (size_t i = 0; is_known && i < b->spec->sources.count; i++)
        for (size_t k = 0; k < sources[i].groups.count; k++) {
            const struct spec_text *group = &sources[i].groups.items[k];
            if (!groups_has(b->auth->groups, str_of(group->text)))
                errlist_warn(b->faults, &group->at, "groups: %s no group '%s': nobody is in it",
                             b->auth->groups != NULL ? "auth.groups has"
                                                     : "there is no auth.groups, so there is",
                             group->text);
        }
}

static void forbid_names(const struct spec *spec, struct errlist *faults)
{
    const struct spec_source *sources = spec->sources.items;
    for (size_t i = 0; i < spec->sources.count; i++) {
        if (sources[i].users.is_set)
            errlist_add(faults, &sources[i].users.at, "users: there is no auth section");
        if (sources[i].groups.is_set)
            errlist_add(faults, &sources[i].groups.at, "groups: there is no auth section");
    }
}

/* Whether the rule, or a source set that it names, has to know the user. */
static bool is_asking(const struct spec *spec, const struct spec_rule *r)
{
    const struct spec_source *sources = spec->sources.items;
    bool is_none = r->auth.is_set && r->auth.value == SPEC_AUTH_NONE;
    if (r->action.value == SPEC_ACTION_ALLOW && !is_none)
        return true;
    for (size_t i = 0; i < r->from.count; i++)
        for (size_t k = 0; k < spec->sources.count; k++)
            if (strcmp(sources[k].head.name, r->from.items[i].text) == 0 &&
                (sources[k].users.is_set || sources[k].groups.is_set))
                return true;
    return false;
}

static void check_rules(const struct building *b)
{
    const struct spec_rule *rules = b->spec->rules.items;
    for (size_t i = 0; i < b->spec->rules.count; i++)
        if (is_asking(b->spec, &rules[i]))
            return;
    errlist_warn(b->faults, &b->spec->auth.head.at, "no rule asks for credentials");
}

void auth_build(const struct spec *spec, const struct policy_builder *builder, struct config *c,
                struct errlist *faults)
{
    const struct spec_auth *s = &spec->auth;
    size_t before = faults->errors;
    if (!s->head.is_set) {
        forbid_names(spec, faults);
        return;
    }
    c->auth = auth_new();
    struct building b = {spec, c->auth, faults};
    if (!s->basic.head.is_set && !s->digest.head.is_set && !s->ntlm.head.is_set &&
        !s->negotiate.head.is_set)
        errlist_add(faults, &s->head.at, "auth has none of negotiate, ntlm, digest, basic");
    set_realm(&b);
    build_basic(&b);
    build_digest(&b);
    build_ntlm(&b);
    build_negotiate(&b);
    set_failures(&b);
    build_groups(&b);
    if (faults->errors == before) {
        check_groups(&b);
        check_rules(&b);
    }
    offers_build(spec, builder, c->auth, faults);
}
