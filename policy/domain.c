/* SPDX-License-Identifier: MIT */
/* domain.c - exact names and suffixes of every set in one hash table; see domain.h. */
#include "policy/domain.h"

#include <string.h>

#include "policy/note.h"
#include "util/mem.h"

/* References count in units of this; records are aligned to it. */
#define UNIT 2
#define LINE_SIZE 128
/* How full lines are on average: more saves memory, and sends more lookups to
 * memory a second time. At this, one record in fifteen does not fit its line. */
#define FILL_BYTES 72
/* Keys that share a word of the filter: at this, one name in twenty looks as if it
 * were in the table and is not. */
#define FILTER_KEYS 8
#define BATCH 32

enum { IS_SUFFIX = 1, IS_URL = 2, HAS_TEXT = 4 };

/* Behind it: "*." where it is a suffix, the key; then, as flags say, the index of the
 * URL, the length of the text as written and that text. */
struct record {
    uint16_t place[2]; /* number of the line in its file */
    uint16_t file;
    uint16_t set;
    uint8_t key_len;
    uint8_t flags;
    char text[];
};

/* A record that is not in its line: it has the next such one in front. */
struct hanging {
    uint16_t next[2]; /* domain_ref */
    struct record record;
};
#define LINK offsetof(struct hanging, record)

struct domain_line {
    domain_ref hanging;
    uint16_t used;
    unsigned char bytes[LINE_SIZE - sizeof(domain_ref) - sizeof(uint16_t)];
};

/* 32 bits in two halves, so that records need an alignment of 2 only. */
static uint32_t load_halves(const uint16_t halves[2])
{
    uint32_t value;
    memcpy(&value, halves, sizeof(value));
    return value;
}

static void store_halves(uint16_t halves[2], uint32_t value)
{
    memcpy(halves, &value, sizeof(value));
}

static inline size_t stars_of(const struct record *r)
{
    return r->flags & IS_SUFFIX ? 2 : 0;
}

static struct str key_of(const struct record *r)
{
    return (struct str){r->text + stars_of(r), r->key_len};
}

static inline size_t round_up(size_t size)
{
    return (size + UNIT - 1) / UNIT * UNIT;
}

static inline size_t record_size(const struct record *r)
{
    size_t size = offsetof(struct record, text) + stars_of(r) + r->key_len;
    uint16_t text_len;
    if ((r->flags & (IS_URL | HAS_TEXT)) == 0)
        return round_up(size);
    if (r->flags & IS_URL)
        size += sizeof(uint32_t);
    if (r->flags & HAS_TEXT) {
        memcpy(&text_len, (const char *)r + size, sizeof(text_len));
        size += sizeof(text_len) + text_len;
    }
    return round_up(size);
}

/* References go through the lines first, then through the hanging records. */
static const struct record *record_at(const struct domain_table *t, domain_ref ref)
{
    size_t at = ((size_t)ref - 1) * UNIT;
    size_t lines = t->lines_count * LINE_SIZE;
    if (at < lines)
        return (const void *)((const unsigned char *)t->lines + at);
    return (const void *)(t->records.data + (at - lines));
}

static domain_ref make_ref(size_t at)
{
    return (domain_ref)(at / UNIT + 1);
}

static domain_ref next_hanging(const struct record *r)
{
    const void *front = (const char *)r - LINK;
    return load_halves(((const struct hanging *)front)->next);
}

static char *put(char *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

void domain_add(struct domain_table *t, const struct domain_entry *entry)
{
    size_t most = sizeof(struct hanging) + 2 + entry->key.len + sizeof(uint32_t) +
                  sizeof(uint16_t) + entry->written.len + UNIT;
    struct hanging *h = bulk_room(&t->records, most);
    struct record *r = &h->record;
    char *at = r->text;
    store_halves(h->next, 0);
    store_halves(r->place, entry->line);
    r->file = entry->file;
    r->set = entry->set;
    r->key_len = (uint8_t)entry->key.len;
    r->flags = entry->is_suffix ? IS_SUFFIX : 0;
    if (entry->is_suffix)
        at = put(at, "*.", 2);
    at = put(at, entry->key.ptr, entry->key.len);
    if (entry->url != NOTE_NO_URL) {
        r->flags |= IS_URL;
        at = put(at, &entry->url, sizeof(entry->url));
    }
    if (entry->written.len != 0) {
        uint16_t len = (uint16_t)entry->written.len;
        r->flags |= HAS_TEXT;
        at = put(at, &len, sizeof(len));
        put(at, entry->written.ptr, len);
    }
    t->records.used += LINK + record_size(r);
    t->count++;
}

static struct domain_line *line_of(const struct domain_table *t, uint64_t hash)
{
    return &t->lines[(hash >> 32) * t->lines_count >> 32];
}

static uint64_t *filter_word(const struct domain_table *t, uint64_t hash)
{
    return &t->filter[(hash >> 32) * t->filter_count >> 32];
}

static uint64_t filter_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63);
}

