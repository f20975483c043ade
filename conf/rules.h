/* SPDX-License-Identifier: MIT */
/*
 * rules.h - the rules of a specification into a policy, after its sets.
 *
 * Owns nothing: what is built belongs to the builder or the configuration.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "conf/config.h"
#include "conf/spec.h"
#include "policy/policy_build.h"
#include "util/err.h"

/* Adds every rule and the ports of guard; the sets must be there. c gets the
 * rules' texts. */
void rules_build(const struct spec *spec, struct policy_builder *b, struct config *c,
                 struct errlist *faults);

#endif
