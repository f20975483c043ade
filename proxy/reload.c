/* SPDX-License-Identifier: MIT */
/* reload.c - a new configuration for a running proxy; see control.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "certs/tickets.h"
#include "proxy/admin.h"
#include "proxy/control.h"
#include "proxy/leaves.h"
#include "proxy/listener.h"
#include "util/log.h"
#include "util/mem.h"

#define STALE_CHECK_S 1

static void name_endpoint(const struct endpoint *e, char out[ADDR_TEXT_SIZE + 16])
{
    char text[ADDR_TEXT_SIZE];
    snprintf(out, ADDR_TEXT_SIZE + 16, addr_is_v4(&e->addr) ? "%s:%u" : "[%s]:%u",
             addr_format(&e->addr, text), (unsigned)e->port);
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

static bool is_configured(const struct config *config, unsigned number)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].number == number)
            return true;
    return false;
}

/* How many listeners before this one are configured alike: each port 0 is another. */
static size_t rank_of(const struct config *config, size_t index)
{
    size_t rank = 0;
    for (size_t i = 0; i < index; i++)
        rank += is_same(&config->listeners[i].at, &config->listeners[index].at);
    return rank;
}

static const struct bound *find_bound(const struct control *c, const struct endpoint *at,
                                      size_t rank)
{
    for (size_t i = 0; i < c->bound_count; i++)
        if (is_same(&c->bound[i].wanted, at) && rank-- == 0)
            return &c->bound[i];
    return NULL;
}

/* A listener that is about to open: a socket for each worker. */
struct opening {
    struct bound bound;
    struct place where;
    int *fds;
};

static void close_openings(struct control *c, struct opening *openings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned w = 0; w < c->worker_count; w++)
            if (openings[i].fds[w] >= 0)
                close(openings[i].fds[w]);
        mem_free(openings[i].fds);
    }
    mem_free(openings);
}

/* Port 0 belongs to nobody; one of our own may well stand in the way of the check
 * (127.0.0.1 beside 0.0.0.0), and does no harm. */
static bool has_own_port(const struct control *c, uint16_t port)
{
    bool has = port == 0;
    for (size_t i = 0; i < c->bound_count; i++)
        has = has || c->bound[i].actual.port == port;
    return has;
}

static int open_one(struct control *c, struct opening *o, struct err *e)
{
    char name[ADDR_TEXT_SIZE + 16];
    if (!has_own_port(c, o->bound.wanted.port) && listener_is_taken(&o->bound.wanted)) {
        name_endpoint(&o->bound.wanted, name);
        return err_set(e, &o->where, "cannot listen on %s: another program does", name);
    }
    for (unsigned w = 0; w < c->worker_count; w++) {
        o->fds[w] = listener_bind(&o->bound.actual, e);
        if (o->fds[w] < 0) {
            struct err why = *e;
            return err_set(e, &o->where, "%s", why.text);
        }
    }
    return 0;
}

/* Opens everything new before anything old is touched, and tells the listeners of the
 * configuration their numbers. */
static int open_new(struct control *c, struct config *config, struct opening **openings,
                    size_t *count, struct err *e)
{
    struct opening *list = mem_must_zalloc((config->listener_count + 1) * sizeof(*list));
    int rc = 0;
    *count = 0;
    for (size_t i = 0; rc == 0 && i < config->listener_count; i++) {
        struct listener_config *l = &config->listeners[i];
        const struct bound *open = find_bound(c, &l->at, rank_of(config, i));
        l->number = open != NULL ? open->number : ++c->next_listener;
        if (open != NULL)
            continue;
        struct opening *o = &list[(*count)++];
        *o = (struct opening){.bound = {l->number, l->at, l->at}, .where = l->where};
        o->fds = mem_must_zalloc(c->worker_count * sizeof(*o->fds));
        memset(o->fds, 0xff, c->worker_count * sizeof(*o->fds));
        rc = open_one(c, o, e);
    }
    *openings = list;
    if (rc != 0)
        close_openings(c, list, *count);
    return rc;
}

static void close_old(struct control *c, const struct config *config)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->bound_count; i++) {
        struct bound *b = &c->bound[i];
        if (is_configured(config, b->number)) {
            c->bound[kept++] = *b;
            continue;
        }
        struct message m = {.kind = MESSAGE_UNLISTEN, .listener = b->number};
        for (unsigned w = 0; w < c->worker_count; w++)
            inbox_post(&c->workers[w]->inbox, &m);
    }
    c->bound_count = kept;
}

static void start_new(struct control *c, struct opening *openings, size_t count)
{
    char name[ADDR_TEXT_SIZE + 16];
    c->bound = mem_must_resize(c->bound, (c->bound_count + count + 1) * sizeof(*c->bound));
    for (size_t i = 0; i < count; i++) {
        struct opening *o = &openings[i];
        c->bound[c->bound_count++] = o->bound;
        for (unsigned w = 0; w < c->worker_count; w++) {
            struct message m = {.kind = MESSAGE_LISTEN, .listener = o->bound.number,
                                .fd = o->fds[w]};
            o->fds[w] = -1;
            inbox_post(&c->workers[w]->inbox, &m);
        }
        name_endpoint(&o->bound.actual, name);
        log_line(LOG_NOTICE, "listening on %s", name);
    }
    close_openings(c, openings, count);
}

/* The guard knows listeners as configured; one whose port the kernel chose is
 * told to it here, before any worker sees the snapshot. */
