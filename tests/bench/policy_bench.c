/* SPDX-License-Identifier: MIT */
/*
 * policy_bench.c - what one decision of the policy costs.
 *
 * Prints key=value lines. A question is the whole of policy_eval over a rule set
 * shaped like the shipped one; half of the hosts are in the list, half are not, in
 * random order over the whole list. Each figure is the median of several rounds, in
 * CPU time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/policy_build.h"
#include "util/mem.h"

#define ROUNDS 9
#define QUESTIONS 1000000
#define BIG 1000000
#define SMALL 50
#define GLOBS 200

/* A fixed seed: the same work each time (xorshift64*). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* CPU time: nothing here waits, and neighbours on the machine do not count. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Domain number n of the list, as lists have them: two to four labels. */
static size_t format_domain(char *out, size_t size, uint64_t n)
{
    static const char *const tlds[] = {"com", "net", "org", "example", "co.uk", "io"};
    uint64_t state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint64_t r = next_random(&state);
    char word[16];
    size_t len = 4 + r % 9;
    for (size_t i = 0; i < len; i++)
        word[i] = (char)('a' + next_random(&state) % 26);
    word[len] = '\0';
    const char *tld = tlds[r / 16 % 6];
    switch (r / 128 % 3) {
    case 0:
        return (size_t)snprintf(out, size, "%s%u.%s", word, (unsigned)n, tld);
    case 1:
        return (size_t)snprintf(out, size, "www.%s%u.%s", word, (unsigned)n, tld);
    default:
        return (size_t)snprintf(out, size, "cdn%u.%s.%s", (unsigned)n, word, tld);
    }
}

/* The list as a file has it; every other line a suffix. */
static char *make_list(size_t count, size_t *len)
{
    char *text = mem_must_zalloc(count * 64 + 1);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *stars = i % 2 ? "*." : "";
        at += (size_t)snprintf(text + at, 4, "%s", stars);
        at += format_domain(text + at, 60, i);
        text[at++] = '\n';
    }
    *len = at;
    return text;
}

static char *make_globs(size_t *len)
{
    static const char *const forms[] = {"*media%u*.webex.com", "edge%u-*.example.net",
                                        "*cdn%ux.example.com", "node*.pool%u.example.org", "*t%u*"};
    char *text = mem_must_zalloc(GLOBS * 64);
    size_t at = 0;
    for (unsigned i = 0; i < GLOBS; i++) {
        char form[64];
        snprintf(form, sizeof(form), "%s\n", forms[i % 5]);
        const char *number = strstr(form, "%u");
        at += (size_t)snprintf(text + at, 60, "%.*s%u%s", (int)(number - form), form, 100 + i,
                               number + 2);
    }
    *len = at;
    return text;
}

/* Names with their length in front, back to back: read in order, they cost little. */
static unsigned char *make_questions(size_t count)
{
    unsigned char *names = mem_must_zalloc((size_t)QUESTIONS * 64);
    unsigned char *at = names;
    uint64_t state = 42;
    for (size_t i = 0; i < QUESTIONS; i++) {
        uint64_t r = next_random(&state);
        uint64_t n = (r >> 8) % count;
        bool is_hit = r & 1;
        /* A number beyond the list is a name of the same shape that is not in it. */
        char name[64];
        size_t len = format_domain(name, sizeof(name), is_hit ? n : n + 16 * BIG);
        *at++ = (unsigned char)len;
        memcpy(at, name, len);
        at += len;
    }
    return names;
}

static void add_rule(struct policy_builder *b, const char *name, int to, enum policy_action action)
{
    struct err e;
    static const uint16_t ports[][2] = {{443, 443}, {5004, 5004}};
    struct policy_rule_spec rule = {.name = name,
                                    .at = {"bench.conf", 1},
                                    .action = action,
                                    .to = &to,
                                    .to_count = 1,
                                    .ports = ports,
                                    .ports_count = action == POLICY_ALLOW ? 2 : 0};
    if (policy_add_rule(b, &rule, &e) != 0)
        exit(1);
}

