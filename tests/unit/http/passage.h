/* SPDX-License-Identifier: MIT */
/*
 * passage.h - takes a head through all that lies between receiving and sending.
 *
 * The caller owns every buffer. Threads: one (Check's).
 */
#ifndef TESTS_UNIT_HTTP_PASSAGE_H
#define TESTS_UNIT_HTTP_PASSAGE_H

#include <stdbool.h>

#include "proxy/http/ledger.h"
#include "util/str.h"

#define PASSAGE_MAX 65536
#define PASSAGE_DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define PASSAGE_CLIENT "192.0.2.9"
#define PASSAGE_VIA "px1"
#define PASSAGE_AUTHORIZATION "Basic cGFyZW50OnB3"

/* What tests/data/http/README.md calls words. */
struct passage_switches {
    bool is_upgrade, closes, is_for_parent, hides_client;
    bool keeps_alive_10, relays_proxy_auth, is_interim, has_no_date, is_reply_to_head;
    bool client_is_10, makes_chunked;
    struct str max_forwards;
};

struct passage {
    const char *fault; /* NULL: it was sent */
    unsigned status;   /* with a fault */
    size_t len;
    char sent[PASSAGE_MAX];
    struct header_ledger ledger;
};

/* Scanner, parser, framing, hop-by-hop check, rewrite; what is sent must also find
 * favour with fidelity.h, and no byte fewer than its length must do. */
void passage_request(struct passage *p, struct str in, const struct passage_switches *s);
void passage_response(struct passage *p, struct str in, const struct passage_switches *s);

#endif
