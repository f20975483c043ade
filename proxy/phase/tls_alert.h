/* SPDX-License-Identifier: MIT */
/*
 * tls_alert.h - the last word to a client whose TLS we do not end: an alert in the clear, as
 * any server may send before the handshake (RFC 8446 section 6.2).
 *
 * Keeps nothing. Threads: the worker's own only.
 */
#ifndef PROXY_PHASE_TLS_ALERT_H
#define PROXY_PHASE_TLS_ALERT_H

#include "proxy/net/stream.h"

enum tls_alert {
    TLS_ALERT_ACCESS_DENIED = 49,
    TLS_ALERT_DECODE_ERROR = 50,
    TLS_ALERT_INTERNAL_ERROR = 80,
    TLS_ALERT_NO_APPLICATION_PROTOCOL = 120, /* RFC 7301 section 3.2 */
};

/* One that does not fit the socket at once is not worth waiting for. */
void tls_alert_send(struct stream *client, enum tls_alert alert);

#endif
