/* SPDX-License-Identifier: MIT */
/* proposals.c - hosts whose inspection fails; see proposals.h. */
#include "proxy/proposals.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>

#include "util/clock.h"
#include "util/json.h"
#include "util/list.h"
#include "util/mem.h"

#define BUCKETS 1024u
#define HOST_SIZE 255u
#define ALERT_SIZE 48u
#define ROW_JSON_SIZE 2560 /* a host of which each byte is escaped, and all the rest */

static const char NOTE[] =
    "Nothing is exempted by itself: to exempt a host from inspection, put it into a set of "
    "destinations that is named in inspection.never, and reload.";

/* What is shown of a host. */
struct row {
    char host[HOST_SIZE];
    size_t host_len;
    uint16_t port;
    uint64_t counts[PROPOSAL_CAUSES];
    uint64_t successes;
    char alert[ALERT_SIZE];
    size_t alert_len;
    unsigned client_count;
    uint64_t first_ms, last_ms;
};

struct proposal {
    struct list_node node; /* on by_age */
    struct proposal *next; /* in the bucket */
    uint64_t hash;
    struct row row;
    struct addr clients[PROPOSALS_CLIENTS_MAX];
};

struct proposals {
    uint64_t seed; /* random, so that nobody can choose hosts that collide */
    atomic_uint count;
    pthread_mutex_t lock; /* over all below, and writing count */
    struct list by_age;   /* the one that failed last is at the end */
    struct proposal *buckets[BUCKETS];
};

struct proposals *proposals_new(void)
{
    struct proposals *p = mem_zalloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    if (RAND_bytes((unsigned char *)&p->seed, sizeof(p->seed)) != 1) {
        mem_free(p);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    list_init(&p->by_age);
    return p;
}

/* Lower-case, and cut to what there is room for: a name has 253 characters at most. */
static void set_host(struct row *row, struct str host, uint16_t port)
{
    row->host_len = host.len < HOST_SIZE ? host.len : HOST_SIZE;
    for (size_t i = 0; i < row->host_len; i++)
        row->host[i] = str_lower(host.ptr[i]);
    row->port = port;
}

static bool is_same_host(const struct row *a, const struct row *b)
{
    return a->port == b->port &&
           str_eq((struct str){a->host, a->host_len}, (struct str){b->host, b->host_len});
}

/* The link that points, or would point, to its entry. */
static struct proposal **find(struct proposals *p, const struct row *of, uint64_t *hash)
{
    *hash = XXH3_64bits_withSeed(of->host, of->host_len, p->seed ^ of->port);
    struct proposal **link = &p->buckets[*hash % BUCKETS];
    while (*link != NULL && !is_same_host(&(*link)->row, of))
        link = &(*link)->next;
    return link;
}

static void remove_oldest(struct proposals *p)
{
    struct proposal *oldest = LIST_ITEM(list_first(&p->by_age), struct proposal, node);
    struct proposal **link = &p->buckets[oldest->hash % BUCKETS];
    while (*link != oldest)
        link = &(*link)->next;
    *link = oldest->next;
    list_remove(&oldest->node);
    atomic_fetch_sub(&p->count, 1);
    mem_free(oldest);
}

static void count_client(struct proposal *one, const struct addr *client)
{
    for (unsigned i = 0; i < one->row.client_count; i++)
        if (addr_eq(&one->clients[i], client))
            return;
    if (one->row.client_count < PROPOSALS_CLIENTS_MAX)
        one->clients[one->row.client_count++] = *client;
}

static struct proposal *find_or_add(struct proposals *p, struct str host, uint16_t port,
                                    uint64_t now_ms)
{
    struct row of = {0};
    uint64_t hash;
    set_host(&of, host, port);
    of.first_ms = now_ms;
    struct proposal *one = *find(p, &of, &hash);
    if (one != NULL)
        return one;
    one = mem_zalloc(sizeof(*one));
    if (one == NULL)
        return NULL;
    if (atomic_load(&p->count) == PROPOSALS_MAX)
        remove_oldest(p);
    one->row = of;
    one->hash = hash;
    one->next = p->buckets[hash % BUCKETS];
    p->buckets[hash % BUCKETS] = one;
    list_append(&p->by_age, &one->node);
    atomic_fetch_add(&p->count, 1);
    return one;
}

void proposals_note(struct proposals *p, struct str host, uint16_t port, enum proposal_cause cause,
                    struct str alert, const struct addr *client, uint64_t now_ms)
{
    pthread_mutex_lock(&p->lock);
    struct proposal *one = find_or_add(p, host, port, now_ms);
    if (one != NULL) {
        one->row.counts[cause]++;
        one->row.last_ms = now_ms;
        if (alert.len > 0) {
            one->row.alert_len = alert.len < ALERT_SIZE ? alert.len : ALERT_SIZE;
            memcpy(one->row.alert, alert.ptr, one->row.alert_len);
        }
        count_client(one, client);
        list_remove(&one->node);
        list_append(&p->by_age, &one->node);
    }
    pthread_mutex_unlock(&p->lock);
}

void proposals_note_success(struct proposals *p, struct str host, uint16_t port)
{
    struct row of = {0};
    uint64_t hash;
    if (atomic_load_explicit(&p->count, memory_order_relaxed) == 0)
        return;
    set_host(&of, host, port);
    pthread_mutex_lock(&p->lock);
    struct proposal *one = *find(p, &of, &hash);
    if (one != NULL)
        one->row.successes++;
    pthread_mutex_unlock(&p->lock);
}

static uint64_t failures_of(const struct row *row)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < PROPOSAL_CAUSES; i++)
        sum += row->counts[i];
    return sum;
}

