/* SPDX-License-Identifier: MIT */
/*
 * fault.h - what OpenSSL says about a failure, as the end of a sentence of ours.
 *
 * A function of this folder leaves OpenSSL's queue of errors as empty as it found it.
 *
 * Owns nothing. Threads: any; OpenSSL keeps a queue for each.
 */
#ifndef CERTS_FAULT_H
#define CERTS_FAULT_H

#include <openssl/err.h>

#include "util/err.h"

/* "what: the reason of the oldest error of the queue", which is emptied. Returns -1. */
int fault_set(struct err *e, const struct place *at, const char *what);

#endif
