/* SPDX-License-Identifier: MIT */
/* worker.c - one thread with a loop, its listeners and its connections; see worker.h. */
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "proxy/inbox.h"
#include "proxy/listener.h"
#include "util/log.h"
#include "util/mem.h"

#define SESSIONS_MAX 2000 /* with origins: some 4 KiB each */

static void on_deadline(struct wheel_node *n, enum wheel_call call)
{
    struct conn *c = LIST_ITEM(n, struct conn, deadline);
    if (call == WHEEL_EXPIRED) {
        c->is_expired = true;
        conn_run(c);
    } else if (c->phase->check_up != NULL) {
        c->phase->check_up(c);
    }
}

static void stop_wheel(struct worker *w)
{
    evtimer_del(w->wheel_timer);
    w->is_wheel_turning = false;
}

/* Only those that are on the list now: a check-up may put them on it again. */
static void look_again(struct worker *w)
{
    struct list now;
    struct list_node *node;
    list_init(&now);
    while ((node = list_first(&w->watched)) != NULL) {
        list_remove(node);
        list_append(&now, node);
    }
    while ((node = list_first(&now)) != NULL) {
        struct conn *c = LIST_ITEM(node, struct conn, watch);
        list_remove(node);
        if (c->phase->check_up != NULL)
            c->phase->check_up(c);
    }
}

static void on_wheel_timer(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    look_again(w);
    wheel_turn(&w->wheel, worker_now_ms());
    if (w->wheel.count == 0)
        stop_wheel(w);
}

/* The timer runs only while there is a deadline: an idle proxy sleeps. */
void worker_set_deadline(struct worker *w, struct wheel_node *n, uint64_t from_now_ms)
{
    static const struct timeval TICK = {0, WHEEL_TICK_MS * 1000};
    uint64_t now = worker_now_ms();
    if (!w->is_wheel_turning) {
        w->wheel.turned_ms = now;
        w->is_wheel_turning = evtimer_add(w->wheel_timer, &TICK) == 0;
    }
    wheel_set(&w->wheel, n, now + from_now_ms);
}

static void free_graveyard(struct worker *w)
{
    struct list_node *node;
    while ((node = list_first(&w->graveyard)) != NULL) {
        list_remove(node);
        mem_free(LIST_ITEM(node, struct conn, node));
    }
}

static void copy_dns_counters(struct worker *w)
{
    const struct dns_counters *now = dns_counters(w->pin->dns);
    struct counters *c = &w->counters;
    atomic_store_explicit(&c->dns_found, w->dns_base[0] + now->found, memory_order_relaxed);
    atomic_store_explicit(&c->dns_no_name, w->dns_base[1] + now->no_name, memory_order_relaxed);
    atomic_store_explicit(&c->dns_failed, w->dns_base[2] + now->failed, memory_order_relaxed);
    atomic_store_explicit(&c->dns_timed_out, w->dns_base[3] + now->timed_out,
                          memory_order_relaxed);
    atomic_store_explicit(&c->dns_cached, w->dns_base[4] + now->cached, memory_order_relaxed);
}

static void end_all(struct worker *w)
{
    struct list_node *node;
    while ((node = list_first(&w->conns)) != NULL)
        conn_end(LIST_ITEM(node, struct conn, node), END_DRAINED);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    uint64_t one = 1;
    while (!w->is_stopping && !(w->is_draining && w->conn_count == 0)) {
        event_base_loop(w->base, EVLOOP_ONCE);
        free_graveyard(w);
        copy_dns_counters(w);
    }
    listener_remove_all(w);
    end_all(w);
    free_graveyard(w);
    (void)!write(w->shared->done_fd, &one, sizeof(one));
    return NULL;
}

static void free_pin(struct config_pin *pin)
{
    if (pin == NULL)
        return;
    pool_free(pin->pool);
    dns_free(pin->dns);
    policy_scratch_free(pin->scratch);
    config_unref(pin->config);
    mem_free(pin);
}

/* Takes the reference over, on failure too. */
static struct config_pin *new_pin(struct worker *w, struct config *config, struct err *e)
{
    struct dns_settings settings = {.servers = config->dns.servers,
                                    .timeout_ms = config->dns.timeout_ms};
    struct config_pin *pin = mem_zalloc(sizeof(*pin));
    if (pin == NULL) {
        config_unref(config);
        err_set(e, NULL, "out of memory");
        return NULL;
    }
    pin->config = config;
    pin->generation = ++w->generation;
    pin->users = 1;
    pin->scratch = policy_scratch_new(config->policy);
    pin->pool = pool_new(w->base, config->limits.origins_idle, config->limits.origin_idle_ms);
    pin->dns = dns_new(w->base, &settings, e);
    if (pin->scratch == NULL || pin->pool == NULL)
        err_set(e, NULL, "out of memory");
    if (pin->scratch == NULL || pin->pool == NULL || pin->dns == NULL) {
        free_pin(pin);
        return NULL;
    }
    return pin;
}