static void prefetch_line(const struct domain_line *line)
{
    __builtin_prefetch(line);
    __builtin_prefetch((const char *)line + LINE_SIZE / 2);
}

static bool is_repeated(const struct record *a, const struct record *b)
{
    return a->set == b->set && a->flags == b->flags && str_eq(key_of(a), key_of(b));
}

/* Does the line have the pattern already? What differs in spelling only is kept. */
static bool has_record(const struct domain_table *t, const struct domain_line *line,
                       const struct record *r)
{
    for (size_t at = 0; at < line->used;) {
        const struct record *other = (const void *)(line->bytes + at);
        if (is_repeated(other, r))
            return true;
        at += record_size(other);
    }
    for (domain_ref ref = line->hanging; ref != 0; ref = next_hanging(record_at(t, ref)))
        if (is_repeated(record_at(t, ref), r))
            return true;
    return false;
}

/* Moves a record into its line, or down to kept in the records. */
static void place_record(struct domain_table *t, struct hanging *h, struct domain_line *line,
                         size_t *kept)
{
    size_t size = record_size(&h->record);
    if (!(h->record.flags & IS_URL) && has_record(t, line, &h->record)) {
        t->count--;
        return;
    }
    if (size <= sizeof(line->bytes) - line->used) {
        memcpy(line->bytes + line->used, &h->record, size);
        line->used = (uint16_t)(line->used + size);
        return;
    }
    store_halves(h->next, line->hanging);
    line->hanging = make_ref(t->lines_count * LINE_SIZE + *kept + LINK);
    memmove(t->records.data + *kept, h, LINK + size);
    *kept += LINK + size;
}

static void set_depth(uint64_t bits[2], size_t depth)
{
    bits[depth / 64] |= UINT64_C(1) << depth % 64;
}

static bool has_depth(const uint64_t bits[2], size_t depth)
{
    return bits[depth / 64] >> depth % 64 & 1;
}

static uint64_t hash_record(struct domain_table *t, const struct record *r)
{
    struct namehash_parents parents;
    namehash_parents(&t->hash, key_of(r), &parents);
    set_depth(r->flags & IS_SUFFIX ? t->suffix_depth : t->exact_depth, parents.count);
    return parents.hashes[parents.count - 1];
}

/* In batches, so that the lines of one batch come from memory together. */
static size_t place_all(struct domain_table *t)
{
    struct hanging *batch[BATCH];
    struct domain_line *lines[BATCH];
    size_t kept = 0;
    for (size_t at = 0; at < t->records.used;) {
        size_t count = 0;
        while (count < BATCH && at < t->records.used) {
            struct hanging *h = (void *)(t->records.data + at);
            batch[count] = h;
            uint64_t hash = hash_record(t, &h->record);
            lines[count] = line_of(t, hash);
            prefetch_line(lines[count]);
            *filter_word(t, hash) |= filter_bits(hash);
            at += LINK + record_size(&h->record);
            count++;
        }
        for (size_t i = 0; i < count; i++)
            place_record(t, batch[i], lines[i], &kept);
    }
    return kept;
}

void domain_finish(struct domain_table *t)
{
    if (t->count == 0)
        return;
    namehash_init(&t->hash);
    size_t bytes = t->records.used - t->count * LINK;
    t->lines_count = bytes / FILL_BYTES + 1;
    t->block = bulk_zalloc((t->lines_count + 1) * LINE_SIZE);
    size_t skip = LINE_SIZE - (uintptr_t)t->block % LINE_SIZE;
    t->lines = (void *)((unsigned char *)t->block + skip);
    t->filter_count = t->count / FILTER_KEYS + 1;
    t->filter = bulk_zalloc(t->filter_count * sizeof(*t->filter));
    t->records.used = place_all(t);
    bulk_trim(&t->records);
}

void domain_fini(struct domain_table *t)
{
    bulk_fini(&t->records);
    mem_free(t->block);
    mem_free(t->filter);
    *t = (struct domain_table){0};
}

size_t domain_bytes(const struct domain_table *t)
{
    return t->records.size + (t->block ? (t->lines_count + 1) * LINE_SIZE : 0) +
           t->filter_count * sizeof(*t->filter);
}

/* Keeps the parents that have a pattern as deep as they are; their words of the filter
 * come from memory together. */
