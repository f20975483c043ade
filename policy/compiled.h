/* SPDX-License-Identifier: MIT */
/*
 * compiled.h - what a policy is made of: shared by the builder, which fills it, by
 * policy.c, which asks it, and by the lint.
 *
 *   compiled_new -> (policy_build.c) -> compiled_free
 *
 * Owns everything it points to; set numbers index sets and sources. Threads:
 * read-only and shared once built.
 */
#ifndef POLICY_COMPILED_H
#define POLICY_COMPILED_H

#include "policy/bulk.h"
#include "policy/domain.h"
#include "policy/glob.h"
#include "policy/inspection.h"
#include "policy/nameset.h"
#include "policy/netset.h"
#include "policy/note.h"
#include "policy/policy.h"
#include "policy/regex.h"
#include "policy/url.h"

#define COMPILED_SCHEMES 3

struct destination {
    char *name;
    struct place at;
    size_t patterns;
    uint32_t first_regex; /* REGEX_NONE: no regex */
    uint32_t last_regex;
    bool can_give_up; /* has regexes or URLs */
};

/* One without prefixes, product and names holds nobody. */
struct source {
    char *name;
    struct place at;
    char *product; /* NULL: any */
    size_t prefixes;
    struct nameset users; /* one of them, or one of the groups; both empty: anybody, */
    struct nameset groups; /* known or not */
    bool has_names;        /* they are not both empty */
};

struct ports {
    uint16_t (*ranges)[2];
    size_t count;
};

struct rule {
    char *name;
    struct place at;
    enum policy_action action;
    bool needs_user;     /* an allow rule that asks for credentials */
    enum policy_tls tls; /* NONE: the fallback's */
    uint16_t *from;
    size_t from_count;
    uint16_t *to;
    size_t to_count;
    bool can_give_up; /* one of its destinations can */
    struct ports ports;
    struct str *methods; /* the texts in one block with the array */
    size_t methods_count;
};

struct policy {
    char **files;
    size_t files_count;
    struct bulk texts; /* patterns as written, paths */
    struct destination *destinations;
    size_t destinations_count;
    struct source *sources;
    size_t sources_count;
    struct rule *rules;
    size_t rules_count;
    struct ports defaults[COMPILED_SCHEMES]; /* by enum policy_scheme */
    struct domain_table domains;
    struct glob_index globs;
    struct regex_list regexes;
    struct netset nets;    /* destinations */
    struct netset clients; /* sources */
    struct bulk urls;      /* struct url */
    struct inspection inspection;
};

MUST_CHECK struct policy *compiled_new(void);

/* NULL is fine. */
void compiled_free(struct policy *p);

const struct url *compiled_url(const struct policy *p, uint32_t index);
struct str compiled_text(const struct policy *p, uint32_t offset, size_t len);
void compiled_note(const struct policy *p, const struct note *note, struct str *text,
                   struct place *at);
struct place compiled_place(const struct policy *p, uint16_t file, uint32_t line);

/* The ports of a rule under a scheme; NULL stands for all of them (a deny rule that
 * names none). */
const struct ports *compiled_ports(const struct policy *p, const struct rule *r,
                                   enum policy_scheme scheme);

#endif
