/* SPDX-License-Identifier: MIT */
/*
 * inspection_check.h - what inspection would break: rules that let nothing through inside a
 * tunnel, products that cannot be given a CA, and hosts that the CA may not issue for.
 *
 * Owns nothing. Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_INSPECTION_CHECK_H
#define CONF_INSPECTION_CHECK_H

#include "conf/inspection_config.h"
#include "conf/spec.h"
#include "util/err.h"

/* Warnings, for a specification without errors whose inspection is on. */
void inspection_check(const struct spec *spec, const struct inspection_config *inspection,
                      struct errlist *faults);

#endif
