/* SPDX-License-Identifier: MIT */
/* domain.c - exact names and suffixes of every set in one hash table; see domain.h. */
#include "policy/domain.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/note.h"
#include "util/mem.h"

#define ALIGN 4
#define HASH_START 0x53616c6c79ULL
#define MIN_SLOTS_LOG2 4
#define BATCH 32

enum { IS_SUFFIX = 1, IS_URL = 2, HAS_TEXT = 4 };

struct domain_slot {
    uint32_t fingerprint;
    domain_ref ref; /* 0: free */
};

/* In front of the text: "*." and the key, then what flags announce: the index of
 * the URL, then the length of the text as written and that text. */
struct record {
    domain_ref next;
    uint32_t line;
    uint16_t file;
    uint16_t set;
    uint8_t key_len;
    uint8_t flags;
    char text[];
};
#define HEADER offsetof(struct record, text)
#define STARS 2

static struct record *record_at(const struct domain_table *t, domain_ref ref)
{
    return (struct record *)(void *)(t->records.data + ((size_t)ref - 1) * ALIGN);
}

static struct str key_of(const struct record *r)
{
    return (struct str){r->text + STARS, r->key_len};
}

static size_t record_size(const struct record *r)
{
    const char *at = r->text + STARS + r->key_len;
    uint16_t text_len = 0;
    if (r->flags & IS_URL)
        at += sizeof(uint32_t);
    if (r->flags & HAS_TEXT) {
        memcpy(&text_len, at, sizeof(text_len));
        at += sizeof(text_len) + text_len;
    }
    size_t size = (size_t)(at - (const char *)r);
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static char *put(char *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

void domain_add(struct domain_table *t, const struct domain_entry *entry)
{
    size_t most = HEADER + STARS + entry->key.len + sizeof(uint32_t) + sizeof(uint16_t) +
                  entry->written.len + ALIGN;
    struct record *r = bulk_room(&t->records, most);
    char *at = put(r->text, "*.", STARS);
    r->next = 0;
    r->line = entry->line;
    r->file = entry->file;
    r->set = entry->set;
    r->key_len = (uint8_t)entry->key.len;
    r->flags = entry->is_suffix ? IS_SUFFIX : 0;
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
    t->records.used += record_size(r);
    t->count++;
}

static uint64_t hash_label(const char *label, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(label, len, seed);
}

/* The hash of a whole key, the same way domain_find takes it. */
static uint64_t hash_key(struct str key, unsigned *depth)
{
    uint64_t hash = HASH_START;
    size_t end = key.len;
    *depth = 0;
    for (size_t i = key.len; i-- > 0;) {
        if (key.ptr[i] != '.' && i != 0)
            continue;
        size_t start = key.ptr[i] == '.' ? i + 1 : 0;
        hash = hash_label(key.ptr + start, end - start, hash);
        end = i;
        ++*depth;
    }
    return hash;
}

static size_t slot_of(const struct domain_table *t, uint64_t hash)
{
    return hash >> t->slot_shift;
}

static bool is_equal(const struct record *a, const struct record *b)
{
    return a->set == b->set && (a->flags & IS_SUFFIX) == (b->flags & IS_SUFFIX);
}

/* Puts ref into the chain that begins at *head: behind the plain patterns, and
 * nowhere if it repeats one of them. */
static void link_record(struct domain_table *t, domain_ref *head, domain_ref ref)
{
    struct record *r = record_at(t, ref);
    domain_ref *link = head;
    while (*link != 0) {
        struct record *other = record_at(t, *link);
        if (other->flags & IS_URL)
            break;
        if (!(r->flags & IS_URL) && is_equal(r, other))
            return;
        link = &other->next;
    }
    r->next = *link;
    *link = ref;
}

static void insert(struct domain_table *t, uint64_t hash, domain_ref ref)
{
    const struct record *r = record_at(t, ref);
    uint32_t fingerprint = (uint32_t)hash;
    for (size_t i = slot_of(t, hash);; i = (i + 1) & t->slot_mask) {
        struct domain_slot *slot = &t->slots[i];
        if (slot->ref == 0) {
            *slot = (struct domain_slot){fingerprint, ref};
            return;
        }
        if (slot->fingerprint == fingerprint &&
            str_eq(key_of(record_at(t, slot->ref)), key_of(r))) {
            link_record(t, &slot->ref, ref);
            return;
        }
    }
}

static void set_depth(uint64_t bits[2], unsigned depth)
{
    bits[depth / 64] |= UINT64_C(1) << depth % 64;
}

static bool has_depth(const uint64_t bits[2], unsigned depth)
{
    return bits[depth / 64] >> depth % 64 & 1;
}

domain_ref domain_walk(const struct domain_table *t, domain_ref after)
{
    size_t at = after ? ((size_t)after - 1) * ALIGN + record_size(record_at(t, after)) : 0;
    return at < t->records.used ? (domain_ref)(at / ALIGN + 1) : 0;
}

/* In batches, so that the slots of one batch come from memory together. */
static void insert_all(struct domain_table *t)
{
    uint64_t hashes[BATCH];
    domain_ref refs[BATCH];
    domain_ref ref = domain_walk(t, 0);
    while (ref != 0) {
        size_t count = 0;
        for (; ref != 0 && count < BATCH; ref = domain_walk(t, ref)) {
            const struct record *r = record_at(t, ref);
            unsigned depth;
            refs[count] = ref;
            hashes[count] = hash_key(key_of(r), &depth);
            set_depth(r->flags & IS_SUFFIX ? t->suffix_depth : t->exact_depth, depth);
            __builtin_prefetch(&t->slots[slot_of(t, hashes[count])], 1);
            count++;
        }
        for (size_t i = 0; i < count; i++)
            insert(t, hashes[i], refs[i]);
    }
}

void domain_finish(struct domain_table *t)
{
    unsigned log2 = MIN_SLOTS_LOG2;
    if (t->count == 0)
        return;
    while (((size_t)1 << log2) * 3 / 4 < t->count)
        log2++;
    bulk_trim(&t->records);
    t->slots = bulk_zalloc(sizeof(*t->slots) << log2);
    t->slot_mask = ((size_t)1 << log2) - 1;
    t->slot_shift = 64 - log2;
    insert_all(t);
}

void domain_fini(struct domain_table *t)
{
    bulk_fini(&t->records);
    mem_free(t->slots);
    *t = (struct domain_table){0};
}

size_t domain_bytes(const struct domain_table *t)
{
    return t->records.size + (t->slots ? (t->slot_mask + 1) * sizeof(*t->slots) : 0);
}

struct probe {
    size_t slot;
    uint32_t fingerprint;
    uint16_t start; /* of the key in the name */
};

/* The first slot from probe->slot on that has its fingerprint; false: none. */
static bool seek(const struct domain_table *t, struct probe *probe)
{
    for (size_t i = probe->slot;; i = (i + 1) & t->slot_mask) {
        if (t->slots[i].ref == 0)
            return false;
        if (t->slots[i].fingerprint == probe->fingerprint) {
            probe->slot = i;
            return true;
        }
    }
}

/* The chain of the key, or 0. Other keys may have the same fingerprint. */
static domain_ref verify(const struct domain_table *t, struct probe *probe, struct str key)
{
    do {
        domain_ref ref = t->slots[probe->slot].ref;
        if (str_eq(key_of(record_at(t, ref)), key))
            return ref;
        probe->slot = (probe->slot + 1) & t->slot_mask;
    } while (seek(t, probe));
    return 0;
}

/* Every parent of name that some pattern could be, shortest first. */
static size_t collect_probes(const struct domain_table *t, struct str name,
                             struct probe probes[DOMAIN_MAX_LABELS])
{
    uint64_t hash = HASH_START;
    size_t count = 0;
    size_t end = name.len;
    unsigned depth = 0;
    for (size_t i = name.len; i-- > 0 && depth < DOMAIN_MAX_LABELS;) {
        if (name.ptr[i] != '.' && i != 0)
            continue;
        size_t start = i != 0 ? i + 1 : 0;
        hash = hash_label(name.ptr + start, end - start, hash);
        end = i;
        depth++;
        if (!has_depth(t->suffix_depth, depth) && (i != 0 || !has_depth(t->exact_depth, depth)))
            continue;
        probes[count] = (struct probe){slot_of(t, hash), (uint32_t)hash, (uint16_t)start};
        __builtin_prefetch(&t->slots[probes[count].slot]);
        count++;
    }
    return count;
}

size_t domain_find(const struct domain_table *t, struct str name,
                   struct domain_hit hits[DOMAIN_MAX_LABELS])
{
    struct probe probes[DOMAIN_MAX_LABELS];
    size_t likely = 0;
    size_t count = 0;
    if (t->count == 0)
        return 0;
    size_t probes_count = collect_probes(t, name, probes);
    for (size_t i = 0; i < probes_count; i++) {
        if (!seek(t, &probes[i]))
            continue;
        __builtin_prefetch(record_at(t, t->slots[probes[i].slot].ref));
        probes[likely++] = probes[i];
    }
    for (size_t i = 0; i < likely; i++) {
        struct str key = {name.ptr + probes[i].start, name.len - probes[i].start};
        domain_ref ref = verify(t, &probes[i], key);
        if (ref != 0)
            hits[count++] = (struct domain_hit){ref, probes[i].start == 0};
    }
    return count;
}

domain_ref domain_next(const struct domain_table *t, domain_ref ref)
{
    return record_at(t, ref)->next;
}

struct domain_brief domain_brief(const struct domain_table *t, domain_ref ref)
{
    const struct record *r = record_at(t, ref);
    struct domain_brief brief = {NOTE_NO_URL, r->set, r->key_len, (r->flags & IS_SUFFIX) != 0};
    if (r->flags & IS_URL)
        memcpy(&brief.url, r->text + STARS + r->key_len, sizeof(brief.url));
    return brief;
}

void domain_read(const struct domain_table *t, domain_ref ref, struct domain_entry *entry)
{
    const struct record *r = record_at(t, ref);
    struct domain_brief brief = domain_brief(t, ref);
    const char *at = r->text + STARS + r->key_len;
    size_t skip = brief.is_suffix ? 0 : STARS;
    *entry = (struct domain_entry){key_of(r),
                                   brief.is_suffix,
                                   r->set,
                                   r->file,
                                   r->line,
                                   brief.url,
                                   {r->text + skip, STARS + r->key_len - skip}};
    if (r->flags & IS_URL)
        at += sizeof(uint32_t);
    if (r->flags & HAS_TEXT) {
        uint16_t len;
        memcpy(&len, at, sizeof(len));
        entry->written = (struct str){at + sizeof(len), len};
    }
}