/* The most failures first, then the newest, then by name. */
static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    uint64_t more = failures_of(a), less = failures_of(b);
    if (more != less)
        return more > less ? -1 : 1;
    if (a->last_ms != b->last_ms)
        return a->last_ms > b->last_ms ? -1 : 1;
    int order = memcmp(a->host, b->host, HOST_SIZE);
    return order != 0 ? order : (int)a->port - (int)b->port;
}

static int write_row(const struct row *row, struct evbuffer *out)
{
    char buf[ROW_JSON_SIZE], time[CLOCK_TEXT_SIZE];
    struct json j;
    json_begin(&j, buf, sizeof(buf));
    json_str(&j, "host", (struct str){row->host, row->host_len});
    json_u64(&j, "port", row->port);
    json_u64(&j, "alerts", row->counts[PROPOSAL_ALERT]);
    json_u64(&j, "closed", row->counts[PROPOSAL_CLOSED]);
    json_u64(&j, "client_certificates", row->counts[PROPOSAL_CERTIFICATE]);
    json_u64(&j, "alpn", row->counts[PROPOSAL_ALPN]);
    json_u64(&j, "inspected", row->successes);
    json_u64(&j, "clients", row->client_count);
    if (row->alert_len > 0)
        json_str(&j, "last_alert", (struct str){row->alert, row->alert_len});
    json_str(&j, "first", str_of(clock_format(row->first_ms, time)));
    json_str(&j, "last", str_of(clock_format(row->last_ms, time)));
    return evbuffer_add(out, buf, json_end(&j));
}

/* All rows as they are now. NULL without memory. */
static struct row *copy_rows(struct proposals *p, size_t *count)
{
    size_t n = 0;
    pthread_mutex_lock(&p->lock);
    struct row *rows = mem_array(atomic_load(&p->count), sizeof(*rows));
    struct list_node *at = list_first(&p->by_age);
    for (; rows != NULL && at != NULL; at = list_next(&p->by_age, at))
        rows[n++] = LIST_ITEM(at, struct proposal, node)->row;
    pthread_mutex_unlock(&p->lock);
    *count = n;
    return rows;
}

int proposals_write(struct proposals *p, struct evbuffer *out)
{
    size_t count;
    struct row *rows = copy_rows(p, &count);
    if (rows == NULL)
        return -1;
    qsort(rows, count, sizeof(*rows), compare_rows);
    struct evbuffer *text = evbuffer_new();
    int rc = text == NULL ? -1 : evbuffer_add_printf(text, "{\"proposed_exemptions\":[");
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        rc = i > 0 ? evbuffer_add(text, ",", 1) : 0;
        if (rc == 0)
            rc = write_row(&rows[i], text);
    }
    if (rc >= 0)
        rc = evbuffer_add_printf(text, "],\"note\":\"%s\"}\n", NOTE);
    if (rc >= 0)
        rc = evbuffer_add_buffer(out, text);
    if (text != NULL)
        evbuffer_free(text);
    mem_free(rows);
    return rc < 0 ? -1 : 0;
}

void proposals_free(struct proposals *p)
{
    if (p == NULL)
        return;
    while (!list_is_empty(&p->by_age))
        remove_oldest(p);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}
