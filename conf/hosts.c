/* SPDX-License-Identifier: MIT */
/* hosts.c - names with fixed addresses; see hosts.h. */
#include "conf/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "policy/host.h"
#include "util/mem.h"

/* One pair of a line; sorted by name, then by order. */
struct entry {
    size_t name; /* offset in names */
    size_t order;
    struct addr addr;
};

struct hosts {
    char *names; /* each with a NUL behind */
    size_t names_len, names_room;
    struct entry *entries;
    size_t count, room;
    struct addr *addrs; /* those of entries, in the same order */
};

struct reading {
    struct hosts *hosts;
    struct place at;
    bool is_lenient;
    struct errlist *faults;
};

static void add_entry(struct hosts *h, const struct host *name, const struct addr *addr)
{
    if (h->names_room - h->names_len < name->len + 1) {
        h->names_room = h->names_room * 2 + sizeof(name->name);
        h->names = mem_must_resize(h->names, h->names_room);
    }
    if (h->count == h->room) {
        h->room = h->room * 2 + 16;
        h->entries = mem_must_resize(h->entries, h->room * sizeof(*h->entries));
    }
    h->entries[h->count] = (struct entry){h->names_len, h->count, *addr};
    h->count++;
    memcpy(h->names + h->names_len, name->name, name->len + 1);
    h->names_len += name->len + 1;
}

static void report(struct reading *r, struct str word, const char *what)
{
    if (!r->is_lenient)
        errlist_add(r->faults, &r->at, "'%.*s' %s", STR_ARG(word), what);
}

/* The next word of the line; empty at its end. */
static struct str cut_word(struct str *line)
{
    size_t len = 0;
    *line = str_trim(*line);
    while (len < line->len && line->ptr[len] != ' ' && line->ptr[len] != '\t')
        len++;
    struct str word = {line->ptr, len};
    line->ptr += len;
    line->len -= len;
    return word;
}

static void read_line(struct reading *r, struct str line)
{
    struct addr addr;
    struct host name;

    line.len = str_find(line, '#');
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    struct str word = cut_word(&line);
    if (word.len == 0)
        return;
    if (addr_parse(&addr, word) != 0) {
        report(r, word, "is not an address");
        return;
    }
    struct str first = cut_word(&line);
    if (first.len == 0)
        report(r, word, "has no name behind it");
    for (word = first; word.len > 0; word = cut_word(&line)) {
        const char *fault = host_parse(&name, word);
        if (fault == NULL && name.is_address)
            fault = "is an address where a name belongs";
        if (fault != NULL)
            report(r, word, fault);
        else
            add_entry(r->hosts, &name, &addr);
    }
}

static int compare_entries(const void *a, const void *b, void *names)
{
    const struct entry *x = a, *y = b;
    int order = strcmp((const char *)names + x->name, (const char *)names + y->name);
    if (order != 0)
        return order;
    return x->order < y->order ? -1 : x->order > y->order;
}

struct hosts *hosts_read(struct str text, const char *file, bool lenient, struct errlist *faults)
{
    struct hosts *h = mem_must_zalloc(sizeof(*h));
    struct reading r = {h, {file, 0}, lenient, faults};

    while (text.len > 0) {
        r.at.line++;
        read_line(&r, str_cut(&text, '\n'));
    }
    if (h->count > 0)
        qsort_r(h->entries, h->count, sizeof(*h->entries), compare_entries, h->names);
    h->addrs = mem_must_resize(NULL, (h->count + 1) * sizeof(*h->addrs));
    for (size_t i = 0; i < h->count; i++)
        h->addrs[i] = h->entries[i].addr;
    return h;
}

static int compare_name(const struct hosts *h, size_t index, struct str name)
{
    const char *held = h->names + h->entries[index].name;
    int order = strncmp(held, name.ptr, name.len);
    return order != 0 ? order : held[name.len] != '\0';
}

/* The first entry whose name is not before name, or count. */
static size_t find_first(const struct hosts *h, struct str name)
{
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_name(h, middle, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct addr *hosts_find(const struct hosts *h, struct str name, size_t *count)
{
    size_t first = name.len > 0 ? find_first(h, name) : h->count;
    size_t end = first;

    while (end < h->count && compare_name(h, end, name) == 0)
        end++;
    *count = end - first;
    return end > first ? &h->addrs[first] : NULL;
}

void hosts_free(struct hosts *h)
{
    if (h == NULL)
        return;
    mem_free(h->names);
    mem_free(h->entries);
    mem_free(h->addrs);
    mem_free(h);
}
