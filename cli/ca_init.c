/* SPDX-License-Identifier: MIT */
/* ca_init.c - 'ca init': makes a CA in a folder; see ca_init.h. */
#include "cli/ca_init.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ca_folder.h"
#include "cli/ca_options.h"
#include "cli/ca_print.h"
#include "cli/ca_write.h"
#include "cli/cli.h"
#include "util/clock.h"

static const char help[] =
    "usage: sallyport ca init [OPTION]... DIR\n\n"
    "Makes a CA for the inspection of TLS: DIR/ca.pem, the certificate, which clients must\n"
    "trust; DIR/ca.key, its private key, with mode 0600; and DIR/ca-bundle.pem, all\n"
    "certificates that clients must trust, which is this one. DIR is made if it is not\n"
    "there, with mode 0700. Nothing is overwritten.\n\n"
    "  --name TEXT          commonName; without it \"Sallyport CA\" with this host's name\n"
    "  --organization TEXT  organizationName; without it none\n"
    "  --days N             how long it is valid: 1 to 7305, without it 1826 (five years)\n"
    "  --ec, --rsa          the key: EC P-256 (without an option), or RSA with 3072 bits\n"
    "  --permit WHAT        issue only for a domain with all below it (corp.example) or for a\n"
    "                       range of addresses (10.0.0.0/8). May be repeated. Addresses are\n"
    "                       excluded where only domains are permitted, and vice versa\n"
    "  --exclude WHAT       never issue for these. May be repeated\n\n"
    "Clients hold the CA to --permit and --exclude: whoever steals its key has no more. Java\n"
    "does not look at them in a root that it trusts.\n\n"
    "Examples:\n"
    "  sallyport ca init /etc/sallyport/ca\n"
    "  sallyport ca init --name 'Example Corp web inspection' --exclude bank.example DIR\n\n"
    "Exit status: 0 done; 1 not done: there is a CA already, or files cannot be written;\n"
    "2 wrong usage.\n";

static int usage(const char *text)
{
    fprintf(stderr, "sallyport: ca init: %s\n", text);
    return CLI_USAGE;
}

static int read_options(struct ca_options *o, int argc, char **argv, bool *is_help)
{
    static const struct option options[] = {
        CA_OPTIONS_ROWS,
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct err e = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            *is_help = true;
        else if (ca_options_take(o, option, optarg, &e) < 0)
            return usage(e.text);
        if (*is_help)
            return CLI_DONE;
    }
    if (argc - optind != 1)
        return usage("one DIR is expected; --help tells more");
    return ca_options_finish(o, &e) < 0 ? usage(e.text) : CLI_DONE;
}

/* Two installations had better not have the same name in everybody's store. */
static struct str default_name(char *out, size_t size)
{
    char host[HOST_NAME_MAX + 1] = "";
    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    int len = snprintf(out, size, "Sallyport CA %s", host);
    struct str name = {out, (size_t)len < size ? (size_t)len : size - 1};
    return host[0] != '\0' && ca_check_name(name) == NULL ? name : STR_LIT("Sallyport CA");
}

static int make(const struct ca_options *o, struct ca *ca, struct err *e)
{
    char name[HOST_NAME_MAX + 32];
    struct ca_request request = {
        .name = o->name.len > 0 ? o->name : default_name(name, sizeof(name)),
        .organization = o->organization,
        .key_type = o->has_key_type ? o->key_type : CA_KEY_EC,
        .days = o->days > 0 ? o->days : CA_DAYS_DEFAULT,
        .constraints = o->constraints,
        .now = (time_t)(clock_wall_ms() / 1000),
    };
    return ca_make(ca, &request, e);
}

static int refuse_file(const char *path, struct err *e)
{
    struct stat info;
    if (lstat(path, &info) < 0 && errno == ENOENT)
        return 0;
    return err_set(e, &(struct place){path, 0}, "is there already; nothing is overwritten");
}

/* The bundle comes last: where it is, a CA is or was. */
static int refuse_what_is_there(const struct ca_folder *f, struct err *e)
{
    if (ca_write_is_free(f, CA_CURRENT, e) < 0)
        return -1;
    if (refuse_file(f->members[CA_NEXT].cert_path, e) < 0 ||
        refuse_file(f->members[CA_NEXT].key_path, e) < 0 ||
        refuse_file(f->members[CA_PREVIOUS].cert_path, e) < 0)
        return -1;
    return refuse_file(f->bundle_path, e);
}

static int write_all(struct ca_folder *f, const struct ca *ca, struct err *e)
{
    if (ca_folder_lock(f, e) < 0 || ca_folder_load(f, e) < 0 || refuse_what_is_there(f, e) < 0)
        return -1;
    if (ca_write_pair(f, CA_CURRENT, ca, e) < 0)
        return -1;
    return ca_write_bundle(f, 0, ca->cert, e);
}

static void print_done(const struct ca_folder *f, const struct ca *ca)
{
    const struct ca_member *m = &f->members[CA_CURRENT];
    const char *stranger = ca_folder_find_stranger(f);
    struct ca_printed printed = {
        .cert = ca->cert,
        .path = m->cert_path,
        .role = "a new CA",
        .has_key = -1,
        .now = (time_t)(clock_wall_ms() / 1000),
    };
    ca_print_text(&printed);
    printf("  private key  %s: whoever reads it can pretend to be any site\n\n", m->key_path);
    ca_print_where(m->cert_path);
    printf("\nThen, in the configuration (paths are relative to it):\n"
           "  inspection = { enabled = true; ca_certificate = \"%s\"; ca_key = \"%s\"; };\n",
           m->cert_path, m->key_path);
    if (stranger != NULL)
        fprintf(stderr, "sallyport: %s: warning: %s\n", f->path, stranger);
}

static int run(const struct ca_options *o, const char *path)
{
    struct ca_folder folder = {.lock = {.folder = -1}};
    struct ca ca = {NULL, NULL};
    struct err e = {0};
    int status = CLI_NO;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        err_set(&e, &(struct place){path, 0}, "cannot be made: %s", strerror(errno));
        return cli_report(&e, CLI_NO);
    }
    if (ca_folder_open(&folder, path, &e) == 0 && make(o, &ca, &e) == 0 &&
        write_all(&folder, &ca, &e) == 0) {
        print_done(&folder, &ca);
        status = CLI_DONE;
    }
    ca_fini(&ca);
    ca_folder_fini(&folder);
    return status == CLI_DONE ? status : cli_report(&e, status);
}

int ca_init_command(int argc, char **argv)
{
    struct ca_options o = {0};
    bool is_help = false;
    int status = read_options(&o, argc, argv, &is_help);
    if (is_help) {
        fputs(help, stdout);
        status = CLI_DONE;
    } else if (status == CLI_DONE) {
        status = run(&o, argv[optind]);
    }
    ca_options_fini(&o);
    return status;
}
