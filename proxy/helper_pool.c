/* SPDX-License-Identifier: MIT */
/* helper_pool.c - the processes of one command; see helper_pool.h. */
#include "proxy/helper_pool.h"

#include <errno.h>
#include <string.h>

#include "proxy/helper_spawn.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 30000
#define PATIENCE_MS 1000 /* how long an ask waits where nothing runs */
#define IDLE_GRACE_MS 5000
#define LEASE_MS 3000 /* of a handshake in which the client is silent */
#define EXIT_GRACE_MS 1000 /* from the end of its output to its own */

static uint64_t now_ms_of_clock(void)
{
    return clock_usec() / 1000;
}

void helper_ask_return(struct helper_ask *ask, enum helper_fate fate)
{
    ask->fate = fate;
    ask->pool = NULL;
    if (fate != HELPER_ANSWERED)
        ask->lease = HELPER_NO_LEASE;
    inbox_return(ask->inbox, &ask->letter);
}

static void count_waiting(struct helper_pool *pool, int change)
{
    pool->waiting += (unsigned)change;
    atomic_fetch_add(&pool->shared->waiting, (unsigned)change);
}

static void queue_last(struct helper_pool *pool, struct helper_ask *ask)
{
    ask->next = NULL;
    if (pool->last != NULL)
        pool->last->next = ask;
    else
        pool->first = ask;
    pool->last = ask;
    count_waiting(pool, 1);
}

static void queue_first(struct helper_pool *pool, struct helper_ask *ask)
{
    ask->next = pool->first;
    pool->first = ask;
    if (pool->last == NULL)
        pool->last = ask;
    count_waiting(pool, 1);
}

static struct helper_ask *take_first(struct helper_pool *pool)
{
    struct helper_ask *ask = pool->first;
    if (ask == NULL)
        return NULL;
    pool->first = ask->next;
    if (pool->first == NULL)
        pool->last = NULL;
    count_waiting(pool, -1);
    return ask;
}

/* Several that die together are one failure. */
static void note_failure(struct helper_pool *pool, uint64_t now_ms)
{
    atomic_fetch_add(&pool->shared->died, 1);
    if (now_ms < pool->retry_at_ms)
        return;
    uint64_t wait_ms = pool->failures < 16 ? (uint64_t)BACKOFF_FIRST_MS << pool->failures
                                           : BACKOFF_MAX_MS;
    pool->failures++;
    pool->retry_at_ms = now_ms + (wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS);
}

static void time_out(struct helper_pool *pool, struct helper_ask *ask)
{
    atomic_fetch_add(&pool->shared->timed_out, 1);
    helper_ask_return(ask, HELPER_TIMED_OUT);
}

static bool is_late(const struct helper_pool *pool, const struct helper_ask *ask, uint64_t now_ms)
{
    return now_ms - ask->sent_ms >= pool->config.timeout_ms;
}

/* The process had the ask and is gone. A password can be asked again; a handshake lives
 * in its process. */
static void lose(struct helper_pool *pool, struct helper_ask *ask, uint64_t now_ms)
{
    if (is_late(pool, ask, now_ms)) {
        time_out(pool, ask);
    } else if (pool->config.protocol == HELPER_BASIC && !ask->is_retried) {
        ask->is_retried = true;
        queue_first(pool, ask);
    } else {
        helper_ask_return(ask, HELPER_DIED);
    }
}

/* From the last, so that the queue has the first in front. */
static void lose_all(struct helper_process *p, uint64_t now_ms)
{
    for (unsigned i = p->slot_count; i > 0; i--) {
        struct helper_ask *ask = helper_process_take(p, i - 1);
        if (ask != NULL)
            lose(p->pool, ask, now_ms);
    }
}

/* One that has closed its output is about to end, and its status is worth a line. */
static void on_broken(struct helper_process *p, const char *why)
{
    uint64_t now_ms = now_ms_of_clock();
    if (p->state != HELPER_RUNS)
        return;
    p->was_unasked = why == NULL;
    if (why == NULL) {
        helper_process_end(p, now_ms, EXIT_GRACE_MS);
    } else {
        log_line(LOG_ERROR, "helper '%s' (%d) is put down: %s", p->name, (int)p->pid, why);
        helper_process_kill(p);
    }
    p->lease = HELPER_NO_LEASE;
    p->pool->runs--;
    note_failure(p->pool, now_ms);
    lose_all(p, now_ms);
}

