/* SPDX-License-Identifier: MIT */
/* dns.c - names to addresses without blocking; see dns.h. */
#include "proxy/net/dns.h"

#include <string.h>
#include <time.h>

#include "proxy/net/dns_cache.h"
#include "proxy/net/dns_channel.h"
#include "proxy/net/dns_message.h"
#include "util/mem.h"

enum {
    DEFAULT_ENTRIES = 10000,
    MIN_TTL_MS = 1000,
    MAX_FOUND_TTL_MS = 6 * 60 * 60 * 1000,
    MAX_NEGATIVE_TTL_MS = 5 * 60 * 1000,
    DEFAULT_NEGATIVE_TTL_MS = 30 * 1000, /* without a SOA */
    FAILED_TTL_MS = 2000,                /* spares resolvers that are down */
    MAX_NAME = 253,
};

/* Entries with a question under way are on waiting, those with news for their
 * askers on ready; the cache lists the others. */
struct dns {
    struct dns_channel *channel;
    struct dns_cache cache;
    struct event *deliver, *deadline;
    struct list ready;
    struct list waiting;            /* by place, the earliest deadline first */
    bool is_delivering, is_closing; /* closing: dns_free came while delivering */
    uint64_t timeout_ms;
    dns_clock_fn *now_ms;
    struct dns_counters counters;
    struct addr fixed_v6[DNS_MAX_ADDRESSES], fixed_v4[DNS_MAX_ADDRESSES];
};

static uint64_t read_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void dns_set_clock(struct dns *d, dns_clock_fn *now_ms)
{
    d->now_ms = now_ms;
}

static bool is_waiting(const struct dns_entry *e)
{
    return e->v6.status == DNS_WAITING || e->v4.status == DNS_WAITING;
}

static void fill_answer(const struct dns_entry *e, struct dns_answer *answer)
{
    *answer = (struct dns_answer){
        .v6_status = e->v6.status,
        .v6 = e->v6.addrs,
        .v6_count = e->v6.count,
        .v4_status = e->v4.status,
        .v4 = e->v4.addrs,
        .v4_count = e->v4.count,
    };
}

static bool has_status(const struct dns_entry *e, enum dns_status status)
{
    return e->v6.status == status || e->v4.status == status;
}

static void count_question(struct dns *d, const struct dns_entry *e)
{
    if (has_status(e, DNS_FOUND))
        d->counters.found++;
    else if (has_status(e, DNS_TIMED_OUT))
        d->counters.timed_out++;
    else if (has_status(e, DNS_FAILED))
        d->counters.failed++;
    else
        d->counters.no_name++;
}

static void clear_addresses(struct dns_family *f)
{
    mem_free(f->addrs);
    f->addrs = NULL;
    f->count = 0;
}

static void finish_family(struct dns *d, struct dns_family *f, enum dns_status status,
                          uint64_t ttl_ms)
{
    struct dns_entry *e = f->entry;

    f->status = status;
    f->expires_ms = d->now_ms() + ttl_ms;
    if (!is_waiting(e)) {
        list_remove(&e->place);
        count_question(d, e);
    }
    if (!list_has_node(&e->ready))
        list_append(&d->ready, &e->ready);
    event_active(d->deliver, 0, 0);
}

static uint64_t choose_ttl_ms(const struct dns_records *records)
{
    bool is_found = records->status == DNS_FOUND;
    uint64_t most_ms = is_found ? MAX_FOUND_TTL_MS : MAX_NEGATIVE_TTL_MS;

    if (!records->has_ttl)
        return DEFAULT_NEGATIVE_TTL_MS;
    uint64_t ttl_ms = (uint64_t)records->ttl_s * 1000;
    if (ttl_ms < MIN_TTL_MS)
        return MIN_TTL_MS;
    return ttl_ms > most_ms ? most_ms : ttl_ms;
}

static void on_reply(void *owner, void *asked_for, const struct dns_records *records)
{
    struct dns *d = owner;
    struct dns_family *f = asked_for;

    if (records->status == DNS_FAILED || records->status == DNS_TIMED_OUT) {
        finish_family(d, f, records->status, FAILED_TTL_MS);
        return;
    }
    if (records->count > 0) {
        f->addrs = mem_array(records->count, sizeof(struct addr));
        if (f->addrs == NULL) {
            finish_family(d, f, DNS_FAILED, 0);
            return;
        }
        memcpy(f->addrs, records->addrs, records->count * sizeof(struct addr));
        f->count = records->count;
    }
    finish_family(d, f, records->status, choose_ttl_ms(records));
}

static void give_up(struct dns *d, struct dns_family *f, enum dns_status status)
{
    if (f->status != DNS_WAITING)
        return;
    dns_channel_abandon(f->question);
    finish_family(d, f, status, FAILED_TTL_MS);
}

