/* SPDX-License-Identifier: MIT */
/* ca.c - the command 'ca': finds the one of init, show and rotate; see ca.h. */
#include "cli/ca.h"

#include <stdio.h>
#include <string.h>

#include "cli/ca_init.h"
#include "cli/ca_rotate.h"
#include "cli/ca_show.h"
#include "cli/cli.h"
#include "util/attr.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} actions[] = {
    {"init", ca_init_command},
    {"show", ca_show_command},
    {"rotate", ca_rotate_command},
};

static const char help[] =
    "usage: sallyport ca init [OPTION]... DIR\n"
    "       sallyport ca show [--key FILE|URI] [--json] [FILE|DIR]\n"
    "       sallyport ca rotate [OPTION]... DIR\n\n"
    "The CA that the inspection of TLS signs with, which clients must trust.\n\n"
    "  init    make one\n"
    "  show    show one, and whether it can be used\n"
    "  rotate  change over to a new one, a step at a time\n\n"
    "--help after each tells more.\n";

int ca_command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (strcmp(word, actions[i].name) == 0)
            return actions[i].run(argc - 1, argv + 1);
    fputs("sallyport: ca: init, show or rotate is expected; --help tells more\n", stderr);
    return CLI_USAGE;
}
