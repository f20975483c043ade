/* SPDX-License-Identifier: MIT */
/*
 * signer.h - the process that alone holds the CA's key: started, asked, and started again.
 *
 * It runs this very program under the command `signer`, which is not for people, with one end
 * of a socketpair, and reads the key file itself: so the key is never in the memory of the
 * process that talks to the network. It is spawned, not forked: nothing of ours is in it.
 * One thread here sends orders and takes leaves. A signer that dies is started again (at once
 * the first time, then waiting longer each time, 5 s at most), and gets the orders that it had
 * not answered once more; what it does not survive twice is given up, and an order that is not
 * answered within 10 s too. Where it cannot even begin (the key is gone), orders are answered
 * with the reason at once, after three tries, while it goes on trying.
 *
 *   signer_new -> signer_order ... -> signer_free
 *
 * Invariants: an order is answered exactly once; no order is lost while the process is away.
 * Threads: signer_new and signer_free by the control thread, signer_order by any; on_leaf is
 * called by the signer's own thread.
 */
#ifndef PROXY_SIGNER_H
#define PROXY_SIGNER_H

#include <stdint.h>

#include "certs/leaf_order.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

struct signer;

/* What a signer needs to begin. All is copied. */
struct signer_settings {
    const char *program;         /* to run; NULL: this very one (/proc/self/exe) */
    struct str certificate;      /* the CA's, PEM */
    const char *key;             /* where its key is */
    struct str leaf_key;         /* public, DER */
    /* leaf: DER, valid within the call; ptr NULL: refused, and fault says why. */
    void (*on_leaf)(void *arg, uint64_t id, struct str leaf, const char *fault);
    void (*on_restart)(void *arg);
    void *arg;
};

/* Starts the process and waits until it has its key, 10 s at most. NULL with e. */
MUST_CHECK struct signer *signer_new(const struct signer_settings *settings, struct err *e);

/* The order is copied. 0, or -1 without memory or where too many (10,000) wait: then on_leaf is
 * not called for it. */
MUST_CHECK int signer_order(struct signer *s, uint64_t id, const struct leaf_order *order);

/* Ends process and thread; what waits is answered with a fault first. NULL is fine. */
void signer_free(struct signer *s);

#endif
