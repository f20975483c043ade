/* SPDX-License-Identifier: MIT */
/*
 * dns_fixture.h - what the tests of dns.h share: a loop, a scripted server, a
 * resolver under test and askers that note what they were told.
 *
 *   fixture_start -> fixture_ask ... fixture_run ... -> fixture_stop
 *
 * fixture_stop checks that no event, descriptor or question is left over.
 * Threads: one.
 */
#ifndef TESTS_UNIT_NET_DNS_FIXTURE_H
#define TESTS_UNIT_NET_DNS_FIXTURE_H

#include <check.h>

#include "proxy/net/dns.h"
#include "tests/unit/net/dns_server.h"

struct fixture {
    struct event_base *base;
    struct dns_server *server;
    struct dns *dns;
    uint64_t turned_ms; /* the resolver's clock runs ahead by this much */
};

/* One for all tests of a process; they run one after the other. */
extern struct fixture fx;

struct waiter {
    struct dns_asker asker;
    struct dns_answer first, last; /* as dns_ask filled it; as on_progress saw it */
    struct addr v6, v4;            /* the first of each family, as last seen */
    unsigned told;
};

/* Starts all; servers NULL: the scripted one. */
void fixture_start(answer_fn *answer, uint64_t timeout_ms, size_t cache_entries,
                   const char *servers);
void fixture_stop(void);

/* Asks for name without a hosts table; the waiter need not be set up. */
void fixture_ask(struct waiter *w, const char *name);

/* Runs the loop until both families are final; the test fails after 10 s. */
void fixture_run(struct waiter *w);

/* Asks and runs. */
void fixture_resolve(struct waiter *w, const char *name);

/* Runs the loop for so long. */
void fixture_sleep(unsigned ms);

/* Lets answers age. */
void fixture_turn_clock(uint64_t ms);

bool waiter_is_final(const struct waiter *w);

/* As on_progress of any waiter does; for tests that wrap it. */
void waiter_note(struct dns_asker *asker);

/* The test fails unless a is the address that text means. */
void check_addr(const struct addr *a, const char *text);

uint64_t real_now_ms(void);
size_t open_descriptors(void);

/* The test's answers: one A and one AAAA for every name, TTL 60 s. */
void answer_both(struct dns_server *s, const struct seen_question *q, struct server_reply *r);

#endif
