/* SPDX-License-Identifier: MIT */
/* check.c - the command 'check': is this configuration sound? See check.h. */
#include "cli/check.h"

#include <getopt.h>

#include "auth/auth.h"
#include "cli/check_ca.h"
#include "cli/cli.h"

static const char help[] =
    "usage: sallyport check [-c FILE]\n\n"
    "Reads a configuration and everything it names, as 'serve' does, and prints\n"
    "every error and warning with its file and line. Where inspection is on, it also\n"
    "tries the CA's key, in the process that would sign with it. No port is opened.\n\n"
    "  -c, --config FILE  the configuration (" CONFIG_DEFAULT_PATH ")\n\n"
    "Exit status: 0 sound, warnings or not; 1 errors; 2 wrong usage or unreadable file.\n";

/* ", 61 domains"; nothing for none. */
static void print_count(size_t count, const char *one, const char *many)
{
    if (count > 0)
        printf(", %zu %s", count, count == 1 ? one : many);
}

/* The schemes that somebody is offered. */
static size_t count_schemes(const struct auth *a)
{
    bool is_offered[AUTH_SCHEME_COUNT] = {false};
    size_t count = 0;
    for (size_t i = 0; a != NULL && i < a->offer_count; i++)
        for (size_t k = 0; k < a->offers[i].count; k++)
            is_offered[a->offers[i].schemes[k]] = true;
    for (size_t i = 0; i < AUTH_SCHEME_COUNT; i++)
        count += is_offered[i];
    return count;
}

static void print_summary(const char *path, const struct config *c, size_t warnings)
{
    struct policy_stats stats;
    bool is_coloured = cli_has_colour(stdout);

    policy_stats(c->policy, &stats);
    printf("%s: %sok%s: %zu set%s", path, cli_colour(is_coloured, CLI_GREEN),
           cli_colour(is_coloured, CLI_PLAIN), c->set_count, c->set_count == 1 ? "" : "s");
    print_count(stats.domains, "domain", "domains");
    print_count(stats.globs, "glob", "globs");
    print_count(stats.regexes, "regex", "regexes");
    print_count(stats.urls, "URL", "URLs");
    print_count(stats.prefixes, "prefix", "prefixes");
    print_count(count_schemes(c->auth), "authentication scheme",
                "authentication schemes");
    printf(", %zu rule%s, %zu warning%s", stats.rules, stats.rules == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
    if (c->webex_revision != NULL)
        printf(" (Webex data of %s)", c->webex_revision);
    putchar('\n');
}

static int check_file(const char *path)
{
    struct errlist faults;
    bool is_unreadable;
    int status = CLI_NO;

    errlist_init(&faults);
    struct config *c = cli_load(path, &faults, &is_unreadable);
    if (c != NULL) {
        policy_lint(c->policy, &faults);
        check_ca(&c->inspection, &faults);
    }
    cli_print_faults(&faults);
    if (c != NULL && faults.errors == 0) {
        print_summary(path, c, faults.count - faults.errors);
        status = CLI_DONE;
    } else if (is_unreadable) {
        status = CLI_USAGE;
    } else {
        bool is_coloured = cli_has_colour(stdout);
        printf("%s: %s%zu error%s%s\n", path, cli_colour(is_coloured, CLI_RED), faults.errors,
               faults.errors == 1 ? "" : "s", cli_colour(is_coloured, CLI_PLAIN));
    }
    config_unref(c);
    errlist_fini(&faults);
    return status;
}

int check_command(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = CONFIG_DEFAULT_PATH;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CLI_DONE;
        }
        if (option != 'c')
            return CLI_USAGE; /* getopt_long has said why */
        path = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "sallyport: check: '%s' is not expected here; -c names the file\n",
                argv[optind]);
        return CLI_USAGE;
    }
    return check_file(path);
}
