/* SPDX-License-Identifier: MIT */
/*
 * hosts.h - names with fixed addresses, from a file in the form of hosts(5).
 *
 *   hosts_read -> hosts_find ... -> hosts_free
 *
 * Names compare as host_parse spells them. A name may stand in several lines;
 * its addresses are kept in the order of the file.
 * Threads: read by one, then read-only and shared.
 */
#ifndef CONF_HOSTS_H
#define CONF_HOSTS_H

#include <stddef.h>

#include "util/addr.h"
#include "util/err.h"
#include "util/str.h"

struct hosts;

/* Reads lines "address name..." from text; '#' begins a comment. A line that
 * cannot be read is an error in faults, named with file and line; with lenient
 * set it is skipped in silence, as the system's own file must never stop a start.
 * Always returns a table. Setup only: ends the process without memory. */
struct hosts *hosts_read(struct str text, const char *file, bool lenient, struct errlist *faults);

/* The addresses of a normalised name, borrowed; sets *count, 0 and NULL where
 * there is no such name. */
const struct addr *hosts_find(const struct hosts *h, struct str name, size_t *count);

void hosts_free(struct hosts *h);

#endif
