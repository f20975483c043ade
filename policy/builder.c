/* SPDX-License-Identifier: MIT */
/* builder.c - what the functions of policy_build.h share; see builder.h. */
#include "policy/builder.h"

#include <string.h>

#include "policy/pattern.h"
#include "policy/policy_build.h"
#include "util/mem.h"

#define MAX_FILES 65000
/* Offsets of texts have 32 bits; the last pattern may be this long. */
#define MAX_TEXT (UINT32_MAX - 4 * PATTERN_MAX)

int builder_intern_file(struct policy_builder *b, const char *file, uint16_t *number)
{
    struct policy *p = b->policy;
    *number = NOTE_NO_FILE;
    if (file == NULL)
        return 0;
    if (b->last_file < p->files_count && strcmp(p->files[b->last_file], file) == 0) {
        *number = b->last_file;
        return 0;
    }
    size_t i = 0;
    while (i < p->files_count && strcmp(p->files[i], file) != 0)
        i++;
    if (i == MAX_FILES)
        return -1;
    if (i == p->files_count) {
        p->files = mem_must_resize(p->files, (i + 1) * sizeof(*p->files));
        p->files[p->files_count++] = mem_must_dup(file, strlen(file));
    }
    *number = b->last_file = (uint16_t)i;
    return 0;
}

struct place builder_place(struct policy_builder *b, const struct place *at)
{
    uint16_t file = NOTE_NO_FILE;
    if (at == NULL || builder_intern_file(b, at->file, &file) != 0)
        return (struct place){NULL, 0};
    return compiled_place(b->policy, file, at->line);
}

const char *builder_find_limit(const struct policy *p)
{
    size_t patterns =
        p->domains.count + p->globs.count + p->regexes.count + p->nets.count + p->clients.count;
    if (patterns >= POLICY_MAX_DOMAINS)
        return "is one pattern too many: 16,000,000 is the limit";
    if (p->texts.used > MAX_TEXT || p->globs.texts.used > MAX_TEXT ||
        p->domains.records.used > DOMAIN_MAX_BYTES)
        return "is too much: all patterns together have gigabytes of text";
    return NULL;
}

char *builder_quote(struct str text, char out[BUILDER_QUOTE_SIZE])
{
    size_t len = 0;
    for (; len < text.len && len < BUILDER_QUOTE_SIZE - 4; len++) {
        unsigned char c = (unsigned char)text.ptr[len];
        out[len] = c < 0x20 || c == 0x7f ? '?' : text.ptr[len];
    }
    memcpy(out + len, len < text.len ? "..." : "", len < text.len ? 4 : 1);
    return out;
}

int builder_fail(struct err *e, const struct place *at, struct str text, const char *fault)
{
    char quoted[BUILDER_QUOTE_SIZE];
    return err_set(e, at, "'%s' %s", builder_quote(text, quoted), fault);
}
