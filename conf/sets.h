/* SPDX-License-Identifier: MIT */
/*
 * sets.h - the sets of a specification into a policy: destinations, those of
 * the Webex data, and sources; and the table of products.
 *
 * Owns nothing: what is built belongs to the builder or the configuration.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_SETS_H
#define CONF_SETS_H

#include "conf/config.h"
#include "conf/spec.h"
#include "policy/policy_build.h"
#include "util/err.h"

/* A file of patterns is read whole. */
#define SETS_MAX_FILE_BYTES ((size_t)512 << 20)

/* Adds every set, reads the files they name, and checks the products. Faults
 * and warnings go to faults. c gets its products, set_count and webex_revision. */
void sets_build(const struct spec *spec, struct policy_builder *b, struct config *c,
                struct errlist *faults);

#endif
