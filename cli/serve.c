/* SPDX-License-Identifier: MIT */
/* serve.c - `sallyport serve`: runs the proxy. */
#include "cli/serve.h"

#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "proxy/server.h"

static void print_help(void)
{
    puts("usage: sallyport serve [-c FILE]\n\n"
         "Runs the proxy in the foreground until it is told to stop.\n\n"
         "  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
         "  -h, --help         this text\n\n"
         "signals: TERM, INT  let open tunnels finish (limits.drain), then stop; again: at once\n"
         "         HUP        read the configuration anew; a faulty one changes nothing\n"
         "         USR1       open the log files anew\n\n"
         "exit status: 0 stopped as told; 1 faulty configuration, or it could not start;\n"
         "             2 wrong usage or unreadable configuration");
}

int serve_command(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *path = CONFIG_DEFAULT_PATH;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", OPTIONS, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return CLI_DONE;
        }
        if (option != 'c')
            return CLI_USAGE;
        path = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "sallyport: serve takes no argument '%s'\n", argv[optind]);
        return CLI_USAGE;
    }
    struct errlist faults;
    errlist_init(&faults);
    int rc = server_run(path, &faults);
    if (rc != 0)
        cli_print_faults(&faults);
    errlist_fini(&faults);
    return rc == 0 ? CLI_DONE : CLI_NO;
}