struct config_pin *worker_pin(struct worker *w)
{
    w->pin->users++;
    return w->pin;
}

void worker_unpin(struct worker *w, struct config_pin *pin)
{
    ASSERT(pin->users > 0);
    if (--pin->users > 0)
        return;
    const struct dns_counters *last = dns_counters(pin->dns);
    w->dns_base[0] += last->found;
    w->dns_base[1] += last->no_name;
    w->dns_base[2] += last->failed;
    w->dns_base[3] += last->timed_out;
    w->dns_base[4] += last->cached;
    free_pin(pin);
}

struct str worker_http_date(struct worker *w)
{
    static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm;
    if (now != w->date_at) {
        gmtime_r(&now, &tm);
        snprintf(w->date, sizeof(w->date), "%s, %02u %s %04u %02u:%02u:%02u GMT", DAYS[tm.tm_wday],
                 (unsigned)tm.tm_mday % 100, MONTHS[tm.tm_mon], (unsigned)tm.tm_year + 1900,
                 (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
        w->date_at = now;
    }
    return str_of(w->date);
}

void worker_count_header_changes(struct worker *w, const struct header_ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        const struct header_change *change = &ledger->changes[i];
        count_add(&w->counters.header_changes[change->field][change->reason], change->count);
    }
}

/* Those between two requests look at what has changed around them. */
static void run_waiting(struct worker *w)
{
    struct list_node *node = list_first(&w->conns);
    while (node != NULL) {
        struct conn *c = LIST_ITEM(node, struct conn, node);
        node = list_next(&w->conns, node);
        if (c->phase == &PHASE_REQUEST || c->phase == &PHASE_HANDSHAKE)
            conn_run(c);
    }
}

void worker_use_config(struct worker *w, struct config *config)
{
    struct err e = {0};
    struct config_pin *pin = new_pin(w, config, &e), *old = w->pin;
    if (pin == NULL) {
        log_line(LOG_ERROR, "worker %u keeps its configuration: %s", w->number, e.text);
        return;
    }
    w->pin = pin;
    worker_unpin(w, old);
    /* Who was trusted under the old one must prove it again. */
    sessions_clear(w->sessions);
    run_waiting(w);
}

void worker_drain(struct worker *w)
{
    w->is_draining = true;
    listener_remove_all(w);
    run_waiting(w);
}

static int make_loop(struct worker *w)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return -1;
    int ok = event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
             event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0 &&
             event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0;
    w->base = ok ? event_base_new_with_config(config) : NULL;
    event_config_free(config);
    if (w->base == NULL)
        return -1;
    w->wheel_timer = event_new(w->base, -1, EV_PERSIST, on_wheel_timer, w);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return w->wheel_timer != NULL && w->spare_fd >= 0 ? 0 : -1;
}

struct worker *worker_new(struct shared *shared, unsigned number, struct config *config,
                          struct err *e)
{
    struct worker *w = mem_must_zalloc(sizeof(*w));
    w->shared = shared;
    w->number = number;
    w->spare_fd = -1;
    w->ring = logwriter_ring(shared->logwriter, number);
    list_init(&w->conns);
    list_init(&w->graveyard);
    list_init(&w->listeners);
    list_init(&w->watched);
    wheel_init(&w->wheel, worker_now_ms(), on_deadline);
    inbox_init(&w->inbox);
    w->tls_pool = stream_tls_pool_new();
    w->sessions = sessions_new(SESSIONS_MAX);
    if (w->tls_pool == NULL || w->sessions == NULL || make_loop(w) != 0 ||
        relay_pool_init(&w->pool) != 0 || inbox_open(&w->inbox, w) != 0 ||
        RAND_bytes((unsigned char *)&w->id_key, sizeof(w->id_key)) != 1) {
        err_set(e, NULL, "worker %u: cannot make its loop: %s", number, strerror(errno));
        config_unref(config);
        worker_free(w);
        return NULL;
    }
    w->pin = new_pin(w, config, e);
    if (w->pin == NULL) {
        worker_free(w);
        return NULL;
    }
    return w;
}

int worker_start(struct worker *w, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : err_set(e, NULL, "worker %u: cannot start its thread: %s", w->number,
                                 strerror(rc));
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    if (w->base != NULL)
        listener_remove_all(w);
    inbox_fini(&w->inbox);
    free_pin(w->pin);
    relay_pool_fini(&w->pool);
    stream_tls_pool_free(w->tls_pool);
    sessions_free(w->sessions);
    if (w->wheel_timer != NULL)
        event_free(w->wheel_timer);
    if (w->base != NULL)
        event_base_free(w->base);
    if (w->spare_fd >= 0)
        close(w->spare_fd);
    mem_free(w);
}
