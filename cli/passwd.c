/* SPDX-License-Identifier: MIT */
/* passwd.c - the command 'passwd': accounts in files; see passwd.h. */
#include "cli/passwd.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "cli/account_file.h"
#include "cli/cli.h"
#include "cli/password.h"
#include "cli/replace_file.h"
#include "util/clock.h"
#include "util/mem.h"

static const char help[] =
    "usage: sallyport passwd [--format FORMAT] [--realm REALM] [--delete] FILE USER\n\n"
    "Gives USER a new password in FILE, adds USER to it, or makes FILE. The password is\n"
    "asked for twice on the terminal; where standard input is no terminal its first line\n"
    "is the password. It is never an argument: others could read it there.\n\n"
    "  --format FORMAT  htpasswd (Basic), htdigest (Digest) or smbpasswd (NTLM); without\n"
    "                   it what FILE holds, or what its name has in it, or htpasswd\n"
    "  --realm REALM    of htdigest; without it the one that FILE has, or Sallyport. It must\n"
    "                   be auth.realm of the configuration, which is Sallyport too where it\n"
    "                   is not set\n"
    "  --delete         remove USER from FILE; no password is asked for\n\n"
    "The file is replaced as a whole and synced to disk; other lines stay as they are. A new\n"
    "file has mode 0600; one that is there keeps its owner and group, and has mode 0600 too,\n"
    "or 0640 where its group could read it and nobody else could.\n"
    "The proxy takes a changed file into use on its next SIGHUP.\n\n"
    "Examples:\n"
    "  sallyport passwd /etc/sallyport/users.htpasswd alice\n"
    "  sallyport passwd --realm Sallyport /etc/sallyport/users.htdigest alice\n"
    "  pass show proxy/alice | sallyport passwd /etc/sallyport/users.smbpasswd alice\n"
    "  sallyport passwd --delete /etc/sallyport/users.htpasswd bob\n\n"
    "Exit status: 0 done; 1 not done: no such user, the two passwords differ, or the file\n"
    "cannot be written; 2 wrong usage, or a file or password that cannot be used.\n";

enum option_code { OPTION_FORMAT = 256, OPTION_REALM, OPTION_DELETE };

struct passwd {
    enum account_format format; /* ACCOUNT_FORMATS: find out */
    struct str realm;           /* len 0: find out */
    bool is_delete;
    const char *path;
    struct str user;
    struct replace_file file;
    char *found_realm; /* of the file's text, which may be read anew */
};

static int usage(const char *text)
{
    fprintf(stderr, "sallyport: passwd: %s\n", text);
    return CLI_USAGE;
}

/* getopt_long would repeat a wrong option with all that stands behind its '='. */
static int read_options(struct passwd *p, int argc, char **argv, bool *is_help)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, OPTION_FORMAT},
        {"realm", required_argument, NULL, OPTION_REALM},
        {"delete", no_argument, NULL, OPTION_DELETE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            *is_help = true;
        else if (option == OPTION_FORMAT)
            p->format = account_format_parse(optarg);
        else if (option == OPTION_REALM)
            p->realm = str_of(optarg);
        else if (option == OPTION_DELETE)
            p->is_delete = true;
        else if (option == ':')
            return usage("an option lacks its value; 'sallyport passwd --help' lists them");
        else
            return usage("there is no such option; 'sallyport passwd --help' lists them. A "
                         "password is asked for, or read from standard input");
        if (option == OPTION_FORMAT && p->format == ACCOUNT_FORMATS)
            return usage("--format is htpasswd, htdigest or smbpasswd");
        if (option == OPTION_REALM && p->realm.len == 0)
            return usage("--realm must not be empty");
    }
    return CLI_DONE;
}

static int read_arguments(struct passwd *p, int argc, char **argv)
{
    if (argc - optind > 2) {
        for (int i = optind + 2; i < argc; i++) /* it may well be one */
            OPENSSL_cleanse(argv[i], strlen(argv[i]));
        return usage("a FILE and a USER are expected, and nothing more. A password is never an "
                     "argument: all users of this machine can read those. It is asked for, or "
                     "read from standard input");
    }
    if (argc - optind < 2)
        return usage("a FILE and a USER are expected; 'sallyport passwd --help' tells more");
    p->path = argv[optind];
    p->user = str_of(argv[optind + 1]);
    return CLI_DONE;
}

/* What the file holds goes before its name, and an option must not contradict it. */
static int choose_format(struct passwd *p, struct err *e)
{
    const struct place at = {p->path, 0};
    struct str text = {p->file.text, p->file.len};
    bool has_lines;
    enum account_format held = account_format_of_text(text, &has_lines);
    if (held != ACCOUNT_FORMATS && p->format != ACCOUNT_FORMATS && held != p->format)
        return err_set(e, &at, "holds accounts of %s, not of %s", account_format_name(held),
                       account_format_name(p->format));
    if (p->format == ACCOUNT_FORMATS)
        p->format = held != ACCOUNT_FORMATS ? held : account_format_of_path(p->path);
    if (p->format == ACCOUNT_FORMATS && !has_lines)
        p->format = ACCOUNT_HTPASSWD;
    if (p->format != ACCOUNT_FORMATS)
        return 0;
    return err_set(e, &at, "holds no account in a form that is known; --format says what it is to "
                   "be: htpasswd, htdigest or smbpasswd");
}

