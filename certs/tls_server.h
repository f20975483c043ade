/* SPDX-License-Identifier: MIT */
/*
 * tls_server.h - the context with which a listener takes TLS from clients.
 *
 * TLS 1.2 and 1.3 with the suites that Mozilla calls intermediate, those with ECDHE
 * alone; http/1.1 by ALPN; no renegotiation, no compression, no client certificates.
 * Buffers of a quiet connection are given back.
 *
 * What is returned is reference-counted by OpenSSL (SSL_CTX_free). It never changes
 * but for the keys of tickets (tickets.h). Setup only. Threads: made by one, then any.
 */
#ifndef CERTS_TLS_SERVER_H
#define CERTS_TLS_SERVER_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

struct tls_server_settings {
    struct str certificate, key;              /* PEM: a chain, the leaf first; its key */
    const char *certificate_path, *key_path;  /* for messages */
    const struct place *certificate_at, *key_at;
    struct str id; /* at most 32 bytes: sessions of another one are not resumed */
    bool is_13_only;
};

enum tls_server_leaf {
    TLS_SERVER_LEAF_USED,
    TLS_SERVER_LEAF_REFUSED, /* with e: the key is another's, or too weak for OpenSSL's settings */
    TLS_SERVER_LEAF_NO_MEMORY,
};

/* NULL where an error was added to faults. A certificate that clients will refuse (its
 * time, no subjectAltName) is a warning: another clock may know better. */
MUST_CHECK SSL_CTX *tls_server_new(const struct tls_server_settings *s, struct errlist *faults);

/* The same without a certificate, for clients inside inspected tunnels: each connection gets
 * its leaf with tls_server_use_leaf. NULL where an error was added to faults. */
MUST_CHECK SSL_CTX *tls_server_new_inspecting(struct errlist *faults);

/* What this connection shows. chain: what stands between the leaf and the CA that clients
 * trust; NULL: nothing. id: 32 bytes; sessions of another one are not resumed, so it stands
 * for the host and its CA. */
MUST_CHECK enum tls_server_leaf tls_server_use_leaf(SSL *ssl, X509 *leaf, EVP_PKEY *key,
                                                    STACK_OF(X509) *chain,
                                                    const unsigned char id[32], struct err *e);

#endif
