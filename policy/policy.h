/* SPDX-License-Identifier: MIT */
/*
 * policy.h - the compiled rules: a question in, a verdict out.
 *
 * A builder collects sets and rules (policy_build.h) and is turned into a
 * policy, which never changes again. The first rule that matches decides;
 * where none does, the answer is no.
 *
 *   policy_builder_new -> ... -> policy_builder_finish -> policy_eval ... -> policy_free
 *
 * Invariants: policy_eval is total, never fails, allocates nothing; whatever
 * it cannot decide it denies. All texts in a verdict belong to the policy.
 * Threads: a policy is read-only and shared; a scratch belongs to one thread.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/host.h"
#include "util/addr.h"
#include "util/err.h"
#include "util/str.h"

struct policy;
struct policy_scratch;

enum policy_scheme {
    POLICY_CONNECT, /* a tunnel: no path is seen */
    POLICY_HTTP,    /* a plain request, or one inside inspected TLS: */
    POLICY_HTTPS,   /*   method and path are seen */
};

/* Authenticate: who is asking decides, and that is not known yet. */
enum policy_action { POLICY_DENY, POLICY_ALLOW, POLICY_AUTHENTICATE };
enum policy_tls { POLICY_TLS_NONE, POLICY_TLS_TUNNEL, POLICY_TLS_INSPECT };

enum policy_reason {
    POLICY_BY_RULE,     /* rule says so */
    POLICY_NO_RULE,     /* nothing matches */
    POLICY_BY_PORT,     /* nothing matches; rule would have, but for its ports */
    POLICY_BY_METHOD,   /* the same for its methods */
    POLICY_MATCH_LIMIT, /* a pattern of rule gave up: a regex at its match limit, or a URL
                         * on a path of more than 64 KiB */
    POLICY_NEEDS_USER,  /* rule has to know the user; of POLICY_AUTHENTICATE alone */
};

struct policy_query {
    const struct host *host;
    uint16_t port;
    enum policy_scheme scheme;
    struct str method;          /* as sent, case matters */
    struct str path;            /* begins with '/', may carry a query, which no pattern sees;
                                 * empty for POLICY_CONNECT */
    const struct addr *client;  /* NULL: not known (explain) */
    struct str product;         /* empty: not known, as on live traffic */
    struct str user;            /* ptr NULL: not known who it is */
    const struct str *groups;   /* of the user; names compare without ASCII case */
    size_t group_count;
};

struct policy_verdict {
    enum policy_action action;
    enum policy_reason reason;
    enum policy_tls tls;       /* for an allowed CONNECT: TUNNEL or INSPECT; else NONE */
    const char *tls_reason;    /* "inspection is off", "never: SET", "never_from: SET", "tls of
                                * the rule", "inspection.default"; NULL where tls is NONE */
    bool is_exempt;            /* by inspection.never or never_from, whatever the rules say */
    bool is_always;            /* by a set that holds though inspection.never has it not */
    const char *tls_set;       /* the set that exempts; NULL: none does */
    struct str tls_pattern;    /* in it, as written; len 0: none (never_from) */
    struct place tls_at;       /* of that pattern, or of the source set; of the rule where its
                                * `tls` decides; file NULL: none */
    bool needs_user;           /* the rule asks for credentials, or its source set names
                                * users or groups: whatever the action is */
    int rule_index;            /* of the deciding (or nearly matching) rule; -1: none */
    const char *rule;          /* its name; NULL: none */
    struct place rule_at;
    const char *source;        /* the source set that matched; NULL: the rule names none */
    const char *set;           /* the destination set; NULL: the rule names none */
    struct str pattern;        /* as written in the configuration; len 0: none. Of those in
                                * the set the one that says most: a URL, an exact name, the
                                * longest suffix, a glob, a regex, the longest prefix, "*" */
    struct place pattern_at;
};

/* Working memory of one thread for one policy, of no other; NULL without memory. */
MUST_CHECK struct policy_scratch *policy_scratch_new(const struct policy *p);
void policy_scratch_free(struct policy_scratch *s);

/* The set in the verdict is the first of the rule that matches; one that matches
 * without its regexes comes in front of those that need them. A tunnel with an empty
 * method is a CONNECT.
 *
 * While the user is not known: a rule that fits but for its users and groups, or an
 * allow rule that asks for credentials, makes it POLICY_AUTHENTICATE. A deny rule does
 * so only where some later rule would allow: what nobody may do is denied unasked. */
void policy_eval(const struct policy *p, const struct policy_query *q, struct policy_scratch *s,
                 struct policy_verdict *v);

/* Asked once more for each address that the name of q resolved to: the rules in
 * front of the one that allowed (v, from policy_eval with the same q) which deny
 * by address. Returns false and fills v where such a rule matches. Such a rule that
 * names users matches also where the user is not known: nobody can be asked any more. */
MUST_CHECK bool policy_allows_address(const struct policy *p, const struct policy_query *q,
                                      const struct addr *dialled, struct policy_scratch *s,
                                      struct policy_verdict *v);

/* The exemption by address, once it is known which one is dialled: where a set of
 * inspection.never holds it by a prefix, an allowed CONNECT (v) becomes exempt: tls, tls_reason,
 * is_exempt and the tls_ fields say so. True where v is exempt now, for whatever reason. */
bool policy_exempts_address(const struct policy *p, const struct addr *dialled,
                            struct policy_scratch *s, struct policy_verdict *v);

/* Errors about rules with tls = "inspect" that name an exempt destination or source in so many
 * words: a set of inspection.never or never_from, or a pattern that matches nothing but what
 * such a set holds. So what is written is what happens. */
void policy_prove_exemptions(const struct policy *p, struct errlist *faults);

/* Whether the source set of that number holds the client, whoever its user is: its
 * addresses and its product alone. -1 holds everybody. client and product as in struct
 * policy_query. */
MUST_CHECK bool policy_source_holds(const struct policy *p, int source, const struct addr *client,
                                    struct str product, struct policy_scratch *s);

/* The reason in words, for pages and logs: "no rule allows it". Constant text. */
const char *policy_reason_text(enum policy_reason reason);

/* Warnings about rules that can never match, with the rule that covers them. */
void policy_lint(const struct policy *p, struct errlist *warnings);

struct policy_stats {
    size_t domains;  /* exact and suffix patterns */
    size_t globs, regexes, urls, prefixes, rules;
    size_t bytes;    /* all memory of the compiled policy */
};
void policy_stats(const struct policy *p, struct policy_stats *out);

/* NULL is fine. */
void policy_free(struct policy *p);

#endif
