/* SPDX-License-Identifier: MIT */
/*
 * file.h - whole files into memory, and paths relative to the file that names them.
 *
 * What is returned belongs to the caller, who frees it with mem_free.
 * Setup only: running out of memory ends the process. Threads: any.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <stddef.h>

#include "util/attr.h"
#include "util/err.h"

/* Reads a regular file of at most max bytes; a NUL stands behind the content.
 * A device, a pipe or a directory is an error and is not waited for. The error
 * is put at the place that names the file; NULL: at the file itself.
 * 0 or -1. */
MUST_CHECK int file_read(const char *path, size_t max, const struct place *named_at, char **text,
                         size_t *len, struct err *e);

/* path as it is where it is absolute, else in the folder of the file base. */
MUST_CHECK char *file_relative(const char *base, const char *path);

#endif
