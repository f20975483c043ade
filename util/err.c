/* SPDX-License-Identifier: MIT */
/* err.c - sentences that say what is wrong and where; see err.h. */
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/mem.h"

#define MAX_ENTRIES 1000

static void fill(struct err *e, const struct place *place, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fill(struct err *e, const struct place *place, const char *format, va_list args)
{
    /* The arguments may point into e: "...: %s" over its own text. */
    struct err filled = {0};
    if (place != NULL && place->file != NULL) {
        snprintf(filled.file, sizeof(filled.file), "%s", place->file);
        filled.line = place->line;
    }
    vsnprintf(filled.text, sizeof(filled.text), format, args);
    *e = filled;
}

int err_set(struct err *e, const struct place *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (e != NULL)
        fill(e, place, format, args);
    va_end(args);
    return -1;
}

char *err_format(const struct err *e, char *out, size_t size)
{
    const char *kind = e->is_warning ? "warning: " : "";
    if (e->file[0] == '\0')
        snprintf(out, size, "%s%s", kind, e->text);
    else if (e->line == 0)
        snprintf(out, size, "%s: %s%s", e->file, kind, e->text);
    else
        snprintf(out, size, "%s:%u: %s%s", e->file, e->line, kind, e->text);
    return out;
}

void errlist_init(struct errlist *list)
{
    *list = (struct errlist){0};
}

void errlist_fini(struct errlist *list)
{
    mem_free(list->items);
    *list = (struct errlist){0};
}

void errlist_add_err(struct errlist *list, const struct err *e)
{
    if (!e->is_warning)
        list->errors++;
    if (list->count == MAX_ENTRIES)
        return;
    struct err copy = *e; /* e may be an entry of this list, which moves */
    list->items = mem_must_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = copy;
}

void errlist_add(struct errlist *list, const struct place *place, const char *format, ...)
{
    struct err e;
    va_list args;
    va_start(args, format);
    fill(&e, place, format, args);
    va_end(args);
    errlist_add_err(list, &e);
}

void errlist_warn(struct errlist *list, const struct place *place, const char *format, ...)
{
    struct err e;
    va_list args;
    va_start(args, format);
    fill(&e, place, format, args);
    va_end(args);
    e.is_warning = true;
    errlist_add_err(list, &e);
}
