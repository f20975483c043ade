/* SPDX-License-Identifier: MIT */
/* ca_rotate.c - 'ca rotate': one step of a change-over; see ca_rotate.h. */
#include "cli/ca_rotate.h"

#include "cli/ca_folder.h"
#include "cli/ca_options.h"
#include "cli/ca_print.h"
#include "cli/ca_state.h"
#include "cli/ca_steps.h"
#include "cli/ca_write.h"
#include "cli/cli.h"
#include "util/clock.h"

static const char help[] =
    "usage: sallyport ca rotate [OPTION]... DIR\n\n"
    "Changes over to a new CA without a client that meets one it does not trust. Each run\n"
    "takes one step, and prints the state and the next step:\n\n"
    "  1  makes ca-next.pem and ca-next.key, and adds the certificate to ca-bundle.pem.\n"
    "     The old CA goes on signing while clients learn to trust the new one.\n"
    "  2  puts the new CA in force as ca.pem and ca.key. The old certificate stays as\n"
    "     ca-previous.pem and in ca-bundle.pem; the old key is gone.\n"
    "  3  takes the old certificate out of ca-bundle.pem and away.\n\n"
    "Step 2 and step 3 wait until 30 days have passed since the step before, unless told:\n\n"
    "  --commit             step 2 now: every client trusts the next CA\n"
    "  --finish             step 3 now: no proxy signs with the old CA any more\n"
    "  --cancel             instead of step 2: take the next CA back\n\n"
    "For step 1. What is not given is as in the current CA; the name counts up (\"G2\"):\n\n"
    "  --name TEXT, --organization TEXT, --days N, --ec, --rsa, --permit WHAT,\n"
    "  --exclude WHAT       as for 'sallyport ca init'; constraints replace the old ones\n\n"
    "Exit status: 0 done; 1 not done: it is too early, the state has no such step, or files\n"
    "cannot be written; 2 wrong usage, or a CA that cannot be read.\n";

enum step { STEP_DUE, STEP_COMMIT, STEP_FINISH, STEP_CANCEL };

struct rotate {
    struct ca_options options;
    enum step step;
    time_t now;
    struct ca_folder folder;
};

static int usage(const char *text)
{
    fprintf(stderr, "sallyport: ca rotate: %s\n", text);
    return CLI_USAGE;
}

static int take_option(struct rotate *r, int option, struct err *e)
{
    static const enum step steps[] = {['C'] = STEP_COMMIT, ['F'] = STEP_FINISH,
                                      ['X'] = STEP_CANCEL};
    if (option != 'C' && option != 'F' && option != 'X')
        return ca_options_take(&r->options, option, optarg, e);
    if (r->step != STEP_DUE && r->step != steps[option])
        return err_set(e, NULL, "--commit, --finish and --cancel exclude each other");
    r->step = steps[option];
    return 0;
}

