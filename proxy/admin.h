/* SPDX-License-Identifier: MIT */
/*
 * admin.h - the administrator's door: metrics over HTTP, on loopback or a Unix
 * socket, served by the control thread.
 *
 *   GET /metrics   Prometheus text
 *   GET /healthz   200 "ok", or 503 "draining"
 *
 *   admin_apply (start and each reload) -> admin_close
 *
 * Threads: the control thread only.
 */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "proxy/control.h"

/* Opens, moves or closes the door as config says. On failure the old one stays. */
MUST_CHECK int admin_apply(struct control *c, const struct config *config, struct err *e);

/* Where the door is; false where it is no port. */
bool admin_endpoint(const struct control *c, struct endpoint *at);

void admin_close(struct control *c);

#endif
