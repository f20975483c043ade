/* SPDX-License-Identifier: MIT */
/*
 * tls_peer.h - OpenSSL itself at the other end of a stream, fed byte by byte.
 *
 * The peer speaks TLS into memory; what goes over its socket, and in which portions, is
 * for the test to say. Also certificates and contexts that are made on the spot.
 *
 *   tls_peer_open -> tls_peer_pump ... -> tls_peer_close
 *
 * A peer owns its socket. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_TLS_PEER_H
#define TESTS_UNIT_CORE_TLS_PEER_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "util/str.h"

struct tls_peer {
    int fd;
    SSL *ssl;
    BIO *in, *out;
    SSL *outer; /* NULL: the bytes of ssl go over the socket as they are */
    BIO *outer_in, *outer_out;
    bool is_fd_eof; /* the FIN of the stream's socket was seen */
};

/* PEM of a fresh P-256 key and of a certificate for it that signs itself. */
struct tls_pair {
    char certificate[2048], key[1024];
};

void tls_pair_make(struct tls_pair *p);

/* The context of a listener, and one for a client; version 0: any, else that alone. */
SSL_CTX *tls_server_context(const struct tls_pair *p, struct str id);
SSL_CTX *tls_client_context(int version);

void tls_peer_open(struct tls_peer *p, int fd, SSL_CTX *ctx, bool is_server);

/* TLS once more, inside of what there is. */
void tls_peer_nest(struct tls_peer *p, SSL_CTX *ctx, bool is_server);

/* Moves at most so many bytes each way between the socket and the memory. */
void tls_peer_pump(struct tls_peer *p, size_t most);
void tls_peer_close(struct tls_peer *p);

/* Allocations of OpenSSL count for mem_fail_at while this is set; others never fail.
 * The hook must be set before OpenSSL is used. */
extern atomic_bool tls_is_failing;
void tls_hook_memory(void);

#endif