/* The handshake goes on in this process, or is over. */
static void set_lease(struct helper_process *p, struct helper_ask *ask, uint64_t now_ms)
{
    if (ask->answer.kind != HELPER_TOKEN)
        p->lease = HELPER_NO_LEASE;
    else if (p->lease == HELPER_NO_LEASE)
        p->lease = ++p->pool->shared->last_lease;
    p->lease_ms = now_ms;
    ask->lease = p->lease;
}

static void copy_answer(struct helper_ask *ask, const struct helper_answer *answer)
{
    ask->answer = *answer;
    if (answer->token.len > 0)
        memcpy(ask->token, answer->token.ptr, answer->token.len);
    ask->answer.token = (struct str){ask->token, answer->token.len};
}

static void on_line(struct helper_process *p, struct str line)
{
    struct helper_pool *pool = p->pool;
    struct helper_answer answer;
    uint64_t now_ms = now_ms_of_clock();
    helper_parse_answer(&answer, pool->config.protocol, p->has_channels, line);
    unsigned channel = answer.channel == HELPER_NO_CHANNEL ? 0 : (unsigned)answer.channel;
    bool has_place = p->has_channels == (answer.channel != HELPER_NO_CHANNEL);
    if (!has_place || channel >= p->slot_count || p->slots[channel] == NULL) {
        on_broken(p, "it answered what nobody had asked");
        return;
    }
    if (!helper_process_has_sent(p, p->slots[channel])) {
        on_broken(p, "it answered before it had been asked");
        return;
    }
    struct helper_ask *ask = helper_process_take(p, channel);
    copy_answer(ask, &answer);
    if (answer.kind == HELPER_BROKEN)
        log_line(LOG_WARNING, "helper '%s' (%d) could not find out: %s", p->name, (int)p->pid,
                 answer.message[0] != '\0' ? answer.message : "it does not say why");
    set_lease(p, ask, now_ms);
    p->idle_since_ms = now_ms;
    if (answer.kind != HELPER_STRANGE)
        pool->failures = 0;
    helper_ask_return(ask, HELPER_ANSWERED);
    if (answer.kind == HELPER_STRANGE)
        on_broken(p, "its answer is not of the protocol");
}

static unsigned places(const struct helper_config *config)
{
    bool is_alone = config->protocol == HELPER_NTLMSSP || config->concurrency == 0;
    return is_alone ? 1 : config->concurrency;
}

static void dispatch(struct helper_pool *pool, uint64_t now_ms);

static void on_settled(struct helper_process *p)
{
    dispatch(p->pool, now_ms_of_clock());
}

static struct helper_process *start(struct helper_pool *pool, uint64_t now_ms)
{
    static const struct helper_calls CALLS = {on_line, on_broken, on_settled};
    struct helper_process *p = NULL;
    if (pool->process_count >= pool->config.children || now_ms < pool->retry_at_ms)
        return NULL;
    if (pool->argv == NULL)
        pool->argv = helper_split(pool->config.command);
    if (pool->argv != NULL)
        p = helper_process_start(pool->shared->base, pool->argv, places(&pool->config),
                                 pool->config.concurrency > 0, &CALLS, pool);
    if (p == NULL) {
        log_line(LOG_ERROR, "cannot start helper '%s': %s",
                 pool->argv != NULL ? pool->argv[0] : "", strerror(pool->argv ? errno : EINVAL));
        note_failure(pool, now_ms);
        return NULL;
    }
    p->idle_since_ms = now_ms;
    list_append(&pool->processes, &p->node);
    pool->process_count++;
    pool->runs++;
    atomic_fetch_add(&pool->shared->started, 1);
    atomic_fetch_add(&pool->shared->running, 1);
    return p;
}

static bool has_place(const struct helper_process *p)
{
    return p->state == HELPER_RUNS && !p->is_deaf && p->lease == HELPER_NO_LEASE &&
           p->asks_out < p->slot_count;
}

/* An end that the loop has not shown yet, or a line too many, is seen before the next
 * ask is written, not after. */
static bool is_quiet(struct helper_process *p)
{
    const char *why;
    if (helper_process_is_quiet(p, &why))
        return true;
    on_broken(p, why);
    return false;
}

