/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - all counters as Prometheus text (exposition format 0.0.4).
 *
 * Sums what the workers count when it is asked. No label has a value that a
 * client can choose.
 * Threads: the control thread only.
 */
#ifndef PROXY_OPS_METRICS_H
#define PROXY_OPS_METRICS_H

#include <event2/buffer.h>

struct control;

void metrics_write(const struct control *c, struct evbuffer *out);

#endif
