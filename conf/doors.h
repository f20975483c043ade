/* SPDX-License-Identifier: MIT */
/*
 * doors.h - the section `tls` of a listener: its certificate and key, read and tried.
 *
 * What is returned belongs to the caller (SSL_CTX_free).
 * Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_DOORS_H
#define CONF_DOORS_H

#include <openssl/types.h>

#include "conf/spec.h"
#include "util/addr.h"
#include "util/attr.h"
#include "util/err.h"

/* The context of the listener at that address. NULL where an error was added. */
MUST_CHECK SSL_CTX *doors_tls(const struct spec_tls *spec, const struct endpoint *at,
                              struct errlist *faults);

#endif
