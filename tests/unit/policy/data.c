/* SPDX-License-Identifier: MIT */
/* data.c - tables of questions and answers; see data.h. */
#include "tests/unit/policy/data.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

char *data_read(const char *file, size_t *len)
{
    char path[4096];
    const char *root = getenv("SALLYPORT_ROOT");
    snprintf(path, sizeof(path), "%s/tests/data/policy/%s", root ? root : ".", file);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be opened", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    ck_assert_int_ge(size, 0);
    rewind(f);
    char *text = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(text);
    *len = fread(text, 1, (size_t)size, f);
    ck_assert_uint_eq(*len, (size_t)size);
    text[*len] = '\0';
    fclose(f);
    return text;
}

static unsigned hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    ck_assert_msg(at != NULL, "'%c' is no hexadecimal digit", c);
    return (unsigned)(at - digits);
}

/* In place: what comes out is never longer. */
static struct str unescape(struct str field)
{
    char *out = (char *)field.ptr;
    size_t len = 0;
    if (str_eq(field, STR_LIT("-")))
        return (struct str){field.ptr, 0};
    for (size_t i = 0; i < field.len; i++) {
        char c = field.ptr[i];
        if (c == '\\' && i + 1 < field.len && field.ptr[i + 1] == '\\') {
            i++;
        } else if (c == '\\' && i + 3 < field.len && field.ptr[i + 1] == 'x') {
            c = (char)(hex_digit(field.ptr[i + 2]) * 16 + hex_digit(field.ptr[i + 3]));
            i += 3;
        }
        out[len++] = c;
    }
    return (struct str){field.ptr, len};
}

bool data_next_row(struct data *d)
{
    struct str line;
    do {
        if (d->rest.len == 0)
            return false;
        line = str_cut(&d->rest, '\n');
        d->line++;
    } while (line.len == 0 || line.ptr[0] == '#');
    size_t count = 0;
    while (line.ptr != NULL && count < DATA_MAX_COLUMNS)
        d->fields[count++] = unescape(str_cut(&line, '\t'));
    ck_assert_msg(count == d->columns && line.ptr == NULL, "%s:%u has %zu columns", d->file,
                  d->line, count);
    return true;
}

void data_open(struct data *d, const char *file, size_t columns)
{
    size_t len;
    *d = (struct data){.file = file, .columns = columns};
    d->text = data_read(file, &len);
    d->rest = (struct str){d->text, len};
    ck_assert(data_next_row(d));
}

void data_close(struct data *d)
{
    free(d->text);
    d->text = NULL;
}

const char *data_where(const struct data *d)
{
    static char where[256];
    snprintf(where, sizeof(where), "%s:%u: %.*s", d->file, d->line,
             STR_ARG(d->fields[d->columns - 1]));
    return where;
}