static int read_options(struct rotate *r, int argc, char **argv, bool *is_help)
{
    static const struct option options[] = {
        CA_OPTIONS_ROWS,
        {"commit", no_argument, NULL, 'C'},
        {"finish", no_argument, NULL, 'F'},
        {"cancel", no_argument, NULL, 'X'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct err e = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            *is_help = true;
        else if (take_option(r, option, &e) < 0)
            return usage(e.text);
        if (*is_help)
            return CLI_DONE;
    }
    if (r->step != STEP_DUE && r->options.is_any)
        return usage("what the next CA shall be is said when it is made, not later");
    if (argc - optind != 1)
        return usage("one DIR is expected; --help tells more");
    return ca_options_finish(&r->options, &e) < 0 ? usage(e.text) : CLI_DONE;
}

/* A folder that is not whole is not changed: it would become harder to mend. */
static int check_current(const struct ca_folder *f, struct err *e)
{
    const struct ca_member *m = &f->members[CA_CURRENT];
    const struct place at = {m->key_path, 0};
    if (m->key_fault.text[0] != '\0') {
        *e = m->key_fault;
        return -1;
    }
    if (!m->has_key_file)
        return err_set(e, &at, "there is no such file; a CA whose key is elsewhere is changed "
                       "by hand");
    if (!ca_folder_has_pair(m))
        return err_set(e, &at, "is not the private key of %s", m->cert_path);
    return 0;
}

static int open_folder(struct rotate *r, const char *path, struct err *e)
{
    struct ca_folder *f = &r->folder;
    if (ca_folder_open(f, path, e) < 0 || ca_folder_lock(f, e) < 0 || ca_folder_load(f, e) < 0)
        return -1;
    if (f->state == CA_STATE_NONE)
        return err_set(e, &(struct place){f->members[CA_CURRENT].cert_path, 0},
                       "there is no such file; 'sallyport ca init' makes a CA");
    return f->state == CA_STATE_INTERRUPTED ? 0 : check_current(f, e);
}

static int refuse_early(const struct rotate *r, struct err *e)
{
    const struct ca_folder *f = &r->folder;
    const struct place at = {f->path, 0};
    long days = ca_state_days(f, r->now);
    if (f->state == CA_STATE_PUBLISHED)
        return err_set(e, &at, "the next CA was published %ld days ago, and clients that do not "
                       "trust it yet would be cut off; --commit says that none is left", days);
    return err_set(e, &at, "the CA was changed %ld days ago, and a proxy that still signs with "
                   "the old one would be cut off; --finish says that none is left", days);
}

/* The step that the state asks for by itself. */
static int take_due_step(struct rotate *r, struct err *e)
{
    struct ca_folder *f = &r->folder;
    if (f->state == CA_STATE_STEADY)
        return ca_steps_publish(f, &r->options, r->now, e);
    /* A next CA that somebody put there is published by this, and its days begin. */
    if (!ca_folder_has_bundle(f) &&
        ca_write_bundle(f, 1u << CA_CURRENT | 1u << CA_NEXT | 1u << CA_PREVIOUS, NULL, e) < 0)
        return -1;
    if (!ca_state_is_due(f, r->now))
        return refuse_early(r, e);
    return f->state == CA_STATE_PUBLISHED ? ca_steps_commit(f, r->now, e)
                                          : ca_steps_finish(f, e);
}

static int take_step(struct rotate *r, struct err *e)
{
    struct ca_folder *f = &r->folder;
    const struct place at = {f->path, 0};
    if (r->options.is_any && f->state != CA_STATE_STEADY)
        return err_set(e, &at, "a change-over is under way; what the next CA shall be is said "
                       "when it is made");
    if (f->state == CA_STATE_INTERRUPTED && (r->step == STEP_COMMIT || r->step == STEP_DUE))
        return ca_steps_complete(f, e);
    if (r->step == STEP_DUE)
        return take_due_step(r, e);
    if (r->step == STEP_FINISH && f->state == CA_STATE_CHANGED)
        return ca_steps_finish(f, e);
    if (r->step == STEP_COMMIT && f->state == CA_STATE_PUBLISHED)
        return ca_steps_commit(f, r->now, e);
    if (r->step == STEP_CANCEL && f->state == CA_STATE_PUBLISHED)
        return ca_steps_cancel(f, e);
    return err_set(e, &at, "%s", r->step == STEP_FINISH ? "no old CA is waiting to be taken away"
                                 : f->state == CA_STATE_CHANGED
                                     ? "the CA was changed already; --finish comes next"
                                 : f->state == CA_STATE_INTERRUPTED
                                     ? "a change of the CA was interrupted; --commit completes it"
                                     : "no next CA is published");
}

static void print_result(const struct rotate *r)
{
    const struct ca_folder *f = &r->folder;
    const char *stranger = ca_folder_find_stranger(f);
    for (size_t i = 0; i < CA_ROLES; i++) {
        struct ca_printed printed = {.cert = f->members[i].cert,
                                     .path = f->members[i].cert_path,
                                     .role = ca_state_role((enum ca_role)i, false),
                                     .has_key = -1,
                                     .now = r->now};
        if (printed.cert != NULL)
            ca_print_text(&printed);
    }
    ca_state_print(f, r->now);
    if (f->state == CA_STATE_PUBLISHED) {
        putchar('\n');
        ca_print_where(f->members[CA_NEXT].cert_path);
    }
    if (stranger != NULL)
        fprintf(stderr, "sallyport: %s: warning: %s\n", f->path, stranger);
}

static int run(struct rotate *r, const char *path)
{
    struct err e = {0};
    char text[sizeof(e.file) + sizeof(e.text) + 32];
    int status = CLI_USAGE;
    if (open_folder(r, path, &e) == 0) {
        status = take_step(r, &e) == 0 && ca_folder_load(&r->folder, &e) == 0 ? CLI_DONE : CLI_NO;
        if (status == CLI_DONE)
            print_result(r);
    }
    if (status != CLI_DONE)
        fprintf(stderr, "sallyport: %s\n", err_format(&e, text, sizeof(text)));
    return status;
}

int ca_rotate_command(int argc, char **argv)
{
    struct rotate r = {.now = (time_t)(clock_wall_ms() / 1000),
                       .folder = {.lock = {.folder = -1}}};
    bool is_help = false;
    int status = read_options(&r, argc, argv, &is_help);
    if (is_help) {
        fputs(help, stdout);
        status = CLI_DONE;
    } else if (status == CLI_DONE) {
        status = run(&r, argv[optind]);
    }
    ca_folder_fini(&r.folder);
    ca_options_fini(&r.options);
    return status;
}
