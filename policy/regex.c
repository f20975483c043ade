/* SPDX-License-Identifier: MIT */
/* regex.c - regular expressions over hosts; see regex.h. */
#include "policy/regex.h"

#include <stdio.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "util/mem.h"

#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MAX (256 * 1024)
#define HEAP_LIMIT_KIB 1024

struct regex_scratch {
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

int regex_add(struct regex_list *l, struct str pattern, const struct note *note, uint32_t *index,
              char *fault, size_t size)
{
    const uint32_t options = PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &error, &at, NULL);
    if (code == NULL) {
        char words[160] = "is no regular expression";
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)words, sizeof(words));
        snprintf(fault, size, "%s (at character %zu)", words, at + 1);
        return -1;
    }
    /* Where there is no compiler for this machine, the interpreter does it. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    struct regex regex = {code, REGEX_NONE, *note};
    *index = (uint32_t)l->count++;
    bulk_append(&l->items, &regex, sizeof(regex));
    return 0;
}

static struct regex *regexes_of(const struct regex_list *l)
{
    return (struct regex *)(void *)l->items.data;
}

const struct regex *regex_at(const struct regex_list *l, uint32_t index)
{
    return regexes_of(l) + index;
}

void regex_link(struct regex_list *l, uint32_t index, uint32_t next)
{
    regexes_of(l)[index].next = next;
}

void regex_fini(struct regex_list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        pcre2_code_free(regexes_of(l)[i].code);
    bulk_fini(&l->items);
    l->count = 0;
}

size_t regex_bytes(const struct regex_list *l)
{
    size_t bytes = l->items.size;
    for (uint32_t i = 0; i < l->count; i++) {
        size_t code = 0;
        size_t jit = 0;
        (void)pcre2_pattern_info(regexes_of(l)[i].code, PCRE2_INFO_SIZE, &code);
        (void)pcre2_pattern_info(regexes_of(l)[i].code, PCRE2_INFO_JITSIZE, &jit);
        bytes += code + jit;
    }
    return bytes;
}

struct regex_scratch *regex_scratch_new(void)
{
    struct regex_scratch *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return NULL;
    s->match = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    /* NULL where there is no compiler for this machine: then none is wanted. */
    s->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
    if (s->match == NULL || s->context == NULL) {
        regex_scratch_free(s);
        return NULL;
    }
    pcre2_set_match_limit(s->context, REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(s->context, REGEX_MATCH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
    if (s->stack != NULL)
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void regex_scratch_free(struct regex_scratch *s)
{
    if (s == NULL)
        return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    mem_free(s);
}

enum regex_result regex_match(const struct regex_list *l, uint32_t index, struct str subject,
                              struct regex_scratch *s)
{
    int rc = pcre2_match(regex_at(l, index)->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0,
                         s->match, s->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    return rc >= 0 ? REGEX_MATCH : REGEX_GAVE_UP;
}
