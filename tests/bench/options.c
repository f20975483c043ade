/* SPDX-License-Identifier: MIT */
/*
 * options.c - reads the command line of the load generator.
 */
#include "tests/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNT 19000
#define MAX_SOURCES 200
#define MAX_BODY_SIZE (1ULL << 40)
#define MAX_SECONDS 86400.0
#define MAX_RATE 1e6
#define MAX_NAMES 10000000

static const struct option long_options[] = {
    {"mode", required_argument, NULL, 'm'},
    {"proxy", required_argument, NULL, 'p'},
    {"connect", required_argument, NULL, 'c'},
    {"get", required_argument, NULL, 'g'},
    {"size", required_argument, NULL, 'b'},
    {"absolute", no_argument, NULL, 'u'},
    {"count", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 's'},
    {"sources", required_argument, NULL, 'a'},
    {"login", required_argument, NULL, 'l'},
    {"reply-only", no_argument, NULL, 'r'},
    {"tls", no_argument, NULL, 'i'},
    {"hello", no_argument, NULL, 'e'},
    {"names", required_argument, NULL, 'd'},
    {"names-once", required_argument, NULL, 'o'},
    {"rate", required_argument, NULL, 't'},
    {"sync", no_argument, NULL, 'y'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_usage(FILE *out)
{
    fputs("usage: load --mode connect|pingpong|bulk|idle --proxy ADDRESS:PORT[-PORT]\n"
          "            [--connect HOST:PORT[-PORT]] [--get HOST:PORT --size BYTES [--absolute]]\n"
          "            [--login basic|wrong|digest|ntlm] [--reply-only] [--rate N]\n"
          "            [--tls --size BYTES | --hello] [--names|--names-once FIRST-LAST]\n"
          "            [--count N] [--seconds S] [--sources N] [--sync]\n"
          "  --connect  ask the proxy for a tunnel to this place; without it TCP is the tunnel\n"
          "  --get      the unit of work is a GET of this origin, answered with a body of\n"
          "             --size bytes; without it a byte there and back\n"
          "  --absolute the request target names the origin, as to a proxy\n"
          "  --login    CONNECT carries credentials of this scheme; wrong: of Basic, each with\n"
          "             another user and password, and a 407 is the end that is wanted\n"
          "  --reply-only  a unit of connect ends with the answer to CONNECT\n"
          "  --tls      speak TLS in the tunnel, and there GET what CONNECT names; whoever shows\n"
          "             the origin's own certificate has not inspected it, and fails the unit\n"
          "  --hello    the unit of work is a ClientHello for the target there and back\n"
          "  --names    CONNECT names hN.HOST, N counting from FIRST to LAST, again and again;\n"
          "             with --names-once the work ends there\n"
          "  --rate     units of connect or pingpong begun a second; --count is how many may be\n"
          "             under way at a time\n"
          "  --count    connections in flight, or tunnels (default 64)\n"
          "  --sync     print ready=1, start at a line on standard input, hold the tunnels\n"
          "             after the report until another line or end of file\n",
          out);
}

static int parse_mode(const char *text, enum options_mode *mode)
{
    static const char *const names[] = {"connect", "pingpong", "bulk", "idle"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum options_mode)i;
            return 0;
        }
    }
    return -1;
}

static int parse_login(const char *text, enum login_scheme *scheme)
{
    static const char *const names[] = {
        [LOGIN_BASIC] = "basic", [LOGIN_WRONG] = "wrong",
        [LOGIN_DIGEST] = "digest", [LOGIN_NTLM] = "ntlm"};

    for (size_t i = LOGIN_BASIC; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *scheme = (enum login_scheme)i;
            return 0;
        }
    }
    return -1;
}

static int parse_count(const char *text, unsigned max, unsigned *count)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > max)
        return -1;
    *count = (unsigned)value;
    return 0;
}

static int parse_size(const char *text, uint64_t *size)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > MAX_BODY_SIZE)
        return -1;
    *size = value;
    return 0;
}

/* FIRST-LAST */
static int parse_names(const char *text, struct options *options)
{
    char *end = NULL;
    unsigned long first = strtoul(text, &end, 10);
    unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : 0;

    if (*text < '0' || *text > '9' || *end != '\0' || last < first || last >= MAX_NAMES)
        return -1;
    options->first_name = (unsigned)first;
    options->name_count = (unsigned)(last - first + 1);
    return 0;
}

static int parse_positive(const char *text, double max, double *number)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value > 0.0 && value <= max))
        return -1;
    *number = value;
    return 0;
}

static int take_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'm':
        return parse_mode(value, &options->mode);
    case 'p':
        return netaddr_parse(value, &options->proxy);
    case 'c':
        options->has_target = true;
        return netaddr_parse(value, &options->target);
    case 'g':
        options->has_origin = true;
        return netaddr_parse(value, &options->origin);
    case 'b':
        return parse_size(value, &options->body_size);
    case 'u':
        options->absolute = true;
        return 0;
    case 'n':
        return parse_count(value, MAX_COUNT, &options->count);
    case 'a':
        return parse_count(value, MAX_SOURCES, &options->sources);
    case 's':
        return parse_positive(value, MAX_SECONDS, &options->seconds);
    case 't':
        return parse_positive(value, MAX_RATE, &options->rate);
    case 'l':
        return parse_login(value, &options->login);
    case 'r':
        options->reply_only = true;
        return 0;
    case 'i':
        options->tls = true;
        return 0;
    case 'e':
        options->hello = true;
        return 0;
    case 'o':
        options->names_once = true;
        return parse_names(value, options);
    case 'd':
        return parse_names(value, options);
    case 'y':
        options->sync = true;
        return 0;
    default:
        return -1;
    }
}

/* The same of what goes on inside the tunnel. */
static bool is_sound_inside(const struct options *options)
{
    if (options->names_once && options->mode != OPTIONS_CONNECT)
        return false;
    if (!options->tls)
        return !options->hello || (!options->has_origin && !options->reply_only);
    return !options->hello && !options->has_origin && !options->absolute &&
           !options->reply_only && options->body_size > 0;
}

/* Whether what was asked for fits together. */
static bool is_sound(const struct options *options)
{
    struct sockaddr_in proxy;

    if (options->proxy.count == 0 || netaddr_resolve(&options->proxy, 0, &proxy) != 0)
        return false;
    if ((options->login != LOGIN_NONE || options->reply_only || options->tls || options->hello ||
         options->name_count > 0) &&
        !options->has_target)
        return false;
    if (options->mode != OPTIONS_CONNECT &&
        (options->reply_only || options->login == LOGIN_WRONG ||
         (options->rate > 0.0 && options->mode != OPTIONS_PINGPONG)))
        return false;
    if (!is_sound_inside(options))
        return false;
    if (options->tls)
        return true;
    if (!options->has_origin)
        return options->body_size == 0 && !options->absolute;
    return options->mode != OPTIONS_BULK && options->origin.count == 1 && options->body_size > 0;
}

int options_parse(struct options *options, int argc, char **argv)
{
    int option = 0;
    bool has_mode = false;

    *options = (struct options){.count = 64, .sources = 8, .seconds = 3.0};
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_usage(stdout);
            exit(0);
        }
        if (take_option(options, option, optarg) != 0) {
            fprintf(stderr, "load: bad option or value: %s\n", optarg != NULL ? optarg : "");
            return -1;
        }
        has_mode = has_mode || option == 'm';
    }
    if (options->login == LOGIN_WRONG)
        options->reply_only = true; /* there is no tunnel that anything could pass */
    if (has_mode && optind == argc && is_sound(options))
        return 0;
    print_usage(stderr);
    return -1;
}
