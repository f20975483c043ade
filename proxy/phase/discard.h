/* SPDX-License-Identifier: MIT */
/*
 * discard.h - how the phase `discard` is entered: it must know what to read past.
 *
 * Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_DISCARD_H
#define PROXY_PHASE_DISCARD_H

#include "proxy/conn.h"
#include "proxy/http/framing.h"

#define DISCARD_BYTES (1024 * 1024) /* more is not worth the connection */

/* Goes on to the next request behind this content, by way of discard where there is
 * any, or to linger where it is too long. */
MUST_CHECK enum next discard_enter_for(struct conn *c, struct framing content);

#endif
