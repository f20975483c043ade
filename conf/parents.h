/* SPDX-License-Identifier: MIT */
/*
 * parents.h - the parent proxies of a specification into a snapshot.
 *
 * What it makes belongs to the snapshot. A password is read from its file once and
 * kept only in the form in which it is sent. Setup only. Threads: one.
 */
#ifndef CONF_PARENTS_H
#define CONF_PARENTS_H

#include "conf/config.h"
#include "conf/spec.h"

void parents_build(const struct spec *spec, struct config *c, struct errlist *faults);

void parents_free(struct config *c);

#endif
