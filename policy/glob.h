/* SPDX-License-Identifier: MIT */
/*
 * glob.h - patterns with '*' anywhere, those of every set in one index.
 *
 * Each glob is filed under one piece of its literal text, of 1, 2, 3, 4 or 8
 * bytes: the one that few other globs and few hosts have. A lookup slides over the
 * host once for each of these lengths in use and verifies only the globs whose
 * piece occurs. Verifying takes time linear in the text; nothing recurses.
 *
 *   struct glob_index g = {0} -> glob_add ... -> glob_finish -> glob_find ... -> glob_fini
 *
 * Threads: read-only and shared once finished; the stamps belong to one thread.
 */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/bulk.h"
#include "policy/host.h"
#include "policy/note.h"
#include "util/str.h"

#define GLOB_NONE UINT32_MAX
#define GLOB_SIZES 5

/* "." + host, and room for reading 8 bytes from anywhere in it. */
#define GLOB_SUBJECT_SIZE (1 + HOST_MAX + 8)

struct glob {
    uint32_t text; /* offset */
    uint32_t next; /* of the same piece, or GLOB_NONE */
    struct note note;
    uint16_t len;
    uint16_t literals; /* characters that are not '*' */
};

struct glob_index {
    struct bulk globs; /* struct glob */
    struct bulk texts;
    size_t count;
    struct glob_bucket *buckets; /* open addressing by piece */
    size_t bucket_mask;
    size_t bucket_count;
    uint64_t *filter[GLOB_SIZES]; /* bits of pieces; NULL: no piece of that length */
    unsigned filter_log2;
    uint32_t unfiled; /* globs without literal text */
};

/* text: lower case, begins with '*' or '.', no "**". Compared with "." + host. */
void glob_add(struct glob_index *g, struct str text, const struct note *note);
void glob_finish(struct glob_index *g);
void glob_fini(struct glob_index *g);
size_t glob_bytes(const struct glob_index *g);

const struct glob *glob_at(const struct glob_index *g, uint32_t index);
struct str glob_text(const struct glob_index *g, uint32_t index);

/* Called for every glob that matches. */
typedef void (*glob_match_fn)(void *context, uint32_t index);

/* subject: "." + host, len bytes, in a buffer of GLOB_SUBJECT_SIZE. stamps: one for
 * each of bucket_count, none equal to stamp before. */
void glob_find(const struct glob_index *g, const char *subject, size_t len, uint32_t *stamps,
               uint32_t stamp, glob_match_fn on_match, void *context);

/* True where the whole of text matches: '*' is any run, all else stands for itself. */
bool glob_matches(struct str pattern, struct str text);

#endif
