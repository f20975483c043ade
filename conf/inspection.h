/* SPDX-License-Identifier: MIT */
/*
 * inspection.h - the section `inspection` of a specification into a snapshot and its policy.
 *
 * What it makes belongs to the snapshot; inspection_free frees it.
 * The promise: where inspection is on, *mcs*.webex.com, *cb*.webex.com and *mcc*.webex.com are
 * never inspected, whatever the configuration says or leaves out, nor is what the sets
 * webex-uninspectable and webex-media hold. The CA's key is never read here.
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_INSPECTION_H
#define CONF_INSPECTION_H

#include "conf/config.h"
#include "conf/spec.h"
#include "policy/policy_build.h"

/* Sets that are never inspected, where they are defined. */
#define INSPECTION_UNINSPECTABLE "webex-uninspectable"
#define INSPECTION_MEDIA "webex-media"

/* After the sets and the rules. Where inspection is off, names alone are checked, no file is
 * read. */
void inspection_build(const struct spec *spec, struct policy_builder *b, struct config *c,
                      struct errlist *faults);

void inspection_free(struct inspection_config *inspection);

#endif