static int choose_realm(struct passwd *p, struct err *e)
{
    const struct place at = {p->path, 0};
    struct str found;
    if (p->format != ACCOUNT_HTDIGEST)
        return p->realm.len > 0 ? err_set(e, &at, "--realm belongs to htdigest; this is %s",
                                          account_format_name(p->format)) : 0;
    if (p->realm.len > 0)
        return account_check_realm(p->realm, e);
    if (account_realm((struct str){p->file.text, p->file.len}, &found) == 0) {
        p->found_realm = mem_must_dup(found.ptr, found.len);
        p->realm = (struct str){p->found_realm, found.len};
        return 0;
    }
    if (found.len > 0)
        return err_set(e, &at, "has accounts of several realms; --realm has to say which: that of "
                       "the configuration, auth.realm (\"" AUTH_DEFAULT_REALM
                       "\" where it is not set)");
    p->realm = STR_LIT(AUTH_DEFAULT_REALM);
    return 0;
}

static int prepare(struct passwd *p, struct err *e)
{
    if (replace_file_open(&p->file, p->path, e) < 0 || replace_file_read(&p->file, e) < 0)
        return -1;
    if (p->is_delete && !p->file.is_there)
        return err_set(e, &(struct place){p->path, 0}, "there is no such file");
    if (choose_format(p, e) < 0 || account_check_user(p->format, p->user, e) < 0)
        return -1;
    return choose_realm(p, e);
}

/* The lines of the account; none for --delete. */
static int make_lines(struct passwd *p, struct account_lines *lines, struct err *e)
{
    struct password password;
    lines->count = 0;
    if (p->is_delete)
        return CLI_DONE;
    enum password_result result = password_read(&password, p->user.ptr, e);
    int status = result == PASSWORD_DIFFERS ? CLI_NO : CLI_USAGE;
    if (result == PASSWORD_READ &&
        account_lines_make(lines, p->format, p->user, p->realm,
                           (struct str){password.text, password.len}, clock_wall_ms() / 1000,
                           e) == 0)
        status = CLI_DONE;
    password_fini(&password);
    return status;
}

static void print_done(const struct passwd *p, const struct account_change *change)
{
    const char *what = p->is_delete ? "removed" : change->was_there ? "changed" : "added";
    printf("%s: %s %s", p->path, what, p->user.ptr);
    if (p->format == ACCOUNT_HTDIGEST)
        printf(" of the realm %.*s", STR_ARG(p->realm));
    if (p->file.is_there)
        putchar('\n');
    else
        printf(", in a new file of the form %s\n", account_format_name(p->format));
    if (p->file.is_there && p->file.mode != p->file.new_mode)
        fprintf(stderr, "sallyport: %s: warning: its mode was %04o and is %04o now\n", p->path,
                (unsigned)p->file.mode, (unsigned)p->file.new_mode);
}

/* The file may have changed while the password was typed: it is read again, locked. */
static int change_file(struct passwd *p, const struct account_lines *lines, struct err *e)
{
    struct account_change change = {p->format, p->user, p->realm, lines, p->path, false};
    size_t len;
    if (replace_file_lock(&p->file, e) < 0 || replace_file_read(&p->file, e) < 0)
        return CLI_NO;
    char *text = account_change_apply(&change, (struct str){p->file.text, p->file.len}, &len, e);
    if (text == NULL)
        return CLI_USAGE;
    int status = CLI_NO;
    if (p->is_delete && !change.was_there)
        err_set(e, &(struct place){p->path, 0}, "has no user %s%s", p->user.ptr,
                p->format == ACCOUNT_HTDIGEST ? " of this realm" : "");
    else if (replace_file_write(&p->file, (struct str){text, len}, e) == 0)
        status = CLI_DONE;
    OPENSSL_cleanse(text, len);
    mem_free(text);
    if (status == CLI_DONE)
        print_done(p, &change);
    return status;
}

static int run(struct passwd *p)
{
    struct account_lines lines;
    struct err e = {0};
    if (prepare(p, &e) < 0)
        return cli_report(&e, CLI_USAGE);
    int status = make_lines(p, &lines, &e);
    if (status == CLI_DONE)
        status = change_file(p, &lines, &e);
    account_lines_fini(&lines);
    return status == CLI_DONE ? status : cli_report(&e, status);
}

int passwd_command(int argc, char **argv)
{
    struct passwd p = {.format = ACCOUNT_FORMATS, .file = {.folder = -1}};
    bool is_help = false;
    int status = read_options(&p, argc, argv, &is_help);
    if (is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    if (status == CLI_DONE)
        status = read_arguments(&p, argc, argv);
    if (status == CLI_DONE)
        status = run(&p);
    replace_file_fini(&p.file);
    mem_free(p.found_realm);
    return status;
}
