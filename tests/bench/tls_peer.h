/* SPDX-License-Identifier: MIT */
/*
 * tls_peer.h - one TLS connection of the benchmark's origin: the handshake, then the same response
 * to every request, or one that never ends.
 *
 *   tls_peer_new -> tls_peer_run (on every event, while it answers 0 or more) -> tls_peer_free
 *
 * Owns the TLS state; the socket belongs to the caller, who watches it, level-triggered, for what
 * tls_peer_run asks for. The context and the response must outlive it. Threads: one.
 */
#ifndef BENCH_TLS_PEER_H
#define BENCH_TLS_PEER_H

#include <openssl/types.h>

#include "tests/bench/response.h"
#include "util/attr.h"

struct tls_peer;

/* What to wait for. */
enum tls_peer_wish { TLS_PEER_END = -1, TLS_PEER_READ, TLS_PEER_WRITE };

/* NULL without memory. NULL may be freed. */
MUST_CHECK struct tls_peer *tls_peer_new(SSL_CTX *ctx, int fd, const struct response *response);
void tls_peer_free(struct tls_peer *peer);

/* Goes as far as the socket lets it. TLS_PEER_END: the connection is over, or broken. */
MUST_CHECK enum tls_peer_wish tls_peer_run(struct tls_peer *peer);

#endif
