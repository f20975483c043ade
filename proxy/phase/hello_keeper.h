/* SPDX-License-Identifier: MIT */
/*
 * hello_keeper.h - collects a ClientHello that may come in pieces.
 *
 * One that comes at once is read where it lies. Of one that comes in pieces a copy is kept
 * that grows with what has really come, whatever length the hello claims, up to HELLO_MAX.
 *
 *   struct hello_keeper *kept = NULL -> hello_keeper_see until it is not PARSE_MORE
 *   -> hello_keeper_drop
 *
 * The copy belongs to the caller. Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_HELLO_KEEPER_H
#define PROXY_PHASE_HELLO_KEEPER_H

#include "certs/hello.h"
#include "util/str.h"

struct hello_keeper;

enum hello_seen {
    HELLO_SEEN_MORE,      /* show the next bytes too; *kept has what has come */
    HELLO_SEEN_WHOLE,     /* *hello is filled */
    HELLO_SEEN_NONE,      /* it is no hello */
    HELLO_SEEN_NO_MEMORY,
};

/* The next bytes of the client, from its first one on. *all: all that has come, in the given
 * bytes or in the copy. */
MUST_CHECK enum hello_seen hello_keeper_see(struct hello_keeper **kept, struct str bytes,
                                            struct hello *hello, struct str *all);

/* What has come so far; empty where nothing is kept. */
struct str hello_keeper_bytes(const struct hello_keeper *kept);

/* Harmless where nothing is kept. */
void hello_keeper_drop(struct hello_keeper **kept);

#endif
