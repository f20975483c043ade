/* SPDX-License-Identifier: MIT */
/* scan.c - the names and numbers of a configuration; see scan.h. */
#include "conf/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "conf/source.h"
#include "util/mem.h"

void scan_init(struct scan *s, struct errlist *faults)
{
    *s = (struct scan){.faults = faults};
    s->scopes = mem_must_zalloc((SOURCE_MAX_NESTING + 1) * sizeof(*s->scopes));
    s->is_group = mem_must_zalloc((SOURCE_MAX_NESTING + 1) * sizeof(*s->is_group));
    s->is_group[0] = true;
}

void scan_fini(struct scan *s)
{
    mem_free(s->seen);
    mem_free(s->scopes);
    mem_free(s->is_group);
    *s = (struct scan){0};
}

int scan_open(struct scan *s, char bracket, const struct place *at)
{
    if (s->depth == SOURCE_MAX_NESTING) {
        errlist_add(s->faults, at, "brackets are nested more than %d deep", SOURCE_MAX_NESTING);
        return -1;
    }
    s->depth++;
    s->scopes[s->depth] = s->seen_count;
    s->is_group[s->depth] = bracket == '{';
    return 0;
}

void scan_close(struct scan *s)
{
    if (s->depth == 0)
        return; /* the parser reports it */
    s->seen_count = s->scopes[s->depth];
    s->depth--;
}

static const struct scan_seen *find_seen(const struct scan *s, struct str name)
{
    for (size_t i = s->scopes[s->depth]; i < s->seen_count; i++)
        if (str_eq(s->seen[i].name, name))
            return &s->seen[i];
    return NULL;
}

bool scan_assign(struct scan *s, struct str name, const struct place *at)
{
    if (!s->is_group[s->depth])
        return true; /* the parser reports it */
    if (str_find(name, '*') < name.len) {
        errlist_add(s->faults, at, "'%.*s' is not a name: '*' cannot stand in one", STR_ARG(name));
        return false;
    }
    const struct scan_seen *first = find_seen(s, name);
    if (first != NULL) {
        errlist_add(s->faults, at, "'%.*s' is set twice in one group, first at %s:%u",
                    STR_ARG(name), first->at.file, first->at.line);
        return false;
    }
    if (s->seen_count == s->seen_room) {
        s->seen_room = s->seen_room * 2 + 16;
        s->seen = mem_must_resize(s->seen, s->seen_room * sizeof(*s->seen));
    }
    s->seen[s->seen_count++] = (struct scan_seen){name, *at};
    return true;
}

void scan_number(struct scan *s, struct str number, const struct place *at)
{
    char digits[32];
    char *end;
    bool is_long = number.len > 0 && number.ptr[number.len - 1] == 'L';

    if (number.len < sizeof(digits)) {
        memcpy(digits, number.ptr, number.len);
        digits[number.len] = '\0';
        bool is_hex = str_find(number, 'x') < number.len || str_find(number, 'X') < number.len;
        errno = 0;
        long long value = strtoll(digits, &end, is_hex ? 16 : 10);
        if (errno == 0 && (is_long || (value >= INT32_MIN && value <= INT32_MAX)))
            return;
    }
    s->is_misread = true;
    errlist_add(s->faults, at, "the number %.*s is too large", STR_ARG(number));
}
