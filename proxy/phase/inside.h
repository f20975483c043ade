/* SPDX-License-Identifier: MIT */
/*
 * inside.h - what is different about a request inside inspected TLS: its client believes to
 * speak to the origin, and the tunnel says which one that is.
 *
 * Part of the phase `request`; state is in c->inspected. Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_INSIDE_H
#define PROXY_PHASE_INSIDE_H

#include "proxy/conn.h"
#include "proxy/http/head.h"

/* Fills the path of c->txn, and whether the request is misdirected. NULL, or what is wrong
 * with the target. */
MUST_CHECK const char *inside_note_target(struct conn *c, const struct request_head *h);

/* Whether it cannot be served: a fault was found before it, or it is for another host than
 * that of the tunnel (RFC 9110 section 15.5.20 keeps 421 for origins). */
MUST_CHECK bool inside_is_refused(const struct conn *c);
MUST_CHECK enum next inside_refuse(struct conn *c);

/* The client has ended the connection between two requests. What that means for the log:
 * LEAF_REFUSED, which is counted, or CLIENT_IDLE. */
enum end_reason inside_note_end(struct conn *c);

/* Whether the configuration in force would not inspect it, be it for the CONNECT or for the name
 * in the hello, or has its parent no longer: it ends as soon as nothing is under way, so that what
 * is exempt now is decrypted no longer. */
MUST_CHECK bool inside_is_outdated(const struct conn *c);

/* Whether the origin may be dialled there: never where that is exempt, for the client's TLS
 * ends here already. */
MUST_CHECK bool inside_may_dial(const struct txn *t, const struct addr *a);

/* The origin wants a certificate that only the client has: a line in the log, and a proposal. why
 * fits behind its name. */
void inside_propose_exemption(struct conn *c, const char *why);

/* An origin that has ended while nothing was asked of it is let go of. */
void inside_look_at_origin(struct conn *c);

/* Whether the origin's connection can take another request. */
MUST_CHECK bool inside_has_origin(struct conn *c);

#endif