static size_t choose_depths(const struct domain_table *t, struct namehash_parents *parents)
{
    uint64_t wanted[2] = {t->suffix_depth[0], t->suffix_depth[1]};
    size_t whole = parents->count;
    size_t kept = 0;
    if (has_depth(t->exact_depth, whole))
        set_depth(wanted, whole);
    for (size_t i = 0; i < whole; i++) {
        if (!has_depth(wanted, i + 1))
            continue;
        parents->hashes[kept] = parents->hashes[i];
        parents->lengths[kept] = parents->lengths[i];
        __builtin_prefetch(filter_word(t, parents->hashes[kept]));
        kept++;
    }
    return kept;
}

void domain_prepare(const struct domain_table *t, struct str name, struct domain_search *search)
{
    struct namehash_parents parents;
    search->count = 0;
    if (t->count == 0 || name.len == 0 || name.len > HOST_MAX)
        return;
    namehash_parents(&t->hash, name, &parents);
    size_t count = choose_depths(t, &parents);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = filter_bits(parents.hashes[i]);
        size_t len = parents.lengths[i];
        if ((*filter_word(t, parents.hashes[i]) & bits) != bits)
            continue;
        struct domain_probe *probe = &search->probes[search->count++];
        probe->line = line_of(t, parents.hashes[i]);
        probe->key = (struct str){name.ptr + (name.len - len), len};
        probe->is_whole = len == name.len;
        prefetch_line(probe->line);
    }
}

static void try_record(const struct record *r, domain_ref ref, const struct domain_probe *probe,
                       domain_match_fn on_match, void *context)
{
    bool is_suffix = (r->flags & IS_SUFFIX) != 0;
    if (!(is_suffix || probe->is_whole) || !str_eq(key_of(r), probe->key))
        return;
    struct domain_match match = {ref, NOTE_NO_URL, r->set, r->key_len, is_suffix, probe->is_whole};
    if (r->flags & IS_URL)
        memcpy(&match.url, r->text + stars_of(r) + r->key_len, sizeof(match.url));
    on_match(context, &match);
}

static void scan_line(const struct domain_table *t, const struct domain_probe *probe,
                      domain_match_fn on_match, void *context)
{
    const struct domain_line *line = probe->line;
    const unsigned char *base = (const unsigned char *)t->lines;
    for (size_t at = 0; at < line->used;) {
        const struct record *r = (const void *)(line->bytes + at);
        if (r->key_len == probe->key.len)
            try_record(r, make_ref((size_t)(line->bytes + at - base)), probe, on_match, context);
        at += record_size(r);
    }
    for (domain_ref ref = line->hanging; ref != 0; ref = next_hanging(record_at(t, ref)))
        try_record(record_at(t, ref), ref, probe, on_match, context);
}

void domain_find(const struct domain_table *t, const struct domain_search *search,
                 domain_match_fn on_match, void *context)
{
    for (size_t i = 0; i < search->count; i++)
        scan_line(t, &search->probes[i], on_match, context);
}

void domain_read(const struct domain_table *t, domain_ref ref, struct domain_entry *entry)
{
    const struct record *r = record_at(t, ref);
    const char *at = r->text + stars_of(r) + r->key_len;
    uint16_t len;
    *entry = (struct domain_entry){.key = key_of(r),
                                   .is_suffix = (r->flags & IS_SUFFIX) != 0,
                                   .set = r->set,
                                   .file = r->file,
                                   .line = load_halves(r->place),
                                   .url = NOTE_NO_URL,
                                   .written = {r->text, stars_of(r) + r->key_len}};
    if (r->flags & IS_URL) {
        memcpy(&entry->url, at, sizeof(entry->url));
        at += sizeof(entry->url);
    }
    if (r->flags & HAS_TEXT) {
        memcpy(&len, at, sizeof(len));
        entry->written = (struct str){at + sizeof(len), len};
    }
}

/* The first record in line number i or one behind it, else the first hanging one. */
static domain_ref first_from(const struct domain_table *t, size_t i)
{
    for (; i < t->lines_count; i++)
        if (t->lines[i].used != 0)
            return make_ref(i * LINE_SIZE + offsetof(struct domain_line, bytes));
    return t->records.used ? make_ref(t->lines_count * LINE_SIZE + LINK) : 0;
}

domain_ref domain_walk(const struct domain_table *t, domain_ref after)
{
    if (after == 0)
        return first_from(t, 0);
    size_t lines = t->lines_count * LINE_SIZE;
    size_t at = ((size_t)after - 1) * UNIT;
    size_t next = at + record_size(record_at(t, after));
    if (at >= lines)
        return next + LINK - lines < t->records.used ? make_ref(next + LINK) : 0;
    const struct domain_line *line = &t->lines[at / LINE_SIZE];
    size_t end = at / LINE_SIZE * LINE_SIZE + offsetof(struct domain_line, bytes) + line->used;
    return next < end ? make_ref(next) : first_from(t, at / LINE_SIZE + 1);
}
