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
#include <stdbool.h>

#include "util/attr.h"
#include "util/err.h"

/* The first reason of the queue that is not OpenSSL's own, but that of a provider which was
 * added to it; the queue is emptied. NULL: there is none. Never what goes with a reason:
 * names and URIs. */
const char *fault_of_provider(void);

/* Whether the newest error of the queue is a lack of memory. The queue stays. */
MUST_CHECK bool fault_is_memory(void);

/* "what: the reason", which is that of a provider where there is one, else that of the oldest
 * error of the queue. The queue is emptied. Returns -1. */
int fault_set(struct err *e, const struct place *at, const char *what);

#endif
