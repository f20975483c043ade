/* SPDX-License-Identifier: MIT */
/*
 * inspection_config.h - the inspection of TLS in a snapshot; a part of config.h.
 *
 * Belongs to its snapshot. The CA's key is not in it: who forges reads that itself.
 * Threads: read-only and shared, but for the keys of tickets in client_tls (certs/tickets.h).
 */
#ifndef CONF_INSPECTION_CONFIG_H
#define CONF_INSPECTION_CONFIG_H

#include <openssl/types.h>
#include <stdbool.h>

#include "util/err.h"

/* Of a rule. UNSET: denied where it would be inspected, tunnelled where it would not. */
enum not_tls { NOT_TLS_UNSET, NOT_TLS_TUNNEL, NOT_TLS_DENY };

struct inspection_config {
    bool is_enabled;
    SSL_CTX *origin_tls;      /* towards origins (certs/origin_tls.h) */
    SSL_CTX *client_tls;      /* towards clients (certs/tls_server.h); each brings its leaf */
    char *ca_certificate;     /* PEM: the CA that signs first, then its issuers */
    char *ca_certificate_path;
    struct place ca_certificate_at;
    NAME_CONSTRAINTS *ca_constraints; /* what its certificate limits it to; NULL: nothing */
    char *ca_key;             /* a path or a pkcs11: URI; the key itself is the signer's alone */
    struct place ca_key_at;
    bool is_leaf_rsa;         /* leaves have RSA keys, not EC ones */
    unsigned leaves_max;      /* in the cache */
};

#endif
