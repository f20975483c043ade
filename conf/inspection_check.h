/* SPDX-License-Identifier: MIT */
/*
 * inspection_check.h - what inspection would break: rules that let nothing through inside a
 * tunnel, and products that cannot be given a CA.
 *
 * Owns nothing. Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_INSPECTION_CHECK_H
#define CONF_INSPECTION_CHECK_H

#include "conf/spec.h"
#include "util/err.h"

/* Warnings, for a specification without errors whose inspection is on. */
void inspection_check(const struct spec *spec, struct errlist *faults);

#endif
