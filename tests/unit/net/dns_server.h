/* SPDX-License-Identifier: MIT */
/*
 * dns_server.h - a DNS server on 127.0.0.1, over UDP and TCP, that says what a
 * test wants it to say.
 *
 *   dns_server_new -> (answer_fn is called for each question) -> dns_server_free
 *
 * It runs on the test's own loop. The answer function fills the reply with the
 * reply_ functions; an untouched reply has RCODE 0 and no records.
 * Threads: the loop's own only.
 */
#ifndef TESTS_UNIT_NET_DNS_SERVER_H
#define TESTS_UNIT_NET_DNS_SERVER_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

enum { SEEN_A = 1, SEEN_AAAA = 28 };

struct seen_question {
    char name[256];
    uint16_t type;
    bool is_tcp, has_edns;
};

struct server_reply {
    unsigned rcode;
    unsigned delay_ms; /* UDP only */
    bool is_silent;    /* nothing is sent */
    bool is_cut;       /* the TC bit, and no records */
    bool has_wrong_id; /* sent with another id */
    bool is_question;  /* the QR bit stays 0 */
    uint16_t answers, authorities;
    size_t len; /* of records */
    uint8_t records[8192];
};

struct dns_server;
typedef void answer_fn(struct dns_server *s, const struct seen_question *q,
                       struct server_reply *reply);

struct dns_server {
    struct event_base *base;
    answer_fn *answer;
    int udp, tcp;
    uint16_t port;
    struct event *on_udp, *on_tcp;
    struct list connections;
    unsigned asked, asked_a, asked_aaaa, asked_tcp, asked_edns;
    char last_name[256];
    unsigned pending; /* delayed replies that are not sent yet */
};

struct dns_server *dns_server_new(struct event_base *base, answer_fn *answer);

/* Delayed replies must have been sent. */
void dns_server_free(struct dns_server *s);

/* Records for the answer section; addresses as text. */
void reply_a(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *address);
void reply_aaaa(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *address);
void reply_cname(struct server_reply *r, const char *owner, uint32_t ttl_s, const char *target);

/* A SOA for the authority section; call it after the functions above. */
void reply_soa(struct server_reply *r, const char *owner, uint32_t ttl_s, uint32_t minimum_s);

/* Labels of name without compression; returns their size. out has 256 bytes. */
size_t put_name(uint8_t *out, const char *name);

#endif
