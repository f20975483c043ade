/* SPDX-License-Identifier: MIT */
/*
 * dns_channel.h - one question to the resolvers and its reply, through c-ares on
 * a libevent loop.
 *
 *   dns_channel_new -> dns_channel_ask ... (on_reply | dns_channel_abandon) ...
 *   -> dns_channel_free
 *
 * c-ares repeats a question, goes from one resolver to the next and changes to
 * TCP where a reply was cut. Sockets are open, and the timer runs, only while a
 * question is under way.
 *
 * Invariants: on_reply may be called from within dns_channel_ask. It must not
 * call back into this module: c-ares does not bear it everywhere.
 * A question that is given up costs memory until c-ares is through with it and
 * counts among those under way; their number is bounded.
 * Threads: the loop's own only.
 */
#ifndef PROXY_NET_DNS_CHANNEL_H
#define PROXY_NET_DNS_CHANNEL_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/net/dns.h"
#include "proxy/net/dns_message.h"
#include "util/err.h"

/* 5,000 names, each with both types. */
#define DNS_CHANNEL_MAX_QUESTIONS 10000

struct dns_channel;
struct dns_question; /* one that is under way */

/* The reply to a question; records are borrowed. A status of DNS_TIMED_OUT and
 * DNS_FAILED come without records worth looking at. */
typedef void dns_reply_fn(void *owner, void *asked_for, const struct dns_records *records);

/* Every question is repeated so that all tries together take at least
 * settings->timeout_ms. NULL with e filled where c-ares cannot start, memory is
 * short or a server is misspelt. */
MUST_CHECK struct dns_channel *dns_channel_new(struct event_base *base,
                                               const struct dns_settings *settings,
                                               dns_reply_fn *on_reply, void *owner, struct err *e);

/* Asks for name, a text of 1 to 253 bytes without escapes. *slot names the
 * question while it is under way and is set to NULL before on_reply is called with
 * asked_for; slot must stay where it is until then. 0, or -1 with *slot NULL
 * where too many questions are under way or memory is short. */
MUST_CHECK int dns_channel_ask(struct dns_channel *c, const char *name, enum dns_type type,
                               void *asked_for, struct dns_question **slot);

/* No reply wanted any more; sets the slot to NULL. NULL is fine. */
void dns_channel_abandon(struct dns_question *question);

/* Questions under way, abandoned ones included. */
size_t dns_channel_load(const struct dns_channel *c);

/* Calls no on_reply. NULL is fine. */
void dns_channel_free(struct dns_channel *c);

#endif
