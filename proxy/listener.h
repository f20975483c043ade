/* SPDX-License-Identifier: MIT */
/*
 * listener.h - sockets that accept clients: opening them, and accepting on them.
 *
 * Every worker has a socket of its own for each address (SO_REUSEPORT), so the
 * kernel spreads clients over workers without a lock. What every accepted socket
 * needs (no delay, keepalive) is set on the listening one and inherited.
 *
 *   listener_bind (control thread) -> listener_add (worker) -> listener_remove
 *
 * Without descriptors a listener pauses: it answers a few waiting clients with
 * 503, using the worker's spare descriptor, and sleeps a moment. It never spins.
 */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include <stdbool.h>

#include "util/addr.h"
#include "util/err.h"

struct worker;

/* A listening socket at `at`; where its port is 0 it is set to the one found. The
 * descriptor, or -1 with e filled. An unspecified IPv6 address takes IPv4 too. */
MUST_CHECK int listener_bind(struct endpoint *at, struct err *e);

/* Whether somebody listens there already: with SO_REUSEPORT a second proxy of the
 * same user could bind beside the first and take half of its clients. */
bool listener_is_taken(const struct endpoint *at);

/* Takes fd over and accepts on it from now on. 0, or -1 without memory: fd is closed. */
MUST_CHECK int listener_add(struct worker *w, unsigned number, int fd);

/* Closes the listener of that number; those of all numbers for drains. */
void listener_remove(struct worker *w, unsigned number);
void listener_remove_all(struct worker *w);

#endif
