/* SPDX-License-Identifier: MIT */
/*
 * constraint.h - what a CA may issue certificates for: X.509 name constraints
 * (RFC 5280 section 4.2.1.10) of names and addresses.
 *
 *   constraint_add ... -> constraint_close -> sk and all freed by NAME_CONSTRAINTS_free
 *
 * A set of constraints is OpenSSL's own NAME_CONSTRAINTS, which the caller owns.
 * Threads: one at a time for each set.
 */
#ifndef CERTS_CONSTRAINT_H
#define CERTS_CONSTRAINT_H

#include <openssl/x509v3.h>
#include <stdbool.h>

#include "util/addr.h"
#include "util/err.h"

enum constraint_kind { CONSTRAINT_PERMIT, CONSTRAINT_EXCLUDE };

/* A domain with all that is below it; name in lower-case A-labels. 0, or -1 without
 * memory. */
MUST_CHECK int constraint_add_name(NAME_CONSTRAINTS *set, enum constraint_kind kind,
                                   struct str name);

/* A range of addresses; bits as in addr_parse_prefix. 0, or -1 without memory. */
MUST_CHECK int constraint_add_prefix(NAME_CONSTRAINTS *set, enum constraint_kind kind,
                                     const struct addr *prefix, unsigned bits);

/* Permitting names says nothing about addresses, and the other way round: a CA for
 * corp.example alone could still issue for every address. This excludes every name where
 * only addresses are permitted, and every address where only names are. 0, or -1 without
 * memory. */
MUST_CHECK int constraint_close(NAME_CONSTRAINTS *set);

/* Whether a certificate with these names may be issued: what OpenSSL says to one. False without
 * memory. */
MUST_CHECK bool constraint_allows(NAME_CONSTRAINTS *set, const GENERAL_NAMES *names);

/* The same of a host: a name in lower-case A-labels, or an address as text. */
MUST_CHECK bool constraint_allows_host(NAME_CONSTRAINTS *set, struct str host);

/* How many entries there are of a kind. */
size_t constraint_count(const NAME_CONSTRAINTS *set, enum constraint_kind kind);

/* One of them as text ("corp.example", "10.0.0.0/8", "every name"), cut at size. Returns
 * out. Kinds of names that Sallyport does not make are told as such. */
char *constraint_format(const NAME_CONSTRAINTS *set, enum constraint_kind kind, size_t index,
                        char *out, size_t size);

#endif
