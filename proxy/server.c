/* SPDX-License-Identifier: MIT */
/* server.c - the whole process; see server.h. */
#include "proxy/server.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "certs/tickets.h"
#include "proxy/admin.h"
#include "proxy/auth/authority.h"
#include "proxy/clients.h"
#include "proxy/control.h"
#include "proxy/leaves.h"
#include "proxy/proposals.h"
#include "util/log.h"
#include "util/mem.h"

static void tell_workers(struct control *c, enum message_kind kind)
{
    struct message m = {.kind = kind};
    for (unsigned i = 0; i < c->worker_count; i++)
        inbox_post(&c->workers[i]->inbox, &m);
}

static void on_drain_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_workers(arg, MESSAGE_STOP);
}

static void drain(struct control *c)
{
    uint64_t ms = c->config->limits.drain_ms;
    struct timeval limit = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    if (c->is_draining) {
        log_line(LOG_NOTICE, "stopping at once");
        tell_workers(c, MESSAGE_STOP);
        return;
    }
    log_line(LOG_NOTICE, "draining: open tunnels have %llu s", (unsigned long long)ms / 1000);
    c->is_draining = true;
    tell_workers(c, MESSAGE_DRAIN);
    c->drain_timer = event_new(c->base, -1, 0, on_drain_over, c);
    if (c->drain_timer == NULL || evtimer_add(c->drain_timer, &limit) != 0)
        tell_workers(c, MESSAGE_STOP);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct control *c = arg;
    (void)what;
    switch (number) {
    case SIGHUP:
        if (!c->is_draining)
            control_reload(c);
        break;
    case SIGUSR1:
        control_reopen_logs(c);
        break;
    default:
        drain(c);
        break;
    }
}

static void on_worker_done(evutil_socket_t fd, short what, void *arg)
{
    struct control *c = arg;
    uint64_t count = 0;
    (void)what;
    if (read((int)fd, &count, sizeof(count)) == sizeof(count))
        c->workers_done += (unsigned)count;
    if (c->workers_done >= c->worker_count)
        event_base_loopbreak(c->base);
}

/* How many tunnels n descriptors suffice for: two each, when a sixteenth and some
 * for every worker are kept for pipes, names, logs and answers. */
static unsigned tunnels_for(rlim_t n, unsigned workers)
{
    rlim_t kept = n / 16 + 16 + 12 * (rlim_t)workers;
    if (n > UINT_MAX)
        return UINT_MAX / 2;
    return n > kept + 2 ? (unsigned)((n - kept) / 2) : 1;
}

/* The soft limit is no use to anybody here. */
static void raise_descriptor_limit(struct control *c)
{
    struct rlimit limit;
    c->shared.tunnels_max = 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    c->shared.tunnels_max = tunnels_for(limit.rlim_max, c->config->workers);
}

/* A core would hold passwords and keys. */
static void forbid_cores(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

static void log_warnings(const struct errlist *faults)
{
    char text[1024];
    for (size_t i = 0; i < faults->count; i++)
        log_line(LOG_WARNING, "%s", err_format(&faults->items[i], text, sizeof(text)));
}

static int watch_signals(struct control *c)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    signal(SIGPIPE, SIG_IGN); /* splice(2) knows no MSG_NOSIGNAL */
    for (size_t i = 0; i < ARRAY_LEN(SIGNALS); i++) {
        c->signals[i] = evsignal_new(c->base, SIGNALS[i], on_signal, c);
        if (c->signals[i] == NULL || evsignal_add(c->signals[i], NULL) != 0)
            return -1;
    }
    c->done_event = event_new(c->base, c->shared.done_fd, EV_READ | EV_PERSIST, on_worker_done, c);
    return c->done_event != NULL && event_add(c->done_event, NULL) == 0 ? 0 : -1;
}

static int make_workers(struct control *c, struct err *e)
{
    unsigned count = c->config->workers;
    c->workers = mem_must_zalloc(count * sizeof(*c->workers));
    for (unsigned i = 0; i < count; i++) {
        struct worker *w = worker_new(&c->shared, i, config_ref(c->config), e);
        if (w == NULL)
            return -1;
        c->workers[c->worker_count++] = w;
    }
    return 0;
}

