/* SPDX-License-Identifier: MIT */
/*
 * authority.h - what the whole process keeps for authentication, whatever the
 * configuration: counted nonces, verified credentials, failures, and the threads and
 * processes that do what a loop must not wait for.
 *
 * So none of it is lost by a reload.
 *
 *   authority_new -> (workers) -> authority_stop, before the workers are freed
 *                              -> authority_free
 *
 * Threads: made and freed by the control thread; its parts may be used by any.
 */
#ifndef PROXY_AUTH_AUTHORITY_H
#define PROXY_AUTH_AUTHORITY_H

#include "auth/cache.h"
#include "auth/nonce.h"
#include "auth/throttle.h"
#include "proxy/auth/pending.h"
#include "proxy/helpers.h"
#include "proxy/jobs.h"

struct authority {
    struct nonces *nonces;
    struct auth_cache *cache;
    struct throttle *throttle;
    struct pending *pending;
    struct jobs *hashing;  /* password hashes that were made to be slow */
    struct jobs *kerberos; /* GSSAPI, which reads files */
    struct helpers *helpers;
};

/* NULL with e. */
MUST_CHECK struct authority *authority_new(struct err *e);

/* Ends threads and processes; what they had is dropped. */
void authority_stop(struct authority *a);

void authority_free(struct authority *a); /* NULL is fine; stops */

#endif