static void tell_guard(struct control *c, struct config *config, const struct opening *openings,
                       size_t count)
{
    for (size_t i = 0; i < c->bound_count; i++)
        if (c->bound[i].wanted.port == 0)
            guard_add_listener(config->guard, &c->bound[i].actual, true);
    for (size_t i = 0; i < count; i++)
        if (openings[i].bound.wanted.port == 0)
            guard_add_listener(config->guard, &openings[i].bound.actual, true);
    struct endpoint admin;
    if (admin_endpoint(c, &admin))
        guard_add_listener(config->guard, &admin, false);
}

/* Sessions outlive the contexts they were made in. */
static void share_tickets(struct control *c, struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].tls != NULL)
            tickets_use(c->shared.tickets, config->listeners[i].tls);
    if (config->inspection.is_enabled) {
        tickets_use(c->shared.tickets, config->inspection.client_tls);
        stream_tls_prepare(config->inspection.origin_tls);
    }
}

static void post_config(struct control *c, struct config *config)
{
    for (unsigned w = 0; w < c->worker_count; w++) {
        struct message m = {.kind = MESSAGE_CONFIG, .config = config_ref(config)};
        inbox_post(&c->workers[w]->inbox, &m);
    }
}

/* A worker finds what it needs of a listener in the configuration in force: so the new one
 * comes behind the end of the old listeners and before the new ones. */
int control_apply_doors(struct control *c, struct config *config, struct err *e)
{
    struct opening *openings;
    size_t count;
    if (open_new(c, config, &openings, &count, e) != 0)
        return -1;
    if (admin_apply(c, config, e) != 0) {
        close_openings(c, openings, count);
        return -1;
    }
    tell_guard(c, config, openings, count);
    share_tickets(c, config);
    close_old(c, config);
    if (config != c->config)
        post_config(c, config);
    start_new(c, openings, count);
    return 0;
}

static void on_stale_timer(evutil_socket_t fd, short what, void *arg)
{
    struct control *c = arg;
    struct stale **link = &c->stale;
    (void)fd;
    (void)what;
    while (*link != NULL) {
        struct stale *s = *link;
        if (atomic_load(&s->config->refs) > 1) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        config_unref(s->config);
        mem_free(s);
    }
    if (c->stale == NULL)
        evtimer_del(c->stale_timer);
}

static void retire(struct control *c, struct config *config)
{
    static const struct timeval PERIOD = {STALE_CHECK_S, 0};
    struct stale *s = mem_must_zalloc(sizeof(*s));
    s->config = config;
    s->next = c->stale;
    c->stale = s;
    if (c->stale_timer == NULL)
        c->stale_timer = event_new(c->base, -1, EV_PERSIST, on_stale_timer, c);
    if (c->stale_timer != NULL)
        evtimer_add(c->stale_timer, &PERIOD);
}

static void log_faults(const struct errlist *faults)
{
    char text[1024];
    for (size_t i = 0; i < faults->count; i++)
        log_line(faults->items[i].is_warning ? LOG_WARNING : LOG_ERROR, "%s",
                 err_format(&faults->items[i], text, sizeof(text)));
}

static void refuse(struct control *c, struct config *config, const struct err *e)
{
    char text[1024];
    if (e != NULL)
        log_line(LOG_ERROR, "%s", err_format(e, text, sizeof(text)));
    log_line(LOG_ERROR, "reload failed: the configuration in force stays (generation %u)",
             c->generation);
    c->is_last_reload_ok = false;
    config_unref(config);
}

/* A log that cannot be written is found out before anything has changed. */
static int check_log(const char *path, struct err *e)
{
    if (path == NULL || strcmp(path, "-") == 0 || strcmp(path, "stderr") == 0)
        return 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_set(e, NULL, "log '%s': %s", path, strerror(errno));
    close(fd);
    return 0;
}

static void put_in_force(struct control *c, struct config *config)
{
    retire(c, c->config);
    c->config = config;
    c->generation++;
    c->is_last_reload_ok = true;
    control_reopen_logs(c);
    if (config->workers != c->worker_count)
        log_line(LOG_WARNING, "workers = %u: the number of threads changes at the next start",
                 config->workers);
    log_line(LOG_NOTICE, "reloaded %s (generation %u)", c->config_path, c->generation);
}

/* The signer first: it can fail for many reasons, and nobody notices one too many. */
static int apply(struct control *c, struct config *config, struct err *e)
{
    struct err again;
    if (leaves_use(c->shared.leaves, &config->inspection, e) != 0)
        return -1;
    if (control_apply_doors(c, config, e) == 0)
        return 0;
    if (leaves_use(c->shared.leaves, &c->config->inspection, &again) != 0)
        log_line(LOG_ERROR, "the signer of the configuration in force cannot be started again: %s",
                 again.text);
    return -1;
}

void control_reload(struct control *c)
{
    struct errlist faults;
    struct err e = {0};
    errlist_init(&faults);
    struct config *config = config_load(c->config_path, &faults);
    log_faults(&faults);
    errlist_fini(&faults);
    if (config == NULL)
        refuse(c, NULL, NULL);
    else if (check_log(config->log.errors, &e) != 0 || check_log(config->log.access, &e) != 0 ||
             apply(c, config, &e) != 0)
        refuse(c, config, &e);
    else
        put_in_force(c, config);
}

void control_reopen_logs(struct control *c)
{
    struct err e = {0};
    if (log_open(c->config->log.errors, &e) != 0)
        log_line(LOG_ERROR, "%s", e.text);
    if (c->config->log.access != NULL &&
        logwriter_reopen(c->shared.logwriter, c->config->log.access, &e) != 0)
        log_line(LOG_ERROR, "%s", e.text);
}
