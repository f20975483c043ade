/* SPDX-License-Identifier: MIT */
/*
 * leaf_issuer.h - one CA with its running signer, the key of its leaves, and what goes along
 * with each leaf: what leaves.c puts in the place of another at a reload.
 *
 *   leaf_issuer_new -> leaf_issuer_order ... on_leaf, leaf_issuer_read -> leaf_issuer_free
 *
 * Owns the signer and copies of what it was made of. Read-only once made.
 * Threads: made and freed by the control thread; the rest by any.
 */
#ifndef PROXY_LEAF_ISSUER_H
#define PROXY_LEAF_ISSUER_H

#include "conf/config.h"
#include "proxy/leaves.h"
#include "proxy/signer.h"

struct leaf_issuer;

/* Called by the signer's thread, as in signer.h. */
struct leaf_issuer_calls {
    void (*on_leaf)(struct leaf_issuer *issuer, uint64_t id, struct str leaf, const char *fault);
    void (*on_restart)(struct leaf_issuer *issuer);
    struct leaves *owner;
};

/* Starts the signer. key: of the leaves, with its private half; a reference is taken. NULL
 * with e at ca_key's place. */
MUST_CHECK struct leaf_issuer *leaf_issuer_new(const struct inspection_config *inspection,
                                               EVP_PKEY *key,
                                               const struct leaf_issuer_calls *calls,
                                               struct err *e);

/* Ends the signer, which answers what waits with a fault. NULL is fine. */
void leaf_issuer_free(struct leaf_issuer *issuer);

/* Whether it is what leaf_issuer_new would make again: the same CA, leaf kind and place of
 * the key, and a key file that has not changed. */
MUST_CHECK bool leaf_issuer_is_for(const struct leaf_issuer *issuer,
                                   const struct inspection_config *inspection);

/* Whether leaves of one are as good as the other's: the same CA and the same key of leaves. */
MUST_CHECK bool leaf_issuer_is_alike(const struct leaf_issuer *a, const struct leaf_issuer *b);

struct leaves *leaf_issuer_owner(const struct leaf_issuer *issuer);

/* As signer_order. */
MUST_CHECK int leaf_issuer_order(struct leaf_issuer *issuer, uint64_t id,
                                 const struct leaf_order *order);

/* What the signer has made, with one reference; NULL with the reason in fault. */
MUST_CHECK struct leaf *leaf_issuer_read(const struct leaf_issuer *issuer, struct str der,
                                         const char **fault);

#endif
