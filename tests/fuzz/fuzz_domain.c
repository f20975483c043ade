/* SPDX-License-Identifier: MIT */
/* fuzz_domain.c - any bytes as a host, a path and a list of patterns. Input: the host on
 * the first line, the path on the second, then one pattern a line. Beyond what the
 * sanitizers see, these must hold:
 *   - the one spelling of a host is its own;
 *   - a path's normal form is no longer than the path;
 *   - what the whole list decides is what its patterns decide one by one;
 *   - the pattern in a verdict is one of the list, as written;
 *   - a rule that the lint calls dead does not decide. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_build.h"
#include "policy/url.h"

#define MAX_PATTERNS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    struct host host;
    struct str path;
    struct str patterns[MAX_PATTERNS];
    size_t count; /* of patterns that were taken */
};

static void check_host(const struct host *h)
{
    struct host again;
    ASSERT(h->len > 0 && h->len <= HOST_MAX && h->name[h->len] == '\0');
    ASSERT(host_parse(&again, host_str(h)) == NULL);
    ASSERT(again.is_address == h->is_address && str_eq(host_str(&again), host_str(h)));
}

/* Into a block of exactly the promised size. */
static void check_path(struct str path)
{
    char *out = malloc(path.len + 1);
    ASSERT(out != NULL);
    size_t len = url_normalise(path, out);
    ASSERT(len >= 1 && len <= path.len + 1);
    free(out);
}

/* A set and a rule for each pattern from first up to end, in order. */
static struct policy *compile(const struct input *in, size_t first, size_t end)
{
    struct policy_builder *b = policy_builder_new();
    for (size_t i = first; i < end; i++) {
        struct errlist errors;
        struct err e;
        char name[2] = {(char)('a' + i), '\0'};
        errlist_init(&errors);
        int set = policy_add_destination(b, name, NULL, &e);
        ASSERT(set >= 0);
        policy_add_lines(b, set, in->patterns[i], "list", &errors);
        ASSERT(errors.errors == 0);
        struct policy_rule_spec rule = {
            .name = name, .action = POLICY_ALLOW, .to = &set, .to_count = 1};
        ASSERT(policy_add_rule(b, &rule, &e) == 0);
        errlist_fini(&errors);
    }
    return policy_builder_finish(b);
}

/* The rule that decides, or -1. */
static int decide(const struct policy *p, const struct input *in, enum policy_scheme scheme,
                  struct policy_verdict *v)
{
    struct policy_scratch *s = policy_scratch_new(p);
    struct policy_query q = {.host = &in->host, .port = 443, .scheme = scheme};
    ASSERT(s != NULL);
    if (scheme != POLICY_CONNECT)
        q.path = in->path;
    policy_eval(p, &q, s, v);
    policy_scratch_free(s);
    ASSERT((v->action == POLICY_ALLOW) == (v->reason == POLICY_BY_RULE));
    return v->action == POLICY_ALLOW ? v->rule_index : -1;
}

static void check_lint(const struct policy *p, int decided)
{
    struct errlist warnings;
    errlist_init(&warnings);
    policy_lint(p, &warnings);
    for (size_t i = 0; i < warnings.count; i++)
        ASSERT(decided < 0 || warnings.items[i].text[strlen("rule '")] != 'a' + decided);
    errlist_fini(&warnings);
}

static void check_decision(const struct input *in, enum policy_scheme scheme)
{
    struct policy_verdict v;
    struct policy_verdict alone;
    struct policy *p = compile(in, 0, in->count);
    int decided = decide(p, in, scheme, &v);
    int expected = -1;
    for (size_t i = 0; i < in->count && expected < 0; i++) {
        struct policy *one = compile(in, i, i + 1);
        if (decide(one, in, scheme, &alone) == 0)
            expected = (int)i;
        policy_free(one);
    }
    ASSERT(decided == expected);
    if (decided >= 0)
        ASSERT(memmem(in->patterns[decided].ptr, in->patterns[decided].len, v.pattern.ptr,
                      v.pattern.len) != NULL);
    check_lint(p, decided);
    policy_free(p);
}

/* Keeps the lines that hold a pattern; a faulty one must have a message. */
static void take_patterns(struct input *in, struct str rest)
{
    while (rest.len != 0 && in->count < MAX_PATTERNS) {
        struct errlist errors;
        struct err e;
        struct policy_stats stats;
        struct str line = str_cut(&rest, '\n');
        struct policy_builder *b = policy_builder_new();
        errlist_init(&errors);
        ASSERT(policy_add_destination(b, "set", NULL, &e) == 0);
        policy_add_lines(b, 0, line, "list", &errors);
        struct policy *p = policy_builder_finish(b);
        policy_stats(p, &stats);
        size_t taken = stats.domains + stats.globs + stats.prefixes;
        ASSERT(taken + errors.errors <= 1);
        ASSERT(errors.errors == 0 || errors.items[0].text[0] != '\0');
        if (taken == 1)
            in->patterns[in->count++] = line;
        policy_free(p);
        errlist_fini(&errors);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.count = 0};
    struct str rest = {(const char *)data, size};
    struct str host = str_cut(&rest, '\n');
    in.path = str_cut(&rest, '\n');
    check_path(in.path);
    const char *fault = host_parse(&in.host, host);
    if (fault != NULL) {
        ASSERT(fault[0] != '\0');
        return 0;
    }
    check_host(&in.host);
    take_patterns(&in, rest);
    check_decision(&in, POLICY_CONNECT);
    check_decision(&in, POLICY_HTTPS);
    return 0;
}
