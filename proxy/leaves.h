/* SPDX-License-Identifier: MIT */
/*
 * leaves.h - the leaves of inspection: a bounded cache for the whole process, and one forging
 * at a time for each key.
 *
 * A leaf is found at once, or an ask waits for it: the first ask of a key goes to the signer
 * (signer.h), the others of the same key wait for that one. An ask comes back through its
 * worker's inbox.
 *
 *   leaves_new -> leaves_find; leaves_ask -> done with a leaf or a reason -> leaf_unref ...
 *   -> leaves_free (before the workers are freed)
 *
 * Owns the cache, and the key of all leaves. Invariants: at most max leaves are kept, the one
 * that was not asked for for the longest time goes first; none is found within its last
 * minute (whose origin ends so soon has a new one forged each time); an ask comes back exactly
 * once, whatever happens to the signer; failures are not kept.
 * Threads: leaves_use and leaves_free by the control thread; leaf_unref by any; the rest by the
 * workers, under a lock that is held for a look-up.
 */
#ifndef PROXY_LEAVES_H
#define PROXY_LEAVES_H

#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "certs/leaf_order.h"
#include "conf/config.h"
#include "proxy/inbox.h"
#include "util/attr.h"
#include "util/err.h"

#define LEAVES_KEY_SIZE 32

struct leaves;

/* Read-only once made. */
struct leaf {
    atomic_uint refs;
    X509 *cert;
    EVP_PKEY *key;            /* that of all leaves of its time */
    STACK_OF(X509) *chain;    /* between it and the root of the CA; NULL: none */
    unsigned char ca_id[32];  /* SHA-256 of the CA's certificate */
    int64_t not_after;        /* seconds since 1970 */
};

/* One that waits; heap memory of the caller, who sets inbox, done, drop, key and order. It
 * belongs to leaves from leaves_ask until done or drop. */
struct leaf_ask {
    struct leaf_ask *next;
    struct inbox *inbox;
    struct letter letter;
    void (*done)(struct leaf_ask *ask); /* on the worker */
    void (*drop)(struct leaf_ask *ask); /* instead of done, when everything ends; no leaf */
    unsigned char key[LEAVES_KEY_SIZE]; /* of what: the digest of the origin's certificate, say */
    struct leaf_order *order;           /* the caller's; read until done or drop */
    bool is_passing;                    /* of use once: it pushes nothing out of the cache */
    struct leaf *leaf;                  /* the answer, with a reference; NULL: see fault */
    char fault[256];                    /* why there is none */
};

/* NULL with e. */
MUST_CHECK struct leaves *leaves_new(struct err *e);

/* From now on leaves are of this CA: starts its signer, and waits until that has its key (10 s
 * at most). Those of another CA are forgotten; asks under way are answered by the signer that
 * has them, or by the new one. inspection off: the signer ends, and asks fail. On failure, with
 * e at ca_key's place, nothing has changed. */
MUST_CHECK int leaves_use(struct leaves *l, const struct inspection_config *inspection,
                          struct err *e);

/* The leaf of that key with a reference, or NULL. */
MUST_CHECK struct leaf *leaves_find(struct leaves *l, const unsigned char key[LEAVES_KEY_SIZE]);

/* Never fails: what cannot be done comes back with a fault. */
void leaves_ask(struct leaves *l, struct leaf_ask *ask);

void leaf_ref(struct leaf *leaf);
void leaf_unref(struct leaf *leaf); /* NULL is fine */

/* found: looks that found one, by leaves_find or by an ask; waited: asks that waited for
 * another's; failed: asks; restarts: signers that ended unasked. */
struct leaves_counts {
    uint64_t forged, found, waited, failed, evicted, restarts;
    unsigned kept;
};
void leaves_count(struct leaves *l, struct leaves_counts *out);

/* Ends the signer; what waits is dropped. NULL is fine. */
void leaves_free(struct leaves *l);

#endif
