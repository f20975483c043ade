/* SPDX-License-Identifier: MIT */
/*
 * txn.h - one request: what was asked, what was decided, how it ended.
 *
 * Made when a request's first byte is there, it pins the configuration that
 * decides. A tunnel keeps only what its last log line needs (struct
 * txn_tail) and lets go of the rest, the configuration with it.
 *
 *   txn_new -> phases fill it -> txn_finish (logs and counts) -> txn_free
 *
 * Invariant: exactly one `request` line, or one `open` and one `close` line, is
 * written for each txn that got as far as a request.
 * Threads: the worker's own only.
 */
#ifndef PROXY_TXN_H
#define PROXY_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/identity.h"
#include "conf/config.h"
#include "policy/policy.h"
#include "proxy/end_reason.h"
#include "proxy/http/framing.h"
#include "proxy/http/local.h"
#include "util/addr.h"

#define TXN_ID_TEXT 16

struct worker;
struct config_pin;

struct txn {
    struct worker *worker;
    struct config_pin *pin;
    uint64_t id;
    uint64_t start_usec;
    struct endpoint client;
    char method[24]; /* cut; empty: no request could be read */
    struct host host;
    uint16_t port; /* 0: no target could be read */
    bool is_connect;
    /* Of a plain request: */
    struct framing content;
    char *path;    /* with its query, as sent; NULL: none */
    char *head;    /* as received, to be taken apart again when it is sent on */
    size_t head_len;
    bool has_max_forwards; /* for us to count down (RFC 9110 section 7.6.2) */
    uint64_t max_forwards;
    enum local_answer local; /* for us to answer */
    bool is_reused;          /* the origin's connection comes from the pool */
    enum end_reason forwarding; /* DONE, or why the head could not be sent on */
    unsigned status;         /* of the response */
    uint64_t bytes_in, bytes_out;
    /* Of its authentication; NULL where there is no auth section, or nothing of the kind: */
    const struct auth_offer *offer; /* what this client may use */
    char *authorization;            /* value of Proxy-Authorization; secret */
    char *target;                   /* as sent, for Digest: with authorization only */
    struct identity *identity;      /* who it is; NULL: not known, or nobody had to ask */
    enum auth_scheme tried;         /* in which credentials came that did not do */
    char *fields;                   /* for our answer: the challenges, whole lines */
    unsigned retry_s;               /* for our answer: Retry-After; 0: none */
    bool keeps_connection;          /* the client's connection can go on behind an answer */
    bool expects_continue;          /* and its content has not been sent yet, as it seems */
    bool is_10;                     /* the request is of HTTP/1.0 */
    const struct parent_config *parent; /* NULL: the origin is dialled */
    bool is_inside;          /* a request inside inspected TLS */
    bool is_misdirected;     /* and it is for another host than its tunnel */
    bool has_peeked;         /* the tunnel's first bytes were looked at */
    char *sni;               /* the name in its ClientHello; NULL: none is known */
    char tls_note[64];       /* where the verdict's tls_reason is not the policy's */
    bool has_verdict;
    struct policy_verdict verdict;
    bool is_dialled;
    struct endpoint dialled;
    uint64_t dial_usec; /* when dialling began, and how long it took */
    uint64_t connect_usec;
    char details[160]; /* for the answer: what exactly is wrong */
    char accept[160];  /* the client's Accept value, cut */
};

/* What a tunnel keeps for its close line. */
struct txn_tail {
    uint64_t id, start_usec;
    enum log_format format;
    char *sni;           /* the name in the client's hello; NULL: none was seen */
    uint16_t len, split; /* squid: the client ends at split */
    char bytes[];        /* what the lines of one request have in common */
};

/* NULL without memory. */
MUST_CHECK struct txn *txn_new(struct worker *w, const struct endpoint *client);

/* The origin, or a parent's tunnel to it, is there. */
void txn_connected(struct txn *t);

/* The question to the policy about this request; it borrows from the txn. */
void txn_query(const struct txn *t, struct policy_query *query);

/* The id as 16 hexadecimal digits. Returns out. */
char *txn_id_text(uint64_t id, char out[TXN_ID_TEXT + 1]);

/* The request ends here without a tunnel: one line, one count. */
void txn_finish(struct txn *t, enum end_reason end, unsigned status);

/* The response was passed on: one line, one count. */
void txn_forwarded(struct txn *t);

/* What a connection to the origin of this request is kept under: the parent it goes
 * through, or host and port. */
#define TXN_KEY_SIZE (HOST_MAX + 16)
struct str txn_key(const struct txn *t, char room[TXN_KEY_SIZE]);

/* The tunnel begins: writes the open line. NULL without memory (nothing was
 * written then). */
MUST_CHECK struct txn_tail *txn_open_tunnel(struct txn *t);

/* The name in the hello that passed; where there is no memory the line goes without. */
void txn_tail_name(struct txn_tail *tail, struct str sni);

/* The tunnel's end: writes the close line and frees the tail. */
void txn_close_tunnel(struct txn_tail *tail, struct worker *w, enum end_reason end,
                      uint64_t bytes_in, uint64_t bytes_out);

/* Unpins the configuration. NULL is fine. */
void txn_free(struct txn *t);

#endif
