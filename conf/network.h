/* SPDX-License-Identifier: MIT */
/*
 * network.h - the parts of a specification that are addresses: listeners, the
 * admin page, resolvers, and the guard that knows them all.
 *
 * Owns nothing: what is built belongs to the configuration.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_NETWORK_H
#define CONF_NETWORK_H

#include "conf/config.h"
#include "conf/spec.h"
#include "util/err.h"

/* Fills listeners, admin, dns and guard of c. */
void network_build(const struct spec *spec, struct config *c, struct errlist *faults);

/* Frees the listeners. */
void network_free(struct config *c);

#endif
