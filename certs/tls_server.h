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

#include <openssl/types.h>
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

/* NULL where an error was added to faults. A certificate that clients will refuse (its
 * time, no subjectAltName) is a warning: another clock may know better. */
MUST_CHECK SSL_CTX *tls_server_new(const struct tls_server_settings *s, struct errlist *faults);

#endif
