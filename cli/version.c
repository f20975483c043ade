/* SPDX-License-Identifier: MIT */
/* version.c - the command 'version'; see version.h. */
#include "cli/version.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int version_command(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("usage: sallyport version\n\nPrints the version.");
        return CLI_DONE;
    }
    if (argc > 1) {
        fprintf(stderr, "sallyport: version: '%s' is not expected here\n", argv[1]);
        return CLI_USAGE;
    }
    puts("sallyport " SALLYPORT_VERSION);
    return CLI_DONE;
}
