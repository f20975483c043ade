/* SPDX-License-Identifier: MIT */
/* glob.c - patterns with '*' anywhere, in one index; see glob.h. */
#include "policy/glob.h"

#include <string.h>

#include "util/mem.h"

#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define FILTER_MIN_LOG2 12
#define FILTER_MAX_LOG2 22
#define TALLY_MIN_LOG2 12
#define TALLY_MAX_LOG2 22

struct glob_bucket {
    uint64_t piece; /* its bytes, zeros behind; 0: free */
    uint32_t first;
    uint32_t number; /* of its stamp */
};

static const uint8_t SIZES[GLOB_SIZES] = {1, 2, 3, 4, 8};

/* How often a piece of that length is in a host, roughly. */
static const uint32_t COMMON[GLOB_SIZES] = {2000, 120, 16, 4, 1};

static struct glob *globs_of(const struct glob_index *g)
{
    return (struct glob *)(void *)g->globs.data;
}

const struct glob *glob_at(const struct glob_index *g, uint32_t index)
{
    return globs_of(g) + index;
}

struct str glob_text(const struct glob_index *g, uint32_t index)
{
    const struct glob *glob = glob_at(g, index);
    return (struct str){(const char *)g->texts.data + glob->text, glob->len};
}

void glob_add(struct glob_index *g, struct str text, const struct note *note)
{
    struct glob glob = {.next = GLOB_NONE, .note = *note, .len = (uint16_t)text.len};
    for (size_t i = 0; i < text.len; i++)
        glob.literals = (uint16_t)(glob.literals + (text.ptr[i] != '*'));
    glob.text = (uint32_t)bulk_append(&g->texts, text.ptr, text.len);
    bulk_append(&g->globs, &glob, sizeof(glob));
    g->count++;
}

bool glob_matches(struct str pattern, struct str text)
{
    size_t star = str_find(pattern, '*');
    if (star == pattern.len)
        return str_eq(pattern, text);
    /* The text in front of the first star and behind the last is fixed in place. */
    const char *last = memrchr(pattern.ptr, '*', pattern.len);
    struct str tail = str_range(last + 1, pattern.ptr + pattern.len);
    if (text.len < star + tail.len || !str_ends(text, tail) ||
        !str_starts(text, (struct str){pattern.ptr, star}))
        return false;
    /* Between them the leftmost place for each piece leaves most to those behind. */
    struct str room = {text.ptr + star, text.len - star - tail.len};
    struct str pieces = str_range(pattern.ptr + star, last);
    while (pieces.len > 0) {
        pieces = (struct str){pieces.ptr + 1, pieces.len - 1};
        struct str piece = {pieces.ptr, str_find(pieces, '*')};
        const char *hit = piece.len ? memmem(room.ptr, room.len, piece.ptr, piece.len) : room.ptr;
        if (hit == NULL)
            return false;
        room = str_range(hit + piece.len, room.ptr + room.len);
        pieces = (struct str){pieces.ptr + piece.len, pieces.len - piece.len};
    }
    return true;
}

static uint64_t load_piece(const char *at, size_t size)
{
    uint64_t piece = 0;
    memcpy(&piece, at, size);
    return piece;
}

static uint64_t hash_piece(uint64_t piece)
{
    return (piece ^ piece >> 29) * HASH_FACTOR;
}

/* Which of SIZES suits a literal of len bytes: the longest that fits. */
static size_t size_for(size_t len)
{
    size_t i = GLOB_SIZES - 1;
    while (SIZES[i] > len)
        i--;
    return i;
}

/* How many globs have a piece, roughly: pieces share counters. */
struct tally {
    uint32_t *counts;
    unsigned log2;
};

static uint32_t *count_of(const struct tally *t, uint64_t piece)
{
    return &t->counts[hash_piece(piece) >> (64 - t->log2)];
}

struct choice {
    uint64_t piece;
    uint64_t cost;
    size_t size; /* index into SIZES */
};

/* Looks at every piece of a literal: counts it, or (best given) takes the cheapest.
 * A literal such as ".com" at the end of the glob is in too many hosts. */
static void scan_literal(const struct tally *t, struct str literal, bool is_end,
                         struct choice *best)
{
    size_t size = size_for(literal.len);
    bool is_tld = is_end && literal.ptr[0] == '.' && literal.len <= 4;
    for (size_t i = 0; i + SIZES[size] <= literal.len; i++) {
        uint64_t piece = load_piece(literal.ptr + i, SIZES[size]);
        uint32_t *count = count_of(t, piece);
        if (best == NULL) {
            ++*count;
            continue;
        }
        uint64_t cost = (uint64_t)*count * (is_tld ? COMMON[0] : COMMON[size]);
        if (cost < best->cost)
            *best = (struct choice){piece, cost, size};
    }
}

static void scan_glob(const struct tally *t, struct str text, struct choice *best)
{
    struct str rest = text;
    while (rest.ptr != NULL) {
        struct str literal = str_cut(&rest, '*');
        if (literal.len != 0)
            scan_literal(t, literal, rest.ptr == NULL, best);
    }
}

