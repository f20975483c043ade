/* SPDX-License-Identifier: MIT */
/*
 * dial.c - the phase that resolves the name, judges every address, and connects.
 *
 * The name is resolved once. Each address of the answer is judged by the guard and
 * by the rules that deny by address, and only one that passed is ever dialled.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/conn.h"
#include "proxy/net/connector.h"
#include "proxy/phase/inside.h"
#include "proxy/worker.h"
#include "util/mem.h"

/* RFC 8305 section 3, Resolution Delay: how long an IPv4 answer waits for IPv6. */
#define RESOLUTION_DELAY_MS 50

struct dial {
    struct conn *conn;
    const struct host *host; /* the origin's, or the parent's */
    uint16_t port;
    struct dns_asker asker;
    enum dns_status v6_status, v4_status;
    bool has_v6, has_v4;     /* that family's addresses were judged */
    bool is_delay_on, is_delay_over;
    enum end_reason refusal; /* DONE: no address was refused */
    struct event delay;
    struct connector connector;
};

static void on_wake(struct connector *x)
{
    conn_run(LIST_ITEM(x, struct dial, connector)->conn);
}

static void on_progress(struct dns_asker *asker)
{
    conn_run(LIST_ITEM(asker, struct dial, asker)->conn);
}

static void on_delay(evutil_socket_t fd, short what, void *arg)
{
    struct dial *d = arg;
    (void)fd;
    (void)what;
    d->is_delay_on = false;
    d->is_delay_over = true;
    conn_run(d->conn);
}

static void refuse(struct dial *d, enum end_reason reason, const struct addr *a, const char *why)
{
    struct txn *t = d->conn->txn;
    char text[ADDR_TEXT_SIZE];
    d->refusal = reason;
    snprintf(t->details, sizeof(t->details), "%s is %s", addr_format(a, text), why);
}

static bool may_dial(struct dial *d, const struct addr *a)
{
    struct txn *t = d->conn->txn;
    const struct config *config = t->pin->config;
    struct endpoint to = {*a, t->port};
    const char *class = NULL;
    if (t->parent != NULL)
        return true; /* the administrator's own choice */
    switch (guard_judge(config->guard, &to, &class)) {
    case GUARD_SELF:
        refuse(d, END_LOOP, a, "this proxy itself");
        return false;
    case GUARD_FORBIDDEN:
        refuse(d, END_ADDRESS_FORBIDDEN, a, class != NULL ? class : "forbidden");
        return false;
    case GUARD_OK:
        break;
    }
    if (t->is_inside && !inside_may_dial(t, a)) {
        refuse(d, END_EXEMPT_ADDRESS, a, "never inspected");
        return false;
    }
    if (t->host.is_address)
        return true; /* the rules have seen it */
    struct policy_query query;
    struct policy_verdict verdict = t->verdict;
    txn_query(t, &query);
    if (policy_allows_address(config->policy, &query, a, t->pin->scratch, &verdict))
        return true;
    t->verdict = verdict;
    refuse(d, END_DENIED, a, "denied by a rule");
    return false;
}

static void add_addresses(struct dial *d, const struct addr *addrs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (may_dial(d, &addrs[i]))
            connector_add(&d->connector, &addrs[i]);
}

static void take_answer(struct dial *d, const struct dns_answer *answer)
{
    d->v6_status = answer->v6_status;
    d->v4_status = answer->v4_status;
    if (!d->has_v6 && answer->v6_status != DNS_WAITING) {
        d->has_v6 = true;
        add_addresses(d, answer->v6, answer->v6_count);
    }
    if (!d->has_v4 && answer->v4_status != DNS_WAITING) {
        d->has_v4 = true;
        add_addresses(d, answer->v4, answer->v4_count);
    }
}

static bool is_resolving(const struct dial *d)
{
    return d->v6_status == DNS_WAITING || d->v4_status == DNS_WAITING;
}

static int dial_enter(struct conn *c)
{
    struct txn *t = c->txn;
    struct dial *d = mem_alloc(sizeof(*d));
    if (d == NULL)
        return -1;
    c->state = d;
    d->conn = c;
    d->asker = (struct dns_asker){.on_progress = on_progress};
    d->has_v6 = d->has_v4 = d->is_delay_on = d->is_delay_over = false;
    d->refusal = END_DONE;
    d->host = t->parent != NULL ? &t->parent->host : &t->host;
    d->port = t->parent != NULL ? t->parent->port : t->port;
    connector_init(&d->connector, c->worker->base, &c->origin, d->port, on_wake);
    t->dial_usec = clock_usec();
    conn_set_deadline(c, t->pin->config->limits.connect_timeout_ms);
    struct dns_answer answer = {.v6_status = DNS_NO_DATA, .v4_status = DNS_NO_DATA};
    if (d->host->is_address) {
        d->has_v6 = d->has_v4 = true;
        add_addresses(d, &d->host->addr, 1);
    } else if (dns_ask(t->pin->dns, t->pin->config->dns.hosts, host_str(d->host), &d->asker,
                       &answer) != 0) {
        return -1;
    }
    take_answer(d, &answer);
    return 0;
}