/* One that can take an ask, started if need be. NULL: none can. */
static struct helper_process *find_place(struct helper_pool *pool, uint64_t now_ms)
{
    struct list_node *node = list_first(&pool->processes);
    while (node != NULL) {
        struct helper_process *p = LIST_ITEM(node, struct helper_process, node);
        node = list_next(&pool->processes, node);
        if (!has_place(p))
            continue;
        if (p->asks_out > 0 || is_quiet(p))
            return p;
    }
    return start(pool, now_ms);
}

static void send_to(struct helper_process *p, struct helper_ask *ask, uint64_t now_ms)
{
    ask->sent_ms = now_ms;
    helper_process_send(p, ask);
}

/* Nothing runs, and nothing will be started soon. */
static bool is_hopeless(const struct helper_pool *pool, uint64_t now_ms)
{
    return pool->runs == 0 && pool->retry_at_ms > now_ms + PATIENCE_MS;
}

/* What waits goes where there is a place. */
static void dispatch(struct helper_pool *pool, uint64_t now_ms)
{
    while (pool->first != NULL && !pool->shared->is_ending) {
        struct helper_process *p = find_place(pool, now_ms);
        if (p == NULL)
            break;
        send_to(p, take_first(pool), now_ms);
    }
    while (pool->first != NULL && is_hopeless(pool, now_ms))
        helper_ask_return(take_first(pool), HELPER_DIED);
}

static struct helper_process *find_lease(struct helper_pool *pool, uint64_t lease)
{
    struct list_node *node = list_first(&pool->processes);
    for (; node != NULL; node = list_next(&pool->processes, node)) {
        struct helper_process *p = LIST_ITEM(node, struct helper_process, node);
        if (p->state == HELPER_RUNS && p->lease == lease)
            return p;
    }
    return NULL;
}

static void ask_leased(struct helper_pool *pool, struct helper_ask *ask, uint64_t now_ms)
{
    struct helper_process *p = find_lease(pool, ask->lease);
    if (p == NULL || p->is_deaf || p->asks_out > 0 || !is_quiet(p))
        helper_ask_return(ask, HELPER_LEASE_LOST);
    else
        send_to(p, ask, now_ms);
}

void helper_pool_ask(struct helper_pool *pool, struct helper_ask *ask, uint64_t now_ms)
{
    pool->used_ms = now_ms;
    ask->sent_ms = now_ms;
    if (ask->lease != HELPER_NO_LEASE) {
        ask_leased(pool, ask, now_ms);
        dispatch(pool, now_ms);
        return;
    }
    dispatch(pool, now_ms);
    struct helper_process *p = pool->first == NULL ? find_place(pool, now_ms) : NULL;
    if (p != NULL) {
        send_to(p, ask, now_ms);
    } else if (is_hopeless(pool, now_ms)) {
        helper_ask_return(ask, HELPER_DIED);
    } else if (pool->waiting >= pool->config.queue) {
        atomic_fetch_add(&pool->shared->queue_full, 1);
        helper_ask_return(ask, HELPER_QUEUE_FULL);
    } else {
        queue_last(pool, ask);
    }
}

void helper_pool_release(struct helper_pool *pool, uint64_t lease, uint64_t now_ms)
{
    struct helper_process *p = find_lease(pool, lease);
    if (p == NULL)
        return;
    p->lease = HELPER_NO_LEASE;
    p->idle_since_ms = now_ms;
    dispatch(pool, now_ms);
}

/* The first in the queue was asked first. */
static void time_out_waiting(struct helper_pool *pool, uint64_t now_ms)
{
    while (pool->first != NULL && is_late(pool, pool->first, now_ms))
        time_out(pool, take_first(pool));
}

/* A client answers a challenge without asking anybody. One that does not must not keep
 * a process from others for as long as a directory may take. */
static uint64_t lease_ms(const struct helper_pool *pool)
{
    return pool->config.timeout_ms < LEASE_MS ? pool->config.timeout_ms : LEASE_MS;
}

static void time_out_process(struct helper_process *p, uint64_t now_ms)
{
    for (unsigned i = 0; i < p->slot_count; i++) {
        if (p->slots[i] != NULL && is_late(p->pool, p->slots[i], now_ms)) {
            on_broken(p, "it did not answer in time");
            return;
        }
    }
    if (p->lease != HELPER_NO_LEASE && p->asks_out == 0 &&
        now_ms - p->lease_ms >= lease_ms(p->pool)) {
        p->lease = HELPER_NO_LEASE;
        p->idle_since_ms = now_ms;
    }
}