static struct dns_entry *first_waiting(struct dns *d)
{
    struct list_node *node = list_first(&d->waiting);

    return node != NULL ? LIST_ITEM(node, struct dns_entry, place) : NULL;
}

/* All names get the same time, so the first that began is the first due. Where
 * the timer cannot be set, nothing would ever end the wait: all are given up. */
static void arm_deadline(struct dns *d)
{
    struct dns_entry *e = first_waiting(d);

    if (e == NULL) {
        (void)event_del(d->deadline);
        return;
    }
    if (event_pending(d->deadline, EV_TIMEOUT, NULL))
        return;
    uint64_t now_ms = d->now_ms();
    uint64_t left_ms = e->deadline_ms > now_ms ? e->deadline_ms - now_ms + 1 : 1;
    struct timeval left = {(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)};
    if (event_add(d->deadline, &left) == 0)
        return;
    while ((e = first_waiting(d)) != NULL) {
        give_up(d, &e->v6, DNS_FAILED);
        give_up(d, &e->v4, DNS_FAILED);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct dns *d = arg;
    uint64_t now_ms = d->now_ms();
    struct dns_entry *e;

    while ((e = first_waiting(d)) != NULL && e->deadline_ms <= now_ms) {
        give_up(d, &e->v6, DNS_TIMED_OUT);
        give_up(d, &e->v4, DNS_TIMED_OUT);
    }
    arm_deadline(d);
}

/* Tells each asker that was there at the start, once. Any of them may be cancelled
 * and freed by a callback, and the name be asked for again. */
static void tell_askers(struct dns_entry *e)
{
    bool is_final = !is_waiting(e);
    struct list turn;
    struct list_node *node;

    list_init(&turn);
    while ((node = list_first(&e->askers)) != NULL) {
        list_remove(node);
        list_append(&turn, node);
    }
    e->is_delivering = true;
    while ((node = list_first(&turn)) != NULL) {
        struct dns_asker *asker = LIST_ITEM(node, struct dns_asker, node);
        list_remove(node);
        if (!is_final)
            list_append(&e->askers, node);
        asker->on_progress(asker);
    }
    e->is_delivering = false;
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
    struct dns *d = arg;
    struct list_node *node;

    d->is_delivering = true;
    while (!d->is_closing && (node = list_first(&d->ready)) != NULL) {
        struct dns_entry *e = LIST_ITEM(node, struct dns_entry, ready);
        list_remove(node);
        tell_askers(e);
        if (!is_waiting(e) && !list_has_node(&e->ready))
            dns_cache_rest(&d->cache, e);
    }
    d->is_delivering = false;
    if (d->is_closing)
        dns_free(d);
    else
        arm_deadline(d);
}

static void ask_family(struct dns *d, struct dns_entry *e, struct dns_family *f)
{
    if (f->status == DNS_WAITING &&
        dns_channel_ask(d->channel, e->name, f->type, f, &f->question) != 0)
        finish_family(d, f, DNS_FAILED, 0);
}

static void expire_family(struct dns_family *f, uint64_t now_ms)
{
    if (f->expires_ms > now_ms)
        return;
    clear_addresses(f);
    f->status = DNS_WAITING;
}

/* For a busy entry without askers, some of it expired. AAAA goes first (RFC 8305
 * section 3). What ends at once is for the caller to see, not for a delivery. */
static void ask_expired(struct dns *d, struct dns_entry *e)
{
    uint64_t now_ms = d->now_ms();

    expire_family(&e->v6, now_ms);
    expire_family(&e->v4, now_ms);
    e->deadline_ms = now_ms + d->timeout_ms;
    list_append(&d->waiting, &e->place);
    ask_family(d, e, &e->v6);
    ask_family(d, e, &e->v4);
    arm_deadline(d);
    list_remove(&e->ready);
    if (!is_waiting(e))
        dns_cache_rest(&d->cache, e);
}

static bool is_fresh(const struct dns_entry *e, uint64_t now_ms)
{
    return e->v6.expires_ms > now_ms && e->v4.expires_ms > now_ms;
}

static void fill_constant(struct dns_answer *answer, enum dns_status status)
{
    *answer = (struct dns_answer){.v6_status = status, .v4_status = status};
}

/* Splits the addresses of the hosts table by family. */
static bool answer_from_hosts(struct dns *d, const struct hosts *hosts, struct str name,
                              struct dns_answer *answer)
{
    size_t count = 0;
    const struct addr *addrs = hosts != NULL ? hosts_find(hosts, name, &count) : NULL;

    if (addrs == NULL || count == 0)
        return false;
    fill_constant(answer, DNS_NO_DATA);
    answer->v6 = d->fixed_v6;
    answer->v4 = d->fixed_v4;
    for (size_t i = 0; i < count; i++) {
        bool is_v4 = addr_is_v4(&addrs[i]);
        size_t *family_count = is_v4 ? &answer->v4_count : &answer->v6_count;
        if (*family_count < DNS_MAX_ADDRESSES)
            (is_v4 ? d->fixed_v4 : d->fixed_v6)[(*family_count)++] = addrs[i];
    }
    if (answer->v6_count > 0)
        answer->v6_status = DNS_FOUND;
    if (answer->v4_count > 0)
        answer->v4_status = DNS_FOUND;
    return true;
}

/* RFC 6761 section 6.3: these names are the host's own, whatever a resolver says. */
static bool answer_localhost(struct str name, struct dns_answer *answer)
{
    static const struct addr v6 = {{[15] = 1}};
    static const struct addr v4 = {{[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}};

    if (!str_eq(name, STR_LIT("localhost")) && !str_ends(name, STR_LIT(".localhost")))
        return false;
    *answer = (struct dns_answer){DNS_FOUND, DNS_FOUND, &v6, &v4, 1, 1};
    return true;
}

/* Nothing that c-ares would read as an escape, or cut at a NUL. */
static bool is_askable(struct str name)
{
    if (name.len == 0 || name.len > MAX_NAME)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == '\\')
            return false;
    return true;
}

/* What is just being asked, or told, is as good as new whatever its age. */
static void refresh(struct dns *d, struct dns_entry *e)
{
    if (is_waiting(e) || e->is_delivering || list_has_node(&e->ready))
        return;
    if (is_fresh(e, d->now_ms())) {
        d->counters.cached++;
        dns_cache_rest(&d->cache, e);
        return;
    }
    dns_cache_wake(&d->cache, e);
    ask_expired(d, e);
}

static void let_wait(struct dns_entry *e, struct dns_asker *asker, struct dns_answer *answer)
{
    fill_answer(e, answer);
    if (!is_waiting(e))
        return;
    asker->entry = e;
    list_append(&e->askers, &asker->node);
}

int dns_ask(struct dns *d, const struct hosts *hosts, struct str name, struct dns_asker *asker,
            struct dns_answer *answer)
{
    ASSERT(!list_has_node(&asker->node));
    asker->entry = NULL;
    if (answer_from_hosts(d, hosts, name, answer) || answer_localhost(name, answer))
        return 0;
    if (!is_askable(name)) {
        fill_constant(answer, DNS_NO_NAME);
        return 0;
    }
    struct dns_entry *e = dns_cache_find(&d->cache, name);
    if (e != NULL) {
        refresh(d, e);
        let_wait(e, asker, answer);
        return 0;
    }
    /* No entry for a name that cannot be asked: a flood of names must not push
     * out those that are known. */
    if (dns_channel_load(d->channel) + 2 > DNS_CHANNEL_MAX_QUESTIONS) {
        d->counters.failed++;
        fill_constant(answer, DNS_FAILED);
        return 0;
    }
    e = dns_cache_add(&d->cache, name);
    if (e == NULL)
        return -1;
    ask_expired(d, e);
    let_wait(e, asker, answer);
    return 0;
}

void dns_look(const struct dns_asker *asker, struct dns_answer *answer)
{
    ASSERT(asker->entry != NULL);
    fill_answer(asker->entry, answer);
}

void dns_cancel(struct dns_asker *asker)
{
    list_remove(&asker->node);
    asker->entry = NULL;
}

const struct dns_counters *dns_counters(const struct dns *d)
{
    return &d->counters;
}

struct dns *dns_new(struct event_base *base, const struct dns_settings *settings, struct err *e)
{
    struct dns *d = mem_zalloc(sizeof(*d));
    size_t entries = settings->cache_entries != 0 ? settings->cache_entries : DEFAULT_ENTRIES;

    if (d == NULL) {
        (void)err_set(e, NULL, "out of memory");
        return NULL;
    }
    list_init(&d->ready);
    list_init(&d->waiting);
    d->timeout_ms = settings->timeout_ms;
    d->now_ms = read_clock;
    d->deliver = event_new(base, -1, 0, on_deliver, d);
    d->deadline = evtimer_new(base, on_deadline, d);
    if (d->deliver == NULL || d->deadline == NULL || dns_cache_init(&d->cache, entries) != 0)
        (void)err_set(e, NULL, "cannot set up the DNS cache");
    else
        d->channel = dns_channel_new(base, settings, on_reply, d, e);
    if (d->channel == NULL) {
        dns_free(d);
        return NULL;
    }
    return d;
}

void dns_free(struct dns *d)
{
    if (d == NULL)
        return;
    d->is_closing = d->is_delivering;
    if (d->is_closing)
        return; /* on_deliver calls again */
    dns_channel_free(d->channel);
    if (d->deliver != NULL)
        event_free(d->deliver);
    if (d->deadline != NULL)
        event_free(d->deadline);
    dns_cache_fini(&d->cache);
    mem_free(d);
}