static void dial_leave(struct conn *c)
{
    struct dial *d = c->state;
    if (d == NULL)
        return;
    dns_cancel(&d->asker);
    if (d->is_delay_on)
        evtimer_del(&d->delay);
    connector_fini(&d->connector);
    mem_free(d);
    c->state = NULL;
}

static enum end_reason reason_of_error(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
        return END_NO_DESCRIPTORS;
    case EADDRNOTAVAIL:
        return END_NO_PORTS;
    case ENOMEM:
    case ENOBUFS:
        return END_NO_MEMORY;
    case ECONNREFUSED:
        return END_REFUSED;
    case ETIMEDOUT:
        return END_CONNECT_TIMEOUT;
    default:
        return END_UNREACHABLE;
    }
}

/* Nothing is left to try. The most telling reason: what an attempt met, then what
 * was refused, then why there was no address. */
static enum end_reason why_failed(const struct dial *d)
{
    if (d->connector.error != 0)
        return reason_of_error(d->connector.error);
    if (d->refusal != END_DONE)
        return d->refusal;
    if (d->v6_status == DNS_TIMED_OUT || d->v4_status == DNS_TIMED_OUT)
        return END_DNS_TIMEOUT;
    if (d->v6_status == DNS_FAILED || d->v4_status == DNS_FAILED)
        return END_DNS_FAILED;
    return END_NO_SUCH_HOST;
}

static enum next fail(struct conn *c, enum end_reason reason)
{
    struct txn *t = c->txn;
    bool is_refusal = reason == END_DENIED || reason == END_ADDRESS_FORBIDDEN ||
                      reason == END_LOOP || reason == END_EXEMPT_ADDRESS;
    if (t->parent != NULL)
        snprintf(t->details, sizeof(t->details), "parent '%s' cannot be reached", t->parent->name);
    else if (!is_refusal)
        t->details[0] = '\0';
    conn_drop_origin(c);
    return conn_fail(c, reason, t->details);
}

/* An IPv4 answer alone waits a moment for its IPv6 sibling. */
static bool must_wait_for_v6(struct dial *d)
{
    static const struct timeval DELAY = {0, RESOLUTION_DELAY_MS * 1000};
    if (d->v6_status != DNS_WAITING || d->is_delay_over)
        return false;
    if (!d->is_delay_on && connector_has_addresses(&d->connector)) {
        if (evtimer_assign(&d->delay, d->conn->worker->base, on_delay, d) != 0 ||
            evtimer_add(&d->delay, &DELAY) != 0)
            return false;
        d->is_delay_on = true;
    }
    return true;
}

/* A parent is asked for a tunnel where the bytes are none of its business. */
static enum next go_on(struct conn *c)
{
    struct txn *t = c->txn;
    if (t->parent != NULL && (t->is_connect || t->is_inside))
        return conn_enter(c, &PHASE_PARENT);
    return conn_enter_connected(c);
}

static enum next dial_step(struct conn *c)
{
    struct dial *d = c->state;
    if (c->has_client_stirred && stream_is_broken(&c->client))
        return fail(c, END_CLIENT_RESET);
    c->has_client_stirred = false;
    if (c->is_expired) {
        bool has_tried = connector_is_trying(&d->connector) || d->connector.error != 0;
        return fail(c, has_tried ? END_CONNECT_TIMEOUT : END_DNS_TIMEOUT);
    }
    if (is_resolving(d)) {
        struct dns_answer answer;
        dns_look(&d->asker, &answer);
        take_answer(d, &answer);
    }
    switch (connector_run(&d->connector, !must_wait_for_v6(d), conn_on_origin_ready)) {
    case IO_OK:
        c->txn->dialled = (struct endpoint){d->connector.connected, d->port};
        c->txn->is_dialled = true;
        return go_on(c);
    case IO_ERR:
        return is_resolving(d) ? NEXT_AGAIN : fail(c, why_failed(d));
    default:
        return NEXT_AGAIN;
    }
}

const struct phase PHASE_DIAL = {"dial", dial_enter, dial_step, dial_leave, NULL};
