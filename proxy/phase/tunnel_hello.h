/* SPDX-License-Identifier: MIT */
/*
 * tunnel_hello.h - finds the name in the ClientHello that passes through a tunnel.
 *
 * It looks at the client's bytes on their way and holds up, changes and takes none of
 * them. A hello that comes at once leaves nothing behind but the name; of one that
 * comes in pieces a copy is kept until it is whole, turns out not to be one, or
 * TUNNEL_HELLO_MS are over, which the tunnel sees to.
 *
 *   struct hello_keeper *kept = NULL -> tunnel_hello_see ... -> tunnel_hello_drop
 *
 * The copy belongs to the tunnel. Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_TUNNEL_HELLO_H
#define PROXY_PHASE_TUNNEL_HELLO_H

#include "proxy/phase/hello_keeper.h"
#include "proxy/txn.h"
#include "util/str.h"

#define TUNNEL_HELLO_MS 10000

/* The next bytes of the client, from its first one on. True: show the next ones too;
 * *kept then holds what has come so far. False: all is known, *kept is NULL, and the
 * tail has the name, if there is one. Without memory there is none. */
MUST_CHECK bool tunnel_hello_see(struct hello_keeper **kept, struct txn_tail *tail,
                                 struct str bytes);

/* Gives up; harmless where nothing is kept. */
void tunnel_hello_drop(struct hello_keeper **kept);

#endif
