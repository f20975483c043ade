/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - the working memory of one thread for one policy: what matched so far of
 * the question that is being asked. Made and freed by the functions of policy.h.
 *
 * Each question has a number, the stamp; what bears another one is of a question
 * before, so nothing has to be cleared in between.
 *
 * Owns its arrays, borrows the policy. Threads: one.
 */
#ifndef POLICY_SCRATCH_H
#define POLICY_SCRATCH_H

#include "policy/compiled.h"

/* A longer path is not judged: a URL pattern for it gives up, and that denies. */
#define SCRATCH_PATH_MAX 65536

/* What a match is made of, in the order of what is shown where several match: the
 * more a pattern says, the higher. A URL beats any pattern without one. */
enum scratch_kind { KIND_ALL, KIND_PREFIX, KIND_REGEX, KIND_GLOB, KIND_SUFFIX, KIND_EXACT };
#define SCRATCH_URL_RANK (UINT32_C(1) << 20)

/* The best match in a destination set. */
struct set_state {
    uint32_t stamp;       /* matched, where it is the question's */
    uint32_t regex_stamp; /* its regexes were run */
    uint32_t limit_stamp; /* and one of its patterns gave up */
    uint32_t limit_regex; /* which, where it was a regex */
    uint32_t rank;
    uint32_t index; /* of the pattern among its kind */
    enum scratch_kind kind;
};

struct policy_scratch {
    const struct policy *policy;
    uint32_t stamp; /* of the question: never 0 */
    struct set_state *sets;
    uint32_t *source_stamps; /* the client is in its prefixes */
    uint32_t *bucket_stamps; /* for glob_find */
    struct regex_scratch *regex;
    char *path; /* normalised, once asked for; NULL: no pattern has one */
    size_t path_len;
    bool has_path;
    char subject[GLOB_SUBJECT_SIZE];
};

/* Once in 2^32 questions the stamps begin anew. */
void scratch_wrap(struct policy_scratch *s);

/* A new question: nothing has matched. */
static inline void scratch_next(struct policy_scratch *s)
{
    s->has_path = false;
    if (++s->stamp == 0)
        scratch_wrap(s);
}

#endif
