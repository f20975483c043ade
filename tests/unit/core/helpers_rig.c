/* SPDX-License-Identifier: MIT */
/* helpers_rig.c - questions to helpers that run a script; see helpers_rig.h. */
#include "tests/unit/core/helpers_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/worker.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/list.h"
#include "util/log.h"

struct question questions[QUESTIONS];
static struct worker worker; /* its loop and inbox alone */
struct helpers *helpers;
unsigned drop_total;
static unsigned done_total, fds_before;
char rig_folder[64], rig_script[96], rig_command[256];
static char log_path[96];

static void on_done(struct helper_ask *ask)
{
    struct question *q = LIST_ITEM(ask, struct question, ask);
    q->done_count++;
    done_total++;
}

static void on_drop(struct helper_ask *ask)
{
    struct question *q = LIST_ITEM(ask, struct question, ask);
    q->drop_count++;
    drop_total++;
}

void rig_set_up(void)
{
    struct err e = {.line = 0};
    snprintf(rig_folder, sizeof(rig_folder), "/tmp/sallyport-helpers-XXXXXX");
    MUST(mkdtemp(rig_folder) != NULL);
    snprintf(rig_script, sizeof(rig_script), "%s/helper", rig_folder);
    snprintf(log_path, sizeof(log_path), "%s/log", rig_folder);
    snprintf(rig_command, sizeof(rig_command), "/bin/sh \"%s\"  '%s'", rig_script, rig_folder);
    MUST(log_open(log_path, &e) == 0);
    fds_before = flow_open_fds();
    worker = (struct worker){.spare_fd = -1};
    worker.base = event_base_new();
    inbox_init(&worker.inbox);
    MUST(inbox_open(&worker.inbox, &worker) == 0);
    done_total = drop_total = 0;
    for (unsigned i = 0; i < QUESTIONS; i++)
        questions[i].done_count = questions[i].drop_count = 0;
    helpers = helpers_new(&e);
    ck_assert_msg(helpers != NULL, "%s", e.text);
}

void rig_tear_down(void)
{
    char line[160];
    struct err e = {.line = 0};
    helpers_free(helpers);
    helpers = NULL;
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    inbox_fini(&worker.inbox);
    event_base_free(worker.base);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
    MUST(log_open("stderr", &e) == 0);
    snprintf(line, sizeof(line), "rm -r %s", rig_folder);
    MUST(system(line) == 0);
    for (unsigned i = 0; i < QUESTIONS; i++)
        ck_assert_uint_le(questions[i].done_count + questions[i].drop_count, 1);
}

void rig_write_script(const char *text)
{
    FILE *f = fopen(rig_script, "w");
    MUST(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

char *rig_read(const char *name)
{
    static char text[65536];
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
    FILE *f = fopen(path, "r");
    size_t len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    text[len] = '\0';
    return text;
}

int rig_read_pid(void)
{
    long pid = strtol(rig_read("pid"), NULL, 10);
    MUST(pid > 1);
    return (int)pid;
}

struct helper_config rig_config(enum helper_protocol protocol, unsigned children,
                                      unsigned concurrency, unsigned queue, uint64_t timeout_ms)
{
    return (struct helper_config){rig_command, protocol, children, concurrency, queue, timeout_ms};
}

void rig_submit(unsigned n, const struct helper_config *config, uint64_t lease)
{
    struct question *q = &questions[n];
    q->ask.inbox = &worker.inbox;
    q->ask.done = on_done;
    q->ask.drop = on_drop;
    q->ask.line = q->line;
    q->ask.lease = lease;
    helpers_ask(helpers, config, &q->ask);
}

void rig_ask(unsigned n, const struct helper_config *config, const char *user,
                const char *password)
{
    questions[n].ask.line_len = helper_line_basic(questions[n].line, sizeof(questions[n].line),
                                                  str_of(user), str_of(password));
    rig_submit(n, config, HELPER_NO_LEASE);
}

void rig_ask_ntlm(unsigned n, const struct helper_config *config, bool is_first, uint64_t lease)
{
    questions[n].ask.line_len = helper_line_ntlm(questions[n].line, sizeof(questions[n].line),
                                                 is_first, STR_LIT("TlRMTVNTUAAB"));
    rig_submit(n, config, lease);
}

static void on_nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

bool rig_run_until(unsigned count, unsigned ms)
{
    bool is_over = false;
    struct timeval limit = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};
    struct event *timer = event_new(worker.base, -1, 0, on_nothing, &is_over);
    event_add(timer, &limit);
    while (done_total < count && !is_over)
        event_base_loop(worker.base, EVLOOP_ONCE);
    event_free(timer);
    return done_total >= count;
}

void rig_await(unsigned count)
{
    ck_assert_msg(rig_run_until(count, 20000), "%u of %u are done", done_total, count);
}

void rig_expect(unsigned n, enum helper_kind kind, const char *text)
{
    const struct helper_ask *a = &questions[n].ask;
    ck_assert_uint_eq(questions[n].done_count, 1);
    ck_assert_int_eq(a->fate, HELPER_ANSWERED);
    ck_assert_int_eq(a->answer.kind, kind);
    ck_assert_str_eq(kind == HELPER_OK ? a->answer.user : a->answer.message, text);
}

struct helpers_counts rig_counts(void)
{
    struct helpers_counts c;
    helpers_count(helpers, &c);
    return c;
}

bool rig_wait_for_running(unsigned wanted)
{
    for (unsigned ms = 0; ms < 10000; ms += 10) {
        if (rig_counts().running == wanted)
            return true;
        usleep(10000);
    }
    return false;
}

unsigned rig_done(void)
{
    return done_total;
}
