/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - one request's credentials on their way to an identity.
 *
 * Each scheme has a function that is given the credentials and says how they fare. What
 * a loop must not wait for it hands to a thread or a helper (an errand) and says WAITS;
 * when the errand is back, the exchange has its result and the connection runs again.
 *
 *   exchange_begin -> [WAITS ... exchange_settle] -> exchange_fini
 *
 * Invariants: an errand that comes back after the connection is gone finds its exchange
 * taken away, and still gives back what it holds (tokens of the throttle). Nothing of a
 * password outlives its check.
 * Threads: the worker's own only.
 */
#ifndef PROXY_AUTH_EXCHANGE_H
#define PROXY_AUTH_EXCHANGE_H

#include <stdbool.h>

#include "auth/auth.h"
#include "proxy/auth/authority.h"
#include "proxy/ops/counters.h"

struct conn;
struct errand;

enum exchange_state {
    EXCHANGE_WAITS,     /* an errand is out */
    EXCHANGE_PENDING,   /* another connection has the same credentials checked: begin
                         * again in a moment */
    EXCHANGE_OK,        /* user and groups are set */
    EXCHANGE_TOKEN,     /* a handshake: token goes to the client */
    EXCHANGE_REFUSED,   /* why: result */
    EXCHANGE_THROTTLED, /* retry_s is set */
    EXCHANGE_BUSY,
    EXCHANGE_UNAVAILABLE,
    EXCHANGE_NO_MEMORY,
};

struct exchange {
    struct conn *conn;
    const struct auth *auth;
    struct authority *authority;
    enum auth_scheme scheme;      /* in which the credentials came */
    struct str credentials;       /* what follows the scheme */
    enum exchange_state state;
    enum count_auth result;
    struct errand *errand;        /* out; NULL: none */
    bool has_waited;              /* it was PENDING before */
    unsigned retry_s;
    char user[ACCOUNT_NAME_MAX + 1];
    char groups[HELPER_GROUPS_MAX]; /* that a helper gave, with spaces between */
    bool is_wrapped;              /* NTLM came inside SPNEGO, and goes back so */
    bool is_for_connection;       /* the identity is the connection's */
    char *token;                  /* base64, on the heap */
    size_t token_len;
};

/* Work that is done elsewhere; the first member of what it needs. */
struct errand {
    struct exchange *exchange; /* NULL: nobody waits any more */
};

/* One for each scheme; they set state and what belongs to it. */
void basic_check(struct exchange *x);
void digest_check_request(struct exchange *x);
void handshake_check(struct exchange *x); /* NTLM and Negotiate */

/* Splits the value of Proxy-Authorization and lets its scheme judge it. */
void exchange_begin(struct exchange *x, struct conn *c, struct str value);

/* An errand is back: its exchange, if anybody still waits, goes on. */
void exchange_settle(struct exchange *x, enum exchange_state state, enum count_auth result);

/* The exchange was refused, and why. */
void exchange_refuse(struct exchange *x, enum count_auth result);

/* One try of that user from this client: true where it may be made; else state is set. */
MUST_CHECK bool exchange_may_try(struct exchange *x, struct str user);
/* The same for credentials that turned out to be right at once: takes nothing. */
MUST_CHECK bool exchange_could_try(struct exchange *x, struct str user);
void exchange_was_no_failure(struct exchange *x, struct str user);

/* Sets token to the base64 of bytes, and state. */
void exchange_answer(struct exchange *x, struct str bytes);

void exchange_fini(struct exchange *x);

#endif
