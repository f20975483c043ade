/* SPDX-License-Identifier: MIT */
/*
 * inspect_rig.h - the rig with inspection: a CA and its signer, an origin that speaks TLS,
 * and a client that trusts the CA, or does not; all on one loop.
 *
 *   inspect_start -> inspect_open, inspect_say, inspect_expect ... -> inspect_stop
 *
 * Hosts: origin.test, first.test and others ending in .test are 127.0.0.1, by the rules
 * inspected, but exempt.test (inspection.never), tunnel.test (tls = "tunnel"), loose.test
 * (inspected; not_tls = "tunnel"), denied.test (denied).
 * Owns all it makes, a folder for its files too. Threads: one, and those of leaves.
 */
#ifndef TESTS_UNIT_CORE_INSPECT_RIG_H
#define TESTS_UNIT_CORE_INSPECT_RIG_H

#include "proxy/leaves.h"
#include "tests/unit/certs/issuer.h"
#include "tests/unit/conf/ca_files.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/core/tls_peer.h"

#define INSPECT_TEXT 131072

/* One of the two that talk through the proxy. tls.fd -1: there is none. */
struct inspect_end {
    struct tls_peer tls;
    bool is_open, has_failed;  /* the handshake */
    bool has_close;            /* close_notify came */
    size_t step;               /* bytes that it sends in one turn at most; 0: any */
    char text[INSPECT_TEXT];   /* what came since the last inspect_clear */
    size_t len;
};

struct inspect_rig {
    struct ca_files files;
    struct issued root, issued;            /* whom the proxy trusts; the origin's */
    SSL_CTX *origin_ctx, *client_ctx, *distrusting_ctx;
    struct inspect_end client, origin;
    unsigned fds;      /* open when nothing is under way */
    bool fails_openssl; /* within a turn of the loop its memory runs out as ours does */
};

extern struct inspect_rig inspect; /* global: of the one test that runs */

/* signer: what fake_signer.h is told ("real": the program). more: of the configuration, and
 * rules that come first (may be NULL). */
void inspect_start(const char *signer, const char *more, const char *rules);
void inspect_stop(void);

/* A configuration with another list of inspection.never, for inspect_use. */
struct config *inspect_config(const char *never, const char *more, const char *rules);
void inspect_use(struct config *config);

/* Another certificate for the origin from now on; by NULL: signs itself. */
void inspect_show(const struct issuer_spec *spec, const struct issued *by);

/* One turn of the loop and of both ends. */
void inspect_turn(void);

/* CONNECT over TCP, and its 200. Returns the descriptor. */
int inspect_connect(const char *host);

/* TLS on it, as the client; name: for SNI and to be verified, NULL: neither. */
void inspect_begin(int fd, SSL_CTX *ctx, const char *name);

/* The same inside of TLS that is there. */
void inspect_nest(SSL_CTX *ctx, const char *name);

/* The hello that such a client would send, without sending it. */
struct str inspect_hello(const char *name);

/* The next connection to the origin: TLS on it, as the origin. */
void inspect_accept(void);

void inspect_take_origin(int fd); /* that is open already */

/* All of these: until a GET can be sent. */
void inspect_open(const char *host);
void inspect_shake_hands(void); /* until the client's handshake is done */

/* Over TLS; it leaves turn by turn. */
void inspect_say(struct inspect_end *end, const char *text);

/* Turns until it is in what came to that end; 10 s at most. */
void inspect_expect(struct inspect_end *end, const char *needle);
void inspect_clear(struct inspect_end *end);

/* Until that end's connection is over, with close_notify or without. */
void inspect_expect_end(struct inspect_end *end, bool has_close);

/* Until its handshake has failed. */
void inspect_expect_failure(struct inspect_end *end);

/* Closes without a word; or with a reset. */
void inspect_close(struct inspect_end *end);
void inspect_reset(struct inspect_end *end);

/* GET /PATH to host and a 200 with the body "hello"; the origin sees it whole. */
void inspect_get(const char *host, const char *path);

/* The client ends it in good order, and both sides are closed. */
void inspect_say_goodbye(void);

/* Turns until that is the phase of the only connection. */
void inspect_await(const struct phase *phase);
void inspect_signal_signer(int number); /* the one that was started last */
void inspect_wait_leaves(unsigned count); /* kept */

/* The log since the last look, each line a JSON object: event and end of each, such as
 * "open request:done close:client_idle". */
void inspect_expect_log(const char *want);

/* Closes both ends, waits for the end of all connections, expects that log, and stops. */
void inspect_finish(const char *log);

/* That text is in the log of the last inspect_expect_log. */
void inspect_expect_in_log(const char *text);

uint64_t inspect_count_end(enum end_reason reason);
uint64_t inspect_count_client(enum count_tls result); /* handshakes */
uint64_t inspect_count_origin(enum count_tls result);
uint64_t inspect_count_decision(enum count_tls_decision decision);
bool inspect_proposes(const char *text); /* in the list of proposals */

#endif
