/* SPDX-License-Identifier: MIT */
/* tls_alert.c - an alert in the clear; see tls_alert.h. */
#include "proxy/phase/tls_alert.h"

void tls_alert_send(struct stream *client, enum tls_alert alert)
{
    /* RFC 8446 section 5.1: type alert, legacy version, two bytes; fatal. */
    const unsigned char record[] = {21, 3, 3, 0, 2, 2, (unsigned char)alert};
    size_t len;
    (void)!stream_send(client, record, sizeof(record), &len);
}