static uint64_t now_s(void)
{
    return clock_usec() / 1000000;
}

static int prepare(struct control *c, struct err *e)
{
    raise_descriptor_limit(c);
    forbid_cores();
    if (log_open(c->config->log.errors, e) != 0)
        return -1;
    c->shared.authority = authority_new(e);
    if (c->shared.authority == NULL)
        return -1;
    c->shared.tickets = tickets_new(now_s);
    if (c->shared.tickets == NULL)
        return err_set(e, NULL, "cannot make keys for tickets of TLS");
    c->shared.leaves = leaves_new(e);
    if (c->shared.leaves == NULL || leaves_use(c->shared.leaves, &c->config->inspection, e) != 0)
        return -1;
    c->shared.clients = clients_new();
    c->shared.proposals = proposals_new();
    c->shared.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->base = event_base_new();
    if (c->shared.clients == NULL || c->shared.proposals == NULL || c->shared.done_fd < 0 ||
        c->base == NULL)
        return err_set(e, NULL, "cannot start: %s", strerror(errno));
    if (watch_signals(c) != 0)
        return err_set(e, NULL, "cannot watch signals");
    c->shared.logwriter = logwriter_new(c->config->log.access, c->config->workers, e);
    if (c->shared.logwriter == NULL || make_workers(c, e) != 0)
        return -1;
    return control_apply_doors(c, c->config, e);
}

/* A worker that cannot start takes the others with it. */
static int start_workers(struct control *c, struct err *e)
{
    for (unsigned i = 0; i < c->worker_count; i++) {
        if (worker_start(c->workers[i], e) == 0)
            continue;
        struct message stop = {.kind = MESSAGE_STOP};
        for (unsigned k = 0; k < i; k++) {
            inbox_post(&c->workers[k]->inbox, &stop);
            worker_join(c->workers[k]);
        }
        return -1;
    }
    return 0;
}

static void free_event(struct event *e)
{
    if (e != NULL)
        event_free(e);
}

static void finish(struct control *c)
{
    admin_close(c);
    if (c->shared.authority != NULL)
        authority_stop(c->shared.authority);
    leaves_free(c->shared.leaves);
    for (unsigned i = 0; i < c->worker_count; i++)
        worker_free(c->workers[i]);
    mem_free(c->workers);
    logwriter_free(c->shared.logwriter);
    while (c->stale != NULL) {
        struct stale *s = c->stale;
        c->stale = s->next;
        config_unref(s->config);
        mem_free(s);
    }
    for (size_t i = 0; i < ARRAY_LEN(c->signals); i++)
        free_event(c->signals[i]);
    free_event(c->done_event);
    free_event(c->drain_timer);
    free_event(c->stale_timer);
    if (c->base != NULL)
        event_base_free(c->base);
    if (c->shared.done_fd >= 0)
        close(c->shared.done_fd);
    clients_free(c->shared.clients);
    proposals_free(c->shared.proposals);
    authority_free(c->shared.authority);
    mem_free(c->bound);
    config_unref(c->config);
    tickets_free(c->shared.tickets);
}

int server_run(const char *config_path, struct errlist *faults)
{
    struct control c = {.config_path = config_path, .generation = 1, .is_last_reload_ok = true,
                        .shared = {.done_fd = -1}};
    struct err e = {0};
    c.config = config_load(config_path, faults);
    if (c.config == NULL)
        return -1;
    int rc = prepare(&c, &e);
    if (rc == 0)
        rc = start_workers(&c, &e);
    if (rc == 0) {
        log_warnings(faults);
        log_line(LOG_NOTICE, "serving with %u worker%s", c.worker_count,
                 c.worker_count == 1 ? "" : "s");
        event_base_dispatch(c.base);
        for (unsigned i = 0; i < c.worker_count; i++)
            worker_join(c.workers[i]);
        log_line(LOG_NOTICE, "stopped");
    } else {
        errlist_add_err(faults, &e);
    }
    finish(&c);
    return rc;
}
