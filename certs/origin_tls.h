/* SPDX-License-Identifier: MIT */
/*
 * origin_tls.h - TLS towards origins: whom the proxy trusts, and what is wrong with an origin
 * that it does not.
 *
 *   origin_tls_new -> for each connection: SSL_new, origin_tls_expect, the handshake,
 *   origin_tls_judge
 *
 * The handshake itself fails where the origin's certificate does not do (RFC 9110 section
 * 4.3.4): chain, times, name (subjectAltName alone, RFC 9525), strength (OpenSSL's security
 * level 2: no SHA-1, no RSA below 2048 bits), a stapled OCSP response that is good and says
 * revoked (RFC 6960, RFC 6066 section 8), or a demand for a client certificate. So such an
 * origin never gets a request. A staple that is malformed, out of date or signed by somebody
 * else proves nothing and is passed over.
 *
 * What stands in the trust file is trusted, also where it is no root (RFC 5280 section 6.1.1
 * (d)). An abbreviated handshake keeps the verdict of the full one: name and time of the leaf
 * are looked at again, its chain is not. So whoever offers a session must see to it that no
 * certificate of that chain has ended.
 *
 * A chain that was verified for the same name some minutes ago is believed by its bytes
 * (chain_cache.h); each context has its own memory of them, so a reload begins with none.
 *
 * A context is reference-counted by OpenSSL, made by one thread, then used by any. A struct
 * origin_check belongs to the caller and must live until it was judged or the SSL is freed; the
 * callbacks write into it.
 */
#ifndef CERTS_ORIGIN_TLS_H
#define CERTS_ORIGIN_TLS_H

#include <openssl/types.h>
#include <stdbool.h>

#include "certs/chain_cache.h"
#include "util/addr.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

#define ORIGIN_FAULT_SIZE 128

struct origin_tls_settings {
    struct str trust;            /* PEM: the roots */
    const char *trust_path;      /* for messages */
    const struct place *trust_at;
    bool is_13_only;
};

/* Suites as Webex's own servers prefer them, then what a browser would offer; X25519, P-256,
 * P-384. http/1.1 by ALPN. NULL where an error was added to faults. */
MUST_CHECK SSL_CTX *origin_tls_new(const struct origin_tls_settings *s, struct errlist *faults);

/* The verified chains of such a context; it owns them. */
struct chain_cache *origin_tls_chains(const SSL_CTX *ctx);

enum origin_fault {
    ORIGIN_FINE,
    ORIGIN_EXPIRED,
    ORIGIN_NOT_YET_VALID,
    ORIGIN_SELF_SIGNED,
    ORIGIN_UNKNOWN_CA,
    ORIGIN_WRONG_NAME,
    ORIGIN_REVOKED,
    ORIGIN_WEAK,
    ORIGIN_INVALID,           /* anything else that is wrong with the chain */
    ORIGIN_WANTS_CERTIFICATE, /* from the client, that is */
    ORIGIN_NO_TLS,            /* the handshake failed for another reason */
};

struct origin_check {
    bool wants_certificate, is_revoked;
    char expected[256]; /* the name or address, for messages */

    /* The module's own: what its callbacks saw. */
    enum origin_fault fault; /* of the chain */
    char text[ORIGIN_FAULT_SIZE];
    int alert_sent, alert_received; /* by their numbers; -1: none */
    bool is_not_tls;                /* what came was no record */
    bool is_13_only;
};

/* What this connection must prove. name: to verify (lower-case A-labels), or empty: then
 * address. sni: what to send; empty: none. 0, or -1 without memory. */
MUST_CHECK int origin_tls_expect(SSL *ssl, struct origin_check *check, struct str name,
                                 const struct addr *address, struct str sni);

/* Behind the handshake, successful or not: ORIGIN_FINE only where it was done and verified.
 * text: a clause for people that fits behind "the origin": "has a certificate that expired on
 * 2026-01-01"; control characters of a certificate never come through. */
enum origin_fault origin_tls_judge(SSL *ssl, const struct origin_check *check,
                                   char text[ORIGIN_FAULT_SIZE]);

/* A word for logs and metrics: "expired", "unknown_ca". Constant text. */
const char *origin_fault_token(enum origin_fault fault);

#endif