static void end_idle(struct helper_process *p, uint64_t now_ms)
{
    struct helper_pool *pool = p->pool;
    bool is_idle = p->asks_out == 0 && p->lease == HELPER_NO_LEASE;
    bool is_last_needed = pool->runs == 1 && now_ms - pool->used_ms < pool->shared->pool_idle_ms;
    if (!is_idle || is_last_needed ||
        now_ms - p->idle_since_ms < atomic_load(&pool->shared->process_idle_ms))
        return;
    helper_process_end(p, now_ms, IDLE_GRACE_MS);
    pool->runs--;
}

static void look_after(struct helper_process *p, uint64_t now_ms)
{
    if (p->state == HELPER_RUNS)
        time_out_process(p, now_ms);
    if (p->state == HELPER_RUNS)
        end_idle(p, now_ms);
    if (p->state == HELPER_RUNS || !helper_process_reap(p, now_ms))
        return;
    list_remove(&p->node);
    p->pool->process_count--;
    atomic_fetch_sub(&p->pool->shared->running, 1);
    helper_process_free(p);
}

void helper_pool_tick(struct helper_pool *pool, uint64_t now_ms)
{
    struct list_node *node = list_first(&pool->processes);
    while (node != NULL) {
        struct helper_process *p = LIST_ITEM(node, struct helper_process, node);
        node = list_next(&pool->processes, node);
        look_after(p, now_ms);
    }
    if (pool->shared->is_ending)
        return;
    time_out_waiting(pool, now_ms);
    dispatch(pool, now_ms);
}

bool helper_pool_is_busy(const struct helper_pool *pool)
{
    const struct list_node *node = list_first(&pool->processes);
    if (pool->first != NULL || pool->runs < pool->process_count)
        return true;
    for (; node != NULL; node = list_next(&pool->processes, node)) {
        const struct helper_process *p = LIST_ITEM(node, struct helper_process, node);
        if (p->asks_out > 0 || p->lease != HELPER_NO_LEASE)
            return true;
    }
    return false;
}

bool helper_pool_is_unused(const struct helper_pool *pool, uint64_t now_ms)
{
    return pool->process_count == 0 && pool->first == NULL &&
           now_ms - pool->used_ms >= atomic_load(&pool->shared->pool_idle_ms) &&
           now_ms >= pool->retry_at_ms;
}

static void queue_again(struct helper_process *p)
{
    for (unsigned i = 0; i < p->slot_count; i++) {
        struct helper_ask *ask = helper_process_take(p, i);
        if (ask != NULL)
            queue_last(p->pool, ask);
    }
}

void helper_pool_end(struct helper_pool *pool, uint64_t now_ms, uint64_t grace_ms)
{
    struct list_node *node = list_first(&pool->processes);
    for (; node != NULL; node = list_next(&pool->processes, node)) {
        struct helper_process *p = LIST_ITEM(node, struct helper_process, node);
        helper_process_end(p, now_ms, grace_ms);
        queue_again(p);
    }
    pool->runs = 0;
}

struct helper_ask *helper_pool_take_left(struct helper_pool *pool)
{
    return take_first(pool);
}

bool helper_pool_is_for(const struct helper_pool *pool, const struct helper_config *config)
{
    const struct helper_config *own = &pool->config;
    return strcmp(own->command, config->command) == 0 && own->protocol == config->protocol &&
           own->children == config->children && own->concurrency == config->concurrency &&
           own->queue == config->queue && own->timeout_ms == config->timeout_ms;
}

struct helper_pool *helper_pool_new(struct helper_shared *shared,
                                    const struct helper_config *config)
{
    struct helper_pool *pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL)
        return NULL;
    list_init(&pool->processes);
    pool->shared = shared;
    pool->config = *config;
    pool->used_ms = now_ms_of_clock();
    pool->config.command = mem_dup(config->command, strlen(config->command));
    if (pool->config.command == NULL) {
        mem_free(pool);
        return NULL;
    }
    pool->argv = helper_split(config->command);
    return pool;
}

void helper_pool_free(struct helper_pool *pool)
{
    if (pool == NULL)
        return;
    ASSERT(pool->process_count == 0 && pool->first == NULL);
    mem_free(pool->argv);
    mem_free(pool->config.command);
    mem_free(pool);
}
