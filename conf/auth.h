/* SPDX-License-Identifier: MIT */
/*
 * auth.h - the section `auth` of a specification into a snapshot: the accounts are
 * read, the schemes put in order.
 *
 * What it makes belongs to the snapshot, whose auth stays NULL without the section.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_AUTH_H
#define CONF_AUTH_H

#include "conf/config.h"
#include "conf/spec.h"
#include "policy/policy_build.h"

/* After the sets, which offers name, and before the rules. */
void auth_build(const struct spec *spec, const struct policy_builder *b, struct config *c,
                struct errlist *faults);

#endif
