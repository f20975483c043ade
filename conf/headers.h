/* SPDX-License-Identifier: MIT */
/*
 * headers.h - the section `headers` of a specification into a snapshot.
 *
 * What it makes belongs to the snapshot. Setup only. Threads: one.
 */
#ifndef CONF_HEADERS_H
#define CONF_HEADERS_H

#include "conf/config.h"
#include "conf/spec.h"

void headers_build(const struct spec *spec, struct config *c, struct errlist *faults);

#endif
