/* SPDX-License-Identifier: MIT */
/* cli.c - what the commands share; see cli.h. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/source.h"
#include "util/mem.h"

bool cli_has_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (no_colour != NULL && no_colour[0] != '\0')
        return false;
    return term != NULL && strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

const char *cli_colour(bool is_on, enum cli_colour colour)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "\033[0m",    [CLI_GREEN] = "\033[1;32m", [CLI_RED] = "\033[1;31m",
        [CLI_YELLOW] = "\033[33m", [CLI_DIM] = "\033[2m",      [CLI_BOLD] = "\033[1m",
    };
    return is_on ? codes[colour] : "";
}

/* In the order of the list, but the lines of one file sorted. */
static void sort_faults(const struct errlist *faults, const struct err **sorted)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct err *e = &faults->items[i];
        size_t at = i;
        for (size_t j = i; j > 0; j--)
            if (strcmp(sorted[j - 1]->file, e->file) == 0 && sorted[j - 1]->line > e->line)
                at = j - 1;
        memmove(&sorted[at + 1], &sorted[at], (i - at) * sizeof(*sorted));
        sorted[at] = e;
    }
}

static void print_fault(const struct err *e, bool is_coloured)
{
    fputs("sallyport: ", stderr);
    if (e->file[0] != '\0') {
        fprintf(stderr, "%s%s", cli_colour(is_coloured, CLI_BOLD), e->file);
        if (e->line != 0)
            fprintf(stderr, ":%u", e->line);
        fprintf(stderr, ":%s ", cli_colour(is_coloured, CLI_PLAIN));
    }
    if (e->is_warning)
        fprintf(stderr, "%swarning:%s ", cli_colour(is_coloured, CLI_YELLOW),
                cli_colour(is_coloured, CLI_PLAIN));
    fprintf(stderr, "%s\n", e->text);
}

int cli_report(const struct err *e, int status)
{
    char text[sizeof(e->file) + sizeof(e->text) + 32];
    fprintf(stderr, "sallyport: %s\n", err_format(e, text, sizeof(text)));
    return status;
}

void cli_print_faults(const struct errlist *faults)
{
    bool is_coloured = cli_has_colour(stderr);
    size_t errors_printed = 0;
    const struct err **sorted = mem_must_zalloc((faults->count + 1) * sizeof(*sorted));

    sort_faults(faults, sorted);
    for (size_t i = 0; i < faults->count; i++) {
        print_fault(sorted[i], is_coloured);
        errors_printed += !sorted[i]->is_warning;
    }
    if (errors_printed < faults->errors)
        fprintf(stderr, "sallyport: and %zu more errors\n", faults->errors - errors_printed);
    mem_free(sorted);
}

struct config *cli_load(const char *path, struct errlist *faults, bool *is_unreadable)
{
    char *text;
    size_t len;
    struct err e;

    *is_unreadable = file_read(path, SOURCE_MAX_BYTES, NULL, &text, &len, &e) != 0;
    if (*is_unreadable) {
        errlist_add_err(faults, &e);
        return NULL;
    }
    struct str content = {text, len};
    struct config *c = config_parse(path, &content, faults);
    mem_free(text);
    return c;
}
