/* SPDX-License-Identifier: MIT */
/*
 * origin_chain.h - verifies what an origin sent, also where OpenSSL is lenient.
 *
 * Beyond X509_verify_cert: who issued a certificate must be a CA by its basicConstraints (RFC
 * 5280 section 6.1.4 (k); OpenSSL is content with a keyUsage), and the name that is expected
 * must itself stand inside the name constraints (section 4.2.1.10): a wildcard of the leaf
 * could cover a name that they exclude. A keyUsage of the leaf, where there is one, must have
 * digitalSignature (RFC 8446 section 4.4.2.2, RFC 8422 section 5.3), for nothing else is done
 * with its key; OpenSSL is content with keyEncipherment or keyAgreement.
 *
 * A chain that was verified a moment ago for the same is not verified again: see chain_cache.h.
 *
 * Owns nothing. Threads: any.
 */
#ifndef CERTS_ORIGIN_CHAIN_H
#define CERTS_ORIGIN_CHAIN_H

#include <openssl/types.h>

#include "certs/chain_cache.h"
#include "util/attr.h"

/* 1 or 0, as a callback of SSL_CTX_set_cert_verify_callback; the reason, its depth and the
 * certificate are in ctx. The name or address is that of ctx's parameters, the purpose that of
 * TLS servers. cache: of this trust alone; NULL: none. */
MUST_CHECK int origin_chain_verify(X509_STORE_CTX *ctx, struct chain_cache *cache);

#endif
