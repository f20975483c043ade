/* SPDX-License-Identifier: MIT */
/* main.c - the one binary: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "cli/ca.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/passwd.h"
#include "cli/serve.h"
#include "cli/signer.h"
#include "cli/version.h"
#include "conf/suggest.h"
#include "util/attr.h"

struct command {
    const char *name;
    char *label; /* argv[0] of run, for the messages of getopt_long */
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people, and not told to them */
};

static const struct command commands[] = {
    {"serve", "sallyport: serve", serve_command, "run the proxy"},
    {"check", "sallyport: check", check_command,
     "validate a configuration: every error with its file and line"},
    {"explain", "sallyport: explain", explain_command,
     "show what happens to a request, and which line decides it"},
    {"ca", "sallyport: ca", ca_command, "make, show or change the CA that inspection signs with"},
    {"passwd", "sallyport: passwd", passwd_command, "add or change an account"},
    {"version", "sallyport: version", version_command, "print the version"},
    {"signer", "sallyport: signer", signer_command, NULL},
};

static void print_help(FILE *out)
{
    fputs("Sallyport, a forward proxy for HTTP and HTTPS with a Webex-aware policy.\n\n"
          "usage: sallyport COMMAND [OPTION]...\n\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (commands[i].summary != NULL)
            fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].summary);
    fputs("\n'sallyport COMMAND --help' tells more. See sallyport(8), sallyport.conf(5).\n", out);
}

static int report_unknown(const char *word)
{
    struct suggest s = suggest_begin(word);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (commands[i].summary != NULL)
            suggest_offer(&s, commands[i].name);
    fprintf(stderr, "sallyport: there is no command '%s'", word);
    if (s.best != NULL)
        fprintf(stderr, ", did you mean '%s'?\n", s.best);
    else
        fputs("; 'sallyport --help' lists them\n", stderr);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return version_command(1, argv + 1);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = commands[i].label;
            return commands[i].run(argc - 1, argv + 1);
        }
    return report_unknown(argv[1]);
}
