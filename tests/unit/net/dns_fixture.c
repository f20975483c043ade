/* SPDX-License-Identifier: MIT */
/* dns_fixture.c - what the tests of dns.h share; see dns_fixture.h. */
#include "tests/unit/net/dns_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/list.h"

struct fixture fx;

uint64_t real_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t turned_now_ms(void)
{
    return real_now_ms() + fx.turned_ms;
}

size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

void fixture_start(answer_fn *answer, uint64_t timeout_ms, size_t cache_entries,
                   const char *servers)
{
    struct event_config *config = event_config_new();
    struct dns_settings settings = {servers, timeout_ms, cache_entries};
    char own[32];
    struct err e = {.line = 0};

    memset(&fx, 0, sizeof(fx));
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    fx.base = event_base_new_with_config(config);
    event_config_free(config);
    fx.server = dns_server_new(fx.base, answer);
    (void)snprintf(own, sizeof(own), "127.0.0.1:%u", fx.server->port);
    if (servers == NULL)
        settings.servers = own;
    fx.dns = dns_new(fx.base, &settings, &e);
    ck_assert_msg(fx.dns != NULL, "%s", e.text);
    dns_set_clock(fx.dns, turned_now_ms);
}

void fixture_stop(void)
{
    for (int i = 0; i < 100 && fx.server->pending > 0; i++)
        fixture_sleep(20);
    dns_free(fx.dns);
    struct dns_server *server = fx.server;
    dns_server_free(server);
    ck_assert_int_eq(event_base_get_num_events(fx.base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(fx.base);
}

void waiter_note(struct dns_asker *asker)
{
    struct waiter *w = LIST_ITEM(asker, struct waiter, asker);

    w->told++;
    dns_look(asker, &w->last);
    if (w->last.v6_count > 0)
        w->v6 = w->last.v6[0];
    if (w->last.v4_count > 0)
        w->v4 = w->last.v4[0];
}

void fixture_ask(struct waiter *w, const char *name)
{
    memset(w, 0, sizeof(*w));
    w->asker.on_progress = waiter_note;
    ck_assert_int_eq(dns_ask(fx.dns, NULL, str_of(name), &w->asker, &w->first), 0);
    w->last = w->first;
    if (w->first.v6_count > 0)
        w->v6 = w->first.v6[0];
    if (w->first.v4_count > 0)
        w->v4 = w->first.v4[0];
}

bool waiter_is_final(const struct waiter *w)
{
    return w->last.v6_status != DNS_WAITING && w->last.v4_status != DNS_WAITING;
}

void fixture_run(struct waiter *w)
{
    uint64_t end_ms = real_now_ms() + 10000;

    while (!waiter_is_final(w)) {
        ck_assert_msg(real_now_ms() < end_ms, "no final answer in 10 s");
        ck_assert_int_eq(event_base_loop(fx.base, EVLOOP_ONCE), 0);
    }
}

void fixture_resolve(struct waiter *w, const char *name)
{
    fixture_ask(w, name);
    fixture_run(w);
}

void fixture_sleep(unsigned ms)
{
    struct timeval time = {ms / 1000, (ms % 1000) * 1000};

    event_base_loopexit(fx.base, &time);
    event_base_dispatch(fx.base);
}

void fixture_turn_clock(uint64_t ms)
{
    fx.turned_ms += ms;
}

void check_addr(const struct addr *a, const char *text)
{
    char got[ADDR_TEXT_SIZE];

    ck_assert_str_eq(addr_format(a, got), text);
}

void answer_both(struct dns_server *s, const struct seen_question *q, struct server_reply *r)
{
    if (q->type == SEEN_A)
        reply_a(r, q->name, 60, "192.0.2.1");
    else
        reply_aaaa(r, q->name, 60, "2001:db8::1");
}
