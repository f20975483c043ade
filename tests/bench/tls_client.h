/* SPDX-License-Identifier: MIT */
/*
 * tls_client.h - TLS of the load generator, as cheap as OpenSSL can make it.
 *
 * One context for all connections. No session is offered or kept, so that every handshake is a
 * full one. Chains are not verified, for any proxy; but a leaf that the origin's own CA has issued
 * fails the handshake: then nobody has inspected anything.
 *
 *   tls_client_new -> for each connection: tls_client_open -> tls_client_shake (on every event,
 *   until it answers other than 0) -> tls_client_read, tls_client_write -> tls_client_close
 *
 * The socket stays the caller's; what is sent must fit its buffer. Threads: one.
 */
#ifndef BENCH_TLS_CLIENT_H
#define BENCH_TLS_CLIENT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/attr.h"

/* NULL when OpenSSL cannot; SSL_CTX_free ends it. */
MUST_CHECK SSL_CTX *tls_client_new(void);

/* A connection over the socket that asks for this name. NULL without memory. */
MUST_CHECK SSL *tls_client_open(SSL_CTX *ctx, int fd, const char *name);

/* Says goodbye as far as the socket takes it, and frees. NULL is fine. */
void tls_client_close(SSL *ssl);

/* 1: the handshake is done, by a proxy that inspects; 0: it waits for the other side; -1: not. */
MUST_CHECK int tls_client_shake(SSL *ssl);

/* As recv() and send() answer: bytes moved, 0 at the end of what can be read, or -1 with errno. */
MUST_CHECK ssize_t tls_client_read(SSL *ssl, void *bytes, size_t size);
MUST_CHECK ssize_t tls_client_write(SSL *ssl, const void *bytes, size_t len);

/* Whether bytes wait that no event of the socket will tell of. */
bool tls_client_has_more(const SSL *ssl);

/* The bytes of a ClientHello with this name. Returns their number, 0 when they cannot be had. */
MUST_CHECK size_t tls_client_hello(const char *name, unsigned char *out, size_t size);

#endif
