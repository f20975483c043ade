/* SPDX-License-Identifier: MIT */
/*
 * helpers_rig.h - a worker's inbox, a folder with a script, and questions to the helpers
 * that run it.
 *
 *   rig_set_up -> rig_write_script, rig_ask ... -> rig_tear_down (checks that nothing is left)
 *
 * Threads: the test's own; rig_ask by any.
 */
#ifndef UNIT_CORE_HELPERS_RIG_H
#define UNIT_CORE_HELPERS_RIG_H

#include <check.h>

#include "proxy/helpers.h"

#define QUESTIONS 64

/* An honest helper; "$1" in a script is the folder. */
#define HONEST \
    "while read -r user password; do\n" \
    "  if [ \"$password\" = secret ]; then echo \"OK user=$user\"; else echo 'ERR no'; fi\n" \
    "done\n"

struct question {
    struct helper_ask ask;
    char line[100 * 1024];
    unsigned done_count, drop_count;
};

extern struct question questions[QUESTIONS];
extern struct helpers *helpers;
extern unsigned drop_total;
extern char rig_folder[64], rig_script[96], rig_command[256];

void rig_set_up(void);

/* Ends the helpers, where the test has not, and checks that there is no process, no
 * descriptor and no second answer. */
void rig_tear_down(void);

void rig_write_script(const char *text);

/* A file of the folder; good until the next call. "log" is the error log. */
char *rig_read(const char *name);

/* The number in the file "pid". */
int rig_read_pid(void);

struct helper_config rig_config(enum helper_protocol protocol, unsigned children,
                                unsigned concurrency, unsigned queue, uint64_t timeout_ms);

/* Question n, whose line is written; or with a user and a password; or of NTLM. */
void rig_submit(unsigned n, const struct helper_config *config, uint64_t lease);
void rig_ask(unsigned n, const struct helper_config *config, const char *user,
             const char *password);
void rig_ask_ntlm(unsigned n, const struct helper_config *config, bool is_first, uint64_t lease);

/* Runs the worker's loop until so many are done in all; false: ms were not enough. */
MUST_CHECK bool rig_run_until(unsigned count, unsigned ms);
void rig_await(unsigned count);
unsigned rig_done(void);

/* Question n was answered so: text is the user of an OK, else the message. */
void rig_expect(unsigned n, enum helper_kind kind, const char *text);

struct helpers_counts rig_counts(void);

/* Waits without running the loop; false: it did not come to that. */
MUST_CHECK bool rig_wait_for_running(unsigned wanted);

#endif