static int add_set(struct policy_builder *b, const char *name)
{
    struct err e;
    int set = policy_add_destination(b, name, NULL, &e);
    if (set < 0)
        exit(1);
    return set;
}

/* seconds: what adding the list and compiling took. */
static struct policy *make_policy(size_t count, bool globs, double *seconds)
{
    size_t list_len;
    size_t globs_len;
    char *list = make_list(count, &list_len);
    char *glob_text = make_globs(&globs_len);
    struct errlist errors;
    errlist_init(&errors);
    double start = now_s();
    struct policy_builder *b = policy_builder_new();
    int webex = add_set(b, "webex");
    int blocked = add_set(b, "blocked");
    int media = add_set(b, "media");
    static const char core[] = "*.webex.com\n*.wbx2.com\n*.ciscospark.com\n*.webexcontent.com\n";
    policy_add_lines(b, webex, STR_LIT(core), "webex.txt", &errors);
    policy_add_lines(b, media, STR_LIT("170.72.0.0/16\n2402:2500::/34\n"), "media.txt", &errors);
    policy_add_lines(b, blocked, (struct str){list, list_len}, "list.txt", &errors);
    if (globs)
        policy_add_lines(b, blocked, (struct str){glob_text, globs_len}, "globs.txt", &errors);
    add_rule(b, "media", media, POLICY_ALLOW);
    add_rule(b, "blocked", blocked, POLICY_DENY);
    add_rule(b, "webex", webex, POLICY_ALLOW);
    struct policy *p = policy_builder_finish(b);
    *seconds = now_s() - start;
    if (errors.errors != 0)
        exit(1);
    errlist_fini(&errors);
    mem_free(list);
    mem_free(glob_text);
    return p;
}

/* Seconds for one question, reading the name included; hits counts the refusals by
 * the list, so that nothing can be left out. */
static double run_round(const struct policy *p, struct policy_scratch *s,
                        const unsigned char *names, size_t *hits)
{
    struct host h = {.is_address = false};
    struct addr client = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}};
    struct policy_query q = {.host = &h,
                             .port = 443,
                             .scheme = POLICY_CONNECT,
                             .method = STR_LIT("CONNECT"),
                             .client = &client};
    struct policy_verdict v;
    double start = now_s();
    *hits = 0;
    for (size_t i = 0; i < QUESTIONS; i++) {
        h.len = *names++;
        memcpy(h.name, names, h.len);
        h.name[h.len] = '\0';
        names += h.len;
        policy_eval(p, &q, s, &v);
        *hits += v.rule_index == 1;
    }
    return (now_s() - start) / QUESTIONS;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double measure(const struct policy *p, size_t count)
{
    double rounds[ROUNDS];
    size_t hits;
    unsigned char *names = make_questions(count);
    struct policy_scratch *s = policy_scratch_new(p);
    if (s == NULL)
        exit(1);
    for (size_t i = 0; i < ROUNDS; i++) {
        rounds[i] = run_round(p, s, names, &hits);
        if (hits < QUESTIONS * 4 / 10 || hits > QUESTIONS * 6 / 10) {
            fprintf(stderr, "policy_bench: %zu of %d questions hit the list\n", hits, QUESTIONS);
            exit(1);
        }
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_doubles);
    policy_scratch_free(s);
    mem_free(names);
    return rounds[ROUNDS / 2] * 1e9;
}

static void bench(const char *key, size_t count, bool globs)
{
    double seconds;
    struct policy *p = make_policy(count, globs, &seconds);
    struct policy_stats stats;
    printf("%s=%.0f\n", key, measure(p, count));
    policy_stats(p, &stats);
    if (count == BIG && !globs) {
        printf("bytes_per_domain=%.1f\n", (double)stats.bytes / (double)stats.domains);
        printf("compile_s=%.3f\n", seconds);
    }
    policy_free(p);
}

int main(void)
{
    bench("lookup_ns_1m", BIG, false);
    bench("lookup_ns_1m_200globs", BIG, true);
    bench("lookup_ns_50", SMALL, false);
    return 0;
}
