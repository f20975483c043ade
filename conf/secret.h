/* SPDX-License-Identifier: MIT */
/*
 * secret.h - files that are for their owner alone: keys and accounts.
 *
 * What is read belongs to the caller, who gives it to secret_drop.
 * Setup only: running out of memory ends the process. Threads: any.
 */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include <stddef.h>

#include "conf/spec_value.h"
#include "util/attr.h"
#include "util/err.h"
#include "util/str.h"

/* Reads the file that the value names, of at most max bytes. 0, or -1 with an error
 * in faults. */
MUST_CHECK int secret_read(const struct spec_text *file, size_t max, char **path,
                           struct str *text, struct errlist *faults);

/* A warning where others than the owner have access. */
void secret_check_mode(const char *path, const struct place *at, struct errlist *faults);

/* Cleanses the text and frees both. */
void secret_drop(char *path, struct str text);

#endif
