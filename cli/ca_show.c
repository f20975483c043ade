/* SPDX-License-Identifier: MIT */
/* ca_show.c - 'ca show': what a CA is, and whether it can be used; see ca_show.h. */
#include "cli/ca_show.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "certs/ca_check.h"
#include "certs/key.h"
#include "certs/pem.h"
#include "cli/ca_folder.h"
#include "cli/ca_print.h"
#include "cli/ca_state.h"
#include "cli/cli.h"
#include "util/clock.h"

#define DEFAULT_PATH "/etc/sallyport"

static const char help[] =
    "usage: sallyport ca show [--key FILE|URI] [--json] [FILE|DIR]\n\n"
    "Shows the certificates of a FILE, or the CA that 'sallyport ca init' has made in DIR with\n"
    "the state of its change-over (without an argument: /etc/sallyport), and what is wrong\n"
    "with them: expired, too weak, no CA, not for signing, another key than that of ca.key.\n\n"
    "  --key FILE|URI  the private key for the first certificate, where it is elsewhere:\n"
    "                  a file, or pkcs11:... where OpenSSL has a provider for it\n"
    "  --json          one object a line for each certificate\n\n"
    "Exit status: 0 it can be used; 1 it cannot; 2 wrong usage, or no certificate to be read.\n";

struct show {
    bool is_json;
    const char *key; /* NULL: not given */
    time_t now;
    struct errlist faults; /* of everything */
};

enum option_code { OPTION_KEY = 256, OPTION_JSON };

static int usage(const char *text)
{
    fprintf(stderr, "sallyport: ca show: %s\n", text);
    return CLI_USAGE;
}

static int read_options(struct show *s, int argc, char **argv, bool *is_help)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, OPTION_KEY},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            *is_help = true;
        else if (option == OPTION_KEY)
            s->key = optarg;
        else if (option == OPTION_JSON)
            s->is_json = true;
        else if (option == ':')
            return usage("an option lacks its value; --help lists them");
        else
            return usage("there is no such option; --help lists them");
    }
    return argc - optind > 1 ? usage("one FILE or DIR is expected; --help tells more") : CLI_DONE;
}

/* The key of --key; a fault goes to the list. The caller frees it. */
static EVP_PKEY *load_key(const char *where, struct errlist *faults)
{
    struct replace_file file;
    struct err e = {0};
    const struct place at = {where, 0};
    EVP_PKEY *key = NULL;
    if (key_is_uri(where)) {
        key = key_load_uri(where, &e);
    } else if (replace_file_open(&file, where, &e) == 0 && replace_file_read(&file, &e) == 0) {
        if (file.is_there)
            key = pem_read_key((struct str){file.text, file.len}, &at, &e);
        else
            err_set(&e, &at, "there is no such file");
    }
    if (!key_is_uri(where))
        replace_file_fini(&file);
    if (key == NULL)
        errlist_add_err(faults, &e);
    return key;
}

static void append_faults(struct errlist *all, const struct errlist *some)
{
    for (size_t i = 0; i < some->count; i++)
        errlist_add_err(all, &some->items[i]);
}

static void check_one(const struct show *s, const struct ca_printed *p, struct errlist *own)
{
    const struct place at = {p->path, 0};
    ca_check_certificate(p->cert, s->now, &at, own);
    ca_check_end(p->cert, s->now, &at, own);
}

/* Prints one certificate; its faults, and what was found of its key before, go to all. */
static void show_one(struct show *s, struct ca_printed *p, struct errlist *own)
{
    if (!p->is_past)
        check_one(s, p, own);
    p->now = s->now;
    p->faults = own;
    if (s->is_json)
        ca_print_json(p);
    else
        ca_print_text(p);
    append_faults(&s->faults, own);
}

static void show_certificates(struct show *s, struct ca_printed *p, STACK_OF(X509) *certs,
                              struct errlist *of_first)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        struct errlist own;
        struct ca_printed one = *p;
        errlist_init(&own);
        if (i == 0)
            append_faults(&own, of_first);
        else
            one.has_key = -1;
        one.cert = sk_X509_value(certs, i);
        show_one(s, &one, &own);
        errlist_fini(&own);
    }
}

/* The key that is given, or a fault of the certificate. */
static void judge_key(X509 *cert, EVP_PKEY *key, const char *cert_path, const char *key_path,
                      struct ca_printed *p, struct errlist *faults)
{
    struct err e = {0};
    if (key != NULL && key_is_uri(key_path)) {
        p->has_key = ca_check_try_key(cert, key, &(struct place){"pkcs11:...", 0}, &e) == 0;
        if (p->has_key == 0)
            errlist_add_err(faults, &e);
        return;
    }
    p->has_key = key != NULL && ca_check_has_key(cert, key);
    if (key != NULL && p->has_key == 0)
        errlist_add(faults, &(struct place){key_path, 0}, "is not the private key of %s",
                    cert_path);
}

