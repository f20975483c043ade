/* SPDX-License-Identifier: MIT */
/*
 * origin_trust.h - the certificates by which origins are believed, from the text of a file.
 *
 * The store is reference-counted by OpenSSL (X509_STORE_free). Setup only. Threads: made by
 * one, then any.
 */
#ifndef CERTS_ORIGIN_TRUST_H
#define CERTS_ORIGIN_TRUST_H

#include <openssl/types.h>

#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

/* path is for messages, at is where the file is named. A certificate that cannot be read
 * among others that can is a warning; none at all is an error, and NULL. */
MUST_CHECK X509_STORE *origin_trust_read(struct str text, const char *path,
                                         const struct place *at, struct errlist *faults);

#endif
