/* SPDX-License-Identifier: MIT */
/*
 * helper.h - the command of a helper, as configured: is there such a program?
 *
 * What it makes belongs to the caller. Setup only: running out of memory ends the
 * process. Threads: one.
 */
#ifndef CONF_HELPER_H
#define CONF_HELPER_H

#include "auth/helper_line.h"
#include "conf/spec_value.h"
#include "util/err.h"

/* The command with its program's path resolved against the file that names it; a bare
 * name is one of PATH's and stays. A program that cannot be run is an error in faults.
 * Never NULL. */
MUST_CHECK char *helper_command(const struct spec_text *helper, struct errlist *faults);

#endif
