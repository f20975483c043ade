/* SPDX-License-Identifier: MIT */
/*
 * policy_build.h - collects sets and rules and compiles them into a policy.
 *
 * The builder copies every text it is given, places' file names included (each
 * file name once). A fault leaves the builder as it was, so that a caller can
 * report it and go on to find the next one.
 *
 *   policy_builder_new -> policy_add_... -> policy_builder_finish (consumes it)
 *                                        -> policy_builder_free (gives up)
 *
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef POLICY_POLICY_BUILD_H
#define POLICY_POLICY_BUILD_H

#include "policy/policy.h"

struct policy_builder;

/* Limits, so that a configuration cannot overflow a compiled index. */
#define POLICY_MAX_SETS 4096
#define POLICY_MAX_RULES 4096
#define POLICY_MAX_DOMAINS 16000000

struct policy_builder *policy_builder_new(void);
void policy_builder_free(struct policy_builder *b);

/* A set of destinations or of sources. Returns its number (from 0), or -1 with
 * an error where the name is taken or there are too many. */
MUST_CHECK int policy_add_destination(struct policy_builder *b, const char *name,
                                      const struct place *at, struct err *e);
MUST_CHECK int policy_add_source(struct policy_builder *b, const char *name,
                                 const struct place *at, struct err *e);

/* The number of the set of that name, or -1. */
int policy_find_destination(const struct policy_builder *b, struct str name);
int policy_find_source(const struct policy_builder *b, struct str name);

/* One pattern of a destination set. A domain is one of: exact name, "*.suffix"
 * (the parent too), a glob with '*' anywhere, an address literal, or any of these
 * followed by "/path" ('*' allowed in the path too). A URL is the same with
 * "http://" or "https://" in front and perhaps a port; without one it means the
 * scheme's, without a path every path. A tunnel shows no path: of all these only an
 * https URL without a path matches it. */
MUST_CHECK int policy_add_domain(struct policy_builder *b, int set, struct str pattern,
                                 const struct place *at, struct err *e);
MUST_CHECK int policy_add_url(struct policy_builder *b, int set, struct str pattern,
                              const struct place *at, struct err *e);
MUST_CHECK int policy_add_regex(struct policy_builder *b, int set, struct str pattern,
                                const struct place *at, struct err *e);
MUST_CHECK int policy_add_prefix(struct policy_builder *b, int set, struct str cidr,
                                 const struct place *at, struct err *e);

/* One pattern a line; '#' begins a comment; blank lines are skipped; CR LF is
 * fine; a line may be a domain, a URL (has "://") or a CIDR (has '/' and reads as one).
 * text is the content of the file named in file. Every fault goes to errors. */
void policy_add_lines(struct policy_builder *b, int set, struct str text, const char *file,
                      struct errlist *errors);

/* Who a source set holds: clients in one of its prefixes, of its product, whose user is
 * named in it or is in one of its groups. What a set does not name makes no difference,
 * but one that names nothing at all holds nobody. Where the product of a client is not
 * known, the prefixes decide. "::/0" holds no IPv4 address. */
MUST_CHECK int policy_add_client_prefix(struct policy_builder *b, int source, struct str cidr,
                                        const struct place *at, struct err *e);
void policy_set_product(struct policy_builder *b, int source, struct str product);
void policy_add_user(struct policy_builder *b, int source, struct str user);
void policy_add_group(struct policy_builder *b, int source, struct str group);

/* A rule; the arrays are copied. An empty array means any (for ports of an
 * allow rule: the default ports below). */
struct policy_rule_spec {
    const char *name;
    struct place at;
    enum policy_action action; /* DENY or ALLOW */
    bool needs_user;           /* an allow rule that asks for credentials */
    enum policy_tls tls;       /* of tunnels that it allows; NONE: inspection.default */
    const int *from;
    size_t from_count;
    const int *to;
    size_t to_count;
    const uint16_t (*ports)[2]; /* ranges, both ends included */
    size_t ports_count;
    const struct str *methods;
    size_t methods_count;
};
MUST_CHECK int policy_add_rule(struct policy_builder *b, const struct policy_rule_spec *rule,
                               struct err *e);

/* For allow rules that name no ports; default {443} for tunnels and {80} for HTTP.
 * Those of HTTPS follow the tunnels' until they are set themselves. */
void policy_set_default_ports(struct policy_builder *b, enum policy_scheme scheme,
                              const uint16_t (*ports)[2], size_t count);

/* Turns inspection on: fallback is TUNNEL or INSPECT, for rules that say nothing. What is in
 * one of the sets `never`, or comes from one of never_from (by address or product: users are
 * not asked for here), is never inspected, whatever rule allows it. The arrays are copied. */
struct policy_inspection {
    enum policy_tls fallback;
    const int *never;
    size_t never_count;
    size_t always_count; /* the last ones of never: the configuration does not name them */
    const int *never_from;
    size_t never_from_count;
};
void policy_set_inspection(struct policy_builder *b, const struct policy_inspection *inspection);

/* Compiles and frees the builder. */
struct policy *policy_builder_finish(struct policy_builder *b);

#endif