static int show_file(struct show *s, const char *path)
{
    struct replace_file file;
    struct err e = {0};
    struct errlist of_key;
    const struct place at = {path, 0};
    struct ca_printed printed = {.path = path, .has_key = -1};
    STACK_OF(X509) *certs = NULL;
    errlist_init(&of_key);
    if (replace_file_open(&file, path, &e) == 0 && replace_file_read(&file, &e) == 0) {
        if (file.is_there)
            certs = pem_read_certificates((struct str){file.text, file.len}, &at, &e);
        else
            err_set(&e, &at, "there is no such file");
    }
    replace_file_fini(&file);
    if (certs != NULL && s->key != NULL) {
        EVP_PKEY *key = load_key(s->key, &of_key);
        judge_key(sk_X509_value(certs, 0), key, path, s->key, &printed, &of_key);
        EVP_PKEY_free(key);
    }
    show_certificates(s, &printed, certs, &of_key);
    if (certs == NULL)
        errlist_add_err(&s->faults, &e);
    errlist_fini(&of_key);
    pem_free_certificates(certs);
    return certs != NULL ? CLI_DONE : CLI_USAGE;
}

/* Faults of the key file of a member of the folder. */
static void judge_member_key(struct show *s, const struct ca_member *m, bool has_own,
                             struct ca_printed *p, struct errlist *faults)
{
    const struct place at = {m->key_path, 0};
    if (has_own) {
        EVP_PKEY *key = load_key(s->key, faults);
        judge_key(m->cert, key, m->cert_path, s->key, p, faults);
        EVP_PKEY_free(key);
        return;
    }
    judge_key(m->cert, m->key, m->cert_path, m->key_path, p, faults);
    if (m->key_fault.text[0] != '\0')
        errlist_add_err(faults, &m->key_fault);
    else if (!m->has_key_file)
        errlist_add(faults, &at, "there is no such file; --key names it where it is elsewhere");
    else if ((m->key_mode & (S_IRWXO | S_IWGRP)) != 0)
        errlist_add(faults, &at, "has mode %04o: others than owner and group can read it, or the "
                    "group can replace it; chmod 600", (unsigned)m->key_mode);
}

static void show_members(struct show *s, const struct ca_folder *f)
{
    for (size_t i = 0; i < CA_ROLES; i++) {
        const struct ca_member *m = &f->members[i];
        struct ca_printed printed = {.path = m->cert_path, .has_key = -1,
                                     .state = ca_state_word(f->state),
                                     .is_past = i == CA_PREVIOUS,
                                     .role = ca_state_role((enum ca_role)i, s->is_json)};
        struct errlist of_key;
        if (m->cert == NULL)
            continue;
        errlist_init(&of_key);
        if (i != CA_PREVIOUS)
            judge_member_key(s, m, i == CA_CURRENT && s->key != NULL, &printed, &of_key);
        show_certificates(s, &printed, m->certs, &of_key);
        errlist_fini(&of_key);
    }
}

static int show_folder(struct show *s, const char *path)
{
    struct ca_folder folder = {.lock = {.folder = -1}};
    struct err e = {0};
    int status = CLI_USAGE;
    if (ca_folder_open(&folder, path, &e) < 0 || ca_folder_load(&folder, &e) < 0)
        goto out;
    if (folder.state == CA_STATE_NONE) {
        err_set(&e, &(struct place){folder.members[CA_CURRENT].cert_path, 0},
                "there is no such file; 'sallyport ca init' makes a CA");
        goto out;
    }
    show_members(s, &folder);
    const char *stranger = ca_folder_find_stranger(&folder);
    if (stranger != NULL)
        errlist_warn(&s->faults, &(struct place){path, 0}, "%s", stranger);
    if (!ca_folder_has_bundle(&folder))
        errlist_warn(&s->faults, &(struct place){folder.bundle_path, 0},
                     "lacks a certificate that clients must trust; the next 'sallyport ca rotate' "
                     "writes it anew");
    if (!s->is_json)
        ca_state_print(&folder, s->now);
    status = CLI_DONE;
out:
    if (status != CLI_DONE)
        errlist_add_err(&s->faults, &e);
    ca_folder_fini(&folder);
    return status;
}

int ca_show_command(int argc, char **argv)
{
    struct show s = {.now = (time_t)(clock_wall_ms() / 1000)};
    struct stat info;
    bool is_help = false;
    int status = read_options(&s, argc, argv, &is_help);
    if (is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    if (status != CLI_DONE)
        return status;
    const char *path = optind < argc ? argv[optind] : DEFAULT_PATH;
    errlist_init(&s.faults);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        status = show_folder(&s, path);
    else
        status = show_file(&s, path);
    fflush(stdout);
    cli_print_faults(&s.faults);
    if (status == CLI_DONE && s.faults.errors > 0)
        status = CLI_NO;
    errlist_fini(&s.faults);
    return status;
}
