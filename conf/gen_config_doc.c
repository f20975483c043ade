/* SPDX-License-Identifier: MIT */
/*
 * gen_config_doc.c - writes docs/config.md from the table of configuration keys,
 * and checks that the documents are current.
 *
 *   gen-config-doc                    prints docs/config.md
 *   gen-config-doc --check FILE       fails where FILE differs from that
 *   gen-config-doc --check-man FILE   fails where the manual page lacks a key
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/keys.h"
#include "conf/units.h"
#include "util/mem.h"

#define MAX_DOCUMENT ((size_t)4 << 20)

static const char intro[] =
    "# Configuration keys\n"
    "\n"
    "<!-- Written from the table in conf/keys.c: change that, then run tools/gen-config-doc. -->\n"
    "\n"
    "A configuration is a file for libconfig: `name = value;`, groups in `{ }`, lists in `( )`,\n"
    "arrays of one type in `[ ]`, comments behind `#` or `//` or in `/* */`.\n"
    "`sallyport check` reports every fault with its file and line, and `serve` starts with none.\n"
    "A reload (`SIGHUP`) of a faulty file changes nothing.\n"
    "\n"
    "- `@include \"FILE\"` on a line of its own reads another file in its place.\n"
    "- A relative path is relative to the file that names it.\n"
    "- A duration is a number of seconds, or a string with a unit: `ms`, `s`, `m`, `h`, `d`.\n"
    "- A size is a number of bytes, or a string with a unit: `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`,\n"
    "  `GiB`.\n"
    "- Ports are a list of numbers and ranges: `( 443, \"5000-5010\" )`; numbers alone may stand\n"
    "  in `[ ]`.\n"
    "- A name set twice in one group is an error, over all included files.\n"
    "\n"
    "In patterns of destinations, `*` stands for any run of characters, dots included. A pattern\n"
    "that begins with `*.` matches the parent domain too. Case, a trailing dot and the spelling\n"
    "of an international name make no difference. `host/path` matches that URL over plain HTTP or\n"
    "inside inspected TLS, and never a CONNECT.\n";

static const char *type_name(enum key_type type)
{
    static const char *const names[] = {
        [KEY_BOOL] = "boolean",    [KEY_NUMBER] = "number", [KEY_DURATION] = "duration",
        [KEY_SIZE] = "size",       [KEY_CHOICE] = "string", [KEY_TEXT] = "string",
        [KEY_TEXTS] = "strings",   [KEY_PORTS] = "ports",   [KEY_GROUP] = "group",
        [KEY_LIST] = "groups",     [KEY_MAP] = "named groups",
    };
    return names[type];
}

static void print_limit(FILE *out, const struct key *k, uint64_t value)
{
    char text[UNITS_TEXT_SIZE];
    if (k->type == KEY_DURATION)
        fputs(units_format_duration(value, text), out);
    else if (k->type == KEY_SIZE)
        fputs(units_format_size(value, text), out);
    else
        fprintf(out, "%llu", (unsigned long long)value);
}

static void print_range(FILE *out, const struct key *k)
{
    if (k->choices != NULL) {
        for (size_t i = 0; k->choices[i] != NULL; i++)
            fprintf(out, "%s`\"%s\"`", i ? ", " : "", k->choices[i]);
    } else if (k->max > 0) {
        print_limit(out, k, k->min);
        fputs(" to ", out);
        print_limit(out, k, k->max);
    }
}

static void print_default(FILE *out, const struct key *k)
{
    bool is_bare = k->type == KEY_BOOL || k->type == KEY_NUMBER;
    if (k->is_required)
        fputs("required", out);
    else if (k->fallback != NULL && k->type == KEY_PORTS)
        fprintf(out, "`[ %s ]`", k->fallback);
    else if (k->fallback != NULL)
        fprintf(out, is_bare ? "`%s`" : "`\"%s\"`", k->fallback);
}

static void print_keys(FILE *out, const struct key_group *group)
{
    fputs("\n| key | type | values | default | meaning |\n| --- | --- | --- | --- | --- |\n", out);
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        if (k->type == KEY_MISSING)
            continue;
        fprintf(out, "| `%s` | %s | ", k->name, type_name(k->type));
        print_range(out, k);
        fputs(" | ", out);
        print_default(out, k);
        fprintf(out, " | %s |\n", k->doc);
    }
}

static void print_group(FILE *out, const struct key_group *group, const char *path)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        char inner[128];
        if (k->group == NULL)
            continue;
        snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", k->name);
        fprintf(out, "\n## %s%s\n\n%s\n", inner,
                k->type == KEY_MAP    ? ".NAME"
                : k->type == KEY_LIST ? " ( { ... } )"
                                      : "",
                k->doc);
        print_keys(out, k->group);
        print_group(out, k->group, inner);
    }
}

static void print_document(FILE *out)
{
    fputs(intro, out);
    fputs("\n## The top of the file\n", out);
    print_keys(out, &keys_root);
    print_group(out, &keys_root, "");
}

static char *read_document(const char *path, size_t *len)
{
    char *text;
    struct err e;
    if (file_read(path, MAX_DOCUMENT, NULL, &text, len, &e) != 0) {
        fprintf(stderr, "gen-config-doc: %s: %s\n", path, e.text);
        exit(2);
    }
    return text;
}

static int check_document(const char *path)
{
    char *made = NULL;
    size_t made_len = 0, len;
    FILE *out = open_memstream(&made, &made_len);
    char *text = read_document(path, &len);

    if (out == NULL)
        return 2;
    print_document(out);
    fclose(out);
    bool is_current = len == made_len && memcmp(text, made, len) == 0;
    if (!is_current)
        fprintf(stderr, "%s is not what conf/keys.c says: run tools/gen-config-doc\n", path);
    free(made);
    mem_free(text);
    return is_current ? 0 : 1;
}

/* Each key stands in the page as an item of its own: ".It Ic NAME". */
static int count_absent(const struct key_group *group, const char *page, const char *path)
{
    int absent = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        char item[128];
        if (k->type == KEY_MISSING)
            continue;
        snprintf(item, sizeof(item), "\n.It Ic %s\n", k->name);
        if (strstr(page, item) == NULL) {
            fprintf(stderr, "%s: '%s' of %s is not described\n", path, k->name, group->title);
            absent++;
        }
        if (k->group != NULL)
            absent += count_absent(k->group, page, path);
    }
    return absent;
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        print_document(stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check_document(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--check-man") == 0) {
        size_t len;
        char *page = read_document(argv[2], &len);
        int absent = count_absent(&keys_root, page, argv[2]);
        mem_free(page);
        return absent == 0 ? 0 : 1;
    }
    fputs("usage: gen-config-doc [--check FILE | --check-man FILE]\n", stderr);
    return 2;
}
