/* SPDX-License-Identifier: MIT */
/* helper.c - the command of a helper, as configured; see helper.h. */
#include "conf/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "util/mem.h"

/* Where PATH is not set: what execvp(3) of Debian looks through. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* The program, without its quotes; rest is what follows it. */
static struct str cut_program(struct str command, struct str *rest)
{
    char quote = command.ptr[0];
    *rest = command;
    if (quote != '"' && quote != '\'') {
        size_t len = str_find(command, ' ');
        *rest = (struct str){command.ptr + len, command.len - len};
        return (struct str){command.ptr, len};
    }
    (void)str_cut(rest, quote);
    struct str program = str_cut(rest, quote);
    if (rest->ptr == NULL)
        *rest = (struct str){command.ptr + command.len, 0};
    return program;
}

/* 0, or what errno has it. */
static int find_fault(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

static bool is_in_path(struct str program)
{
    const char *path = getenv("PATH");
    struct str rest = str_of(path != NULL ? path : DEFAULT_PATH);
    bool is_found = false;
    while (rest.ptr != NULL && !is_found) {
        struct str folder = str_cut(&rest, ':');
        size_t size = folder.len + program.len + 3;
        char *full = mem_must_zalloc(size);
        snprintf(full, size, "%.*s/%.*s", STR_ARG(folder.len ? folder : STR_LIT(".")),
                 STR_ARG(program));
        is_found = find_fault(full) == 0;
        mem_free(full);
    }
    return is_found;
}

/* The command with another path for its program, in quotes where it has a space. */
static char *join(const char *program, struct str rest)
{
    const char *quote = strchr(program, ' ') == NULL ? "" : strchr(program, '"') ? "'" : "\"";
    size_t size = strlen(program) + rest.len + 3;
    char *command = mem_must_zalloc(size);
    snprintf(command, size, "%s%s%s%.*s", quote, program, quote, STR_ARG(rest));
    return command;
}

char *helper_command(const struct spec_text *helper, struct errlist *faults)
{
    struct str rest;
    struct str program = cut_program(str_trim(str_of(helper->text)), &rest);
    if (str_find(program, '/') == program.len) {
        if (program.len == 0)
            errlist_add(faults, &helper->at, "helper names no program");
        else if (!is_in_path(program))
            errlist_add(faults, &helper->at, "helper: there is no program '%.*s' in PATH",
                        STR_ARG(program));
        return mem_must_dup(helper->text, strlen(helper->text));
    }
    char *name = mem_must_dup(program.ptr, program.len);
    char *path = file_relative(helper->at.file, name);
    int fault = find_fault(path);
    if (fault != 0)
        errlist_add(faults, &helper->at, "helper: %s: %s", path, strerror(fault));
    char *command = join(path, rest);
    mem_free(path);
    mem_free(name);
    return command;
}