static struct glob_bucket *find_bucket(const struct glob_index *g, uint64_t piece)
{
    size_t i = hash_piece(piece) & g->bucket_mask;
    while (g->buckets[i].piece != piece && g->buckets[i].piece != 0)
        i = (i + 1) & g->bucket_mask;
    return &g->buckets[i];
}

static bool test_filter(const uint64_t *filter, unsigned log2, uint64_t piece)
{
    uint64_t bit = hash_piece(piece) >> (64 - log2);
    return filter[bit / 64] >> bit % 64 & 1;
}

static void file_glob(struct glob_index *g, uint32_t index, const struct choice *choice)
{
    struct glob *glob = globs_of(g) + index;
    if (choice->piece == 0) {
        glob->next = g->unfiled;
        g->unfiled = index;
        return;
    }
    struct glob_bucket *bucket = find_bucket(g, choice->piece);
    if (bucket->piece == 0)
        *bucket = (struct glob_bucket){choice->piece, GLOB_NONE, (uint32_t)g->bucket_count++};
    glob->next = bucket->first;
    bucket->first = index;
    uint64_t **filter = &g->filter[choice->size];
    if (*filter == NULL)
        *filter = bulk_zalloc(((size_t)1 << g->filter_log2) / 8);
    uint64_t bit = hash_piece(choice->piece) >> (64 - g->filter_log2);
    (*filter)[bit / 64] |= UINT64_C(1) << bit % 64;
}

static unsigned log2_between(size_t wanted, unsigned least, unsigned most)
{
    unsigned log2 = least;
    while (log2 < most && ((size_t)1 << log2) < wanted)
        log2++;
    return log2;
}

void glob_finish(struct glob_index *g)
{
    struct tally tally;
    g->unfiled = GLOB_NONE;
    if (g->count == 0)
        return;
    bulk_trim(&g->globs);
    bulk_trim(&g->texts);
    tally.log2 = log2_between(g->count * 64, TALLY_MIN_LOG2, TALLY_MAX_LOG2);
    tally.counts = bulk_zalloc(sizeof(*tally.counts) << tally.log2);
    g->filter_log2 = log2_between(g->count * 64, FILTER_MIN_LOG2, FILTER_MAX_LOG2);
    g->bucket_mask = ((size_t)1 << log2_between(g->count * 2, 2, 40)) - 1;
    g->buckets = bulk_zalloc((g->bucket_mask + 1) * sizeof(*g->buckets));
    for (uint32_t i = 0; i < g->count; i++)
        scan_glob(&tally, glob_text(g, i), NULL);
    for (uint32_t i = (uint32_t)g->count; i-- > 0;) {
        struct choice best = {0, UINT64_MAX, 0};
        scan_glob(&tally, glob_text(g, i), &best);
        file_glob(g, i, &best);
    }
    mem_free(tally.counts);
}

void glob_fini(struct glob_index *g)
{
    for (size_t i = 0; i < GLOB_SIZES; i++)
        mem_free(g->filter[i]);
    bulk_fini(&g->globs);
    bulk_fini(&g->texts);
    mem_free(g->buckets);
    *g = (struct glob_index){0};
}

size_t glob_bytes(const struct glob_index *g)
{
    size_t bytes = g->globs.size + g->texts.size;
    if (g->buckets != NULL)
        bytes += (g->bucket_mask + 1) * sizeof(*g->buckets);
    for (size_t i = 0; i < GLOB_SIZES; i++)
        bytes += g->filter[i] ? ((size_t)1 << g->filter_log2) / 8 : 0;
    return bytes;
}

/* One lookup. */
struct search {
    const struct glob_index *g;
    struct str subject;
    uint32_t *stamps;
    uint32_t stamp;
    glob_match_fn on_match;
    void *context;
};

static void try_chain(const struct search *s, uint32_t index)
{
    for (; index != GLOB_NONE; index = glob_at(s->g, index)->next)
        if (glob_matches(glob_text(s->g, index), s->subject))
            s->on_match(s->context, index);
}

/* A piece that occurs twice is tried once. */
static void try_piece(const struct search *s, uint64_t piece)
{
    const struct glob_bucket *bucket = find_bucket(s->g, piece);
    if (bucket->piece == 0 || s->stamps[bucket->number] == s->stamp)
        return;
    s->stamps[bucket->number] = s->stamp;
    try_chain(s, bucket->first);
}

static void slide(const struct search *s, size_t size, const uint64_t *filter)
{
    uint64_t mask = 0;
    memset(&mask, 0xff, size);
    for (size_t i = 0; i + size <= s->subject.len; i++) {
        uint64_t piece = load_piece(s->subject.ptr + i, sizeof(piece)) & mask;
        if (test_filter(filter, s->g->filter_log2, piece))
            try_piece(s, piece);
    }
}

void glob_find(const struct glob_index *g, const char *subject, size_t len, uint32_t *stamps,
               uint32_t stamp, glob_match_fn on_match, void *context)
{
    struct search s = {g, {subject, len}, stamps, stamp, on_match, context};
    if (g->count == 0)
        return;
    for (size_t i = 0; i < GLOB_SIZES; i++)
        if (g->filter[i] != NULL)
            slide(&s, SIZES[i], g->filter[i]);
    try_chain(&s, g->unfiled);
}
