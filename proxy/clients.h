/* SPDX-License-Identifier: MIT */
/*
 * clients.h - how many tunnels each client address has, over all workers.
 *
 * A table of shards, each with a lock of its own that is held for a look-up when
 * a tunnel is opened and when it ends; no byte passes under it.
 *
 *   clients_new -> clients_enter ... clients_leave -> clients_free
 *
 * Invariant: an address without tunnels takes no memory.
 * Threads: any.
 */
#ifndef PROXY_CLIENTS_H
#define PROXY_CLIENTS_H

#include "util/addr.h"

struct clients;

enum clients_result { CLIENTS_OK, CLIENTS_OVER_LIMIT, CLIENTS_NO_MEMORY };

/* NULL without memory. */
MUST_CHECK struct clients *clients_new(void);

/* Counts one more tunnel of client, unless it has limit already. */
MUST_CHECK enum clients_result clients_enter(struct clients *c, const struct addr *client,
                                             unsigned limit);

/* One tunnel less; only after a clients_enter that was CLIENTS_OK. */
void clients_leave(struct clients *c, const struct addr *client);

void clients_free(struct clients *c);

#endif
